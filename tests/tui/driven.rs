//! The loop with scripted input and a screen in memory.

use crate::script::answer;
use crossbeam_channel::{Receiver, Sender, unbounded};
use pentimento::engine::{Event, EventKind, JobId, ModelInfo, Spec};
use pentimento::hub;
use pentimento::trace::Kind;
use pentimento::tui::app::{Msg, Settings, State};
use pentimento::tui::port::EnginePort;
use pentimento::tui::run::{Input, Pace, World, drive};
use pentimento::tui::store::{NotSaved, Opened, SessionData, SessionEntry, Store};
use pentimento::tui::terminal::Screen;
use pentimento::tui::theme::{Depth, Ground, Styles};
use pentimento::tui::view;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Size;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// What a test saw of the terminal.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<(Instant, String)>>>);

impl Seen {
    fn last(&self) -> String {
        let frames = self.0.lock().unwrap();
        frames
            .last()
            .map_or(String::new(), |(_, text)| text.clone())
    }

    /// Waits until a frame holds `words`; gives the frame.
    fn wait_for(&self, words: &str) -> String {
        let end = Instant::now() + Duration::from_secs(20);
        while Instant::now() < end {
            let text = self.last();
            if text.contains(words) {
                return text;
            }
            thread::sleep(Duration::from_millis(1));
        }
        panic!("no frame shows {words:?}:\n{}", self.last());
    }

    fn note(&self, what: &str) {
        self.0.lock().unwrap().push((Instant::now(), what.into()));
    }
}

struct Memory {
    terminal: Terminal<TestBackend>,
    seen: Seen,
}

impl Screen for Memory {
    fn size(&mut self) -> io::Result<Size> {
        Ok(Size::new(120, 40))
    }

    fn draw(&mut self, state: &State) -> io::Result<usize> {
        let styles = Styles::new(Depth::True, Ground::Dark);
        let Ok(frame) = self.terminal.draw(|frame| {
            view::draw(frame.buffer_mut(), state, &styles);
        });
        let text = crate::script::text(frame.buffer);
        self.seen.note(&text);
        Ok(text.len())
    }

    fn repaint(&mut self) -> io::Result<()> {
        self.seen.note("repaint");
        Ok(())
    }

    fn suspend(&mut self) -> io::Result<()> {
        self.seen.note("suspend");
        Ok(())
    }

    fn resume(&mut self) -> io::Result<()> {
        self.seen.note("resume");
        Ok(())
    }

    fn copy(&mut self, text: &str) -> io::Result<()> {
        self.seen.note(&format!("copy {text}"));
        Ok(())
    }
}

/// An engine that answers at once, from the caller's thread.
struct Prompt {
    events: Option<Sender<Event>>,
    last: u64,
    /// Jobs of these specs are left unanswered.
    mute: fn(&Spec) -> bool,
}

impl EnginePort for Prompt {
    fn submit(&mut self, spec: Spec) -> JobId {
        self.last += 1;
        let job = JobId(self.last);
        if !(self.mute)(&spec)
            && let Some(events) = &self.events
        {
            for kind in answer(&spec, false) {
                let _ = events.send(Event { job, kind });
            }
        }
        job
    }

    fn cancel(&mut self, _: JobId) {}
}

#[derive(Clone, Default)]
struct Shelf(Arc<Mutex<Vec<&'static str>>>);

impl Store for Shelf {
    fn save(&mut self, path: &Path, _: bool, _: &SessionData) -> Result<PathBuf, NotSaved> {
        self.0.lock().unwrap().push("save");
        Ok(path.into())
    }

    fn autosave(&mut self, _: &SessionData) -> Result<(), String> {
        // A slow disk holds nothing up, and is waited for when leaving.
        thread::sleep(Duration::from_millis(100));
        self.0.lock().unwrap().push("autosave");
        Ok(())
    }

    fn discard(&mut self) {
        self.0.lock().unwrap().push("discard");
    }

    fn places(&self) -> hub::Settings {
        hub::Settings::default()
    }

    fn list(&mut self, _: &ModelInfo) -> Result<Vec<SessionEntry>, String> {
        Ok(vec![])
    }

    fn load(&mut self, _: &Path, _: &ModelInfo) -> Result<(Opened, SessionData), String> {
        Err("nothing there".into())
    }
}

struct Driven {
    inputs: Sender<Input>,
    events: Option<Sender<Event>>,
    seen: Seen,
    shelf: Shelf,
    thread: thread::JoinHandle<io::Result<()>>,
}

fn open(mute: fn(&Spec) -> bool) -> Driven {
    let (inputs, received) = unbounded();
    let (events, watched): (Sender<Event>, Receiver<Event>) = unbounded();
    let (seen, shelf) = (Seen::default(), Shelf::default());
    let (of_thread, store) = (seen.clone(), shelf.clone());
    let port_events = Some(events.clone());
    let thread = thread::spawn(move || {
        let clock = Instant::now();
        drive(
            &mut State::new(Settings::default()),
            World {
                screen: &mut Memory {
                    terminal: Terminal::new(TestBackend::new(120, 40)).unwrap(),
                    seen: of_thread,
                },
                engine: &mut Prompt {
                    events: port_events,
                    last: 0,
                    mute,
                },
                events: watched,
                inputs: received,
                store: Box::new(store),
                clock: &|| clock.elapsed(),
                pace: Pace::default(),
            },
        )
    });
    Driven {
        inputs,
        events: Some(events),
        seen,
        shelf,
        thread,
    }
}

impl Driven {
    fn key(&self, code: KeyCode, mods: KeyModifiers) {
        let key = Msg::Key(KeyEvent::new(code, mods));
        self.inputs.send(Input::Msg(key)).unwrap();
    }

    fn press(&self, c: char) {
        self.key(KeyCode::Char(c), KeyModifiers::NONE);
    }

    fn end(self) -> (io::Result<()>, Vec<&'static str>) {
        let result = self.thread.join().unwrap();
        let shelf = self.shelf.0.lock().unwrap().clone();
        (result, shelf)
    }
}

#[test]
fn a_whole_sitting() {
    let driven = open(|_| false);
    driven.seen.wait_for("Seattle 0.94");
    driven.press('t');
    driven.seen.wait_for("◆ layer 4");
    driven.press('e');
    driven.seen.wait_for("2 moved of 8");
    driven.press('u');
    driven.seen.wait_for("0 of");
    driven.press('q');
    driven.seen.wait_for("Not saved");
    driven.press('d');
    let (result, shelf) = driven.end();
    assert!(result.is_ok());
    assert_eq!(shelf.last(), Some(&"discard"));
    assert!(shelf.contains(&"autosave"));
}

#[test]
fn a_signal_saves_and_ends_the_loop() {
    let driven = open(|_| false);
    driven.seen.wait_for("Seattle 0.94");
    driven.press('e');
    driven.seen.wait_for("2 moved of 8");
    driven.inputs.send(Input::Leave).unwrap();
    let (result, shelf) = driven.end();
    assert!(result.is_ok());
    assert_eq!(shelf.last(), Some(&"autosave"));
}

#[test]
fn suspending_repaints_afterwards() {
    let driven = open(|_| false);
    driven.seen.wait_for("Seattle 0.94");
    driven.key(KeyCode::Char('z'), KeyModifiers::CONTROL);
    driven.press('?');
    driven.seen.wait_for("Locate, edit, measure");
    let frames: Vec<String> = driven
        .seen
        .0
        .lock()
        .unwrap()
        .iter()
        .map(|f| f.1.clone())
        .collect();
    let at = |what: &str| frames.iter().position(|f| f == what);
    assert!(at("suspend") < at("resume") && at("suspend").is_some());
    driven.inputs.send(Input::Gone).unwrap();
    assert!(driven.end().0.is_ok());
}

#[test]
fn a_closed_engine_is_shown_and_the_keys_still_work() {
    let mut driven = open(|_| false);
    driven.seen.wait_for("Seattle 0.94");
    // Both ends that send: this one, and the port's when it is dropped.
    driven.events = None;
    driven.press('?');
    driven.seen.wait_for("Locate, edit, measure");
    driven.inputs.send(Input::Leave).unwrap();
    assert!(driven.end().0.is_ok());
}

#[test]
fn keys_reach_the_screen_while_events_pour_in() {
    let driven = open(|spec| matches!(spec, Spec::Trace(_)));
    driven.seen.wait_for("Seattle 0.94");
    driven.press('t');
    driven.seen.wait_for("corrupted runs");
    let events = driven.events.clone().unwrap();
    let (stop, stopped) = unbounded::<()>();
    let flood = thread::spawn(move || {
        // The trace is the third job: load, predict, trace.
        let job = JobId(3);
        let trace = Spec::Trace(pentimento::trace::TraceSpec {
            prompt: "The Space Needle is in the city of".into(),
            subject: "Space Needle".into(),
            ..Default::default()
        });
        let ready = answer(&trace, false).into_iter().nth(1).unwrap();
        let _ = events.send(Event { job, kind: ready });
        let mut n = 0;
        while stopped.try_recv().is_err() {
            for kind in Kind::ALL {
                n += 1;
                let cell = EventKind::Cell {
                    kind,
                    token: n % 9,
                    layer: n % 8,
                    p: (n % 97) as f64 / 97.0,
                };
                let _ = events.send(Event { job, kind: cell });
            }
            // As fast as the engine's bounded channel would let it.
            thread::sleep(Duration::from_micros(50));
        }
    });
    let mut times = Vec::new();
    for _ in 0..60 {
        for (c, words) in [('?', "Locate, edit, measure"), ('j', ""), ('z', "")] {
            if words.is_empty() {
                continue;
            }
            let pressed = Instant::now();
            driven.press(c);
            driven.seen.wait_for(words);
            times.push(pressed.elapsed());
            driven.key(KeyCode::Esc, KeyModifiers::NONE);
            driven.seen.wait_for("of 216");
        }
    }
    stop.send(()).unwrap();
    flood.join().unwrap();
    driven.inputs.send(Input::Leave).unwrap();
    assert!(driven.end().0.is_ok());
    times.sort();
    let p99 = times[times.len() * 99 / 100];
    // The aim is 50 ms; a test machine under load gets some grace.
    assert!(p99 < Duration::from_millis(150), "{p99:?}");
}
