//! `pentimento eval traces`: where the model recalls its facts, averaged over
//! many (Meng et al. 2022, §2.2 and Figures 2 and 3).

use super::known;
use super::lines::{self, Lines};
use super::told::Told;
use crate::cli::client::Client;
use crate::cli::error::CliError;
use crate::cli::table::{Align, Table, share};
use crate::cli::trace::number;
use crate::cli::{Context, open};
use crate::engine::{Outcome, Spec};
use crate::picture::heat::{Map, Scale, Sheet};
use crate::picture::{Chart, Line, side_by_side};
use crate::trace::{Averages, Bucket, Kind, TraceReport, TraceSpec, average};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::io::{self, Write};
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
#[command(allow_negative_numbers = true)]
pub struct Args {
    /// Facts that the model knows
    #[arg(long, value_name = "N", default_value_t = 100)]
    facts: usize,
    /// Facts to trace, in CounterFact's form [default: the built-in ones]
    #[arg(long, value_name = "FILE")]
    cases: Option<PathBuf>,
    /// Layers restored together for mlp and attn [default: by the model's depth, 10 from 48]
    #[arg(short, long)]
    window: Option<usize>,
    /// Noise, in multiples of the subjects' embedding deviation
    #[arg(long, default_value_t = 3.0, value_parser = number)]
    noise: f64,
    /// Corrupted runs to average over
    #[arg(long, default_value_t = 10)]
    samples: usize,
    /// Draws facts and noise
    #[arg(long, default_value_t = 1)]
    seed: u32,
    /// Where traces.jsonl and the pictures go; what is there goes on
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
}

/// What all lines of a file share.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Head {
    model: String,
    sha256: String,
    window: Option<usize>,
    noise: f64,
    samples: usize,
    seed: u32,
}

pub fn run(args: &Args, context: &Context, out: &mut dyn Write) -> Result<(), CliError> {
    let client = Client::start(&context.of_many_jobs())?;
    let (info, _, _) = open::restore(&client, &context.open, None)?;
    let facts = args.facts.max(1);
    let records = known::cases(&client, args.cases.as_deref(), facts, args.seed.into())?;
    let head = Head {
        model: info.name.clone(),
        sha256: info.sha256.clone(),
        window: args.window,
        noise: args.noise,
        samples: args.samples,
        seed: args.seed,
    };
    let what = "model, window, noise, number of samples or seed";
    let (mut lines, known): (_, Vec<TraceReport>) =
        Lines::within(args.out.as_deref(), "traces.jsonl", &head, what)?;
    let mut reports = Vec::with_capacity(records.len());
    let mut told = Told::new("traced", records.len(), context.quiet);
    for (done, record) in records.iter().enumerate() {
        let prompt = record.request().text();
        if let Some(report) = known.iter().find(|report| report.prompt == prompt) {
            reports.push(report.clone());
            continue;
        }
        told.begins(done);
        let asked = TraceSpec {
            prompt,
            subject: record.requested_rewrite.subject.clone(),
            answer: Some(record.requested_rewrite.target_true.text.clone()),
            window: args.window,
            noise: args.noise,
            samples: args.samples,
            seed: args.seed,
            severed: true,
            ..TraceSpec::default()
        };
        let Outcome::Traced(report) = client.run(Spec::Trace(asked))? else {
            return Err(CliError::EngineEnded);
        };
        if let Some(lines) = &mut lines {
            lines.add(&report)?;
        }
        reports.push(*report);
        told.done(done + 1);
    }
    let averages = average(&reports);
    let drawn = args.out.as_deref().map(|folder| {
        let maps = maps(&info.name, &averages);
        let severed = severed(&info.name, &averages);
        lines::written(folder, [("traces.svg", maps), ("severed.svg", severed)])
    });
    let drawn = drawn.transpose()?;
    if args.json {
        let found = json!({"model": info.name, "averages": averages});
        return Ok(writeln!(out, "{found}")?);
    }
    print(&averages, out)?;
    if let Some(words) = drawn {
        writeln!(out, "\n{words}")?;
    }
    Ok(())
}

/// What the three kinds of restoration are called.
fn restored(kind: Kind) -> &'static str {
    match kind {
        Kind::State => "one state restored",
        Kind::Mlp => "MLP outputs of a window restored",
        Kind::Attn => "attention outputs of a window restored",
    }
}

/// The state row at the last subject token, whole and with a module cut off.
fn cut_off(averages: &Averages) -> Vec<(&'static str, &[f64])> {
    let whole = averages.row(Kind::State, Bucket::LastSubject);
    let whole = whole.map(|row| ("state restored", row.effect.as_slice()));
    let severed = averages.severed.iter();
    let severed = severed.flat_map(|s| {
        [
            ("with its later attention cut off", s.attn.as_slice()),
            ("with its later MLPs cut off", s.mlp.as_slice()),
        ]
    });
    whole.into_iter().chain(severed).collect()
}

fn print(averages: &Averages, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "{} facts: p(answer) {} with the subject, {} with noise on it",
        averages.facts,
        share(averages.high),
        share(averages.low)
    )?;
    let points = |effect: &[f64]| -> Vec<String> {
        effect
            .iter()
            .map(|p| format!("{:+.0}", 100.0 * p))
            .collect()
    };
    let table_of = |rows: Vec<(&str, &[f64])>, out: &mut dyn Write| {
        let layers = rows.iter().map(|row| row.1.len()).max().unwrap_or(0);
        let mut table = Table::new(&[vec![Align::Left], vec![Align::Right; layers]].concat());
        table.row(std::iter::once(String::new()).chain((0..layers).map(|l| l.to_string())));
        for (name, effect) in rows {
            table.row(std::iter::once(name.to_owned()).chain(points(effect)));
        }
        table.write(out)
    };
    for kind in Kind::ALL {
        let own = averages.rows.iter().filter(|row| row.kind == kind);
        let rows: Vec<(&str, &[f64])> = own
            .map(|row| (row.bucket.name(), row.effect.as_slice()))
            .collect();
        if !rows.is_empty() {
            writeln!(
                out,
                "\n{}: points of p(answer) regained, by layer",
                restored(kind)
            )?;
            table_of(rows, out)?;
        }
    }
    writeln!(out, "\nlast subject token, by the layer that is restored")?;
    table_of(cut_off(averages), out)
}

/// Six places in the prompt by layer, a map for each kind of restoration.
fn maps(model: &str, averages: &Averages) -> String {
    let layers = averages.rows.iter().map(|row| row.effect.len()).max();
    let total = averages.total_effect();
    let share = |effect: f64| match total > 0.0 {
        true => effect / total,
        false => f64::NAN,
    };
    let buckets = Bucket::ALL.into_iter().filter(|&bucket| {
        let own = |kind| averages.row(kind, bucket).is_some();
        Kind::ALL.into_iter().any(own)
    });
    let buckets: Vec<Bucket> = buckets.collect();
    let map = |kind| Map {
        title: restored(kind).into(),
        values: (buckets.iter())
            .map(|&bucket| match averages.row(kind, bucket) {
                Some(row) => row.effect.iter().map(|&p| share(p)).collect(),
                None => vec![f64::NAN; layers.unwrap_or(0)],
            })
            .collect(),
        scale: match kind {
            Kind::State => Scale::Blue,
            _ => Scale::Orange,
        },
        marked: Vec::new(),
    };
    let said = format!(
        "{model}, {} facts: share of what noise on the subject takes (p {:.3} → {:.3}) that one restoration gives back",
        averages.facts, averages.high, averages.low
    );
    let sheet = Sheet {
        words: vec![said],
        rows: buckets.iter().map(|bucket| bucket.name().into()).collect(),
        columns: (0..layers.unwrap_or(0)).map(|l| l.to_string()).collect(),
        maps: Kind::ALL.map(|kind| vec![map(kind)]).into(),
    };
    sheet.draw()
}

fn severed(model: &str, averages: &Averages) -> String {
    let lines = cut_off(averages).into_iter().map(|(name, effect)| Line {
        name: name.into(),
        points: (0..).map(f64::from).zip(effect.iter().copied()).collect(),
        joined: true,
    });
    let chart = Chart {
        title: format!("{model}: p(answer) regained at the last subject token"),
        across: "layer restored".into(),
        log_x: false,
        lines: lines.collect(),
        range: None,
        log_y: false,
        level: None,
    };
    side_by_side(&[chart])
}
