//! `pentimento eval`: what editing does to a model, measured over many edits.

mod counterfact;
mod curve;
mod duel;
mod known;
mod lens;
mod lines;
mod rows;
mod steps;
mod verdicts;

use super::Context;
use super::error::CliError;
use std::io::Write;

#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// CounterFact's scores, unedited and edited
    Counterfact(Box<counterfact::Args>),
    /// More and more edits by each method: where does each break?
    Curve(Box<curve::Args>),
    /// One request by several methods: which moves the least else?
    Duel(duel::Args),
    Lens(lens::Args),
}

pub fn run(command: Command, context: &Context, out: &mut dyn Write) -> Result<(), CliError> {
    match command {
        Command::Counterfact(args) => counterfact::run(&args, context, out),
        Command::Curve(args) => curve::run(&args, context, out),
        Command::Duel(args) => duel::run(&args, context, out),
        Command::Lens(args) => lens::run(&args, context, out),
    }
}
