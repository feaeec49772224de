//! The process: arguments in, an exit status out. The only place that touches
//! what the whole process shares: the panic hook, the log, signals.

use pentimento::cli::{self, Cli, CliError, Context};
use pentimento::session::{folders, read, text};
use pentimento::tui::app::Settings;
use pentimento::tui::run::{Options, run};
use pentimento::tui::theme::Choice;
use signal_hook::{consts::SIGINT, flag};
use std::fs::{self, File};
use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use tracing_subscriber::EnvFilter;

/// A log that grew beyond this is begun anew.
const LOG_LIMIT: u64 = 4 << 20;

fn main() -> ExitCode {
    let cli = Cli::from_process();
    let started = color_eyre::install().map_err(|e| CliError::Failed(e.to_string()));
    log();
    match started.and_then(|()| hand_over(cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is_closed_pipe() => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "failed");
            eprintln!("error: {}", text::shown_lines(&error.to_string()));
            ExitCode::FAILURE
        }
    }
}

fn hand_over(cli: Cli) -> Result<(), CliError> {
    let Some(command) = cli.command else {
        return workbench(cli);
    };
    let interrupt = Arc::new(AtomicBool::new(false));
    // The first Ctrl-C asks the job to stop, a second one ends the process.
    flag::register_conditional_shutdown(SIGINT, 130, Arc::clone(&interrupt))
        .and_then(|_| flag::register(SIGINT, Arc::clone(&interrupt)))
        .map_err(CliError::Start)?;
    cli::run(
        command,
        &Context {
            open: cli.open,
            quiet: cli.quiet,
            interrupt,
        },
    )
}

/// Opens the workbench; it answers Ctrl-C and every other signal itself.
fn workbench(cli: Cli) -> Result<(), CliError> {
    // Read first, so that a file that cannot be opened is said before the screen is taken.
    let session = cli
        .session
        .as_deref()
        .map(read)
        .transpose()?
        .map(|session| session.model);
    let settings = Settings {
        load: cli.open.spec(session.as_ref())?,
        session: cli.session,
        folder: ".".into(),
        ..Settings::default()
    };
    let color = Choice::parse(&cli.color).unwrap_or_default();
    let options = Options {
        settings,
        color,
        mouse: !cli.no_mouse,
        ..Options::default()
    };
    run(options).map_err(CliError::Start)
}

/// Logs go to a file, since the screen is taken. Without one, there are none.
fn log() {
    let Some(file) = log_file() else { return };
    let filter =
        EnvFilter::try_from_env("PENTIMENTO_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .with_writer(Mutex::new(file));
    // Only fails where a log is set up already.
    let _ = subscriber.try_init();
}

fn log_file() -> Option<File> {
    let path = folders::log()?;
    let open = || -> io::Result<File> {
        path.parent().map_or(Ok(()), fs::create_dir_all)?;
        let long = fs::metadata(&path).is_ok_and(|m| m.len() > LOG_LIMIT);
        File::options()
            .create(true)
            .write(true)
            .append(!long)
            .truncate(long)
            .open(&path)
    };
    open().ok()
}
