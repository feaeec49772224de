//! `pentimento eval`: what editing does to a model, measured over many edits.

mod curve;
mod known;
mod rows;

use super::Context;
use super::error::CliError;
use std::io::Write;

#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// More and more edits by each method: where does each break?
    Curve(Box<curve::Args>),
}

pub fn run(command: Command, context: &Context, out: &mut dyn Write) -> Result<(), CliError> {
    match command {
        Command::Curve(args) => curve::run(&args, context, out),
    }
}
