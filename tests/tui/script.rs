//! An engine of made-up numbers that behaves like the real one, and a workbench
//! driven by it without a terminal.

#[path = "script/answers.rs"]
mod answers;
#[path = "script/cases.rs"]
pub mod cases;
#[path = "script/checks.rs"]
mod checks;
#[path = "script/sides.rs"]
mod sides;
#[path = "script/underneath.rs"]
mod underneath;
#[path = "script/world.rs"]
mod world;

pub use answers::answer;
pub use world::*;

use pentimento::engine::{EventKind, Spec};
use pentimento::tui::app::{Effect, Msg, Settings, State};
use pentimento::tui::store::{Reply, SessionEntry};
use pentimento::tui::theme::{Depth, Ground, Styles};
use pentimento::tui::update::{start, update};
use pentimento::tui::view;
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Rect;
use std::collections::VecDeque;

/// A workbench with the scripted engine.
pub struct Bench {
    pub state: State,
    pending: VecDeque<Effect>,
    /// Everything asked of the outer world but the engine.
    pub asked: Vec<Effect>,
    /// What the store lists.
    pub sessions: Vec<SessionEntry>,
}

impl Bench {
    /// Opened, with the first example filled in.
    pub fn open(width: u16, height: u16) -> Bench {
        let mut bench = Bench::closed(width, height);
        bench.settle();
        bench
    }

    /// Before the model is there.
    pub fn closed(width: u16, height: u16) -> Bench {
        let mut state = State::new(Settings::default());
        let pending = start(&mut state).into();
        let mut bench = Bench {
            state,
            pending,
            asked: Vec::new(),
            sessions: Vec::new(),
        };
        bench.send(Msg::Resize(width, height));
        bench
    }

    /// What `Y` would write were the proposed ending another one.
    pub fn written_as(&mut self, proposed: &str, end: &str) -> Vec<Effect> {
        self.keys("Y");
        let erase = "<backspace>".repeat(proposed.len());
        self.effects(&format!("{erase}{end}<enter>"))
    }

    /// Something asked elsewhere, to be carried out with the rest.
    pub fn put(&mut self, effect: Effect) {
        self.pending.push_back(effect);
    }

    pub fn send(&mut self, msg: Msg) {
        let effects = update(&mut self.state, msg);
        self.pending.extend(effects);
    }

    /// Lets the engine finish everything.
    pub fn settle(&mut self) {
        self.run(usize::MAX);
    }

    /// Lets the engine say `limit` things; the rest of its jobs stays unsaid.
    pub fn run(&mut self, mut limit: usize) {
        while let Some(effect) = self.pending.pop_front() {
            if !self.carry_out(effect, &mut limit) {
                return;
            }
        }
    }

    /// Carries out the first thing asked; what follows from it waits.
    fn step(&mut self) {
        if let Some(effect) = self.pending.pop_front() {
            self.carry_out(effect, &mut usize::MAX.clone());
        }
    }

    /// Whether it was carried out to its end.
    fn carry_out(&mut self, effect: Effect, limit: &mut usize) -> bool {
        match effect {
            Effect::Submit(ticket, spec) => {
                let on = self.state.edits.on();
                let events = match &*spec {
                    Spec::Recheck { overlaps } => {
                        let (mut held, outcome) = recheck(&on, *overlaps);
                        held.push(EventKind::Finished(Ok(outcome)));
                        held
                    }
                    spec => answer(spec, !on.is_empty()),
                };
                for event in events {
                    if *limit == 0 {
                        return false;
                    }
                    *limit -= 1;
                    self.send(Msg::Engine(ticket, event));
                }
            }
            Effect::Save { change, path, .. } => {
                let result = Ok(path);
                self.send(Msg::Store(Reply::Saved { change, result }));
            }
            Effect::Autosave(_) => self.send(Msg::Store(Reply::Autosaved(Ok(())))),
            Effect::List(_) => {
                let listed = Ok(self.sessions.clone());
                self.send(Msg::Store(Reply::Listed(listed)));
            }
            other => self.asked.push(other),
        }
        true
    }

    /// Presses keys: letters, or `<enter>`, `<esc>`, `<tab>`, `<c-s>`, `<left>` …
    pub fn keys(&mut self, keys: &str) {
        for key in parse(keys) {
            self.send(Msg::Key(key));
        }
    }

    /// Presses keys; gives what was asked, and lets nobody answer it.
    pub fn effects(&mut self, keys: &str) -> Vec<Effect> {
        let keys = parse(keys).into_iter();
        keys.flat_map(|key| update(&mut self.state, Msg::Key(key)))
            .collect()
    }

    /// As `settle`; gives all that was asked on the way.
    pub fn settle_and_record(&mut self) -> Vec<Effect> {
        let mut asked = Vec::new();
        while !self.pending.is_empty() {
            let next: Vec<Effect> = self.pending.drain(..).collect();
            asked.extend(next.iter().cloned());
            for effect in next {
                let later: VecDeque<Effect> = std::mem::take(&mut self.pending);
                self.pending.push_back(effect);
                self.step();
                let made = std::mem::replace(&mut self.pending, later);
                self.pending.extend(made);
            }
        }
        asked
    }

    /// Presses keys and lets the engine finish after each.
    pub fn play(&mut self, keys: &str) {
        for key in parse(keys) {
            self.send(Msg::Key(key));
            self.settle();
        }
    }

    pub fn draw(&self, depth: Depth) -> Buffer {
        self.paint(Styles::new(depth, Ground::Dark))
    }

    pub fn draw_on(&self, ground: Ground) -> Buffer {
        self.paint(Styles::new(Depth::True, ground))
    }

    fn paint(&self, styles: Styles) -> Buffer {
        let size = self.state.size;
        let mut buf = Buffer::empty(Rect::new(0, 0, size.width, size.height));
        view::draw(&mut buf, &self.state, &styles);
        buf
    }

    pub fn text(&self) -> String {
        text(&self.draw(Depth::None))
    }
}

/// The characters of a screen, a line each.
pub fn text(buf: &Buffer) -> String {
    use unicode_width::UnicodeWidthStr;
    let mut text = String::new();
    for y in buf.area.rows().map(|r| r.y) {
        let mut line = String::new();
        let mut skip = 0;
        for x in buf.area.x..buf.area.right() {
            if skip > 0 {
                skip -= 1;
                continue;
            }
            let symbol = buf[(x, y)].symbol();
            skip = symbol.width().saturating_sub(1);
            line.push_str(symbol);
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn parse(keys: &str) -> Vec<KeyEvent> {
    let mut list = Vec::new();
    let mut rest = keys;
    while let Some(c) = rest.chars().next() {
        let named = rest
            .strip_prefix('<')
            .and_then(|r| r.split_once('>'))
            .filter(|(n, _)| n.len() > 1);
        if let Some((name, after)) = named {
            let (code, mods) = match name {
                "enter" => (KeyCode::Enter, KeyModifiers::NONE),
                "esc" => (KeyCode::Esc, KeyModifiers::NONE),
                "tab" => (KeyCode::Tab, KeyModifiers::NONE),
                "left" => (KeyCode::Left, KeyModifiers::NONE),
                "right" => (KeyCode::Right, KeyModifiers::NONE),
                "up" => (KeyCode::Up, KeyModifiers::NONE),
                "down" => (KeyCode::Down, KeyModifiers::NONE),
                "home" => (KeyCode::Home, KeyModifiers::NONE),
                "f5" => (KeyCode::F(5), KeyModifiers::NONE),
                "backspace" => (KeyCode::Backspace, KeyModifiers::NONE),
                other => match other.strip_prefix("c-") {
                    Some(c) => (
                        KeyCode::Char(c.chars().next().unwrap()),
                        KeyModifiers::CONTROL,
                    ),
                    None => panic!("no key is called {other}"),
                },
            };
            list.push(KeyEvent::new(code, mods));
            rest = after;
            continue;
        }
        let mods = if c.is_uppercase() {
            KeyModifiers::SHIFT
        } else {
            KeyModifiers::NONE
        };
        list.push(KeyEvent::new(KeyCode::Char(c), mods));
        rest = &rest[c.len_utf8()..];
    }
    list
}
