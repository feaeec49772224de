//! An edit from thirteen sides, on Atlas: what nothing changed scores, and that the
//! stack is left as it was.

use crate::Bench;
use pentimento::edit::{EditSpec, LayerChoice, Method, Request};
use pentimento::engine::{EventKind, Outcome, Spec, Stacked};
use pentimento::measure::Watch;
use pentimento::measure::views::{Evidence, Plan, Profile, Verdict, View, ViewsReport};

const LAYER: usize = 3;

/// An edit without a gradient: quick, and as good as any to change weights.
fn edit(subject: &str, target: &str) -> EditSpec {
    EditSpec {
        request: Request {
            prompt: "{} is located in".into(),
            subject: subject.into(),
            target: target.into(),
        },
        method: Method::Direct,
        layer: LayerChoice::At(LAYER),
        ..EditSpec::default()
    }
}

fn tower() -> EditSpec {
    edit("The Eiffel Tower", "Rome")
}

fn make(bench: &Bench, id: u64, edit: EditSpec) {
    let (edit, watch) = (Box::new(edit), Watch::default());
    let made = bench.run(Spec::Edit { id, edit, watch });
    assert!(matches!(made, Ok(Outcome::Edited { .. })), "{made:?}");
}

fn plan(later: usize) -> Plan {
    Plan {
        prompts: 5,
        tokens: 8,
        text: 100,
        later,
        ..Plan::default()
    }
}

fn spec(id: u64, later: usize) -> Spec {
    let (edit, plan) = (Box::new(tower()), plan(later));
    Spec::Views { id, edit, plan }
}

fn look(bench: &Bench, id: u64, later: usize) -> ViewsReport {
    match bench.run(spec(id, later)) {
        Ok(Outcome::Viewed(report)) => *report,
        other => panic!("{other:?}"),
    }
}

fn stack(bench: &Bench, edits: Vec<Stacked>) -> String {
    match bench.run(Spec::Stack { edits }) {
        Ok(Outcome::Stacked { hash }) => hash,
        other => panic!("{other:?}"),
    }
}

fn on(id: u64, alpha: f64) -> Stacked {
    Stacked {
        id,
        alpha,
        on: true,
    }
}

#[test]
fn all_thirteen_are_seen_in_order_and_the_stack_is_left_as_it_was() {
    let bench = Bench::open();
    make(&bench, 1, tower());
    let before = bench.predict("The Eiffel Tower is located in");
    let hash = stack(&bench, vec![on(1, 1.0)]);
    let report = look(&bench, 1, 2);
    let views: Vec<View> = report.views.iter().map(|scored| scored.view).collect();
    assert_eq!(views, View::ALL);
    assert_eq!((report.old.as_str(), report.later), ("Paris", 2));
    for scored in &report.views {
        let within = scored
            .score
            .is_none_or(|score| (0.0..=1.0).contains(&score));
        assert!(within && !scored.why.is_empty(), "{scored:?}");
        assert_eq!(scored.score.is_none(), scored.verdict == Verdict::Untold);
    }
    let batch = report.of(View::Batch).unwrap();
    assert_eq!(batch.evidence.len(), 3, "this one and two more");
    assert_eq!(bench.predict("The Eiffel Tower is located in"), before);
    assert_eq!(stack(&bench, vec![on(1, 1.0)]), hash);
    // The further edits are gone: their numbers mean nothing.
    let further = Spec::Stack {
        edits: vec![on(u64::MAX, 1.0)],
    };
    assert!(bench.run(further).is_err());
    assert_eq!(look(&bench, 1, 2).views, report.views, "the same again");
}

#[test]
fn an_edit_at_zero_moves_nothing_and_does_not_hold() {
    let bench = Bench::open();
    make(&bench, 1, tower());
    stack(&bench, vec![on(1, 0.0)]);
    let report = look(&bench, 1, 0);
    assert_eq!(report.profile, Profile::DidNotHold);
    for scored in &report.views {
        for evidence in &scored.evidence {
            match evidence {
                Evidence::Asked(row) => assert_eq!(row.before, row.after),
                Evidence::Written { before, after, .. } => assert_eq!(before, after),
                _ => {}
            }
        }
    }
    for still in [View::Ripple, View::CrossDomain] {
        assert_eq!(report.of(still).unwrap().score, Some(1.0), "{still:?}");
    }
    for (view, why) in [
        (View::Signal, "no success to equal"),
        (View::Collapse, "no further edits"),
        (View::Later, "no further edits"),
        (View::Batch, "no further edits"),
    ] {
        let scored = report.of(view).unwrap();
        assert_eq!(scored.score, None);
        assert!(scored.why.contains(why), "{}", scored.why);
    }
}

#[test]
fn what_stands_above_an_edit_counts_as_later() {
    let bench = Bench::open();
    make(&bench, 1, tower());
    let alone = look(&bench, 1, 1);
    make(&bench, 2, edit("The Eiffel Tower", "London"));
    // A little of it: the whole would leave the model no facts to rewrite.
    stack(&bench, vec![on(1, 1.0), on(2, 0.2)]);
    let beneath = look(&bench, 1, 1);
    let why = |report: &ViewsReport| report.of(View::Later).unwrap().why.clone();
    // As it was made, without what came on top of it since.
    let made = |why: &str| why.split(',').next().map(str::to_owned);
    let (alone, why) = (why(&alone), why(&beneath));
    assert_eq!(made(&why), made(&alone), "{why} / {alone}");
    assert!(alone.contains("1 further edit"), "{alone}");
    assert!(why.contains("2 further edits"), "{why}");
}

#[test]
fn what_cannot_be_looked_at_says_why() {
    let bench = Bench::open();
    let refused = |bench: &Bench, spec: Spec| bench.run(spec).unwrap_err();
    assert!(refused(&bench, spec(1, 0)).contains("not in the stack"));
    make(&bench, 1, tower());
    let fact = Spec::Views {
        id: 1,
        edit: Box::new(tower()),
        plan: Plan { fact: 3, ..plan(0) },
    };
    assert!(refused(&bench, fact).contains("none is number 4"));
    let imported = Spec::Views {
        id: 1,
        edit: Box::new(EditSpec {
            method: Method::Imported,
            ..tower()
        }),
        plan: plan(0),
    };
    assert!(refused(&bench, imported).contains("made elsewhere"));
    let off = vec![Stacked {
        on: false,
        ..on(1, 1.0)
    }];
    stack(&bench, off);
    assert!(refused(&bench, spec(1, 0)).contains("Switch it on"));
}

#[test]
fn a_look_that_is_stopped_among_its_further_edits_leaves_nothing() {
    let bench = Bench::open();
    make(&bench, 1, tower());
    let before = bench.predict("The Eiffel Tower is located in");
    let job = bench.engine.submit(spec(1, 200));
    let ended = loop {
        let event = bench.events.recv().unwrap();
        match event.kind {
            EventKind::Progress {
                stage: pentimento::engine::Stage::Further,
                done: 1..,
                ..
            } => job.cancel(),
            EventKind::Finished(ended) if event.job == job.id => break ended,
            _ => {}
        }
    };
    assert_eq!(ended, Ok(Outcome::Cancelled));
    assert_eq!(bench.predict("The Eiffel Tower is located in"), before);
    assert_eq!(look(&bench, 1, 0).later, 0);
}
