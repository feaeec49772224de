//! Thirteen views of an edit: asked for once, seen as they come, and what stands
//! behind each.

use crate::script::Bench;
use pentimento::engine::{EventKind, Spec};
use pentimento::measure::views::{Plan, View};
use pentimento::tui::app::{Effect, Msg, Pane, Ticket};
use pentimento::tui::theme::Depth;
use ratatui::crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

/// The looks that these effects ask for: each edit's number.
fn looks(effects: &[Effect]) -> Vec<(Ticket, u64)> {
    let look = |effect: &Effect| match effect {
        Effect::Submit(ticket, spec) => match &**spec {
            Spec::Views { id, .. } => Some((*ticket, *id)),
            _ => None,
        },
        _ => None,
    };
    effects.iter().filter_map(look).collect()
}

#[test]
fn an_edit_is_looked_at_when_it_is_asked_for_and_not_before() {
    let mut bench = Bench::open(120, 40);
    assert!(looks(&bench.effects("R")).is_empty(), "there is no edit");
    assert_eq!(bench.state.focus, Pane::Views);
    assert!(bench.text().contains("select an edit"));
    bench.play("<esc>e");
    assert!(
        looks(&bench.effects("9")).is_empty(),
        "going there asks nothing"
    );
    let asked = looks(&bench.effects("R"));
    assert_eq!(asked.len(), 1);
    assert!(looks(&bench.effects("R")).is_empty(), "it is under way");
    let mut bench = Bench::open(120, 40);
    bench.play("eR");
    assert!(looks(&bench.effects("R")).is_empty(), "all is known");
    // Another stack is another question, and what is seen says so.
    bench.play("[");
    assert!(bench.text().contains("on another stack"));
    assert_eq!(looks(&bench.effects("R")).len(), 1);
    bench.play(" ");
    assert!(looks(&bench.effects("R")).is_empty(), "it is off");
}

#[test]
fn views_are_seen_as_they_come_and_what_is_stopped_stays() {
    let mut bench = Bench::open(120, 40);
    bench.play("e");
    let [(ticket, id)] = looks(&bench.effects("R"))[..] else {
        panic!("one look");
    };
    let spec = Spec::Views {
        id,
        edit: Box::default(),
        plan: Plan::default(),
    };
    let events = crate::script::answer(&spec, true);
    for event in events.iter().take(4) {
        bench.send(Msg::Engine(ticket, event.clone()));
    }
    let report = bench.state.views.report.as_ref().unwrap();
    assert_eq!(report.views.len(), 3);
    assert!(bench.text().contains("3 of 13 views seen"));
    bench.keys("<c-c>");
    let stopped = pentimento::engine::Outcome::Cancelled;
    bench.send(Msg::Engine(ticket, EventKind::Finished(Ok(stopped))));
    assert!(bench.text().contains("stopped: R looks again"));
    assert_eq!(bench.state.views.report.as_ref().unwrap().views.len(), 3);
    assert_eq!(looks(&bench.effects("R")).len(), 1);
    // What an older look says does not count any more.
    bench.send(Msg::Engine(ticket, events[5].clone()));
    assert!(bench.state.views.report.as_ref().unwrap().views.is_empty());
}

#[test]
fn the_prompts_behind_a_view_open_and_close() {
    let mut bench = Bench::open(120, 40);
    bench.play("eRjj");
    assert_eq!(bench.state.views.selected(), View::Ripple);
    bench.keys("<enter>");
    let text = bench.text();
    assert!(
        text.contains("Pike Place Market") && text.contains("says Paris"),
        "{text}"
    );
    assert!(
        !text.contains('\u{1b}') && text.contains("\\x1B[31m"),
        "{text}"
    );
    bench.keys("<esc>");
    assert_eq!(
        (bench.state.focus, bench.state.views.behind),
        (Pane::Views, None)
    );
    for view in View::ALL {
        bench.state.views.cursor = view as usize;
        bench.keys("<enter>");
        let shown = bench.state.views.behind.is_some();
        assert_eq!(shown, view != View::Extraction, "{view:?}");
        bench.text();
        bench.keys("<esc>");
        bench.keys("9");
    }
}

#[test]
fn a_view_is_chosen_with_the_mouse() {
    let mut bench = Bench::open(120, 40);
    bench.play("eR");
    let text = bench.text();
    let row = text
        .lines()
        .position(|line| line.contains("10 two-hop"))
        .unwrap();
    let line = text.lines().nth(row).unwrap();
    let column = line[..line.find("two-hop").unwrap()].chars().count();
    bench.send(Msg::Mouse(MouseEvent {
        kind: MouseEventKind::Down(MouseButton::Left),
        column: column as u16,
        row: row as u16,
        modifiers: KeyModifiers::NONE,
    }));
    assert_eq!(bench.state.views.selected(), View::TwoHop);
}

#[test]
fn the_views_are_written_as_json_and_as_a_picture() {
    let mut bench = Bench::open(120, 40);
    bench.play("eR");
    for (end, begins) in [("json", "{"), ("svg", "<svg")] {
        let effects = bench.written_as("json", end);
        let Some(Effect::WriteFile { path, text, .. }) = effects.first() else {
            panic!("{effects:?}");
        };
        assert!(path.to_string_lossy().ends_with(end) && text.starts_with(begins));
    }
    // Of the edit's report there is no picture, and nothing is written.
    bench.keys("3");
    let effects = bench.written_as("json", "svg");
    assert!(effects.is_empty(), "{effects:?}");
    assert!(bench.text().contains("there is no picture of"));
}

#[test]
fn the_screen() {
    let mut bench = Bench::open(120, 40);
    bench.play("9");
    insta::assert_snapshot!("views_empty", bench.text());
    bench.play("<esc>eRjj");
    insta::assert_snapshot!("views", crate::screens::styled(&bench.draw(Depth::True)));
    insta::assert_snapshot!("views_without_colour", bench.text());
    for (width, height) in [(60, 20), (80, 24), (200, 60)] {
        bench.send(Msg::Resize(width, height));
        insta::assert_snapshot!(format!("views_{width}x{height}"), bench.text());
    }
    bench.send(Msg::Resize(80, 24));
    bench.play("<enter>");
    insta::assert_snapshot!("views_behind_80x24", bench.text());
    bench.send(Msg::Resize(120, 40));
    bench.play("<esc>");
    bench.state.views.cursor = View::LongForm as usize;
    bench.play("<enter>");
    insta::assert_snapshot!("views_behind_texts", bench.text());
}
