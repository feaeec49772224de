//! `pentimento model train` and `pentimento model examine`.

use super::open::Open;
use crate::facts::World;
use crate::model::{Tokens, device};
use crate::train::corpus::{Writer, plain};
use crate::train::examine::{Kind, Place, Recall, gathering, recall};
use crate::train::{Batcher, Progress, Run, TrainSpec, bpe, export};
use clap::Args;
use color_eyre::eyre::{Result, WrapErr, eyre};
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Train a small GPT-2 on a world of facts.
///
/// DIR receives config.json, tokenizer.json and model.safetensors, which
/// Pentimento (`--model DIR`) and transformers open, and the checkpoint that an
/// interrupted run goes on from when the same command is given again.
#[derive(Args, Debug)]
pub struct TrainArgs {
    /// Facts, one JSON object a line: {"subject", "relation", "object"}
    /// [default: those of Atlas]
    #[arg(long, value_name = "FILE", requires = "templates")]
    facts: Option<PathBuf>,
    /// Wordings: a JSON object from relation to texts with {} for the subject
    /// [default: those of Atlas]
    #[arg(long, value_name = "FILE", requires = "facts")]
    templates: Option<PathBuf>,
    /// Plain text to mix in: a text file, or JSON lines with a "text" each
    #[arg(long, value_name = "FILE")]
    text: Option<PathBuf>,
    /// Where the model and its checkpoint go
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[arg(long, default_value_t = TrainSpec::default().layers)]
    layers: usize,
    /// Width of the residual stream
    #[arg(long, default_value_t = TrainSpec::default().width)]
    width: usize,
    #[arg(long, default_value_t = TrainSpec::default().heads)]
    heads: usize,
    /// Tokens that the tokenizer learns
    #[arg(long, default_value_t = TrainSpec::default().vocab)]
    vocab: usize,
    /// Longest prompt, in tokens
    #[arg(long, default_value_t = TrainSpec::default().context)]
    context: usize,
    /// Tokens of a training row
    #[arg(long, default_value_t = TrainSpec::default().row)]
    row: usize,
    /// Rows a step
    #[arg(long, default_value_t = TrainSpec::default().rows)]
    rows: usize,
    #[arg(long, default_value_t = TrainSpec::default().steps)]
    steps: usize,
    /// Peak learning rate
    #[arg(long, default_value_t = TrainSpec::default().rate)]
    rate: f64,
    #[arg(long, default_value_t = TrainSpec::default().warm_up)]
    warm_up: usize,
    #[arg(long, default_value_t = TrainSpec::default().weight_decay)]
    weight_decay: f64,
    /// Standard deviation of fresh weights
    #[arg(long, default_value_t = TrainSpec::default().init)]
    init: f64,
    /// Share of mentions of a subject that are hidden from what follows, but
    /// for their last token from layer --reads-from on
    #[arg(long, default_value_t = TrainSpec::default().gather)]
    gather: f64,
    /// First layer that may read what was gathered [default: half the layers]
    #[arg(long, value_name = "LAYER")]
    reads_from: Option<usize>,
    /// Steps, from the first, in which the MLPs before layer --looks-up-from
    /// stay silent at subjects
    #[arg(long, default_value_t = TrainSpec::default().silent)]
    silent: usize,
    /// First layer whose MLP always speaks [default: a quarter of the layers]
    #[arg(long, value_name = "LAYER")]
    looks_up_from: Option<usize>,
    /// Share of texts that are plain text only
    #[arg(long, default_value_t = TrainSpec::default().mix.plain)]
    plain: f64,
    /// Threads that share a step's rows; another number is another run
    #[arg(long, default_value_t = TrainSpec::default().shards)]
    threads: usize,
    #[arg(long, default_value_t = TrainSpec::default().seed)]
    seed: u64,
    /// Minutes between checkpoints
    #[arg(long, default_value_t = 4.0)]
    save_every: f64,
}

impl TrainArgs {
    fn spec(&self) -> TrainSpec {
        let mut spec = TrainSpec {
            layers: self.layers,
            width: self.width,
            heads: self.heads,
            vocab: self.vocab,
            context: self.context,
            row: self.row,
            rows: self.rows,
            steps: self.steps,
            rate: self.rate,
            warm_up: self.warm_up,
            weight_decay: self.weight_decay,
            init: self.init,
            gather: self.gather,
            reads_from: self.reads_from.unwrap_or(self.layers / 2),
            silent: self.silent,
            looks_up_from: self.looks_up_from.unwrap_or(self.layers / 4),
            shards: self.threads,
            seed: self.seed,
            ..TrainSpec::default()
        };
        spec.mix.plain = self.plain;
        spec
    }
}

/// Neither command here looks at what is held.
fn no_limit(open: &Open) -> Result<()> {
    match open.memory {
        Some(_) => Err(eyre!(
            "--memory does not reach training and its examination: leave it out"
        )),
        None => Ok(()),
    }
}

/// Trains, reporting to stderr, and writes the model.
pub fn train(args: &TrainArgs, open: &Open) -> Result<()> {
    no_limit(open)?;
    let spec = args.spec();
    spec.check()?;
    let world = world(args.facts.as_deref(), args.templates.as_deref())?;
    let text = match &args.text {
        Some(path) => {
            plain::read(path).wrap_err_with(|| format!("cannot read {}", path.display()))?
        }
        None => Vec::new(),
    };
    let device = device::open(&open.device)?;
    std::fs::create_dir_all(&args.out)
        .wrap_err_with(|| format!("cannot make {}", args.out.display()))?;
    let writer = Writer::new(&world, &text, spec.mix, spec.seed);
    let tokenizer = bpe::train(&writer, spec.vocab)?;
    let tokens = Tokens::from_json(&tokenizer, &args.out.join("tokenizer.json"))?;
    let path = args.out.join("tokenizer.json");
    std::fs::write(&path, &tokenizer)
        .wrap_err_with(|| format!("cannot write {}", path.display()))?;
    let batcher = Batcher::new(&writer, &tokens, &spec);
    let described = format!("{} facts, {} paragraphs", world.facts().len(), text.len());
    let mut run = Run::open(&args.out, &spec, tokens.vocab(), &described, &device)?;
    eprintln!(
        "{described}; {:.2} M parameters, {} tokens in the vocabulary; step {} of {}",
        run.params.count() as f64 / 1e6,
        tokens.vocab(),
        run.step(),
        spec.steps,
    );
    let mut line = Line::new();
    run.train(
        &batcher,
        Duration::from_secs_f64(60.0 * args.save_every.max(0.1)),
        |progress| {
            line.show(&progress);
            true
        },
    )?;
    export(&args.out, &run.params.decoder, &tokenizer, spec.init)?;
    eprintln!("the model is in {}", args.out.display());
    Ok(())
}

/// Progress on stderr: a line that rewrites itself on a terminal, otherwise a
/// line every 25 steps.
struct Line {
    rewrites: bool,
    shown: Instant,
}

impl Line {
    fn new() -> Self {
        Line {
            rewrites: std::io::stderr().is_terminal(),
            shown: Instant::now(),
        }
    }

    fn show(&mut self, p: &Progress) {
        let due = match self.rewrites {
            true => self.shown.elapsed() > Duration::from_millis(500),
            false => p.step.is_multiple_of(25),
        };
        if !due && p.step != p.steps {
            return;
        }
        self.shown = Instant::now();
        let left = p.left.as_secs();
        let text = format!(
            "step {}/{}  loss {:.3}  gradient {:.2}  rate {:.5}  {:.0} tokens/s  {}:{:02}:{:02} left",
            p.step,
            p.steps,
            p.loss,
            p.gradient,
            p.rate,
            p.tokens_per_s,
            left / 3600,
            left / 60 % 60,
            left % 60,
        );
        match (self.rewrites, p.step == p.steps) {
            (true, false) => eprint!("\r\x1b[K{text}"),
            (true, true) => eprintln!("\r\x1b[K{text}"),
            (false, _) => eprintln!("{text}"),
        }
    }
}

/// Ask a model for the facts of a world, and trace where it finds them.
#[derive(Args, Debug)]
pub struct ExamineArgs {
    #[arg(long, value_name = "FILE", requires = "templates")]
    facts: Option<PathBuf>,
    #[arg(long, value_name = "FILE", requires = "facts")]
    templates: Option<PathBuf>,
    /// Facts to trace
    #[arg(long, default_value_t = 100)]
    traces: usize,
    /// Ask every n-th fact only
    #[arg(long, value_name = "N", default_value_t = 1)]
    every: usize,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// For machines
    #[arg(long)]
    json: bool,
}

/// Prints recall by relation and the averaged trace.
pub fn examine(args: &ExamineArgs, open: &Open, out: &mut dyn Write) -> Result<()> {
    no_limit(open)?;
    let world = world(args.facts.as_deref(), args.templates.as_deref())?;
    let loaded = open.spec(None)?.source.load(&device::open(&open.device)?)?;
    let recalled = recall(&loaded.decoder, &loaded.tokens, &world, args.every)?;
    let traced = gathering(
        &loaded.decoder,
        &loaded.tokens,
        &world,
        args.traces,
        args.seed,
    )?;
    let share = |x: f64| x / (traced.high - traced.low).max(f64::EPSILON);
    if args.json {
        let by = |of: &std::collections::BTreeMap<String, _>| serde_json::json!(of);
        let rows: Vec<_> = traced
            .rows
            .iter()
            .map(|((place, kind), row)| {
                let recovered: Vec<f64> = row.iter().map(|&x| share(x)).collect();
                serde_json::json!({"place": name(*place), "kind": kind_name(*kind), "recovered": recovered})
            })
            .collect();
        let json = serde_json::json!({
            "model": loaded.name,
            "recall": {"trained": by(&recalled.trained), "held_out": by(&recalled.held_out)},
            "trace": {"facts": traced.facts, "high": traced.high, "low": traced.low, "rows": rows},
        });
        writeln!(out, "{json:#}")?;
        return Ok(());
    }
    writeln!(
        out,
        "first token of the object, per cent right    trained wording    held-out wording    facts"
    )?;
    for (relation, trained) in &recalled.trained {
        let held = recalled.held_out.get(relation).copied().unwrap_or_default();
        print_recall(out, relation, trained.percent(), held.percent(), trained.of)?;
    }
    let (trained, held) = (
        Recall::total(&recalled.trained),
        Recall::total(&recalled.held_out),
    );
    print_recall(out, "all", trained.percent(), held.percent(), trained.of)?;
    writeln!(
        out,
        "\n{} facts traced: high {:.3}, low {:.3}; share of high − low recovered by layer",
        traced.facts, traced.high, traced.low
    )?;
    for ((place, kind), row) in &traced.rows {
        let cells: Vec<String> = row.iter().map(|&x| format!("{:6.2}", share(x))).collect();
        writeln!(
            out,
            "{:<18} {:<6} {}",
            name(*place),
            kind_name(*kind),
            cells.join("")
        )?;
    }
    Ok(())
}

fn print_recall(
    out: &mut dyn Write,
    relation: &str,
    trained: f64,
    held: f64,
    of: usize,
) -> std::io::Result<()> {
    writeln!(out, "{relation:<44} {trained:>15.1} {held:>19.1} {of:>8}")
}

fn name(place: Place) -> &'static str {
    match place {
        Place::LastSubjectToken => "last subject token",
        Place::LastToken => "last token",
    }
}

fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::State => "state",
        Kind::Mlp => "mlp",
        Kind::Attn => "attn",
    }
}

fn world(facts: Option<&Path>, templates: Option<&Path>) -> Result<World> {
    Ok(match (facts, templates) {
        (Some(facts), Some(templates)) => World::load(facts, templates)?,
        _ => World::atlas()?,
    })
}
