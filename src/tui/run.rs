//! The loop: takes in what happened, lets the state change, carries out what
//! it asks for, and draws. Everything it touches is given to it, so that tests
//! drive it with scripted input.

mod input;
mod pace;
mod sessions;

pub use input::{Input, listen};
pub use pace::Pace;

use super::app::{Effect, Msg, Settings, State, Ticket};
use super::port::EnginePort;
use super::store::Store;
use super::store::files::Files;
use super::terminal::{Beside, Cast, Followers, Screen, Tty};
use super::theme::{Choice, Ground, Styles, detect, terminfo_entry};
use super::update::{start, update};
use crate::engine::{Engine, Event, EventKind, Folders, JobId};
use crate::hub;
use crate::session::folders;
use crossbeam_channel::{Receiver, never, select};
use sessions::Sessions;
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How often a screen that changes by time alone is drawn.
const TICK: Duration = Duration::from_millis(120);
/// Engine events taken in before the keys are looked at again.
const BATCH: usize = 1024;

/// How the workbench is opened.
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub settings: Settings,
    pub color: Choice,
    /// `None`: as far as the terminal tells.
    pub ground: Option<Ground>,
    pub mouse: bool,
    /// `None`: slower where a line is in between.
    pub pace: Option<Pace>,
    /// Where else models are looked for.
    pub folders: Vec<PathBuf>,
    /// A recording of all frames, in a file that is not there yet.
    pub record: Option<PathBuf>,
    /// Where a socket is opened for those who watch.
    pub follow: Option<PathBuf>,
}

/// An error with the name of its file.
fn named(path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// Opens the workbench in this terminal and returns when the user leaves it.
pub fn run(options: Options) -> io::Result<()> {
    let env = |name: &str| std::env::var(name).ok();
    let ground = options.ground.unwrap_or_else(|| Ground::detect(env));
    let styles = Styles::new(detect(options.color, env, terminfo_entry), ground);
    let mut hub = hub::Settings::from_env();
    hub.places.folders = options.folders;
    let (engine, events) = Engine::start(Folders {
        cache: folders::cache(),
        hashes: folders::hashes(),
        hub: hub.clone(),
    })?;
    let here = options.settings.folder.clone();
    let files = Files::new(here, folders::autosaves(), hub);
    let store = Box::new(files.touring(folders::toured()).locking(folders::locks()));
    // Before the terminal is taken: a signal in between is not lost.
    let (to_inputs, inputs) = listen()?;
    let mut beside = Beside::default();
    if let Some(path) = &options.record {
        let size = ratatui::crossterm::terminal::size()?;
        let cast = Cast::begin(path, size).map_err(|e| named(path, e))?;
        beside.cast = Some(cast);
    }
    if let Some(folder) = &options.follow {
        let wake = move || drop(to_inputs.send(Input::Joined));
        let followers = Followers::listen(folder, wake).map_err(|e| named(folder, e))?;
        beside.followers = Some(followers);
    }
    let mut screen = Tty::enter(styles, options.mouse, beside)?;
    let mut state = State::new(options.settings);
    let clock = Instant::now();
    let result = drive(
        &mut state,
        World {
            screen: &mut screen,
            engine: &mut &engine,
            events,
            inputs,
            store,
            clock: &|| clock.elapsed(),
            pace: options.pace.unwrap_or_else(|| Pace::of(env)),
        },
    );
    drop(screen);
    // Dropping the engine waits for the running job to notice; the process
    // ends anyway, and a signal wants it to end now.
    std::mem::forget(engine);
    result
}

/// What the loop has around it.
pub struct World<'a> {
    pub screen: &'a mut dyn Screen,
    pub engine: &'a mut dyn EnginePort,
    pub events: Receiver<Event>,
    pub inputs: Receiver<Input>,
    pub store: Box<dyn Store>,
    /// The time since the start.
    pub clock: &'a dyn Fn() -> Duration,
    pub pace: Pace,
}

/// Runs until the state asks to quit or there is nobody left to talk to.
pub fn drive(state: &mut State, world: World) -> io::Result<()> {
    let mut run = Loop {
        screen: world.screen,
        engine: world.engine,
        sessions: Sessions::start(world.store)?,
        tickets: HashMap::new(),
        dirty: true,
        answering: false,
        quit: false,
    };
    let (mut events, inputs) = (world.events, world.inputs);
    let size = run.screen.size()?;
    run.take(state, Msg::Resize(size.width, size.height))?;
    let effects = start(state);
    run.perform(state, effects)?;
    // When the last frame was drawn, and its bytes.
    let mut drawn: Option<(Duration, usize)> = None;
    while !run.quit {
        let now = (world.clock)();
        let frame = drawn.map_or(now, |(at, bytes)| {
            at + world.pace.after(bytes, run.answering)
        });
        if run.dirty && now >= frame {
            let bytes = run.screen.draw(state)?;
            (run.dirty, run.answering) = (false, false);
            if let Some(words) = run.screen.trouble() {
                state.complain(words);
                run.dirty = true;
            }
            drawn = Some(((world.clock)(), bytes));
            continue;
        }
        let wait = match (run.dirty, state.animates() || run.screen.waited_for()) {
            (true, _) => frame - now,
            (false, true) => TICK,
            (false, false) => Duration::from_secs(3600),
        };
        let mut first = None;
        select! {
            recv(inputs) -> input => first = Some(Happened::Input(input.unwrap_or(Input::Gone))),
            recv(events) -> event => first = Some(Happened::Engine(event.ok())),
            recv(run.sessions.replies) -> reply => match reply {
                Ok(reply) => first = Some(Happened::Reply(reply)),
                Err(_) => {
                    run.sessions.replies = never();
                    state.complain("sessions can no longer be saved; the log says why");
                }
            },
            default(wait) => {}
        }
        let animated = state.animates();
        let effects = update(state, Msg::Tick((world.clock)()));
        run.dirty |= !effects.is_empty();
        run.perform(state, effects)?;
        run.dirty |= animated || run.screen.waited_for();
        if matches!(first, Some(Happened::Engine(None))) {
            events = never();
        }
        if let Some(first) = first {
            run.happened(state, first)?;
        }
        // Keys before everything else that has come.
        while let Ok(input) = inputs.try_recv() {
            run.happened(state, Happened::Input(input))?;
        }
        while let Ok(reply) = run.sessions.replies.try_recv() {
            run.take(state, Msg::Store(reply))?;
        }
        for event in events.try_iter().take(BATCH) {
            run.happened(state, Happened::Engine(Some(event)))?;
        }
    }
    run.sessions.finish();
    Ok(())
}

enum Happened {
    Input(Input),
    /// `None`: the engine's channel is closed.
    Engine(Option<Event>),
    Reply(super::store::Reply),
}

struct Loop<'a> {
    screen: &'a mut dyn Screen,
    engine: &'a mut dyn EnginePort,
    sessions: Sessions,
    /// Our names of the jobs that the engine still has.
    tickets: HashMap<JobId, Ticket>,
    dirty: bool,
    /// Somebody has pressed a key, and waits to see what it did.
    answering: bool,
    quit: bool,
}

impl Loop<'_> {
    fn happened(&mut self, state: &mut State, what: Happened) -> io::Result<()> {
        match what {
            Happened::Input(input) => self.input(state, input),
            Happened::Reply(reply) => self.take(state, Msg::Store(reply)),
            Happened::Engine(None) => {
                let why = "Its thread has ended.".into();
                self.take(state, Msg::EngineGone(why))
            }
            Happened::Engine(Some(event)) => {
                let Some(ticket) = self.tickets.get(&event.job).copied() else {
                    return Ok(());
                };
                if matches!(event.kind, EventKind::Finished(_)) {
                    self.tickets.remove(&event.job);
                }
                self.take(state, Msg::Engine(ticket, event.kind))
            }
        }
    }

    fn input(&mut self, state: &mut State, input: Input) -> io::Result<()> {
        match input {
            Input::Msg(msg) => {
                self.answering = true;
                self.take(state, msg)
            }
            Input::Leave | Input::Gone => self.take(state, Msg::Leave),
            Input::Stop => self.suspend(state),
            Input::Continued => self.resumed(state),
            Input::Joined => {
                self.dirty = true;
                Ok(())
            }
        }
    }

    fn take(&mut self, state: &mut State, msg: Msg) -> io::Result<()> {
        self.dirty = true;
        let effects = update(state, msg);
        self.perform(state, effects)
    }

    fn perform(&mut self, state: &mut State, effects: Vec<Effect>) -> io::Result<()> {
        for effect in effects {
            match effect {
                Effect::Submit(ticket, spec) => {
                    let job = self.engine.submit(*spec);
                    self.tickets.insert(job, ticket);
                }
                Effect::Cancel(ticket) => {
                    let job = self.tickets.iter().find(|(_, t)| **t == ticket);
                    if let Some(job) = job.map(|(job, _)| *job) {
                        self.engine.cancel(job);
                    }
                }
                Effect::Copy(text) => self.screen.copy(&text)?,
                Effect::Repaint => self.screen.repaint()?,
                Effect::Suspend => self.suspend(state)?,
                Effect::Quit => self.quit = true,
                Effect::Save { .. }
                | Effect::Autosave(_)
                | Effect::Discard
                | Effect::List(_)
                | Effect::ListModels
                | Effect::ReadProbes(_)
                | Effect::Load(..)
                | Effect::Export { .. }
                | Effect::Toured
                | Effect::ReadCases(..)
                | Effect::WriteFile { .. } => self.sessions.ask(effect),
            }
        }
        Ok(())
    }

    fn suspend(&mut self, state: &mut State) -> io::Result<()> {
        self.screen.suspend()?;
        self.resumed(state)
    }

    /// Somebody else may have used the terminal, and it may have another size.
    fn resumed(&mut self, state: &mut State) -> io::Result<()> {
        self.screen.resume()?;
        let size = self.screen.size()?;
        self.take(state, Msg::Resize(size.width, size.height))
    }
}
