//! `pentimento eval duel`: one request by several methods, side by side.

use crate::cli::client::Client;
use crate::cli::edit::{not_empty, with_braces};
use crate::cli::error::CliError;
use crate::cli::report::probe_group;
use crate::cli::table::{Align, Table, percent, share};
use crate::cli::{Context, files, hyper, open};
use crate::edit::{EditSpec, Method, Request};
use crate::engine::{Outcome, Spec};
use crate::measure::duel::{Standing, changes};
use crate::measure::{EditReport, Watch};
use crate::session::text::shown;
use serde_json::json;
use std::io::{self, Write};
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The prompt with {} for the subject: "{} is in the city of"
    #[arg(short, long, value_parser = with_braces)]
    prompt: String,
    /// What the fact is about
    #[arg(short, long, value_parser = not_empty)]
    subject: String,
    /// What the model shall say from now on
    #[arg(short, long, value_parser = not_empty)]
    target: String,
    /// The methods, with commas between
    #[arg(
        long, value_delimiter = ',', value_parser = hyper::method(), hide_possible_values = true,
        default_value = "r-rome,rome,memit,emmet,alpha-edit,ft,ft-l", value_name = "LIST"
    )]
    methods: Vec<Method>,
    /// Probes to watch: JSONL or CSV of prompt and expected, or CounterFact's file
    #[arg(long, value_name = "FILE")]
    probes: Option<PathBuf>,
    /// Neighbours to propose and watch
    #[arg(long, value_name = "N", default_value_t = 20)]
    propose: usize,
    /// Draws templates
    #[arg(long, default_value_t = 1)]
    seed: u32,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args, context: &Context, out: &mut dyn Write) -> Result<(), CliError> {
    let probes = args.probes.as_deref().map(files::probes).transpose()?;
    let client = Client::start(context)?;
    open::restore(&client, &context.open, None)?;
    let request = Request {
        prompt: args.prompt.clone(),
        subject: args.subject.clone(),
        target: args.target.clone(),
    };
    let mut reports = Vec::with_capacity(args.methods.len());
    for &method in &args.methods {
        let spec = Spec::Try {
            edit: Box::new(EditSpec {
                request: request.clone(),
                method,
                seed: args.seed,
                ..EditSpec::default()
            }),
            watch: Watch {
                probes: probes.clone().unwrap_or_default(),
                propose: args.propose,
                ..Watch::default()
            },
        };
        match client.run(spec) {
            Ok(Outcome::Tried(report)) => reports.push(*report),
            Ok(_) => return Err(CliError::EngineEnded),
            // A method that cannot do this is no reason not to see the others.
            Err(CliError::Failed(reason)) => {
                eprintln!("skipped: {}: {}", method.name(), shown(&reason));
            }
            Err(error) => return Err(error),
        }
    }
    if reports.is_empty() {
        return Err(CliError::Failed("no method made the edit".into()));
    }
    if args.json {
        let reports: Vec<_> = reports.iter().map(|r| json!(r)).collect();
        return Ok(writeln!(
            out,
            "{}",
            json!({"request": request, "duel": reports})
        )?);
    }
    writeln!(
        out,
        "{} → {}\n",
        shown(&request.text()),
        shown(request.target.trim())
    )?;
    standings(&request, &reports, out)?;
    Ok(what_moved(&reports, out)?)
}

fn standings(request: &Request, reports: &[EditReport], out: &mut dyn Write) -> io::Result<()> {
    let mut table = Table::of_figures(&[
        "method",
        "p(target)",
        "paraphrases",
        "neighbours moved",
        "‖ΔW‖/‖W‖",
        "s",
    ]);
    for report in reports {
        let standing = Standing::of(&request.target, report);
        let of = |(hits, all): (usize, usize)| format!("{hits} of {all}");
        table.row([
            standing.method.as_str(),
            &share(standing.p_target),
            &of(standing.paraphrases),
            &of(standing.moved),
            &percent(standing.relative_update_norm),
            &format!("{:.1}", standing.seconds),
        ]);
    }
    table.write(out)
}

/// p(expected) before, and by how many points each method moved it.
fn what_moved(reports: &[EditReport], out: &mut dyn Write) -> io::Result<()> {
    let Some(first) = reports.first().filter(|report| !report.probes.is_empty()) else {
        return Ok(());
    };
    writeln!(
        out,
        "\nwhat moved: points of p(expected), * where the neighbour counts as moved"
    )?;
    let align = [vec![Align::Left; 3], vec![Align::Right; 1 + reports.len()]].concat();
    let mut table = Table::new(&align);
    let names = reports.iter().map(|report| report.method.as_str());
    table.row(["", "probe", "expected", "before"].into_iter().chain(names));
    let all: Vec<&EditReport> = reports.iter().collect();
    for (n, (probe, changes)) in first.probes.iter().zip(changes(&all)).enumerate() {
        let moved = |report: &EditReport| report.probes.get(n).is_some_and(|row| row.moved);
        let cells = reports.iter().zip(changes).map(|(report, change)| {
            let star = if moved(report) { "*" } else { " " };
            match format!("{:+.0}", 100.0 * change).as_str() {
                "+0" | "-0" => format!("·{star}"),
                points => format!("{points}{star}"),
            }
        });
        let begin = [
            probe_group(probe.group).to_owned(),
            probe.prompt.clone(),
            probe.expected.trim().to_owned(),
            share(probe.p_before),
        ];
        table.row(begin.into_iter().chain(cells));
    }
    table.write(out)
}
