//! From a key that changes the stack to the first rescored neighbour: the
//! workbench's own state and the real engine on Atlas, without a terminal. The
//! aim is 100 ms.
//!
//!     cargo bench --bench stack

use crossbeam_channel::Receiver;
use pentimento::engine::{Engine, Event, EventKind, Folders, JobId, Outcome, Side};
use pentimento::facts::{Fact, World};
use pentimento::measure::board::Imported;
use pentimento::measure::{Probe, ProbeGroup};
use pentimento::tui::app::{Confabs, Effect, Msg, Settings, State, Ticket};
use pentimento::tui::store::Reply;
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
    drop(desk);
    board();
}

/// Probes on the board, and the aim: all of them within 1.5 s.
const BOARD: usize = 500;

/// A board of many probes as α moves, from the key to the last row.
fn board() {
    let world = World::atlas().expect("facts");
    let facts = world.facts().iter().filter(|f| f.derived_from.is_none());
    // From all over the file, which stands relation by relation.
    let stride = world.facts().len() / (2 * BOARD);
    let probe = |fact: &Fact| {
        let wording = *world.asked(fact).train.first()?;
        Some(Probe {
            prompt: wording.replacen("{}", &fact.subject, 1),
            expected: fact.object.clone(),
            group: ProbeGroup::User,
            ..Probe::default()
        })
    };
    let probes: Vec<Probe> = facts
        .step_by(stride)
        .filter_map(probe)
        .take(BOARD)
        .collect();
    assert_eq!(probes.len(), BOARD, "the world is large enough");

    let mut desk = Desk::open();
    desk.press('e');
    desk.rest();
    // Without continuations, which are not the board's.
    desk.state.confabs = Confabs::new(1);
    let imported = Imported {
        probes,
        ..Imported::default()
    };
    desk.pressed = Instant::now();
    let effects = update(
        &mut desk.state,
        Msg::Store(Reply::Probes {
            path: "probes.jsonl".into(),
            result: Ok(imported),
        }),
    );
    desk.perform(effects);
    let done = |kind: &EventKind| matches!(kind, EventKind::Finished(Ok(Outcome::Probed(_))));
    let first = desk.wait(done);
    desk.rest();
    let rows = desk.state.watch.rows.len();
    println!(
        "a board of {rows} rows, asked for the first time: {:.2} s",
        first.as_secs_f64()
    );

    let (mut begun, mut all, mut mid) = (Vec::new(), Vec::new(), Vec::new());
    desk.slowest = Duration::ZERO;
    for round in 0..ROUNDS {
        let key = if round % 4 < 2 { '[' } else { ']' };
        desk.press(key);
        begun.push(desk.wait(rescored));
        all.push(desk.wait(done));
        desk.rest();
    }
    told("α moved, first of the board", begun);
    told(&format!("… all {rows} rows"), all);
    for round in 0..ROUNDS {
        let key = if round % 4 < 2 { '[' } else { ']' };
        desk.press(key);
        desk.wait(rescored);
        // In the midst of the rows of the step before.
        desk.press(key);
        mid.push(desk.wait(restacked));
        desk.rest();
    }
    told("α moved again while rows come, the older job gone", mid);
    let slowest = desk.slowest.as_secs_f64() * 1e3;
    println!("  the slowest event took the workbench {slowest:.2} ms");
}

fn restacked(kind: &EventKind) -> bool {
    matches!(kind, EventKind::Finished(Ok(Outcome::Stacked { .. })))
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
    /// The longest that taking an event in has lasted.
    slowest: Duration,
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
            slowest: Duration::ZERO,
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
        let begun = Instant::now();
        let effects = update(&mut self.state, Msg::Engine(ticket, event.kind.clone()));
        self.slowest = self.slowest.max(begun.elapsed());
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
