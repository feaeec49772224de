//! `pentimento eval sweep`: facts edited at every layer in turn, beside what
//! their traces say of those layers.

use super::known;
use super::lines::{self, Lines};
use super::told::Told;
use crate::cli::client::Client;
use crate::cli::error::CliError;
use crate::cli::table::{Align, Table, percent, share};
use crate::cli::{Context, hyper, open};
use crate::edit::{EditSpec, LayerChoice, Method, MomentSource};
use crate::engine::{ModelInfo, Outcome, Spec};
use crate::measure::counterfact::{Answers, Record};
use crate::measure::localisation::{
    AtLayer, EFFECTS, OUTCOMES, Relation, Tried, by_layer, relations,
};
use crate::picture::{Chart, Line, side_by_side};
use crate::trace::{Kind, TraceSpec};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
#[command(allow_negative_numbers = true)]
pub struct Args {
    /// Facts that the model knows, each edited at every layer
    #[arg(long, value_name = "N", default_value_t = 20)]
    facts: usize,
    /// Facts to rewrite, in CounterFact's form [default: the built-in ones]
    #[arg(long, value_name = "FILE")]
    cases: Option<PathBuf>,
    /// A method that edits one layer
    #[arg(
        long, value_parser = hyper::method(), hide_possible_values = true,
        default_value = "r-rome", value_name = "NAME"
    )]
    method: Method,
    /// Draws facts, noise and templates
    #[arg(long, default_value_t = 1)]
    seed: u32,
    /// Where sweep.jsonl, sweep.svg and sweep.md go; what is there goes on
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    hyper: hyper::HyperArgs,
}

/// What all lines of a file share.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Head {
    model: String,
    sha256: String,
    method: Method,
    seed: u32,
    facts: usize,
    set: Vec<String>,
}

pub fn run(args: &Args, context: &Context, out: &mut dyn Write) -> Result<(), CliError> {
    let client = Client::start(&context.of_many_jobs())?;
    let (info, _, _) = open::restore(&client, &context.open, None)?;
    let facts = args.facts.max(1);
    let records = known::cases(&client, args.cases.as_deref(), facts, args.seed.into())?;
    let head = Head {
        model: info.name.clone(),
        sha256: info.sha256.clone(),
        method: args.method,
        seed: args.seed,
        facts,
        set: args.hyper.words(),
    };
    let what = "model, method, seed, number of facts or other hyper-parameters";
    let (lines, tried) = Lines::within(args.out.as_deref(), "sweep.jsonl", &head, what)?;
    let mut sweep = Sweep {
        client: &client,
        info: &info,
        args,
        lines,
        tried,
    };
    if !records.iter().all(|record| sweep.is_known(record)) {
        sweep.collect()?;
    }
    let mut told = Told::new("traced and edited", records.len(), context.quiet);
    for (done, record) in records.iter().enumerate() {
        if sweep.is_known(record) {
            continue;
        }
        told.begins(done);
        sweep.fact(record)?;
        told.done(done + 1);
    }
    let tried = sweep.tried;
    if tried.is_empty() {
        return Err(CliError::Failed("no layer could be edited".into()));
    }
    let (layers, relations) = (by_layer(&tried), relations(&tried));
    let drawn = args.out.as_deref().map(|folder| {
        let text = lines::markdown(&headings(), layers.iter().map(cells));
        let title = format!("{}, {}", info.name, args.method.name());
        let svg = picture(&title, &layers, &tried);
        lines::written(folder, [("sweep.md", text), ("sweep.svg", svg)])
    });
    let drawn = drawn.transpose()?;
    if args.json {
        let found = json!({
            "model": info.name, "method": args.method, "facts": facts,
            "layers": layers, "relations": relations,
        });
        return Ok(writeln!(out, "{found}")?);
    }
    table(&layers, out)?;
    writeln!(out)?;
    correlations(&relations, out)?;
    if let Some(words) = drawn {
        writeln!(out, "\n{words}")?;
    }
    Ok(())
}

struct Sweep<'a> {
    client: &'a Client,
    info: &'a ModelInfo,
    args: &'a Args,
    lines: Option<Lines>,
    tried: Vec<Tried>,
}

impl Sweep<'_> {
    /// Every layer's second moment, in one pass over the text.
    fn collect(&self) -> Result<(), CliError> {
        let method = self.args.method;
        if !method.seeks_value() {
            return Ok(());
        }
        self.client.run(Spec::Moments {
            layers: (0..self.info.layers).collect(),
            source: MomentSource::Auto,
            lambda: self.info.hyper(method).ridge,
        })?;
        Ok(())
    }

    fn is_known(&self, record: &Record) -> bool {
        let own = (self.tried.iter()).filter(|tried| tried.case_id == record.case_id);
        own.map(|tried| tried.layer).max() == self.info.layers.checked_sub(1)
    }

    /// One fact: its trace, then an edit at every layer.
    fn fact(&mut self, record: &Record) -> Result<(), CliError> {
        let rewrite = &record.requested_rewrite;
        let asked = TraceSpec {
            prompt: record.request().text(),
            subject: rewrite.subject.clone(),
            answer: Some(rewrite.target_true.text.clone()),
            kinds: vec![Kind::State, Kind::Mlp],
            seed: self.args.seed,
            ..TraceSpec::default()
        };
        let Outcome::Traced(trace) = self.client.run(Spec::Trace(asked))? else {
            return Err(CliError::EngineEnded);
        };
        let last = trace.subject_range[1].saturating_sub(1);
        let effect = |kind, layer: usize| {
            let grid = trace.grids.get(kind);
            let p = grid.and_then(|grid| grid.get(last)?.get(layer).copied());
            p.map_or(0.0, |p| p - trace.low)
        };
        let (before, _) = self.answers(record, None)?;
        for layer in 0..self.info.layers {
            let known = |tried: &Tried| (tried.case_id, tried.layer) == (record.case_id, layer);
            if self.tried.iter().any(known) {
                continue;
            }
            let (after, norm) = match self.answers(record, Some(layer)) {
                Ok(found) => found,
                Err(CliError::Failed(reason)) => {
                    let what = format!("case {} at layer {layer}: {reason}", record.case_id);
                    eprintln!("skipped {}", crate::session::text::shown(&what));
                    continue;
                }
                Err(error) => return Err(error),
            };
            let tried = Tried {
                state: effect(Kind::State, layer),
                mlp: effect(Kind::Mlp, layer),
                relative_update_norm: norm,
                ..Tried::of(record.case_id, layer, &before, &after)
            };
            if let Some(lines) = &mut self.lines {
                lines.add(&tried)?;
            }
            self.tried.push(tried);
        }
        Ok(())
    }

    /// What is answered to a case, unedited or edited at a layer, and ‖ΔW‖/‖W‖.
    fn answers(&self, record: &Record, at: Option<usize>) -> Result<(Answers, f64), CliError> {
        let method = self.args.method;
        let hyper = self.args.hyper.over(&self.info.hyper(method))?;
        let edit = at.map(|layer| {
            Box::new(EditSpec {
                method,
                layer: LayerChoice::At(layer),
                hyper,
                seed: self.args.seed,
                ..EditSpec::default()
            })
        });
        let spec = Spec::Judge {
            records: vec![record.clone()],
            edit,
            texts: 0,
        };
        let Outcome::Judged(judged) = self.client.run(spec)? else {
            return Err(CliError::EngineEnded);
        };
        let Some(one) = judged.into_iter().next() else {
            return Err(CliError::EngineEnded);
        };
        Ok((one.answers, one.relative_update_norm.unwrap_or(0.0)))
    }
}

fn headings() -> Vec<&'static str> {
    let effects = ["state restored", "mlp restored"];
    let begin = ["layer", "facts"].into_iter().chain(effects);
    begin
        .chain(["took"])
        .chain(OUTCOMES.map(|(name, _)| name))
        .collect()
}

fn cells(at: &AtLayer) -> Vec<String> {
    let begin = [at.layer.to_string(), at.facts.to_string()];
    let effects = at.effects.map(|p| format!("{p:+.3}"));
    let [success, paraphrases, damage, norm] = at.outcomes;
    let outcomes = [
        percent(at.took),
        share(success),
        share(paraphrases),
        format!("{damage:+.3}"),
        percent(norm),
    ];
    (begin.into_iter()).chain(effects).chain(outcomes).collect()
}

fn table(layers: &[AtLayer], out: &mut dyn Write) -> io::Result<()> {
    let mut table = Table::new(&vec![Align::Right; headings().len()]);
    table.row(headings());
    layers.iter().for_each(|at| table.row(cells(at)));
    table.write(out)
}

fn correlations(relations: &[Relation], out: &mut dyn Write) -> io::Result<()> {
    let mut table = Table::new(&[vec![Align::Left; 2], vec![Align::Right; 3]].concat());
    table.row(["restored", "with", "r", "95 % interval", "r within a layer"]);
    for relation in relations {
        let r = |r: f64| format!("{r:+.2}");
        let (overall, interval) = match relation.overall {
            Some(c) => (r(c.r), format!("{:+.2} to {:+.2}", c.from, c.to)),
            None => ("–".into(), "–".into()),
        };
        table.row([
            relation.effect.to_owned(),
            relation.outcome.to_owned(),
            overall,
            interval,
            relation.within_layers.map_or("–".into(), r),
        ]);
    }
    table.write(out)
}

/// Means by layer, and every edit beside its trace.
fn picture(title: &str, layers: &[AtLayer], tried: &[Tried]) -> String {
    let curve = |name: &str, of: &dyn Fn(&AtLayer) -> f64| Line {
        name: name.into(),
        points: layers.iter().map(|at| (at.layer as f64, of(at))).collect(),
        joined: true,
    };
    let mut lines = vec![
        curve("state restored", &|at| at.effects[0]),
        curve("mlp restored", &|at| at.effects[1]),
    ];
    lines.extend(
        (OUTCOMES.iter().enumerate().take(3))
            .map(|(n, (name, _))| curve(name, &|at| at.outcomes[n])),
    );
    let by_layer = Chart {
        title: format!("{title}: where the fact is, and where edits work"),
        across: "layer".into(),
        log_x: false,
        lines,
        range: None,
        log_y: false,
        level: None,
    };
    let mut of_layers: BTreeMap<usize, Vec<(f64, f64)>> = BTreeMap::new();
    for one in tried {
        let own = of_layers.entry(one.layer).or_default();
        own.push((EFFECTS[1].1(one), one.success));
    }
    let cloud = Chart {
        title: "p(new) after the edit".into(),
        across: "p(true) regained by the MLPs around the layer".into(),
        log_x: false,
        lines: of_layers
            .into_iter()
            .map(|(layer, points)| Line {
                name: format!("layer {layer}"),
                points,
                joined: false,
            })
            .collect(),
        range: Some((0.0, 1.0)),
        log_y: false,
        level: None,
    };
    side_by_side(&[by_layer, cloud])
}
