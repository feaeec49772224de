//! The process: arguments in, an exit status out. The only place that touches
//! what the whole process shares: the panic hook, the log, signals.

use pentimento::cli::{self, Cli, CliError, Context, files};
use pentimento::config::Config;
use pentimento::engine::Source;
use pentimento::session::{self, folders, text};
use pentimento::tui;
use pentimento::tui::app::Settings;
use pentimento::tui::layout::Preset;
use pentimento::tui::run::{Options, Pace};
use pentimento::tui::theme::{Choice, Theme};
use signal_hook::{consts::SIGINT, flag};
use std::fs::{self, File};
use std::io::{self, IsTerminal};
use std::os::unix::fs::OpenOptionsExt;
use std::panic;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;
use tracing_subscriber::EnvFilter;

/// Activations are buffers of some hundred kB that come and go by the thousand.
/// The system's allocator gives them back to the kernel each time, and page
/// faults then cost as much as the arithmetic; this one keeps them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A log that grew beyond this is begun anew.
const LOG_LIMIT: u64 = 4 << 20;

fn main() -> ExitCode {
    let cli = Cli::from_process();
    let started = color_eyre::install().map_err(|e| CliError::Failed(e.to_string()));
    report_here_alone();
    log();
    match started.and_then(|()| hand_over(cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is_closed_pipe() => ExitCode::SUCCESS,
        Err(error) if error.is_said() => error.status().into(),
        Err(error) => {
            tracing::error!(%error, "failed");
            eprintln!(
                "error: {}",
                text::shown_lines(&text::brief(&error.to_string()))
            );
            error.status().into()
        }
    }
}

fn hand_over(cli: Cli) -> Result<(), CliError> {
    let show = match &cli.command {
        Some(cli::Command::Session(cli::session::Command::Replay(args))) if args.live => {
            let every = args.every.map(Duration::from_secs_f64);
            Some((session::save::named(&args.session), every))
        }
        None => None,
        Some(_) => return command(cli),
    };
    tui::run::run(options(cli, show)?).map_err(CliError::Terminal)
}

/// A panic on another thread is caught and becomes an error, in words: its report is for
/// the log.
fn report_here_alone() {
    let own = thread::current().id();
    let report = panic::take_hook();
    panic::set_hook(Box::new(move |info| match thread::current().id() == own {
        true => report(info),
        false => tracing::error!("{info}"),
    }));
}

/// Anything but the workbench.
fn command(mut cli: Cli) -> Result<(), CliError> {
    let Some(command) = cli.command.take() else {
        return Ok(());
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

/// A session to show, and how long each scene stands.
type Show = (PathBuf, Option<Duration>);

/// How the workbench opens: the command line, then `config.toml`, then its
/// own defaults.
fn options(mut cli: Cli, show: Option<Show>) -> Result<Options, CliError> {
    if !(io::stdin().is_terminal() && io::stdout().is_terminal()) {
        return Err(CliError::NoTerminal);
    }
    let config = Config::of_user()?;
    let path = cli.session.map(|path| session::save::named(&path));
    let belongs_to = path
        .as_deref()
        .or(show.as_ref().map(|(path, _)| path.as_path()));
    let model = belongs_to
        .map(session::read)
        .transpose()?
        .map(|session| session.model);
    if model.is_none() {
        cli.open.model = cli.open.model.or(config.model);
    }
    let plain = Settings::default();
    let load = cli.open.spec(model.as_ref())?;
    let toured = folders::toured().is_none_or(|path| path.exists());
    let first_time = path.is_none() && load.source == Source::Atlas && !toured;
    let settings = Settings {
        load,
        session: path,
        probes: config
            .probes
            .as_deref()
            .map(files::probes)
            .transpose()?
            .unwrap_or_default(),
        propose: config.propose.unwrap_or(plain.propose),
        top: config.top.unwrap_or(plain.top),
        tokens: config.tokens.unwrap_or(plain.tokens),
        seed: config.seed.unwrap_or(plain.seed),
        thresholds: config.validation,
        views: config.views,
        folder: std::env::current_dir().unwrap_or_default(),
        keys: config.keys,
        theme: cli
            .theme
            .and_then(|name| Theme::named(&name))
            .unwrap_or(config.theme),
        tour: show.is_none() && first_time && config.tour.unwrap_or(true),
        show,
        preset: cli
            .layout
            .and_then(|name| Preset::named(&name))
            .unwrap_or(config.layout),
    };
    let pace = Pace::of(|name| std::env::var(name).ok());
    let color = cli.color.and_then(|name| Choice::parse(&name));
    Ok(Options {
        settings,
        color: color.or(config.color).unwrap_or_default(),
        ground: config.ground,
        mouse: !cli.no_mouse && config.mouse.unwrap_or(true),
        pace: config.frames.map(|frames| pace.frames(frames)),
        folders: config.models.folders,
        record: cli.record,
        follow: cli.follow.then(folders::followed).flatten(),
    })
}

/// Logs go to a file, since the screen is taken. Without one, there are none.
fn log() {
    let Some(file) = log_file() else { return };
    let filter =
        EnvFilter::try_from_env("PENTIMENTO_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        // A full disk would otherwise be told on stderr, in the middle of the screen.
        .log_internal_errors(false)
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
            .mode(0o600)
            .append(!long)
            .truncate(long)
            .open(&path)
    };
    open().ok()
}
