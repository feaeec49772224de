//! What keys do to the stack of edits.

use crate::habits::{notice, specs};
use crate::script::Bench;
use pentimento::engine::Spec;
use pentimento::tui::app::{Effect, Pane, Tone};

#[test]
fn undo_toggle_and_scale_all_declare_the_stack() {
    let mut bench = Bench::open(120, 40);
    bench.play("ene");
    let stack = |specs: Vec<Spec>| match specs.into_iter().next() {
        Some(Spec::Stack { edits }) => edits
            .iter()
            .map(|e| (e.id, (e.alpha * 10.0).round() as i64, e.on))
            .collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    let mut after = |keys: &str| {
        let specs = specs(&mut bench, keys);
        bench.settle();
        stack(specs)
    };
    assert_eq!(after(" "), [(1, 10, true), (2, 10, false)]);
    assert_eq!(after(" "), [(1, 10, true), (2, 10, true)]);
    assert_eq!(after("["), [(1, 10, true), (2, 9, true)]);
    assert_eq!(after("b"), [(1, 10, false), (2, 9, false)]);
    assert_eq!(after("u"), [(1, 10, true), (2, 9, true)]);
    assert_eq!(after("u"), [(1, 10, true), (2, 10, true)]);
}

#[test]
fn a_stack_changed_during_an_edit_keeps_the_edit() {
    let mut bench = Bench::open(120, 40);
    bench.play("e");
    bench.keys("ne");
    bench.keys("3 ");
    let effects = bench.settle_and_record();
    let last = effects.iter().rev().find_map(|e| match e {
        Effect::Submit(_, spec) => match &**spec {
            Spec::Stack { edits } => Some(edits.iter().map(|e| (e.id, e.on)).collect::<Vec<_>>()),
            _ => None,
        },
        _ => None,
    });
    assert_eq!(last.unwrap(), [(1, false), (2, true)]);
    assert_eq!(bench.state.edits.records[&2].made_on[0].id, 1);
    // The workbench says that edit 2 stands on one that is off.
    assert_eq!(bench.state.edits.missing_ground(2), [1]);
}

#[test]
fn the_stack_screen_does_what_its_keys_say() {
    let mut bench = Bench::open(120, 40);
    bench.play("ene<esc>S");
    assert_eq!(bench.state.focus, Pane::Stack);
    let stack = |bench: &Bench| {
        let stack = bench.state.edits.stack.iter();
        stack.map(|s| (s.id, s.alpha, s.on)).collect::<Vec<_>>()
    };
    let start = stack(&bench);
    bench.play("s");
    assert_eq!(stack(&bench), [(1, 1.0, false), (2, 1.0, true)]);
    bench.play("s");
    assert_eq!(stack(&bench), start);
    bench.play("K");
    assert_eq!(stack(&bench), [(2, 1.0, true), (1, 1.0, true)]);
    bench.play("K");
    assert_eq!(notice(&bench.state), "it is the first");
    bench.play("D");
    assert_eq!(
        stack(&bench),
        [(2, 1.0, true), (3, 1.0, false), (1, 1.0, true)]
    );
    bench.play("[[d");
    assert_eq!(stack(&bench), [(2, 1.0, true), (1, 1.0, true)]);
    bench.play("uu");
    assert_eq!(stack(&bench)[1], (3, 1.0, false));
    bench.play("uuuu");
    assert_eq!(stack(&bench), start);
    bench.play("<esc>");
    assert_eq!(bench.state.focus, Pane::Fact);
}

#[test]
fn a_copy_brings_its_factors_to_the_engine_before_the_stack_names_it() {
    let mut bench = Bench::open(120, 40);
    bench.play("eS");
    let asked = specs(&mut bench, "D");
    let Some(
        [
            Spec::Adopt {
                id: 2,
                asked: facts,
                deltas,
            },
            Spec::Stack { edits },
        ],
    ) = asked.get(..2)
    else {
        panic!("{asked:?}")
    };
    assert_eq!((facts.len(), deltas.len()), (1, 1));
    assert!(edits.iter().any(|e| e.id == 2 && !e.on));
}

#[test]
fn alpha_is_typed_within_its_range() {
    let mut bench = Bench::open(120, 40);
    bench.play("=");
    assert!(notice(&bench.state).contains("no edit"));
    bench.play("e=<c-u>0.25<enter>");
    assert_eq!(bench.state.edits.selected().unwrap().alpha, 0.25);
    bench.play(":alpha −0.5<enter>");
    assert_eq!(bench.state.edits.selected().unwrap().alpha, -0.5);
    for bad in ["2.01", "-1.5", "inf", "nan", "much"] {
        bench.play(&format!("=<c-u>{bad}<enter>"));
        let notice = bench.state.notice.as_ref().unwrap();
        assert_eq!(notice.tone, Tone::Error);
        assert!(notice.text.contains("from −1 to 2"), "{}", notice.text);
        assert_eq!(bench.state.edits.selected().unwrap().alpha, -0.5);
    }
}

#[test]
fn a_new_edit_that_makes_another_fade_is_told_once() {
    let mut bench = Bench::open(120, 40);
    bench.play("ene");
    let told = bench.state.notice.clone().unwrap();
    assert_eq!(told.tone, Tone::Warning);
    assert!(
        told.text.contains("edit 1 faded: 0.99 → 0.41"),
        "{}",
        told.text
    );
    bench.play("<esc>  ");
    assert!(
        bench.state.notice.is_none(),
        "toggling is the user's own doing"
    );
    let first = bench.state.edits.stack[0];
    assert_eq!(bench.state.edits.faded(first), Some((0.992, 0.41)));
}

#[test]
fn of_a_burst_of_changes_the_newest_is_carried_out() {
    let mut bench = Bench::open(120, 40);
    bench.play("e");
    bench.keys("]");
    bench.run(1);
    // Rescoring is under way; a press ends it before anything else is asked.
    let effects = bench.effects("]");
    let submitted = effects.iter().position(|e| matches!(e, Effect::Submit(..)));
    let cancelled = effects.iter().filter(|e| matches!(e, Effect::Cancel(_)));
    assert_eq!(cancelled.count(), submitted.unwrap(), "{effects:?}");
    let before = bench.effects("]");
    assert!(
        matches!(before[..], [Effect::Cancel(_), Effect::Submit(..)]),
        "the older stack is not wanted any more: {before:?}"
    );
}

#[test]
fn what_is_probed_and_not_told_yet_is_probed_again() {
    let mut bench = Bench::open(120, 40);
    bench.play("e");
    bench.keys("w");
    // The proposals are there, and the first of their rows.
    bench.run(4);
    let asked = bench.state.watch.wanted.len();
    assert!(asked > 0);
    bench.effects(" ");
    assert_eq!(bench.state.watch.probes().len(), asked);
}
