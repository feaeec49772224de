//! What is left underneath: asked when somebody looks, and again when the stack
//! changes under their eyes.

use crate::script::Bench;
use pentimento::engine::{EventKind, Outcome, Spec};
use pentimento::measure::lens::LensSpec;
use pentimento::tui::app::lens::{Cell, Shown};
use pentimento::tui::app::{Effect, Msg, Pane, Ticket};
use pentimento::tui::theme::Depth;
use ratatui::crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

/// The looks that these effects ask for.
fn looks(effects: &[Effect]) -> Vec<(Ticket, LensSpec)> {
    let look = |effect: &Effect| match effect {
        Effect::Submit(ticket, spec) => match &**spec {
            Spec::Lens(spec) => Some((*ticket, spec.clone())),
            _ => None,
        },
        _ => None,
    };
    effects.iter().filter_map(look).collect()
}

fn at(bench: &Bench) -> (usize, usize) {
    let Cell { token, depth } = bench.state.lens.at().unwrap();
    (token, depth)
}

#[test]
fn a_look_is_asked_once_and_of_the_selected_edit() {
    let mut bench = Bench::open(120, 40);
    let fact = looks(&bench.effects("U"));
    assert_eq!(bench.state.focus, Pane::Lens);
    assert_eq!(fact[0].1.prompt, "The Space Needle is in the city of");
    assert_eq!(fact[0].1.old.as_deref(), Some("Seattle"));
    assert_eq!(fact[0].1.new, "Paris");
    assert!(looks(&bench.effects("U8")).is_empty(), "it is under way");
    let mut bench = Bench::open(120, 40);
    // The edit's own fact, whatever the entry says by now.
    bench.play("en");
    assert!(!bench.state.fact.text().contains("Space Needle"));
    assert_eq!(looks(&bench.effects("8"))[0].1, fact[0].1);
    let mut bench = Bench::open(120, 40);
    bench.play("U");
    assert!(looks(&bench.effects("1U")).is_empty(), "all is known");
}

#[test]
fn the_lens_follows_the_stack_while_it_is_looked_through() {
    let mut bench = Bench::open(120, 40);
    bench.play("eU");
    assert!(bench.text().contains("edited from layer 4"));
    bench.keys(" ");
    assert_eq!(looks(&bench.settle_and_record()).len(), 1);
    assert!(bench.text().contains("no edit is on"));
    bench.keys("[");
    let scaled = looks(&bench.settle_and_record());
    assert!(scaled.is_empty(), "what is off is the same at any α");
    bench.keys(" ");
    assert_eq!(looks(&bench.settle_and_record()).len(), 1);
    bench.keys("1[");
    assert_eq!(looks(&bench.settle_and_record()).len(), 0, "nobody looks");
    bench.keys("U");
    assert_eq!(looks(&bench.settle_and_record()).len(), 1);
}

#[test]
fn of_two_looks_the_newer_counts() {
    let mut bench = Bench::open(120, 40);
    bench.play("e");
    let (first, spec) = looks(&bench.effects("U")).remove(0);
    let effects = bench.effects(" ");
    assert!(effects.contains(&Effect::Cancel(first)));
    let older = crate::script::answer(&Spec::Lens(spec.clone()), true);
    for event in older {
        bench.send(Msg::Engine(first, event));
    }
    for effect in effects {
        if let Effect::Submit(ticket, spec) = effect {
            for event in crate::script::answer(&spec, false) {
                bench.send(Msg::Engine(ticket, event));
            }
        }
    }
    let newer = bench.settle_and_record();
    assert_eq!(looks(&newer).len(), 1);
    assert!(bench.text().contains("no edit is on"));
    assert!(bench.state.lens.made_on.is_empty());
}

#[test]
fn a_stopped_look_can_be_had_again() {
    let mut bench = Bench::open(120, 40);
    let (ticket, _) = looks(&bench.effects("U")).remove(0);
    assert!(bench.effects("<c-c>").contains(&Effect::Cancel(ticket)));
    bench.send(Msg::Engine(
        ticket,
        EventKind::Finished(Ok(Outcome::Cancelled)),
    ));
    assert!(bench.text().contains("U looks"), "{}", bench.text());
    assert_eq!(looks(&bench.effects("U")).len(), 1);
}

#[test]
fn why_there_is_nothing_to_see_is_told_where_it_would_be() {
    let mut bench = Bench::open(80, 24);
    let (ticket, _) = looks(&bench.effects("U")).remove(0);
    let words = "both are \u{1b}[31m\"Paris\": name two that differ".to_owned();
    bench.send(Msg::Engine(ticket, EventKind::Finished(Err(words))));
    let text = bench.text();
    assert!(text.contains("name two that differ") && !text.contains('\u{1b}'));
    assert!(bench.state.notice.is_none());
    assert!(
        looks(&bench.effects("U")).is_empty(),
        "it would be refused again"
    );
    // Another answer is another question.
    assert_eq!(looks(&bench.effects("aX<enter>U")).len(), 1);
}

#[test]
fn keys_and_mouse_move_over_the_cells() {
    let mut bench = Bench::open(120, 40);
    bench.play("eU");
    let (token, depth) = at(&bench);
    assert_eq!(
        token + 1,
        bench.state.lens.report.as_ref().unwrap().tokens.len()
    );
    assert_eq!(depth, 7, "where the new answer overtakes");
    bench.play("hk");
    assert_eq!(at(&bench), (token - 1, depth - 1));
    bench.play("g");
    assert_eq!(at(&bench), (token - 1, 0));
    bench.play("Gj<c-f>");
    assert_eq!(at(&bench), (token, 8));
    let shown: Vec<Shown> = (0..3)
        .map(|_| {
            bench.play("v");
            bench.state.lens.shown
        })
        .collect();
    assert_eq!(shown, [Shown::New, Shown::Change, Shown::Old]);
    // A click on the first cell of either map.
    let buf = bench.draw(Depth::None);
    let text = bench.text();
    let row = text
        .lines()
        .position(|line| line.contains("p(Seattle) before"));
    let line = text.lines().nth(row.unwrap()).unwrap();
    for heading in ["p(Seattle) before", "p(Seattle) after"] {
        let column = line[..line.find(heading).unwrap()].chars().count();
        bench.play("G");
        bench.send(Msg::Mouse(MouseEvent {
            kind: MouseEventKind::Down(MouseButton::Left),
            column: column as u16,
            row: row.unwrap() as u16 + 1,
            modifiers: KeyModifiers::NONE,
        }));
        assert_eq!(at(&bench), (0, 0), "{heading} in {}", buf.area);
    }
}

#[test]
fn the_numbers_and_the_picture_can_be_taken_away() {
    let mut bench = Bench::open(120, 40);
    assert!(
        bench
            .effects("8y")
            .iter()
            .all(|e| !matches!(e, Effect::Copy(_)))
    );
    let mut bench = Bench::open(120, 40);
    bench.play("eU");
    let effects = bench.effects("y");
    let Some(Effect::Copy(text)) = effects.first() else {
        panic!("{effects:?}");
    };
    let value: serde_json::Value = serde_json::from_str(text).unwrap();
    assert_eq!(value["columns"][0], -1);
    assert_eq!(value["after"]["overtakes"], 6);
    for (end, begins) in [("json", "{"), ("svg", "<svg")] {
        let effects = bench.written_as("json", end);
        let Some(Effect::WriteFile { path, text, .. }) = effects.first() else {
            panic!("{effects:?}");
        };
        assert!(path.to_string_lossy().ends_with(end) && text.starts_with(begins));
    }
}

#[test]
fn the_screen() {
    let mut bench = Bench::open(120, 40);
    bench.state.fact = Default::default();
    bench.play("8");
    insta::assert_snapshot!("lens_empty", bench.text());
    let mut bench = Bench::open(120, 40);
    bench.play("U");
    insta::assert_snapshot!("lens_unedited", bench.text());
    bench.play("eU");
    insta::assert_snapshot!("lens", crate::screens::styled(&bench.draw(Depth::True)));
    insta::assert_snapshot!("lens_without_colour", bench.text());
    for (width, height) in [(60, 20), (80, 24), (200, 60)] {
        bench.send(Msg::Resize(width, height));
        insta::assert_snapshot!(format!("lens_{width}x{height}"), bench.text());
    }
    bench.send(Msg::Resize(80, 24));
    bench.play("vv");
    insta::assert_snapshot!("lens_change_80x24", bench.text());
}
