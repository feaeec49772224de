//! `pentimento session diff`: what two sittings have otherwise.

use super::error::CliError;
use super::trace;
use crate::session;
use crate::session::diff::{Finding, diff};
use crate::session::text::shown;
use serde_json::json;
use std::io::{self, Write};
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Ends with status 0 where they say the same, 1 where they differ, 2 where one \
                  cannot be read. When they were saved and how long things took is no difference."
)]
pub struct Args {
    /// A session's file
    a: PathBuf,
    /// The file of the session to hold against it
    b: PathBuf,
    /// How far a figure may be off: absolute below 1, relative above
    #[arg(long, value_name = "X", default_value_t = 1e-3, value_parser = trace::number)]
    tolerance: f64,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args, out: &mut dyn Write) -> Result<(), CliError> {
    let read = |path| session::read(path).map_err(CliError::from);
    let both = read(&args.a).and_then(|a| Ok((a, read(&args.b)?)));
    let (a, b) = both.map_err(CliError::trouble)?;
    let found = diff(&a, &b, args.tolerance);
    let found = found.map_err(|e| CliError::trouble(CliError::Failed(e.to_string())))?;
    if args.json {
        let both = [&args.a, &args.b].map(|path| path.display().to_string());
        let line = json!({
            "a": both[0], "b": both[1], "same": found.is_empty(), "differences": found,
        });
        writeln!(out, "{line}")?;
    } else {
        print(args, &found, out)?;
    }
    match found.is_empty() {
        true => Ok(()),
        false => Err(CliError::Unlike),
    }
}

/// What is about the whole session, then edit by edit.
fn print(args: &Args, found: &[Finding], out: &mut dyn Write) -> io::Result<()> {
    for (letter, path) in [("A", &args.a), ("B", &args.b)] {
        writeln!(out, "{letter} is {}", shown(&path.to_string_lossy()))?;
    }
    if found.is_empty() {
        return writeln!(out, "they say the same");
    }
    let mut about = None;
    for finding in found {
        if about != Some(&finding.about) {
            about = Some(&finding.about);
            writeln!(out)?;
            if !finding.about.is_empty() {
                writeln!(out, "{}", shown(&finding.about))?;
            }
        }
        writeln!(out, "  {}", shown(&finding.words))?;
    }
    Ok(())
}
