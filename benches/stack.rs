//! From a key that changes the stack to the first rescored neighbour: the
//! workbench's own state and the real engine on Atlas, without a terminal. The
//! aim is 100 ms.
//!
//!     cargo bench --bench stack

use crossbeam_channel::Receiver;
use pentimento::engine::{Engine, Event, EventKind, Folders, JobId, Outcome, Side};
use pentimento::tui::app::{Effect, Msg, Settings, State, Ticket};
use pentimento::tui::update::{start, update};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use std::collections::HashMap;
use std::time::{Duration, Instant};

const ROUNDS: usize = 20;
/// Between two presses of a key that is held down.
const REPEAT: Duration = Duration::from_millis(33);

fn main() {
    // `cargo bench` passes `--bench`; `cargo test --benches` must not run this.
    if std::env::args().any(|word| word == "--bench") {
        measure();
    }
}

fn measure() {
    let mut desk = Desk::open();
    // The first example is edited, with its 48 neighbours and continuations.
    desk.press('e');
    desk.rest();
    let rows = desk.state.watch.rows.len();
    let done = |kind: &EventKind| matches!(kind, EventKind::Finished(Ok(Outcome::Probed(_))));
    let checked = |kind: &EventKind| matches!(kind, EventKind::Finished(Ok(Outcome::Rechecked(_))));

    let mut off = Vec::new();
    let (mut on, mut all, mut check) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        desk.press(' ');
        off.push(desk.wait(rescored));
        desk.rest();
        desk.press(' ');
        on.push(desk.wait(rescored));
        all.push(desk.wait(done));
        check.push(desk.wait(checked));
        desk.rest();
    }
    told("switched off, first of the neighbours", off);
    told("switched on, first of the neighbours", on);
    told(&format!("… all {rows} of them"), all);
    told("… the edit rechecked, ‖W‖ of every layer", check);

    // While the continuations of the step before are still being written.
    let mut busy = Vec::new();
    for round in 0..ROUNDS {
        desk.press(if round % 2 == 0 { ']' } else { '[' });
        desk.wait(|kind| {
            matches!(
                kind,
                EventKind::Token {
                    side: Side::After,
                    ..
                }
            )
        });
        desk.press(if round % 2 == 0 { ']' } else { '[' });
        busy.push(desk.wait(rescored));
    }
    desk.rest();
    told("α moved while the engine is busy", busy);

    let (mut last, mut seen) = (Vec::new(), 0);
    for round in 0..ROUNDS {
        for _ in 0..10 {
            desk.press(if round % 2 == 0 { ']' } else { '[' });
            let until = Instant::now() + REPEAT;
            while desk.step(until).is_some_and(|kind| {
                seen += usize::from(rescored(&kind));
                true
            }) {}
        }
        // All of the last press: a single row may belong to the one before.
        last.push(desk.wait(done));
        desk.rest();
    }
    told("α held down, all neighbours after the last press", last);
    println!("  {seen} rows were rescored under way");
}

fn rescored(kind: &EventKind) -> bool {
    matches!(kind, EventKind::Row { after: true, .. })
}

fn told(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    println!(
        "{what}: median {:.1} ms, longest {:.1} ms of {}",
        at(0.5),
        at(1.0),
        times.len()
    );
}

/// The workbench without its screen.
struct Desk {
    state: State,
    engine: Engine,
    events: Receiver<Event>,
    tickets: HashMap<JobId, Ticket>,
    pressed: Instant,
    _cache: tempfile::TempDir,
}

impl Desk {
    fn open() -> Desk {
        let cache = tempfile::tempdir().expect("a folder");
        let folders = Folders {
            cache: Some(cache.path().into()),
            ..Folders::default()
        };
        let (engine, events) = Engine::start(folders).expect("the engine starts");
        let mut desk = Desk {
            state: State::new(Settings::default()),
            engine,
            events,
            tickets: HashMap::new(),
            pressed: Instant::now(),
            _cache: cache,
        };
        let effects = start(&mut desk.state);
        desk.perform(effects);
        desk.rest();
        desk
    }

    fn press(&mut self, key: char) {
        self.pressed = Instant::now();
        let key = KeyEvent::new(KeyCode::Char(key), KeyModifiers::NONE);
        let effects = update(&mut self.state, Msg::Key(key));
        self.perform(effects);
    }

    fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Submit(ticket, spec) => {
                    let job = self.engine.submit(*spec);
                    self.tickets.insert(job.id, ticket);
                }
                Effect::Cancel(ticket) => {
                    let job = self.tickets.iter().find(|(_, of)| **of == ticket);
                    if let Some((job, _)) = job {
                        self.engine.cancel(*job);
                    }
                }
                _ => {}
            }
        }
    }

    /// Takes the next event in, where one comes in time.
    fn step(&mut self, until: Instant) -> Option<EventKind> {
        let event = self.events.recv_deadline(until).ok()?;
        let ticket = *self.tickets.get(&event.job)?;
        if matches!(event.kind, EventKind::Finished(_)) {
            self.tickets.remove(&event.job);
        }
        let effects = update(&mut self.state, Msg::Engine(ticket, event.kind.clone()));
        self.perform(effects);
        Some(event.kind)
    }

    /// From the last key to the first event of a kind.
    fn wait(&mut self, wanted: impl Fn(&EventKind) -> bool) -> Duration {
        loop {
            let kind = self.step(Instant::now() + Duration::from_secs(600));
            if wanted(&kind.expect("the engine answers")) {
                return self.pressed.elapsed();
            }
        }
    }

    /// Until nothing is asked of the engine any more.
    fn rest(&mut self) {
        while !self.tickets.is_empty() {
            let step = self.step(Instant::now() + Duration::from_secs(600));
            step.expect("the engine answers");
        }
    }
}
