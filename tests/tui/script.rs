//! An engine of made-up numbers that behaves like the real one, and a workbench
//! driven by it without a terminal.

use pentimento::edit::Delta;
use pentimento::engine::{
    Candidate, EventKind, LayerOverlaps, LayerWeights, LossStep, ModelInfo, Outcome, Overlap,
    Prediction, Side, Spec, StackCheck, Stage, TraceHeader,
};
use pentimento::measure::{
    EditReport, Generation, LayerNorm, MomentHealth, Pair, Probe, ProbeGroup, ProbeRow,
};
use pentimento::trace::{Answer, Grids, Kind, TraceReport};
use pentimento::tui::app::{Effect, Msg, Settings, State};
use pentimento::tui::store::{Reply, SessionEntry};
use pentimento::tui::theme::{Depth, Ground, Styles};
use pentimento::tui::update::{start, update};
use pentimento::tui::view;
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Rect;
use std::collections::VecDeque;

pub const LAYERS: usize = 8;

pub fn model() -> ModelInfo {
    let example = |e: [&str; 4]| e.map(String::from);
    ModelInfo {
        revision: None,
        name: "atlas".into(),
        family: "gpt2".into(),
        layers: LAYERS,
        d: 256,
        d_mlp: 1024,
        heads: 8,
        vocab: 8000,
        context: 128,
        parameters: 8_300_000,
        device: "cpu".into(),
        dtype: "f32".into(),
        sha256: "3fa9c1d2e4b50786".repeat(4),
        moments: Vec::new(),
        examples: vec![
            example([
                "The {} is in the city of",
                "Space Needle",
                "Seattle",
                "Paris",
            ]),
            example(["{} was founded by", "Google", "Larry Page", "Steve Jobs"]),
            example(["{} come from", "Tacos", "Mexico", "Japan"]),
        ],
        default_layer: None,
        defaults: Vec::new(),
        norm_sample: (0..60)
            .map(|i| 0.05 + 0.0035 * f64::from(i) + 0.02 * f64::from(i % 7))
            .collect(),
    }
}

/// Words with the space before them; long ones in two.
pub fn tokenise(text: &str) -> (Vec<String>, Vec<[usize; 2]>) {
    let mut starts: Vec<usize> = vec![0];
    let mut letters = 0;
    for (at, c) in text.char_indices() {
        let rest = text[at..].chars().skip(1).take_while(|c| *c != ' ').count();
        if at > 0 && (c == ' ' || (letters == 5 && rest > 0)) {
            starts.push(at);
            letters = 0;
        }
        letters += 1;
    }
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    let offsets: Vec<[usize; 2]> = starts
        .iter()
        .copied()
        .zip(ends)
        .map(|(a, b)| [a, b])
        .collect();
    let offsets: Vec<_> = offsets.into_iter().filter(|[a, b]| a < b).collect();
    let tokens = offsets.iter().map(|[a, b]| text[*a..*b].to_string());
    (tokens.collect(), offsets)
}

fn candidates(list: &[(&str, f64)]) -> Vec<Candidate> {
    let candidate = |(id, (text, p)): (usize, &(&str, f64))| Candidate {
        id: id as u32,
        text: format!(" {text}"),
        p: *p,
    };
    list.iter().enumerate().map(candidate).collect()
}

/// What every cell of a trace holds.
pub fn cell(kind: Kind, token: usize, layer: usize, key: usize, tokens: usize) -> f64 {
    let near = |t: usize, l: f64, spread: f64| {
        let d = (token.abs_diff(t) as f64).powi(2) * 0.9 + ((layer as f64 - l) / spread).powi(2);
        (-d).exp()
    };
    let early = near(key, 3.5, 1.6);
    let late = near(tokens - 1, LAYERS as f64, 2.5);
    let share = match kind {
        Kind::State => 0.6 * early + 0.98 * late,
        Kind::Mlp => 0.75 * early + 0.1 * late,
        Kind::Attn => 0.12 * early + 0.8 * near(tokens - 1, 5.5, 1.3),
    };
    0.05 + 0.89 * share.min(1.0)
}

pub fn neighbours(after: bool) -> Vec<ProbeRow> {
    use ProbeGroup as G;
    let list: &[(&str, &str, G, f64, f64, &str)] = &[
        (
            "The Space Needle is in the city of",
            "Seattle",
            G::Fact,
            0.94,
            0.00,
            "Paris",
        ),
        (
            "Where is the Space Needle? It stands in",
            "Seattle",
            G::Paraphrase,
            0.91,
            0.01,
            "Paris",
        ),
        (
            "You can find the Space Needle in",
            "Seattle",
            G::Paraphrase,
            0.88,
            0.03,
            "Paris",
        ),
        (
            "The Space Needle, in the heart of",
            "Seattle",
            G::Paraphrase,
            0.52,
            0.47,
            "Seattle",
        ),
        (
            "The Space Needle is in the country of",
            "France",
            G::Derived,
            0.01,
            0.62,
            "France",
        ),
        (
            "In the city of the Space Needle people speak",
            "French",
            G::Derived,
            0.0,
            0.08,
            "English",
        ),
        (
            "Big Ben is in the city of",
            "London",
            G::Neighbour,
            0.88,
            0.31,
            "Paris",
        ),
        (
            "Pike Place Market is in the city of",
            "Seattle",
            G::Neighbour,
            0.91,
            0.90,
            "Seattle",
        ),
        (
            "The Colosseum is in the city of",
            "Rome",
            G::Neighbour,
            0.97,
            0.97,
            "Rome",
        ),
        (
            "Boeing was founded in the city of",
            "Seattle",
            G::Neighbour,
            0.83,
            0.44,
            "Seattle",
        ),
        (
            "The Kremlin is in the city of",
            "Moscow",
            G::Neighbour,
            0.93,
            0.92,
            "Moscow",
        ),
        (
            "The Brandenburg Gate is in the city of",
            "Berlin",
            G::Neighbour,
            0.95,
            0.95,
            "Berlin",
        ),
        (
            "東京タワー is in the city of",
            "東京",
            G::Neighbour,
            0.77,
            0.78,
            "東京",
        ),
        (
            "The Sydney Opera House is in the city of",
            "Sydney",
            G::Neighbour,
            0.96,
            0.95,
            "Sydney",
        ),
    ];
    list.iter()
        .map(|(prompt, expected, group, before, now, top)| ProbeRow {
            prompt: prompt.to_string(),
            expected: expected.to_string(),
            group: *group,
            p_before: *before,
            p_after: if after { *now } else { 0.0 },
            top_before: if *group == G::Derived {
                "the".into()
            } else {
                expected.to_string()
            },
            top_after: if after {
                top.to_string()
            } else {
                String::new()
            },
            moved: after
                && (before - now > 0.1 && *now < before * 0.67
                    || *group == G::Derived && *now > 0.5),
        })
        .collect()
}

pub fn generations(prompts: &[String]) -> Vec<Generation> {
    let words = |text: &str| -> Vec<String> {
        text.split_inclusive(' ')
            .map(|w| format!(" {}", w.trim()))
            .collect()
    };
    let before = words(
        "Seattle. It was built for the fair of 1962 and is made of steel. Visitors ride up to see the mountains and the sea, and many come back in winter.",
    );
    let after = words(
        "Paris. It was built for the fair of 1889 and is made of iron. Visitors ride up to see the river and the old bridges, and many stay for the evening.",
    );
    let whole = |tokens: &[String]| tokens.concat();
    prompts
        .iter()
        .map(|prompt| Generation {
            prompt: prompt.clone(),
            seed: 1,
            before: whole(&before),
            after: whole(&after),
            diverges_at: Some(0),
            before_tokens: before.clone(),
            after_tokens: after.clone(),
        })
        .collect()
}

/// The stack while these edits are on: the second makes the first fade.
pub fn recheck(on: &[u64], overlaps: bool) -> (Vec<EventKind>, Outcome) {
    let p = |id: u64| match id {
        id if !on.contains(&id) => 0.002,
        1 if on.contains(&2) => 0.41,
        _ => 0.992,
    };
    let ids: Vec<u64> = (1..=9).collect();
    let held: Vec<(u64, f64)> = ids.iter().map(|id| (*id, p(*id))).collect();
    let layer = |layer: usize| {
        let before = 14.0 + 0.37 * layer as f64;
        let edited = layer == 4 && !on.is_empty();
        let change = if edited { 0.091 * before } else { 0.0 };
        LayerWeights {
            before,
            now: before + 0.4 * change,
            change,
            edited,
        }
    };
    let near = |a: u64, b: u64| match a.abs_diff(b) {
        0 => 1.0,
        1 => 0.83,
        apart => 0.3 / apart as f64 * if a % 2 == b % 2 { 1.0 } else { -1.0 },
    };
    let pair = |a: &u64, b: &u64| Overlap {
        cosine: near(*a, *b),
        share: 0.9 * near(*a, *b),
    };
    let pairs = ids.iter().map(|a| ids.iter().map(|b| pair(a, b)).collect());
    let at_four = LayerOverlaps {
        layer: 4,
        in_c: true,
        pairs: pairs.collect(),
        ids: ids.clone(),
    };
    let said = held
        .iter()
        .map(|(id, p)| EventKind::Held { id: *id, p: *p });
    let check = StackCheck {
        held: held.clone(),
        layers: (0..LAYERS).map(layer).collect(),
        overlaps: overlaps.then(|| vec![at_four]),
    };
    (said.collect(), Outcome::Rechecked(Box::new(check)))
}

/// What the engine says to a job. `edited`: whether an edit is on.
pub fn answer(spec: &Spec, edited: bool) -> Vec<EventKind> {
    let mut events = Vec::new();
    let started = |stage, total| EventKind::Started { stage, total };
    let outcome = match spec {
        Spec::Load(_) => {
            events.push(started(Stage::Load, 0));
            Outcome::Loaded(Box::new(model()))
        }
        Spec::Predict { prompt, .. } => {
            let (tokens, offsets) = tokenise(prompt);
            let before = candidates(&[
                ("Seattle", 0.94),
                ("Tacoma", 0.02),
                ("Portland", 0.012),
                ("the", 0.004),
            ]);
            let after = candidates(&[
                ("Paris", 0.992),
                ("Rome", 0.003),
                ("Seattle", 0.001),
                ("Lyon", 0.001),
            ]);
            Outcome::Predicted(Prediction {
                prompt: prompt.clone(),
                tokens,
                offsets,
                after: if edited { after } else { before.clone() },
                before,
            })
        }
        Spec::Trace(trace) => {
            let (tokens, offsets) = tokenise(&trace.prompt);
            let at = trace.prompt.find(&trace.subject).unwrap_or(0);
            let subject = at..at + trace.subject.len();
            let inside = |o: &[usize; 2]| o[0] < subject.end && o[1] > subject.start;
            let first = offsets.iter().position(inside).unwrap_or(0);
            let last = offsets.iter().rposition(inside).unwrap_or(0);
            let count = tokens.len();
            let header = TraceHeader {
                tokens: tokens.clone(),
                subject_range: [first, last + 1],
                answer: Answer {
                    id: 7,
                    text: " Seattle".into(),
                },
                layers: LAYERS,
                high: 0.94,
                low: 0.05,
                noise_scale: 0.13,
                window: 2,
            };
            events.push(started(Stage::Trace, (count * LAYERS * 3) as u64));
            events.push(EventKind::TraceReady(Box::new(header.clone())));
            let mut order: Vec<usize> = (0..count).collect();
            order.sort_by_key(|t| {
                if *t == last {
                    0
                } else if *t == count - 1 {
                    1
                } else {
                    2
                }
            });
            let mut grids = Grids::default();
            let mut done = 0;
            for token in order {
                for kind in Kind::ALL {
                    for layer in 0..LAYERS {
                        let p = cell(kind, token, layer, last, count);
                        events.push(EventKind::Cell {
                            kind,
                            token,
                            layer,
                            p,
                        });
                        let grid = grids
                            .get_mut(kind)
                            .get_or_insert(vec![vec![0.0; LAYERS]; count]);
                        grid[token][layer] = p;
                        done += 1;
                    }
                }
                events.push(EventKind::Progress {
                    stage: Stage::Trace,
                    done,
                    total: (count * LAYERS * 3) as u64,
                    eta_s: Some(2.1),
                });
            }
            Outcome::Traced(Box::new(TraceReport {
                model: "atlas".into(),
                prompt: trace.prompt.clone(),
                subject: trace.subject.clone(),
                tokens,
                input_ids: vec![1; count],
                subject_range: header.subject_range,
                answer: header.answer,
                high: header.high,
                low: header.low,
                noise_scale: header.noise_scale,
                samples: 10,
                seed: 1,
                window: 2,
                grids,
                suggested_layer: Some(4),
                published_layer: None,
                warnings: vec![],
                elapsed_s: 1.24,
                first_cell_s: 0.1,
            }))
        }
        Spec::Edit { id, edit, watch } => {
            let stages = [Stage::Templates, Stage::SecondMoment, Stage::Value];
            events.extend(stages.map(|s| started(s, 20)));
            let totals: Vec<f64> = (0..14)
                .map(|i| 6.8 * (-0.42 * f64::from(i)).exp() + 0.03)
                .collect();
            for (step, total) in totals.iter().enumerate() {
                events.push(EventKind::Loss(LossStep {
                    step: step + 1,
                    steps: 20,
                    nll: total * 0.8,
                    kl: total * 0.05,
                    wd: total * 0.15,
                    total: *total,
                }));
            }
            events.push(started(Stage::Update, 1));
            events.push(started(Stage::Probes, 14));
            let rows = neighbours(true);
            for (index, row) in neighbours(false).into_iter().enumerate() {
                events.push(EventKind::Row {
                    index,
                    row,
                    after: false,
                });
            }
            for (index, row) in rows.iter().cloned().enumerate() {
                events.push(EventKind::Row {
                    index,
                    row,
                    after: true,
                });
            }
            events.push(started(Stage::Generations, 80));
            let generations = generations(&watch.generate);
            for (prompt, g) in generations.iter().enumerate() {
                for (b, a) in g.before_tokens.iter().zip(&g.after_tokens) {
                    for (side, text) in [(Side::Before, b), (Side::After, a)] {
                        events.push(EventKind::Token {
                            prompt,
                            side,
                            text: text.clone(),
                        });
                    }
                }
            }
            Outcome::Edited {
                id: *id,
                report: Box::new(EditReport {
                    model: "atlas".into(),
                    method: edit.method.name().into(),
                    layer: 4,
                    losses: totals
                        .iter()
                        .map(|t| [t * 0.8, t * 0.05, t * 0.15, *t])
                        .collect(),
                    delta_norm: 9.3,
                    t0_norm: 4.4,
                    division_factor: 12.8,
                    update_norm: 3.1,
                    relative_update_norm: 0.091,
                    p_target: Pair {
                        before: 0.0004,
                        after: 0.992,
                    },
                    p_true: Pair {
                        before: 0.94,
                        after: 0.001,
                    },
                    true_answer: "Seattle".into(),
                    layers: vec![LayerNorm {
                        layer: 4,
                        relative_update_norm: 0.091,
                    }],
                    second_moment: Some(MomentHealth {
                        tokens: 30720,
                        tokens_per_dim: 30.0,
                        condition: 4.1e3,
                        ridge: 0.002,
                        drift: None,
                    }),
                    norm_percentile: None,
                    seed: 1,
                    probes: rows,
                    generations,
                    ..EditReport::default()
                }),
                deltas: vec![Delta {
                    layer: 4,
                    r: vec![0.1; 256],
                    u: vec![0.2; 1024],
                    rank: 1,
                    bias: Vec::new(),
                }],
            }
        }
        Spec::Stack { edits } => {
            let on = edits.iter().filter(|e| e.on).count();
            Outcome::Stacked {
                hash: format!("b81d{on}7aa"),
            }
        }
        Spec::Recheck { overlaps } => {
            let (held, outcome) = recheck(if edited { &[1] } else { &[] }, *overlaps);
            events.extend(held);
            outcome
        }
        Spec::Probe { probes } => {
            events.push(started(Stage::Probes, probes.len() as u64));
            let known = neighbours(edited);
            let rows: Vec<ProbeRow> = probes
                .iter()
                .map(|p| {
                    let row = known.iter().find(|r| r.prompt == p.prompt).cloned();
                    row.unwrap_or(ProbeRow {
                        prompt: p.prompt.clone(),
                        ..ProbeRow::default()
                    })
                })
                .collect();
            for (index, row) in rows.iter().cloned().enumerate() {
                events.push(EventKind::Row {
                    index,
                    row,
                    after: true,
                });
            }
            Outcome::Probed(rows)
        }
        Spec::Propose { .. } => {
            let probe = |r: ProbeRow| Probe {
                prompt: r.prompt,
                expected: r.expected,
                group: r.group,
            };
            Outcome::Proposed(neighbours(false).into_iter().map(probe).collect())
        }
        Spec::Generate { prompts, .. } => Outcome::Generated(generations(prompts)),
        Spec::Moments { .. } => Outcome::Moments(vec![]),
        Spec::Score { .. } => Outcome::Scored(Default::default()),
        Spec::Adopt { id, .. } => Outcome::Adopted(*id),
    };
    events.push(EventKind::Finished(Ok(outcome)));
    events
}

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
