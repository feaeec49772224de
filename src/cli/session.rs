//! `pentimento session`: look at saved sittings, and run them again.

use super::client::Client;
use super::error::CliError;
use super::table::{Align, Table};
use super::{Context, diff, export, import, replay, report, trace};
use crate::session::FileError;
use crate::session::text::shown;
use crate::session::{self, Beneath, Listed, Session, autosave, folders};
use serde_json::json;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use toml::Value;

#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Print what a session holds
    Show {
        /// The session's file
        session: PathBuf,
        /// Print one line of JSON
        #[arg(long)]
        json: bool,
    },
    /// List the sessions in a folder, and sittings that ended without saving
    List {
        /// The folder
        #[arg(default_value = ".")]
        folder: PathBuf,
        /// Print one line of JSON
        #[arg(long)]
        json: bool,
    },
    /// Say what differs between two sessions
    Diff(diff::Args),
    /// Take the edits that are on away: as an adapter, as a merged model, as bare factors
    Export(export::Args),
    /// Bring in a LoRA adapter that was made elsewhere, as an edit
    Import(import::Args),
    /// Make a session's edits again from its text alone
    Replay(replay::Args),
}

pub fn run(command: Command, context: &Context, out: &mut dyn Write) -> Result<(), CliError> {
    match command {
        Command::Show { session, json } => {
            let session = session::read(&session)?;
            if json {
                return print_json(&session, out);
            }
            Ok(print(&session, out)?)
        }
        Command::List { folder, json } => list(&folder, json, out),
        Command::Diff(args) => diff::run(&args, out),
        Command::Export(args) => export::run(&args, context, out),
        Command::Import(args) => import::run(&args, context, out),
        Command::Replay(args) => replay::run(&args, &Client::start(context)?, context, out),
    }
}

fn print_json(session: &Session, out: &mut dyn Write) -> Result<(), CliError> {
    let table = session::save::table(session).map_err(|e| CliError::Failed(e.to_string()))?;
    serde_json::to_writer(&mut *out, &to_json(&Value::Table(table)))?;
    Ok(writeln!(out)?)
}

/// TOML as JSON: the same, with dates as strings.
fn to_json(value: &Value) -> serde_json::Value {
    match value {
        Value::String(text) => json!(text),
        Value::Integer(number) => json!(number),
        Value::Float(number) => json!(number),
        Value::Boolean(flag) => json!(flag),
        Value::Datetime(when) => json!(when.to_string()),
        Value::Array(items) => items.iter().map(to_json).collect(),
        Value::Table(table) => table.iter().map(|(k, v)| (k.clone(), to_json(v))).collect(),
    }
}

fn print(session: &Session, out: &mut dyn Write) -> io::Result<()> {
    let (model, made_on) = (&session.model, &session.made_on);
    let mut table = Table::new(&[Align::Left, Align::Left]);
    let shape = format!(
        "{} layers, {} wide, MLP {}",
        model.layers, model.d, model.d_mlp
    );
    table.row(["model", &format!("{}: {shape}", model.id)]);
    table.row(["sha256", &model.sha256]);
    table.row(["made on", &format!("{} {}", made_on.device, made_on.dtype)]);
    table.row([
        "saved",
        &format!("{} by pentimento {}", session.saved, made_on.pentimento),
    ]);
    let factors = session
        .factors
        .as_deref()
        .unwrap_or("none: its edits are made again from the text");
    table.row(["factors", factors]);
    table.write(out)?;
    if !session.notes.is_empty() {
        writeln!(out)?;
        session
            .notes
            .lines()
            .try_for_each(|line| writeln!(out, "{}", shown(line)))?;
    }
    for saved in &session.edits {
        let state = if saved.on { "on" } else { "off" };
        let beneath: Vec<String> = saved.made_on.iter().map(Beneath::words).collect();
        let beneath = match beneath.is_empty() {
            true => String::new(),
            false => format!(", made on {}", beneath.join(", ")),
        };
        write!(
            out,
            "\nedit {} ({state}, α {}{beneath})  ",
            saved.id, saved.alpha
        )?;
        report::edit(&saved.asked, &saved.result, out)?;
    }
    if !session.probes.is_empty() {
        writeln!(
            out,
            "\nall edits, probes: {}",
            report::moved(&session.probes)
        )?;
        report::probes(&session.probes).write(out)?;
    }
    report::generations(&session.generations, out)?;
    for saved in &session.traces {
        write!(out, "\ntrace  ")?;
        trace::print(&saved.result, out)?;
    }
    Ok(())
}

fn list(folder: &Path, json: bool, out: &mut dyn Write) -> Result<(), CliError> {
    let named = |path: &Path| session::list(path).map_err(FileError::io(path));
    let sessions = named(folder)?;
    let left: Vec<PathBuf> = folders::autosaves()
        .map(|f| autosave::left_behind(&f))
        .unwrap_or_default();
    let mut unsaved = match (left.is_empty(), folders::autosaves()) {
        (false, Some(folder)) => named(&folder)?,
        _ => Vec::new(),
    };
    unsaved.retain(|listed| left.contains(&listed.path));
    if json {
        let sessions = sessions.iter().map(|listed| entry(listed, false));
        let all = sessions.chain(unsaved.iter().map(|listed| entry(listed, true)));
        serde_json::to_writer(&mut *out, &all.collect::<serde_json::Value>())?;
        return Ok(writeln!(out)?);
    }
    if sessions.is_empty() {
        writeln!(out, "no sessions in {}", shown(&folder.to_string_lossy()))?;
    }
    lines(&sessions, |listed| listed.name.clone(), out)?;
    if !unsaved.is_empty() {
        writeln!(
            out,
            "\nsittings that ended without saving; open one with pentimento FILE"
        )?;
        lines(&unsaved, |listed| listed.path.display().to_string(), out)?;
    }
    Ok(())
}

fn lines(
    sessions: &[Listed],
    name: impl Fn(&Listed) -> String,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut table = Table::new(&[Align::Left; 5]);
    for listed in sessions {
        match &listed.session {
            Ok(session) => table.row([
                name(listed),
                session.model.id.clone(),
                counted(session.edits.len(), "edit"),
                counted(session.traces.len(), "trace"),
                session.saved.to_string(),
            ]),
            Err(why) => table.row([name(listed), format!("cannot be opened: {why}")]),
        }
    }
    table.write(out)
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 {
        format!("1 {what}")
    } else {
        format!("{count} {what}s")
    }
}

fn entry(listed: &Listed, unsaved: bool) -> serde_json::Value {
    let (name, path) = (&listed.name, listed.path.display().to_string());
    match &listed.session {
        Ok(session) => json!({
            "name": name, "path": path, "unsaved": unsaved, "model": session.model.id,
            "edits": session.edits.len(), "traces": session.traces.len(),
            "saved": session.saved.to_string(),
        }),
        Err(why) => json!({
            "name": name, "path": path, "unsaved": unsaved, "refused": why.to_string(),
        }),
    }
}
