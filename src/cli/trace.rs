//! `pentimento trace`: where is a fact recalled?

use super::client::Client;
use super::error::CliError;
use super::table::{Align, Table, percent, share};
use super::{Context, files, open};
use crate::engine::{Outcome, Spec};
use crate::session::save::named;
use crate::session::text::shown;
use crate::session::{self, Beneath, SavedTrace, Session};
use crate::trace::{Grid, Kind, TraceReport, TraceSpec, svg};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
#[command(allow_negative_numbers = true)]
pub struct Args {
    /// The prompt, with the subject or {} in its place: "The Space Needle is in the city of"
    #[arg(short, long)]
    prompt: String,
    /// The words that name what the fact is about
    #[arg(short, long)]
    subject: String,
    /// The answer to follow [default: the model's own]
    #[arg(short, long)]
    answer: Option<String>,
    /// What to restore: state, mlp, attn
    #[arg(
        short, long, value_name = "KINDS", value_delimiter = ',', hide_possible_values = true,
        default_value = "state,mlp,attn", value_parser = kind()
    )]
    kind: Vec<Kind>,
    /// Layers restored together for mlp and attn [default: by the model's depth, 10 from 48]
    #[arg(short, long)]
    window: Option<usize>,
    /// Noise, in multiples of the subjects' embedding deviation
    #[arg(long, default_value_t = 3.0, value_parser = number)]
    noise: f64,
    /// Noise as an absolute scale
    #[arg(long, value_name = "X", conflicts_with = "noise", value_parser = number)]
    noise_scale: Option<f64>,
    /// Corrupted runs to average over
    #[arg(long, default_value_t = 10)]
    samples: usize,
    /// Draws the noise
    #[arg(long, default_value_t = 1)]
    seed: u32,
    /// Trace with this session's edits
    #[arg(long, value_name = "SESSION")]
    on: Option<PathBuf>,
    /// Keep the grids in a session
    #[arg(long, value_name = "SESSION")]
    save: Option<PathBuf>,
    /// Draw the heat maps, as SVG
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
}

fn kind() -> impl TypedValueParser<Value = Kind> {
    PossibleValuesParser::new(Kind::ALL.map(Kind::name)).map(|name| {
        Kind::ALL
            .into_iter()
            .find(|kind| kind.name() == name)
            .unwrap_or(Kind::State)
    })
}

/// A finite number that is not negative.
pub(super) fn number(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() && number >= 0.0 => Ok(number),
        _ => Err("give a number, zero or above".into()),
    }
}

pub fn run(args: Args, context: &Context, out: &mut dyn Write) -> Result<(), CliError> {
    let save = free(args.save.as_deref(), args.on.as_deref())?;
    let client = Client::start(context)?;
    let (_, mut session, factors) = open::restore(&client, &context.open, args.on.as_deref())?;
    let asked = TraceSpec {
        prompt: args.prompt.replacen("{}", &args.subject, 1),
        subject: args.subject,
        answer: args.answer,
        kinds: args.kind,
        window: args.window,
        noise: args.noise,
        noise_scale: args.noise_scale,
        samples: args.samples,
        seed: args.seed,
        severed: false,
    };
    let Outcome::Traced(result) = client.run(Spec::Trace(asked.clone()))? else {
        return Err(CliError::EngineEnded);
    };
    if let Some(path) = &save {
        let made_on = edits_on(&session);
        session.traces.push(SavedTrace {
            made_on,
            asked,
            result: (*result).clone(),
        });
        session.saved = session::time::now();
        session::save(&session, &factors, path)?;
    }
    if let Some(path) = &args.out {
        files::keep(path, &svg(&result))?;
    }
    if args.json {
        serde_json::to_writer(&mut *out, &result)?;
        return Ok(writeln!(out)?);
    }
    print(&result, out)?;
    if let Some(path) = &args.out {
        writeln!(out, "\ndrawn to {}", shown(&path.display().to_string()))?;
    }
    Ok(())
}

/// The edits of a session that are on.
pub(super) fn edits_on(session: &Session) -> Vec<Beneath> {
    let on = session.edits.iter().filter(|edit| edit.on);
    Beneath::runs(on.map(|edit| (edit.id, edit.alpha)))
}

/// The file to save to: one that does not exist yet, or the session that is
/// being gone on with.
pub(super) fn free(save: Option<&Path>, on: Option<&Path>) -> Result<Option<PathBuf>, CliError> {
    let Some(path) = save.map(named) else {
        return Ok(None);
    };
    let same = |on: &Path| match (on.canonicalize(), path.canonicalize()) {
        (Ok(on), Ok(path)) => on == path,
        _ => false,
    };
    if path.exists() && !on.is_some_and(same) {
        return Err(CliError::Exists { path });
    }
    Ok(Some(path))
}

/// The trace for people: what was asked, then a table a kind.
pub(super) fn print(report: &TraceReport, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "{} → {}",
        shown(&report.prompt),
        shown(report.answer.text.trim())
    )?;
    writeln!(
        out,
        "  p {} with the subject, {} with noise of {:.4} on it ({} samples, seed {})",
        share(report.high),
        share(report.low),
        report.noise_scale,
        report.samples,
        report.seed
    )?;
    for kind in Kind::ALL {
        if let Some(grid) = report.grids.get(kind) {
            writeln!(out, "\n{}", heading(kind, report.window))?;
            rows(report, grid, out)?;
        }
    }
    if let Some(layer) = report.suggested_layer {
        let published = match report.published_layer {
            Some(layer) => format!(" (published for this model: {layer})"),
            None => String::new(),
        };
        writeln!(out, "\nsuggested layer for an edit: {layer}{published}")?;
    }
    warnings(&report.warnings, out)
}

pub(super) fn warnings(warnings: &[String], out: &mut dyn Write) -> io::Result<()> {
    warnings
        .iter()
        .try_for_each(|warning| writeln!(out, "warning: {}", shown(warning)))
}

fn heading(kind: Kind, window: usize) -> String {
    match kind {
        Kind::State => "p(answer) in %, one state restored: token by layer".into(),
        Kind::Mlp => format!("p(answer) in %, MLP outputs restored, windows of {window}"),
        Kind::Attn => format!("p(answer) in %, attention outputs restored, windows of {window}"),
    }
}

fn rows(report: &TraceReport, grid: &Grid, out: &mut dyn Write) -> io::Result<()> {
    let layers = grid.first().map_or(0, Vec::len);
    let mut table = Table::new(&[vec![Align::Left], vec![Align::Right; layers]].concat());
    table.row(std::iter::once(String::new()).chain((0..layers).map(|layer| layer.to_string())));
    let [begin, end] = report.subject_range;
    for (t, (token, row)) in report.tokens.iter().zip(grid).enumerate() {
        let star = if (begin..end).contains(&t) { "*" } else { "" };
        let cells = row.iter().map(|p| format!("{:.0}", 100.0 * p));
        table.row(std::iter::once(format!("{token}{star}")).chain(cells));
    }
    table.write(out)?;
    let last = grid
        .get(end.saturating_sub(1))
        .map_or(&[][..], Vec::as_slice);
    let Some((layer, &p)) = last.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)) else {
        return Ok(());
    };
    let gap = report.high - report.low;
    let recovered = match gap > 0.0 {
        true => format!(
            ", {} of what the noise took",
            percent((p - report.low) / gap)
        ),
        false => String::new(),
    };
    writeln!(
        out,
        "  last subject token: most at layer {layer}, {}{recovered}",
        share(p)
    )
}
