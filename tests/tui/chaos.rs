//! No sequence of messages and no size of the terminal ends in a panic.

use crate::script::{Bench, answer};
use pentimento::engine::{
    EventKind, LayerOverlaps, LayerWeights, Outcome, Overlap, Side, Spec, StackCheck, Stage,
};
use pentimento::measure::{EditReport, Pair, ProbeGroup, ProbeRow};
use pentimento::trace::Kind;
use pentimento::tui::app::{Effect, Msg, Pane, Ticket};
use pentimento::tui::store::{NotSaved, Reply};
use pentimento::tui::theme::Depth;
use proptest::collection::vec;
use proptest::prelude::*;
use ratatui::crossterm::event::{
    KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};
use std::time::Duration;

/// Comes into a pane as a user does, with what it then asks for.
fn look_at(bench: &mut Bench, pane: Pane) {
    bench.play(match pane {
        Pane::Stack => "S",
        Pane::Duel => "D",
        Pane::Lens => "U",
        Pane::Views => "R",
        Pane::Geometry => ":geometry<enter>",
        Pane::Erasure => ":erase<enter>",
        _ => "",
    });
    bench.state.focus_on(pane);
}

/// One thing that happens. What the engine says to a job is made when its turn
/// comes, so that most of it belongs to jobs that are there.
#[derive(Clone, Debug)]
enum Event {
    Msg(Msg),
    /// Lets the engine say so many things.
    Run(usize),
    /// Something out of place, said of the n-th job from the first.
    Odd(u64, EventKind),
}

fn key() -> impl Strategy<Value = Msg> {
    let code = prop_oneof![
        10 => proptest::char::range(' ', '~').prop_map(KeyCode::Char),
        1 => any::<char>().prop_map(KeyCode::Char),
        3 => prop::sample::select(vec![
            KeyCode::Enter, KeyCode::Esc, KeyCode::Tab, KeyCode::BackTab, KeyCode::Left,
            KeyCode::Right, KeyCode::Up, KeyCode::Down, KeyCode::Home, KeyCode::End,
            KeyCode::PageUp, KeyCode::PageDown, KeyCode::Backspace, KeyCode::Delete,
            KeyCode::F(1), KeyCode::Null,
        ]),
    ];
    let mods = prop::sample::select(vec![
        KeyModifiers::NONE,
        KeyModifiers::NONE,
        KeyModifiers::NONE,
        KeyModifiers::SHIFT,
        KeyModifiers::CONTROL,
        KeyModifiers::ALT,
    ]);
    (code, mods).prop_map(|(code, mods)| Msg::Key(KeyEvent::new(code, mods)))
}

fn odd() -> impl Strategy<Value = EventKind> {
    let kind = prop::sample::select(Kind::ALL.to_vec());
    let number = || prop_oneof![any::<f64>(), 0.0..1.0];
    prop_oneof![
        (kind, 0usize..40, 0usize..40, number()).prop_map(|(kind, token, layer, p)| {
            EventKind::Cell {
                kind,
                token,
                layer,
                p,
            }
        }),
        (any::<u64>(), any::<u64>(), proptest::option::of(number())).prop_map(
            |(done, total, eta_s)| EventKind::Progress {
                stage: Stage::Value,
                done,
                total,
                eta_s
            }
        ),
        ("\\PC{0,12}", 0usize..5).prop_map(|(text, prompt)| EventKind::Token {
            prompt,
            side: Side::After,
            text
        }),
        ("\\PC{0,9}", number(), number(), 0usize..9).prop_map(|(prompt, a, b, index)| {
            let row = ProbeRow {
                prompt,
                p_before: a,
                p_after: b,
                group: ProbeGroup::User,
                ..ProbeRow::default()
            };
            EventKind::Row {
                index,
                row,
                after: true,
            }
        }),
        "\\PC{0,80}".prop_map(EventKind::Warning),
        (0u64..9, number()).prop_map(|(id, p)| EventKind::Held { id, p }),
        check().prop_map(|check| EventKind::Finished(Ok(Outcome::Rechecked(Box::new(check))))),
        "\\PC{0,300}".prop_map(|words| EventKind::Finished(Err(words))),
        Just(EventKind::Finished(Ok(Outcome::Cancelled))),
        report().prop_map(|report| EventKind::Finished(Ok(Outcome::Tried(Box::new(report))))),
        Just(EventKind::Finished(Ok(Outcome::Probed(vec![])))),
        Just(EventKind::Finished(Ok(Outcome::Looked(Box::default())))),
        Just(EventKind::Finished(Ok(Outcome::Generated(vec![])))),
    ]
}

/// A trial's report with numbers of any kind.
fn report() -> impl Strategy<Value = EditReport> {
    let number = || prop_oneof![any::<f64>(), 0.0..1.0];
    let row = ("\\PC{0,30}", number(), number(), any::<bool>()).prop_map(
        |(prompt, p_before, p_after, follows)| ProbeRow {
            prompt,
            p_before,
            p_after,
            group: match follows {
                true => ProbeGroup::Paraphrase,
                false => ProbeGroup::Neighbour,
            },
            ..ProbeRow::default()
        },
    );
    (vec(row, 0..30), number(), number()).prop_map(|(probes, norm, p)| EditReport {
        probes,
        relative_update_norm: norm,
        p_target: Pair {
            before: p,
            after: p,
        },
        ..EditReport::default()
    })
}

/// A stack check whose parts do not fit together.
fn check() -> impl Strategy<Value = StackCheck> {
    let number = || prop_oneof![any::<f64>(), 0.0..1.0];
    let layer = (number(), number(), any::<bool>()).prop_map(|(a, b, edited)| LayerWeights {
        before: a,
        now: b,
        change: b,
        edited,
    });
    let pair = (number(), number()).prop_map(|(cosine, share)| Overlap { cosine, share });
    let overlaps = (0usize..12, vec(0u64..9, 0..9), vec(vec(pair, 0..9), 0..9)).prop_map(
        |(layer, ids, pairs)| LayerOverlaps {
            layer,
            in_c: layer % 2 == 0,
            ids,
            pairs,
        },
    );
    let held = vec((0u64..9, number()), 0..9);
    let overlaps = proptest::option::of(vec(overlaps, 0..4));
    (held, vec(layer, 0..30), overlaps).prop_map(|(held, layers, overlaps)| StackCheck {
        held,
        layers,
        overlaps,
    })
}

fn event() -> impl Strategy<Value = Event> {
    let size = prop_oneof![0u16..30, 58u16..64, 78u16..82, 100u16..220];
    let height = prop_oneof![0u16..8, 18u16..26, 30u16..70];
    let mouse = prop::sample::select(vec![
        MouseEventKind::Down(MouseButton::Left),
        MouseEventKind::Drag(MouseButton::Left),
        MouseEventKind::ScrollDown,
        MouseEventKind::ScrollUp,
        MouseEventKind::Moved,
    ]);
    prop_oneof![
        12 => key().prop_map(Event::Msg),
        3 => (0usize..400).prop_map(Event::Run),
        1 => (size, height).prop_map(|(w, h)| Event::Msg(Msg::Resize(w, h))),
        1 => "\\PC{0,30}".prop_map(|text| Event::Msg(Msg::Paste(text))),
        2 => (mouse, 0u16..230, 0u16..80).prop_map(|(kind, column, row)| {
            Event::Msg(Msg::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }))
        }),
        1 => (0u64..1000).prop_map(|s| Event::Msg(Msg::Tick(Duration::from_secs(s)))),
        2 => (0u64..30, odd()).prop_map(|(job, kind)| Event::Odd(job, kind)),
        1 => prop::sample::select(vec![
            Msg::Store(Reply::Listed(Ok(vec![]))),
            Msg::Store(Reply::Loaded(Err("damaged".into()))),
            Msg::Store(Reply::Saved { change: 0, result: Err(NotSaved::Exists("x".into())) }),
            Msg::Store(Reply::Saved { change: 3, result: Ok("x.toml".into()) }),
            Msg::Store(Reply::Exported { to: "x".into(), result: Err("it is full".into()) }),
            Msg::Store(Reply::Exported { to: "x".into(), result: Ok(2) }),
            Msg::Store(Reply::InTheWay { path: "x".into(), text: "y".into() }),
            Msg::EngineGone("gone".into()),
        ]).prop_map(Event::Msg),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 160, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_panics(events in vec(event(), 0..60), edited in 0..3usize, pane in prop::sample::select(&Pane::ALL[..])) {
        let mut bench = Bench::open(120, 40);
        // Nothing, an edit, or two edits; and any pane, also one without a key.
        bench.play(["", "te", "ene<esc>"][edited]);
        look_at(&mut bench, pane);
        for event in events {
            match event {
                Event::Msg(msg) => bench.send(msg),
                Event::Run(limit) => bench.run(limit),
                Event::Odd(job, kind) => bench.send(Msg::Engine(Ticket(job), kind)),
            }
            bench.draw(Depth::True);
        }
    }
}

#[test]
fn every_size_can_be_drawn() {
    let mut bench = Bench::open(120, 40);
    bench.play("tene");
    for overlay in ["", "?", ":e", "o", "q", "<c-s>", "S", "S=", "E"] {
        bench.keys(overlay);
        for width in (0..70).chain([78, 79, 80, 81, 109, 110, 120, 150, 200, 400]) {
            for height in (0..26).chain([30, 31, 40, 47, 48, 60, 100]) {
                bench.send(Msg::Resize(width, height));
                bench.draw(Depth::None);
            }
        }
        bench.keys("<esc><esc>");
    }
    for pane in Pane::ALL {
        bench.send(Msg::Resize(120, 40));
        look_at(&mut bench, pane);
        for width in [0, 1, 20, 59, 60, 61, 78, 80, 110, 120, 200] {
            for height in (0..26).chain([30, 40, 60]) {
                bench.send(Msg::Resize(width, height));
                bench.draw(Depth::None);
            }
        }
    }
}

#[test]
fn a_screen_that_shrank_unnoticed_is_drawn() {
    // The terminal's size changes before the message about it comes.
    use pentimento::tui::theme::{Ground, Styles};
    use pentimento::tui::view;
    use ratatui::buffer::Buffer;
    use ratatui::layout::Rect;
    let mut bench = Bench::open(200, 60);
    bench.play("te");
    for (width, height) in [(1, 1), (3, 80), (80, 3), (60, 20), (300, 90)] {
        let mut buf = Buffer::empty(Rect::new(0, 0, width, height));
        view::draw(
            &mut buf,
            &bench.state,
            &Styles::new(Depth::True, Ground::Dark),
        );
    }
}

#[test]
fn a_second_answer_to_one_job_is_ignored() {
    let mut bench = Bench::open(120, 40);
    let effects = bench.effects("e");
    let Effect::Submit(ticket, spec) = &effects[0] else {
        panic!()
    };
    for _ in 0..2 {
        for event in answer(spec, false) {
            bench.send(Msg::Engine(*ticket, event));
        }
    }
    assert_eq!(bench.state.edits.stack.len(), 1);
    assert!(matches!(**spec, Spec::Edit { .. }));
}
