//! What the engine tells of what is left underneath an edit.

use crate::Bench;
use pentimento::edit::{EditSpec, LayerChoice, Method, Request};
use pentimento::engine::{Outcome, Spec, Stacked};
use pentimento::measure::Watch;
use pentimento::measure::lens::{LensReport, LensSpec};

const LAYER: usize = 3;

fn spec() -> Spec {
    Spec::Lens(LensSpec {
        prompt: "The Statue of Liberty is located in".into(),
        old: Some("New York".into()),
        new: "Paris".into(),
        top: 2,
    })
}

fn look(bench: &Bench) -> LensReport {
    match bench.run(spec()) {
        Ok(Outcome::Looked(report)) => *report,
        other => panic!("{other:?}"),
    }
}

fn stack(bench: &Bench, alpha: f64, on: bool) {
    let edits = vec![Stacked { id: 1, alpha, on }];
    bench.run(Spec::Stack { edits }).unwrap();
}

#[test]
fn the_lens_sees_the_stack_and_nothing_where_it_is_off() {
    let bench = Bench::open();
    let unedited = look(&bench);
    assert_eq!(unedited.model, "atlas");
    assert_eq!(unedited.before, unedited.after);
    // An edit without a gradient: quick, and as good as any to change weights.
    let edit = EditSpec {
        request: Request {
            prompt: "{} is located in".into(),
            subject: "The Statue of Liberty".into(),
            target: "Paris".into(),
        },
        method: Method::Direct,
        layer: LayerChoice::At(LAYER),
        ..EditSpec::default()
    };
    let made = bench.run(Spec::Edit {
        id: 1,
        edit: Box::new(edit),
        watch: Watch::default(),
    });
    assert!(matches!(made, Ok(Outcome::Edited { .. })), "{made:?}");
    let edited = look(&bench);
    assert_eq!(edited.first_edited, Some(LAYER));
    assert_eq!(edited.before, unedited.before);
    for (t, row) in edited.difference.p_new.iter().enumerate() {
        assert!(row[..=LAYER].iter().all(|d| *d == 0.0), "{t}: {row:?}");
    }
    let last = edited.difference.p_new.last().unwrap();
    assert!(last[LAYER + 1..].iter().any(|d| *d != 0.0), "{last:?}");
    for (alpha, on) in [(0.0, true), (1.0, false)] {
        stack(&bench, alpha, on);
        assert_eq!(look(&bench), unedited, "α = {alpha}, on = {on}");
    }
    // Half of it is something else, and all of it again what it was.
    stack(&bench, 0.5, true);
    let half = look(&bench);
    assert!(half.after != edited.after && half.after != unedited.after);
    stack(&bench, 1.0, true);
    assert_eq!(look(&bench), edited);
}

#[test]
fn a_look_that_is_not_wanted_any_more_ends() {
    let bench = Bench::open();
    let job = bench.engine.submit(spec());
    job.cancel();
    // It may have been quicker than the wish.
    let ended = bench.finish(&job).unwrap();
    assert!(matches!(ended, Outcome::Cancelled | Outcome::Looked(_)));
    assert_eq!(look(&bench).tokens.len(), look(&bench).input_ids.len());
}

#[test]
fn what_cannot_be_looked_at_says_why() {
    let bench = Bench::open();
    let refused = |spec: LensSpec| bench.run(Spec::Lens(spec)).unwrap_err();
    let asked = |prompt: &str, new: &str| LensSpec {
        prompt: prompt.into(),
        old: Some("Rome".into()),
        new: new.into(),
        top: 1,
    };
    assert!(refused(asked("Big Ben is in", "Rome")).contains("name two that differ"));
    assert!(refused(asked(" ", "Paris")).contains("prompt is empty"));
    assert!(refused(asked(&"the ".repeat(500), "Paris")).contains("shorten it"));
}
