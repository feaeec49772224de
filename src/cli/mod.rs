//! The command line: one file a subcommand.
//!
//! Every subcommand prints a table for people and, with `--json`, one line for
//! machines. Results go to stdout and progress to stderr. Everything that
//! computes goes through the engine, as it does in the workbench.

pub mod calibrate;
pub mod client;
pub mod completions;
pub mod config;
pub mod diff;
pub mod edit;
pub mod error;
pub mod eval;
pub mod export;
pub mod files;
pub mod follow;
pub mod forensics;
pub mod hyper;
pub mod import;
pub mod man;
pub mod model;
pub mod models;
pub mod moments;
pub mod open;
pub mod progress;
pub mod replay;
pub mod report;
pub mod requests;
pub mod session;
pub mod table;
pub mod trace;
pub mod train;
pub mod validation;

pub use error::CliError;
pub use open::Open;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// What this build can do: its features, and what computes.
#[cfg(feature = "cuda")]
const LONG_VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    "\nfeatures: cuda\nbackend: candle 0.11.1, CPU and CUDA"
);
#[cfg(not(feature = "cuda"))]
const LONG_VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    "\nfeatures: none (cuda is off)\nbackend: candle 0.11.1, CPU"
);

/// Edit single facts in a language model's weights and watch what else moves.
#[derive(Debug, Parser)]
#[command(
    name = "pentimento",
    version,
    long_version = LONG_VERSION,
    after_help = "Without a command the workbench opens; without --model it opens on Atlas, the \
                  model inside the binary."
)]
pub struct Cli {
    #[command(flatten)]
    pub open: Open,
    /// Say nothing on the way to the result
    #[arg(short, long, global = true, help_heading = "Everywhere")]
    pub quiet: bool,
    /// Colours: auto, never, 16, 256 or truecolor
    #[arg(long, value_name = "DEPTH", hide_possible_values = true, help_heading = "Workbench",
          value_parser = ["auto", "never", "16", "256", "truecolor"])]
    pub color: Option<String>,
    /// Leave the mouse to the terminal
    #[arg(long, help_heading = "Workbench")]
    pub no_mouse: bool,
    /// Theme: auto, dark, light, contrast or colour-blind
    #[arg(long, value_name = "THEME", hide_possible_values = true, help_heading = "Workbench",
          value_parser = ["auto", "dark", "light", "contrast", "colour-blind"])]
    pub theme: Option<String>,
    /// Layout: bench, trace (wide) or probes (wide)
    #[arg(long, value_name = "LAYOUT", hide_possible_values = true, help_heading = "Workbench",
          value_parser = ["bench", "trace", "probes"])]
    pub layout: Option<String>,
    /// Record every frame: an asciinema file that is not there yet
    #[arg(long, value_name = "FILE.cast", help_heading = "Workbench")]
    pub record: Option<PathBuf>,
    /// Let others watch (`pentimento follow`), through a socket that only you may open
    #[arg(long, help_heading = "Workbench")]
    pub follow: bool,
    /// A session to go on with in the workbench
    #[arg(value_name = "SESSION")]
    pub session: Option<PathBuf>,
    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Find where a fact is recalled: causal tracing
    Trace(trace::Args),
    /// Rewrite a fact and report what moved
    Edit(Box<edit::Args>),
    /// Measure what editing does to a model
    #[command(subcommand)]
    Eval(eval::Command),
    /// Look at saved sessions, and run them again
    #[command(subcommand)]
    Session(session::Command),
    /// Look at models, and train your own
    #[command(subcommand)]
    Model(model::Command),
    /// Watch a workbench that was started with --follow
    Follow(follow::Args),
    /// Say where the config file lies, check it, or print all it can say
    Config(config::Args),
    /// Print the manual page, or write one for each command
    Man(man::Args),
    /// Print completions for a shell
    Completions(completions::Args),
}

impl Cli {
    /// The process's arguments; ends it with status 2 where they are wrong.
    pub fn from_process() -> Cli {
        let cli = Cli::parse();
        if cli.session.is_some() && cli.command.is_some() {
            let words = "a SESSION opens in the workbench; a command takes its own arguments";
            Cli::command()
                .error(ErrorKind::ArgumentConflict, words)
                .exit();
        }
        cli
    }
}

/// What the process gives a subcommand to work with.
pub struct Context {
    pub open: Open,
    pub quiet: bool,
    /// Set by Ctrl-C.
    pub interrupt: Arc<AtomicBool>,
}

impl Context {
    /// For a command of many jobs: on a terminal a line rewrites itself, a file
    /// gets the command's own lines and none of each job.
    pub fn of_many_jobs(&self) -> Context {
        Context {
            open: self.open.clone(),
            quiet: self.quiet || !io::stderr().is_terminal(),
            interrupt: Arc::clone(&self.interrupt),
        }
    }
}

/// Runs a subcommand, its result to stdout.
pub fn run(command: Command, context: &Context) -> Result<(), CliError> {
    let mut out = io::stdout().lock();
    match command {
        Command::Trace(args) => trace::run(args, context, &mut out),
        Command::Edit(args) => edit::run(*args, context, &mut out),
        Command::Eval(command) => eval::run(command, context, &mut out),
        Command::Session(command) => session::run(command, context, &mut out),
        Command::Model(command) => model::run(command, context, &mut out),
        Command::Follow(args) => follow::run(&args),
        Command::Config(args) => config::run(&args, &mut out),
        Command::Man(args) => man::run(&args, &mut out),
        Command::Completions(args) => completions::run(&args, &mut out),
    }?;
    Ok(out.flush()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_word_is_a_command_or_else_a_session() {
        let parse = |words: &[&str]| Cli::try_parse_from([&["pentimento"], words].concat());
        assert!(parse(&[]).unwrap().command.is_none());
        assert_eq!(parse(&["a.toml"]).unwrap().session, Some("a.toml".into()));
        let cli = parse(&["--model", "x", "model", "info", "--json"]).unwrap();
        assert_eq!(cli.open.model.as_deref(), Some("x"));
        assert!(matches!(cli.command, Some(Command::Model(_))));
        let cli = parse(&["model", "info", "--model", "x"]).unwrap();
        assert_eq!(cli.open.model.as_deref(), Some("x"));
        assert!(parse(&["--device", "tpu"]).is_err());
    }
}
