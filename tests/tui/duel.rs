//! One request by every method, side by side.

use crate::script::Bench;
use pentimento::edit::{LayerChoice, Method};
use pentimento::engine::{EventKind, Spec};
use pentimento::tui::app::{Effect, Msg, Pane};
use pentimento::tui::theme::Depth;

/// The trials that these effects ask for.
fn tried(effects: &[Effect]) -> Vec<Method> {
    let method = |effect: &Effect| match effect {
        Effect::Submit(_, spec) => match &**spec {
            Spec::Try { edit, .. } => Some(edit.method),
            _ => None,
        },
        _ => None,
    };
    effects.iter().filter_map(method).collect()
}

fn cancelled(effects: &[Effect]) -> usize {
    let cancels = effects.iter().filter(|e| matches!(e, Effect::Cancel(_)));
    cancels.count()
}

#[test]
fn every_method_is_tried_once_and_nothing_is_edited() {
    let mut bench = Bench::open(120, 40);
    assert_eq!(tried(&bench.effects("D")), Method::ALL);
    assert_eq!(bench.state.focus, Pane::Duel);
    assert!(tried(&bench.effects("D")).is_empty(), "they are under way");
    let mut bench = Bench::open(120, 40);
    bench.play("D");
    assert!(bench.state.edits.stack.is_empty());
    assert!(bench.state.duel.tries.iter().all(|t| t.report().is_some()));
    assert!(tried(&bench.effects("D")).is_empty(), "all is known");
    let rows = bench.state.watch.rows.len();
    assert_eq!(rows, 0, "what is tried leaves the neighbours' pane alone");
}

#[test]
fn only_what_another_parameter_changes_is_tried_again() {
    let mut bench = Bench::open(120, 40);
    bench.play("D");
    // The second method's steps.
    bench.play("mpjj<right><esc>");
    assert_eq!(tried(&bench.effects("D")), [Method::Rome]);
}

#[test]
fn another_stack_makes_all_of_it_anew() {
    let mut bench = Bench::open(120, 40);
    bench.play("De");
    bench.play("7");
    assert!(bench.text().contains("on other weights than these"));
    assert_eq!(tried(&bench.effects("D")), Method::ALL);
}

#[test]
fn stopping_stops_all_of_them_and_a_changed_stack_does_too() {
    let mut bench = Bench::open(120, 40);
    bench.effects("D");
    assert_eq!(cancelled(&bench.effects("<c-c>")), Method::ALL.len());
    let mut bench = Bench::open(120, 40);
    bench.play("e");
    bench.effects("D");
    assert_eq!(cancelled(&bench.effects(" ")), Method::ALL.len());
}

#[test]
fn a_method_that_cannot_is_told_beside_the_others() {
    let mut bench = Bench::open(120, 40);
    let effects = bench.effects("D");
    for effect in effects {
        let Effect::Submit(ticket, spec) = effect else {
            continue;
        };
        let words = "\u{1b}[31mthis method takes one layer".to_owned();
        if matches!(&*spec, Spec::Try { .. }) {
            bench.send(Msg::Engine(ticket, EventKind::Finished(Err(words))));
        }
    }
    let text = bench.text();
    assert!(text.contains("takes one layer") && !text.contains('\u{1b}'));
    assert!(bench.state.notice.is_none());
}

#[test]
fn the_taken_method_edits_with_its_own_layers() {
    let mut bench = Bench::open(120, 40);
    bench.play("tLL");
    assert!(matches!(bench.state.fact.layer, LayerChoice::Span(..)));
    bench.play("D");
    let spread = |t: &&pentimento::tui::app::duel::Try| t.spec.method.spreads();
    let spreading = bench.state.duel.tries.iter().filter(spread);
    assert!(spreading.clone().count() == 2);
    let spans = |layer| matches!(layer, LayerChoice::Span(..));
    assert!(
        bench
            .state
            .duel
            .tries
            .iter()
            .all(|t| spans(t.spec.layer) == t.spec.method.spreads())
    );
    bench.play("jj<enter>");
    assert_eq!(bench.state.fact.method, Method::Memit);
    assert_eq!(bench.state.focus, Pane::Edit);
    assert!(bench.state.edits.stack.is_empty());
}

#[test]
fn the_screen() {
    let mut bench = Bench::open(120, 40);
    bench.play("7");
    insta::assert_snapshot!("duel_empty", bench.text());
    bench.keys("D");
    bench.run(9);
    insta::assert_snapshot!("duel_half_way", bench.text());
    bench.settle();
    bench.play("jj");
    bench.send(Msg::Tick(std::time::Duration::from_secs(60)));
    insta::assert_snapshot!("duel", crate::screens::styled(&bench.draw(Depth::True)));
    insta::assert_snapshot!("duel_without_colour", bench.text());
    for (width, height) in [(60, 20), (80, 24), (200, 60)] {
        bench.send(Msg::Resize(width, height));
        insta::assert_snapshot!(format!("duel_{width}x{height}"), bench.text());
    }
}

#[test]
fn y_copies_the_reports() {
    let mut bench = Bench::open(120, 40);
    bench.play("D");
    let effects = bench.effects("y");
    let Some(Effect::Copy(text)) = effects.first() else {
        panic!("{effects:?}");
    };
    let value: serde_json::Value = serde_json::from_str(text).unwrap();
    assert_eq!(value["duel"].as_array().unwrap().len(), Method::ALL.len());
}
