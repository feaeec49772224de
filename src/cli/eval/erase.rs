//! `pentimento eval erase`: a concept erased from the residuals with a guarantee,
//! beside an edit, which has none.

use crate::cli::client::Client;
use crate::cli::edit::not_empty;
use crate::cli::error::CliError;
use crate::cli::table::{Align, Table, percent, share};
use crate::cli::{Context, files, open};
use crate::engine::{Outcome, Spec};
use crate::measure::erase::{
    EraseReport, EraseSpec, Examples, OwnFact, Position, Reading, Switched, labelled,
};
use crate::session::Session;
use crate::session::text::shown;
use std::io::{self, Write};
use std::path::PathBuf;

/// Erase a concept from the residuals, beside an edit: can a probe still find it?
///
/// LEACE (Belrose et al. 2023) changes the residual that leaves one layer, at every
/// position, by as little as makes every linear probe blind to a concept. It is
/// fitted on labelled prompts of the unedited model: a file's, or the built-in
/// facts of one relation. A linear probe is asked before and after, and the fact,
/// its neighbours and plain text without the erasure and with it, unedited and with
/// a session's edits. No weight changes.
#[derive(Debug, clap::Args)]
#[command(allow_negative_numbers = true)]
pub struct Args {
    /// The plain prompt of a fact to show it on [default: an edit's]
    #[arg(short, long, value_parser = not_empty, requires = "subject", requires = "new")]
    prompt: Option<String>,
    /// What the fact is about; its own prompts are not fitted on
    #[arg(short, long, value_parser = not_empty, requires = "prompt")]
    subject: Option<String>,
    /// The new answer
    #[arg(short, long, value_name = "A", value_parser = not_empty, requires = "prompt")]
    new: Option<String>,
    /// The old answer [default: what the edit wrote over, else the unedited model's own]
    #[arg(long, value_name = "A", value_parser = not_empty)]
    old: Option<String>,
    /// Show it with this session's edits too
    #[arg(long, value_name = "SESSION")]
    on: Option<PathBuf>,
    /// The edit to show it on, by its number in the session [default: the last]
    #[arg(long, value_name = "N", requires = "on", conflicts_with = "prompt")]
    edit: Option<u64>,
    /// Labelled prompts: JSONL or CSV of prompt, label and, if it likes, subject
    #[arg(long, value_name = "FILE", conflicts_with = "relation")]
    examples: Option<PathBuf>,
    /// Built-in facts of this relation, labelled by their objects [default: the fact's own]
    #[arg(long, value_name = "R", value_parser = not_empty)]
    relation: Option<String>,
    /// The labels to tell apart, the others as one [default: those with four subjects or more]
    #[arg(long, value_delimiter = ',', value_name = "LIST")]
    labels: Vec<String>,
    /// Where the concept is read: last or subject-last
    #[arg(long, value_name = "POSITION", default_value = "last", value_parser = position)]
    at: Position,
    /// Erase after this layer [default: the last that is edited, else the middle one]
    #[arg(long, value_name = "N")]
    layer: Option<usize>,
    /// Correlations up to this are taken for none
    #[arg(long, value_name = "X", default_value_t = EraseSpec::default().tolerance)]
    tolerance: f64,
    /// Whiten by the sample's covariance as it is, not drawn towards a multiple of I
    #[arg(long)]
    no_shrinkage: bool,
    /// The probe's penalty on its weights
    #[arg(long, value_name = "X", default_value_t = EraseSpec::default().l2)]
    l2: f64,
    /// The share of the subjects that is held out
    #[arg(long, value_name = "SHARE", default_value_t = EraseSpec::default().held_out)]
    held_out: f64,
    /// Draws what is held out
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Neighbours that are proposed
    #[arg(long, value_name = "N", default_value_t = EraseSpec::default().propose)]
    propose: usize,
    /// More neighbours: JSONL of prompt, expected; CSV; or CounterFact's file
    #[arg(long, value_name = "FILE")]
    probes: Option<PathBuf>,
    /// Tokens of plain text for the perplexity; 0: none
    #[arg(long, value_name = "N", default_value_t = EraseSpec::default().text)]
    text: usize,
    /// Likeliest tokens told
    #[arg(long, value_name = "N", default_value_t = EraseSpec::default().top)]
    top: usize,
    /// Keep the report, as JSON
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
}

fn position(text: &str) -> Result<Position, String> {
    match text {
        "last" => Ok(Position::Last),
        "subject-last" => Ok(Position::SubjectLast),
        _ => Err("name one of last, subject-last".into()),
    }
}

pub fn run(args: &Args, context: &Context, out: &mut dyn Write) -> Result<(), CliError> {
    // What the user wrote is read before anything runs.
    let examples = match &args.examples {
        Some(path) => {
            let text = files::read(path)?;
            let refused = |reason: String| {
                CliError::Failed(format!("{}: {}", path.display(), shown(&reason)))
            };
            Examples::Given(labelled(&text).map_err(refused)?)
        }
        None => Examples::World {
            relation: args.relation.clone(),
        },
    };
    let neighbours = match &args.probes {
        Some(path) => files::probes(path)?,
        None => Vec::new(),
    };
    let client = Client::start(context)?;
    let (_, session, _) = open::restore(&client, &context.open, args.on.as_deref())?;
    let spec = EraseSpec {
        examples,
        labels: args.labels.clone(),
        position: args.at,
        layer: args.layer,
        tolerance: args.tolerance,
        shrink: !args.no_shrinkage,
        l2: args.l2,
        held_out: args.held_out,
        seed: args.seed,
        fact: fact(args, &session)?,
        neighbours,
        propose: args.propose,
        text: args.text,
        top: args.top,
    };
    let Outcome::Erased(report) = client.run(Spec::Erase(Box::new(spec)))? else {
        return Err(CliError::EngineEnded);
    };
    if let Some(path) = &args.out {
        let text = serde_json::to_string_pretty(&report)? + "\n";
        files::keep(path, &text)?;
    }
    if args.json {
        serde_json::to_writer(&mut *out, &report)?;
        return Ok(writeln!(out)?);
    }
    print(&report, out)?;
    if let Some(path) = &args.out {
        writeln!(out, "\nkept in {}", shown(&path.display().to_string()))?;
    }
    Ok(())
}

/// The fact that was asked about, or else an edit's; a session without one and a
/// call without either show no fact.
fn fact(args: &Args, session: &Session) -> Result<Option<OwnFact>, CliError> {
    if let (Some(prompt), Some(subject), Some(new)) = (&args.prompt, &args.subject, &args.new) {
        if !prompt.contains(subject.as_str()) {
            let words = "the prompt does not name the subject; write it as the prompt has it";
            return Err(CliError::Failed(words.into()));
        }
        return Ok(Some(OwnFact {
            prompt: prompt.clone(),
            subject: subject.clone(),
            old: args.old.clone().unwrap_or_default(),
            new: new.clone(),
        }));
    }
    let mut made = session.made();
    let edit = match args.edit {
        Some(id) => made.find(|edit| edit.id == id),
        None => made.next_back(),
    };
    if let (Some(id), None) = (args.edit, edit) {
        return Err(CliError::Failed(format!(
            "the session holds no edit {id} that was made from a fact"
        )));
    }
    Ok(edit.map(|edit| OwnFact {
        prompt: edit.asked.request.text(),
        subject: edit.asked.request.subject.clone(),
        old: (args.old.clone()).unwrap_or_else(|| edit.result.true_answer.clone()),
        new: edit.asked.request.target.clone(),
    }))
}

fn print(report: &EraseReport, out: &mut dyn Write) -> io::Result<()> {
    let from = report.relation.as_ref().map_or(String::new(), |relation| {
        format!(" of the relation {}", shown(relation))
    });
    writeln!(
        out,
        "erased after layer {}, read at {}: {} prompts about {} subjects{from}",
        report.layer,
        report.position.words(),
        report.prompts,
        report.subjects
    )?;
    let classes = report.classes.iter();
    let classes = classes.map(|c| format!("{} {}+{}", shown(&c.label), c.fitted, c.held_out));
    let classes: Vec<String> = classes.collect();
    writeln!(out, "  fitted + held out: {}", classes.join(", "))?;
    let covariance = &report.cross_covariance;
    writeln!(
        out,
        "  {} of {} directions; cross-covariance with the labels {:.2e} → {:.1e}: {}\n",
        report.rank,
        report.d,
        covariance.before,
        covariance.after,
        match report.guaranteed {
            true => "nothing linear is left",
            false => "something linear is left",
        }
    )?;
    accuracies(report).write(out)?;
    writeln!(out)?;
    if report.fact.is_some() || report.base.off.perplexity.is_some() {
        switched(report).write(out)?;
        writeln!(out)?;
    }
    for warning in &report.warnings {
        writeln!(out, "note: {}", shown(warning))?;
    }
    writeln!(out, "{}", shown(&report.sentence))
}

fn accuracies(report: &EraseReport) -> Table {
    let mut table = Table::new(&[Align::Left, Align::Right, Align::Right]);
    table.row(["a linear probe is right in", "fitted on", "held out"]);
    let mut row = |name: &str, of: &crate::measure::erase::Accuracy| {
        table.row([name.to_owned(), percent(of.fitted), percent(of.held_out)]);
    };
    row("before", &report.probe.before.accuracy);
    row("after", &report.probe.after.accuracy);
    row("always the commonest label", &report.majority);
    if let Some(fresh) = &report.fresh {
        let none = || String::from("–");
        let name = ["fresh, halves of those held out, before", "the same, after"];
        table.row([name[0].to_owned(), none(), percent(fresh.before)]);
        table.row([name[1].to_owned(), none(), percent(fresh.after)]);
        let name = "the commonest label of the other half";
        table.row([name.to_owned(), none(), percent(fresh.majority)]);
    }
    table
}

/// The switch off and on, without the edits and with them.
fn switched(report: &EraseReport) -> Table {
    let sides: Vec<&Switched> = [Some(&report.base), report.edited.as_ref()]
        .into_iter()
        .flatten()
        .collect();
    let mut align = vec![Align::Left];
    align.extend(vec![Align::Right; 2 * sides.len()]);
    let mut table = Table::new(&align);
    let mut heading = vec![String::new(), "unedited".into(), "erased".into()];
    if report.edited.is_some() {
        heading.extend(["edited".into(), "edited, erased".into()]);
    }
    table.row(heading);
    let readings: Vec<&Reading> = sides.iter().flat_map(|s| [&s.off, &s.on]).collect();
    let mut row = |name: String, of: &dyn Fn(&Reading) -> String| {
        let cells = readings.iter().map(|reading| of(reading));
        table.row(std::iter::once(name).chain(cells));
    };
    let p = |value: Option<f64>| value.map_or("–".into(), share);
    if let Some(fact) = &report.fact {
        let (old, new) = (fact.old.trim(), fact.new.trim());
        row(format!("p({old})"), &|r| p(r.p_old));
        row(format!("p({new})"), &|r| p(r.p_new));
        row("says".into(), &|r| {
            r.top
                .first()
                .map_or("–".into(), |top| top.text.trim().to_owned())
        });
        for answer in [old, new] {
            if let Some(class) = report.class_of(answer) {
                row(format!("the probe's p({answer})"), &|r| {
                    p(r.probe.get(class).copied())
                });
            }
        }
    }
    row("perplexity".into(), &|r| {
        r.perplexity.map_or("–".into(), |p| format!("{p:.2}"))
    });
    let moved: Vec<String> = (sides.iter())
        .flat_map(|side| {
            let moved = side.neighbours.iter().filter(|n| n.moved).count();
            [
                String::from("–"),
                format!("{moved} of {}", side.neighbours.len()),
            ]
        })
        .collect();
    table.row(std::iter::once("neighbours moved".to_owned()).chain(moved));
    table
}
