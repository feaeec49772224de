//! `pentimento eval probes`: a board of probes on a session's edits.

use crate::cli::client::Client;
use crate::cli::error::CliError;
use crate::cli::table::{Align, Table, share};
use crate::cli::{Context, files, open, report};
use crate::edit::EditSpec;
use crate::engine::{Outcome, Spec};
use crate::measure::board::{self, History, Show, Sort};
use crate::measure::{Probe, ProbeGroup, ProbeRow};
use crate::session::text::shown;
use crate::session::{SavedEdit, Session};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde_json::json;
use std::collections::HashSet;
use std::io::Write;
use std::path::{Path, PathBuf};

/// A board of probes on a session's edits: what moved, and when.
///
/// Each probe is asked of the unedited model and with the edits that are on.
/// Without --probes and --propose it is the session's own probes that are asked.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The session whose edits are probed
    #[arg(value_name = "SESSION")]
    session: PathBuf,
    /// Probes: JSONL or CSV of prompt and expected, or CounterFact's file; may be repeated
    #[arg(long, value_name = "FILE")]
    probes: Vec<PathBuf>,
    /// Propose so many for an edit: by relation, by object, near in key space
    #[arg(long, value_name = "N", default_value_t = 0)]
    propose: usize,
    /// The edit they are proposed for, by its number in the session [default: the last]
    #[arg(long, value_name = "N", requires = "propose")]
    edit: Option<u64>,
    /// worst, before, after, group or file
    #[arg(long, default_value = "worst", value_parser = sort(), hide_possible_values = true)]
    sort: Sort,
    /// moved, or one group: fact, paraphrase, derived, user, neighbour
    #[arg(long, value_name = "WHICH", value_parser = only(), hide_possible_values = true)]
    only: Option<Only>,
    /// Only rows that say this, in the prompt, an answer or the reason
    #[arg(long, value_name = "TEXT")]
    find: Option<String>,
    /// Also ask after every edit of the session: p(expected) from the first to the last
    #[arg(long)]
    history: bool,
    /// Write the board: .jsonl, .csv or .svg
    #[arg(long, value_name = "FILE", value_parser = known_form)]
    out: Option<PathBuf>,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Only {
    Moved,
    Group(ProbeGroup),
}

fn sort() -> impl TypedValueParser<Value = Sort> {
    PossibleValuesParser::new(Sort::ALL.map(Sort::name)).map(|name| {
        let mut all = Sort::ALL.into_iter();
        all.find(|sort| sort.name() == name).unwrap_or_default()
    })
}

fn only() -> impl TypedValueParser<Value = Only> {
    let groups = ProbeGroup::ALL.map(ProbeGroup::name);
    PossibleValuesParser::new(["moved"].into_iter().chain(groups)).map(|name| {
        let mut all = ProbeGroup::ALL.into_iter();
        let group = all.find(|group| group.name() == name);
        group.map_or(Only::Moved, Only::Group)
    })
}

const FORMS: [&str; 3] = ["jsonl", "csv", "svg"];

fn known_form(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    match form(&path) {
        Some(_) => Ok(path),
        None => Err("its name says what is written: end it in .jsonl, .csv or .svg".into()),
    }
}

fn form(path: &Path) -> Option<&'static str> {
    let end = path.extension()?;
    FORMS
        .into_iter()
        .find(|form| end.eq_ignore_ascii_case(form))
}

pub fn run(args: &Args, context: &Context, out: &mut dyn Write) -> Result<(), CliError> {
    let files: Vec<Vec<Probe>> = (args.probes.iter())
        .map(|path| files::probes(path))
        .collect::<Result<_, _>>()?;
    let client = Client::start(context)?;
    let (info, session, _) = open::restore(&client, &context.open, Some(&args.session))?;
    let mut probes: Vec<Probe> = files.into_iter().flatten().collect();
    if args.propose > 0 {
        let edit = edit(args, &session)?;
        let spec = propose(edit, &edit.asked, args.propose);
        let Outcome::Proposed(proposed) = client.run(spec)? else {
            return Err(CliError::EngineEnded);
        };
        probes.extend(proposed);
    }
    if args.probes.is_empty() && args.propose == 0 {
        probes.extend(session.probes.iter().map(ProbeRow::probe));
    }
    each_once(&mut probes);
    if probes.is_empty() {
        let words = "there is nothing to probe: the session holds no probes; name a file with \
                     --probes, or have some proposed with --propose";
        return Err(CliError::Failed(words.into()));
    }
    let asked = probes.clone();
    let Outcome::Probed(rows) = client.run(Spec::Probe { probes: asked })? else {
        return Err(CliError::EngineEnded);
    };
    let history = match args.history {
        false => History::default(),
        true => match client.run(Spec::History { probes })? {
            Outcome::History(history) => history,
            _ => return Err(CliError::EngineEnded),
        },
    };
    let show = Show {
        moved: args.only == Some(Only::Moved),
        group: match args.only {
            Some(Only::Group(group)) => Some(group),
            _ => None,
        },
        text: args.find.clone().unwrap_or_default(),
    };
    let mut board: Vec<(&ProbeRow, &[f64])> = history.beside(&rows).collect();
    board.retain(|(row, _)| show.takes(row));
    board.sort_by(|(a, _), (b, _)| args.sort.compare((a, true), (b, true)));
    let about = format!(
        "{}, {}: {}",
        info.name,
        shown(&args.session.display().to_string()),
        report::moved(&rows)
    );
    if let Some(path) = &args.out {
        let text = match form(path) {
            Some("csv") => board::csv(board.iter().copied())
                .map_err(|error| CliError::Failed(error.to_string()))?,
            Some("svg") => {
                let words = vec![about.clone(), legend(&history)];
                board::svg(words, &board, args.sort == Sort::Group)
            }
            _ => board::jsonl(board.iter().copied())?,
        };
        files::keep(path, &text)?;
    }
    if args.json {
        let (moved, of) = report::counted(&rows);
        let shown = board.iter().map(|(row, history)| with(row, history));
        let line = json!({
            "model": info.name,
            "session": args.session,
            "moved": moved,
            "of": of,
            "sort": args.sort.name(),
            "states": history.states,
            "probes": shown.collect::<Result<Vec<_>, _>>()?,
        });
        return Ok(writeln!(out, "{line}")?);
    }
    writeln!(out, "{about}")?;
    table(&board).write(out)?;
    if board.len() < rows.len() {
        writeln!(out, "\n{} of {} probes shown", board.len(), rows.len())?;
    }
    if let Some(path) = &args.out {
        writeln!(out, "\nwritten to {}", shown(&path.display().to_string()))?;
    }
    Ok(())
}

/// What is to be said under the words of the picture.
fn legend(history: &History) -> String {
    let line = "p(expected): a stroke where it was, a dot where it is; orange: moved";
    match history.states.len() {
        0 | 1 => line.to_owned(),
        n => format!(
            "{line}. On the right its course over {} states of the stack",
            n
        ),
    }
}

fn with(row: &ProbeRow, history: &[f64]) -> serde_json::Result<serde_json::Value> {
    let mut value = serde_json::to_value(row)?;
    if !history.is_empty() {
        value["history"] = json!(history);
    }
    Ok(value)
}

/// The session's edit that probes are proposed for.
fn edit<'s>(args: &Args, session: &'s Session) -> Result<&'s SavedEdit, CliError> {
    let mut made = (session.edits.iter()).filter(|edit| !edit.asked.is_imported());
    let found = match args.edit {
        Some(id) => made.find(|edit| edit.id == id),
        None => made.next_back(),
    };
    found.ok_or_else(|| {
        let words = "the session holds no such edit that was made from a fact: nothing can be \
                     proposed for it";
        CliError::Failed(words.into())
    })
}

/// Leaves out what is there twice.
pub(super) fn each_once(probes: &mut Vec<Probe>) {
    let mut seen = HashSet::new();
    probes.retain(|probe| seen.insert((probe.prompt.clone(), probe.expected.clone())));
}

/// The probes to propose for a session's edit.
pub(super) fn propose(edit: &SavedEdit, asked: &EditSpec, count: usize) -> Spec {
    Spec::Propose {
        prompt: asked.request.prompt.clone(),
        subject: asked.request.subject.clone(),
        true_answer: edit.result.old_answer(),
        count,
        near: Some(edit.result.layer),
    }
}

fn table(rows: &[(&ProbeRow, &[f64])]) -> Table {
    use Align::{Left, Right};
    let with_course = rows.iter().any(|(_, history)| history.len() > 1);
    let with_why = rows.iter().any(|(row, _)| row.why.is_some());
    let mut align = vec![Left, Left, Left, Left, Right, Right, Left];
    let mut head = vec!["", "", "prompt", "expected", "before", "after", "says"];
    for (is, word) in [(with_course, "over the edits"), (with_why, "why")] {
        if is {
            align.push(Left);
            head.push(word);
        }
    }
    let mut table = Table::new(&align);
    table.row(head);
    for (row, history) in rows {
        let mark = if row.moved { "moved" } else { "" };
        let mut cells = vec![
            mark.to_owned(),
            report::probe_group(row.group).to_owned(),
            row.prompt.clone(),
            row.expected.trim().to_owned(),
            share(row.p_before),
            share(row.p_after),
            row.top_after.trim().to_owned(),
        ];
        if with_course {
            cells.push(course(history));
        }
        if with_why {
            cells.push(row.why.clone().unwrap_or_default());
        }
        table.row(cells);
    }
    table
}

/// A share a block, from none to all of the height.
fn course(history: &[f64]) -> String {
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let block = |p: &f64| BLOCKS[(p.clamp(0.0, 1.0) * 7.0).round() as usize];
    history.iter().map(block).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_file_says_what_is_written() {
        assert!(known_form("a/board.CSV").is_ok() && known_form("b.svg").is_ok());
        assert!(known_form("board").is_err() && known_form("board.txt").is_err());
        assert_eq!(course(&[0.0, 0.5, 1.0, f64::NAN]).chars().count(), 4);
    }
}
