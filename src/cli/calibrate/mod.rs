//! `pentimento model calibrate`: a model's own defaults, found by measurement.

mod measure;

use super::client::Client;
use super::error::CliError;
use super::files;
use super::table::{Align, Table, percent, share};
use super::{Context, moments, open};
use crate::edit::calibrated::{Calibrated, Range};
use crate::edit::moment::TOKENS_PER_DIM;
use crate::engine::{ModelInfo, calibration};
use crate::measure::calibrate::Figures;
use crate::session::{FileError, folders, time};
use measure::{Found, Measure};
use serde_json::json;
use std::io::{self, Write};
use std::path::PathBuf;

/// Find a model's own defaults by measurement, and use them from then on
///
/// Traces facts that the model knows, edits each at every layer that recalls them, and
/// takes the layer with the highest harmonic mean of p(new), p(new) on paraphrases and what
/// neighbours keep; ties go to the smaller update. Then steps, clamp and weight decay one after
/// another there, and MEMIT's layers and λ. The result is kept in the cache by the weights'
/// hash. What was broken off goes on where it stopped.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Facts that are edited at every candidate layer
    #[arg(long, value_name = "N", default_value_t = 40)]
    facts: usize,
    /// Candidate layers: 5, 5-9, or 3,5-9 [default: those that an averaged trace names]
    #[arg(long, value_name = "LAYERS", value_parser = moments::layers)]
    layers: Option<moments::Layers>,
    /// Facts for each value of steps, clamp and weight decay, and at once for MEMIT
    #[arg(long, value_name = "N", default_value_t = 8)]
    few: usize,
    /// Leave MEMIT's layers and λ as they are
    #[arg(long)]
    no_memit: bool,
    /// Draws facts, noise and templates
    #[arg(long, default_value_t = 1)]
    seed: u32,
    /// Forget what an earlier run measured
    #[arg(long)]
    fresh: bool,
    /// Also write the table to a file
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Take the table from a file instead of measuring
    #[arg(long, value_name = "FILE", conflicts_with_all = ["facts", "layers", "fresh", "few"])]
    from: Option<PathBuf>,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args, context: &Context, out: &mut dyn Write) -> Result<(), CliError> {
    let cache = folders::cache().ok_or_else(|| {
        CliError::Failed("there is no cache folder to keep a calibration in; set HOME".into())
    })?;
    let client = Client::start(&context.of_many_jobs())?;
    let info = open::load(&client, context.open.spec(None)?)?;
    let (table, found) = match &args.from {
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(FileError::io(path))?;
            let table = Calibrated::read(&text, &info.sha256, info.layers);
            let refused = |why| CliError::Failed(format!("{}: {why}", path.display()));
            (table.map_err(refused)?, None)
        }
        None => {
            let found = Measure::new(&client, &info, args, &cache, context.quiet)?.run()?;
            (table(&info, args, &found), Some(found))
        }
    };
    let place = calibration::keep(&cache, &table).map_err(FileError::io(&cache))?;
    if let Some(path) = &args.out {
        files::keep(path, &(serde_json::to_string(&table)? + "\n"))?;
    }
    if args.json {
        return Ok(writeln!(out, "{}", serde_json::to_string(&table)?)?);
    }
    if let Some(found) = &found {
        print(found, out)?;
    }
    summary(&table, out)?;
    Ok(writeln!(out, "\nkept: {}", place.display())?)
}

fn table(info: &ModelInfo, args: &Args, found: &Found) -> Calibrated {
    let layers: Vec<_> = (found.layers.iter())
        .map(|(layer, figures)| json!({"layer": layer, "figures": figures}))
        .collect();
    let grid: Vec<_> = (found.grid.iter())
        .map(|(name, value, figures)| json!({"name": name, "value": value, "figures": figures}))
        .collect();
    let spread: Vec<_> = (found.spread.iter())
        .map(|(range, figures)| json!({"range": range, "figures": figures}))
        .collect();
    let today = time::now()
        .date
        .map_or(String::new(), |date| date.to_string());
    let mut command = format!(
        "pentimento model calibrate --facts {} --few {} --seed {}",
        args.facts, args.few, args.seed
    );
    if let Some(layers) = &args.layers {
        let layers: Vec<String> = layers.0.iter().map(usize::to_string).collect();
        command += &format!(" --layers {}", layers.join(","));
    }
    if args.no_memit {
        command += " --no-memit";
    }
    Calibrated {
        model: info.name.clone(),
        sha256: info.sha256.clone(),
        facts: found.facts,
        tokens: TOKENS_PER_DIM * info.d_mlp,
        date: today,
        version: env!("CARGO_PKG_VERSION").into(),
        command,
        rome: found.rome.clone(),
        memit: found.memit.clone(),
        measured: json!({
            "trace": {"facts": found.traced, "effects": found.effects},
            "layers": layers, "grid": grid, "memit": spread,
        }),
    }
}

fn cells(figures: &Figures) -> [String; 7] {
    [
        figures.facts.to_string(),
        share(figures.success),
        share(figures.paraphrases),
        share(figures.kept),
        percent(figures.norm),
        share(figures.score),
        format!("{} to {}", share(figures.from), share(figures.to)),
    ]
}

const FIGURES: [&str; 7] = [
    "facts",
    "p(new)",
    "paraphrases",
    "neighbours kept",
    "‖ΔW‖/‖W‖",
    "score",
    "95 % interval",
];

fn print(found: &Found, out: &mut dyn Write) -> io::Result<()> {
    if found.traced > 0 {
        writeln!(
            out,
            "p(answer) regained by each layer's MLPs, {} facts",
            found.traced
        )?;
        let mut table = Table::new(&vec![Align::Right; found.effects.len()]);
        table.row((0..found.effects.len()).map(|layer| layer.to_string()));
        table.row(found.effects.iter().map(|p| format!("{p:+.3}")));
        table.write(out)?;
        writeln!(out)?;
    }
    let rows = |first: &str, rows: Vec<(String, &Figures)>, out: &mut dyn Write| {
        let mut table = Table::new(&[vec![Align::Left], vec![Align::Right; 7]].concat());
        table.row(std::iter::once(first).chain(FIGURES));
        for (name, figures) in rows {
            table.row(std::iter::once(name).chain(cells(figures)));
        }
        table.write(out)?;
        writeln!(out)
    };
    let layers = found.layers.iter().map(|(layer, f)| (layer.to_string(), f));
    rows("layer", layers.collect(), out)?;
    if !found.grid.is_empty() {
        let grid = found.grid.iter();
        let named = grid.map(|(name, value, f)| (format!("{name} {value}"), f));
        rows("parameter", named.collect(), out)?;
    }
    if !found.spread.is_empty() {
        let spread = found.spread.iter();
        let named = spread.map(
            |(
                Range {
                    first,
                    last,
                    lambda,
                },
                f,
            )| { (format!("layers {first}–{last}, λ {lambda}"), f) },
        );
        rows("MEMIT", named.collect(), out)?;
    }
    Ok(())
}

fn summary(table: &Calibrated, out: &mut dyn Write) -> io::Result<()> {
    let rome = &table.rome;
    writeln!(
        out,
        "{}: calibrated on {} facts, C from at least {} tokens, {}",
        table.model, table.facts, table.tokens, table.date
    )?;
    writeln!(
        out,
        "ROME   layer {}, steps {}, clamp {}, weight decay {}",
        rome.layer, rome.steps, rome.clamp, rome.weight_decay
    )?;
    if let Some(Range {
        first,
        last,
        lambda,
    }) = &table.memit
    {
        writeln!(out, "MEMIT  layers {first}–{last}, λ {lambda}")?;
    }
    Ok(())
}
