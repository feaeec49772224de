//! `pentimento eval lens`: override or erasure? Where in the model the old answer
//! is still ahead of the new one.

use crate::cli::client::Client;
use crate::cli::edit::not_empty;
use crate::cli::error::CliError;
use crate::cli::table::{Align, Table, share};
use crate::cli::{Context, files, open};
use crate::engine::{Outcome, Spec};
use crate::measure::lens::{AnswerToken, Depth, Leader, LensReport, LensSpec, Seen, svg};
use crate::session::Session;
use crate::session::text::shown;
use std::io::{self, Write};
use std::path::PathBuf;

/// Look for the old answer underneath the edits: written over, or gone?
///
/// The logit lens: the final norm and the output head on the residual that enters
/// the model and on the one that leaves each layer, without a session's edits and
/// with those that are on. The table is of the last token; --json and --out have
/// all of them.
///
/// An answer of several tokens stands for one of them: the first in which the
/// answers differ. What they have in common before it is forced after the prompt.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The plain prompt: "The Space Needle is in the city of" [default: an edit's]
    #[arg(short, long, value_parser = not_empty, required_unless_present = "on", requires = "new")]
    prompt: Option<String>,
    /// The new answer [default: what that edit writes]
    #[arg(short, long, value_name = "A", value_parser = not_empty, requires = "prompt")]
    new: Option<String>,
    /// The old answer [default: what that edit wrote over, else the unedited model's own]
    #[arg(long, value_name = "A", value_parser = not_empty)]
    old: Option<String>,
    /// Look with this session's edits
    #[arg(long, value_name = "SESSION")]
    on: Option<PathBuf>,
    /// The edit to look at, by its number in the session [default: the last]
    #[arg(long, value_name = "N", requires = "on", conflicts_with = "prompt")]
    edit: Option<u64>,
    /// Tokens told of each cell in the JSON
    #[arg(long, value_name = "N", default_value_t = 5)]
    top: usize,
    /// Draw the heat maps, as SVG
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args, context: &Context, out: &mut dyn Write) -> Result<(), CliError> {
    let client = Client::start(context)?;
    let (_, session, _) = open::restore(&client, &context.open, args.on.as_deref())?;
    let spec = asked(args, &session)?;
    let Outcome::Looked(report) = client.run(Spec::Lens(spec))? else {
        return Err(CliError::EngineEnded);
    };
    if let Some(path) = &args.out {
        files::keep(path, &svg(&report))?;
    }
    if args.json {
        serde_json::to_writer(&mut *out, &report)?;
        return Ok(writeln!(out)?);
    }
    print(&report, out)?;
    if let Some(path) = &args.out {
        writeln!(out, "\ndrawn to {}", shown(&path.display().to_string()))?;
    }
    Ok(())
}

/// What was asked, or else what an edit of the session is about.
fn asked(args: &Args, session: &Session) -> Result<LensSpec, CliError> {
    // The table says the likeliest token of each row.
    let top = args.top.max(1);
    if let (Some(prompt), Some(new)) = (&args.prompt, &args.new) {
        return Ok(LensSpec {
            prompt: prompt.clone(),
            old: args.old.clone(),
            new: new.clone(),
            top,
        });
    }
    let mut made = session.made();
    let edit = match args.edit {
        Some(id) => made.find(|edit| edit.id == id),
        None => made.next_back(),
    };
    let Some(edit) = edit else {
        let words = match args.edit {
            Some(id) => format!("the session holds no edit {id} that was made from a fact"),
            None => "the session holds no edit that was made from a fact".into(),
        };
        let advice = "say what to look at with --prompt and --new";
        return Err(CliError::Failed(format!("{words}: {advice}")));
    };
    Ok(LensSpec {
        prompt: edit.asked.request.text(),
        old: args.old.clone().or_else(|| edit.result.old_answer()),
        new: edit.asked.request.target.clone(),
        top,
    })
}

fn print(report: &LensReport, out: &mut dyn Write) -> io::Result<()> {
    let (old, new) = (report.old.text.trim(), report.new.text.trim());
    writeln!(
        out,
        "{}: {} → {}",
        shown(&report.prompt),
        shown(old),
        shown(new)
    )?;
    if report.forced > 0 {
        let from = report.tokens.len() - report.forced;
        let common = report.tokens[from..].concat();
        writeln!(
            out,
            "  after “{}”, which both answers begin with",
            shown(common.trim())
        )?;
    }
    for (name, answer) in [("old", &report.old), ("new", &report.new)] {
        part(name, answer, out)?;
    }
    writeln!(out)?;
    table(report).write(out)?;
    writeln!(out, "\n{}", report.sentence)?;
    if let Some(first) = report.first_edited {
        writeln!(
            out,
            "nothing before layer {first}, the first that is edited, can have changed"
        )?;
    }
    Ok(())
}

/// Which of an answer's tokens its p is of, where there are several.
fn part(name: &str, answer: &AnswerToken, out: &mut dyn Write) -> io::Result<()> {
    let (token, text) = (answer.token.trim(), answer.text.trim());
    if token == text {
        return Ok(());
    }
    let (token, text) = (shown(token), shown(text));
    writeln!(out, "  p({name}) is that of “{token}” in “{text}”")
}

/// The last position, a row a depth.
fn table(report: &LensReport) -> Table {
    let (right, left) = (Align::Right, Align::Left);
    let mut table = Table::new(&[left, right, right, right, right, left, left, left]);
    table.row([
        "",
        "p(old) before",
        "after",
        "p(new) before",
        "after",
        "leads",
        "says before",
        "after",
    ]);
    let (before, after) = (&report.before, &report.after);
    let p = |grid: &[Vec<f64>], at: &Depth| {
        let value = grid.last().and_then(|row| row.get(at.0));
        share(value.copied().unwrap_or(f64::NAN))
    };
    let says = |seen: &Seen, at: &Depth| {
        let top = seen.top.last().and_then(|row| row.get(at.0)?.first());
        top.map_or(String::new(), |guess| guess.text.trim().to_owned())
    };
    for at in &report.columns {
        let leads = match after.leader(*at) {
            Some(Leader::Old) => "old",
            Some(Leader::New) => "new",
            None => "–",
        };
        table.row([
            at.to_string(),
            p(&before.p_old, at),
            p(&after.p_old, at),
            p(&before.p_new, at),
            p(&after.p_new, at),
            leads.to_owned(),
            says(before, at),
            says(after, at),
        ]);
    }
    table
}
