//! `pentimento config`

use super::CliError;
use crate::config::{Config, print_default};
use std::io::Write;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print a config file that says what holds without one
    #[arg(long)]
    print_default: bool,
}

pub fn run(args: &Args, out: &mut dyn Write) -> Result<(), CliError> {
    if args.print_default {
        return Ok(write!(out, "{}", print_default())?);
    }
    let Some(path) = Config::place() else {
        return Ok(writeln!(
            out,
            "there is no home folder, and so no config file"
        )?);
    };
    Config::read(&path)?;
    let state = match path.exists() {
        true => "read without an error",
        false => "not there: every default holds (--print-default says which)",
    };
    Ok(writeln!(out, "{}: {state}", path.display())?)
}
