//! `pentimento eval`: what editing does to a model, measured over many edits.

mod counterfact;
mod curve;
mod duel;
mod erase;
mod geometry;
pub(super) mod known;
mod lens;
pub(super) mod lines;
mod probes;
mod rows;
mod steps;
mod sweep;
pub(super) mod told;
mod traces;
mod verdicts;
mod views;
mod zsre;

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
    /// Facts edited at every layer: does an edit work best where the trace points?
    Sweep(Box<sweep::Args>),
    /// Where the model recalls its facts, averaged over many
    Traces(traces::Args),
    Lens(lens::Args),
    Views(Box<views::Args>),
    Probes(Box<probes::Args>),
    Geometry(Box<geometry::Args>),
    Zsre(Box<zsre::Args>),
    Erase(Box<erase::Args>),
}

pub fn run(command: Command, context: &Context, out: &mut dyn Write) -> Result<(), CliError> {
    match command {
        Command::Counterfact(args) => counterfact::run(&args, context, out),
        Command::Curve(args) => curve::run(&args, context, out),
        Command::Duel(args) => duel::run(&args, context, out),
        Command::Sweep(args) => sweep::run(&args, context, out),
        Command::Traces(args) => traces::run(&args, context, out),
        Command::Lens(args) => lens::run(&args, context, out),
        Command::Views(args) => views::run(&args, context, out),
        Command::Probes(args) => probes::run(&args, context, out),
        Command::Geometry(args) => geometry::run(&args, context, out),
        Command::Zsre(args) => zsre::run(&args, context, out),
        Command::Erase(args) => erase::run(&args, context, out),
    }
}
