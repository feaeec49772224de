//! The validation loop: what passes is kept, what does not leaves no trace.

use crate::Bench;
use pentimento::edit::{Delta, EditSpec, LayerChoice, Method, Request};
use pentimento::engine::{EventKind, Outcome, Spec};
use pentimento::measure::validate::{
    CheckKind, Origin, Plan, Step, Thresholds, Validation, Verdict,
};
use pentimento::measure::{EditReport, Watch};
use std::time::Duration;

const PROMPT: &str = "The Statue of Liberty is located in";

fn spec(method: Method) -> EditSpec {
    EditSpec {
        request: Request {
            prompt: "{} is located in".into(),
            subject: "The Statue of Liberty".into(),
            target: "Paris".into(),
        },
        method,
        ..EditSpec::default()
    }
}

/// No threshold that anything could miss.
fn lenient() -> Thresholds {
    Thresholds {
        paraphrases: 0.0,
        kl_strict: 100.0,
        kl: 100.0,
        fingerprint: -1.0,
        layers: 3,
    }
}

/// As asked; what it said on the way, and how it ended.
fn validate(bench: &Bench, edit: EditSpec, plan: Plan) -> (Vec<Step>, Result<Outcome, String>) {
    let watch = Watch {
        propose: 4,
        ..Watch::default()
    };
    let job = bench.engine.submit(Spec::Validate {
        id: 7,
        edit: Box::new(edit),
        watch,
        plan,
    });
    let mut steps = Vec::new();
    loop {
        let wait = Duration::from_secs(240);
        let event = bench.events.recv_timeout(wait).expect("the engine answers");
        match event.kind {
            _ if event.job != job.id => {}
            EventKind::Validating(step) => steps.push(*step),
            EventKind::Finished(result) => return (steps, result),
            _ => {}
        }
    }
}

fn kept(result: Result<Outcome, String>) -> (EditReport, Vec<Delta>) {
    match result {
        Ok(Outcome::Edited {
            id: 7,
            report,
            deltas,
        }) => (*report, deltas),
        other => panic!("{other:?}"),
    }
}

fn rejected(result: Result<Outcome, String>) -> Validation {
    match result {
        Ok(Outcome::Rejected(found)) => *found,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_edit_that_passes_is_an_edit_like_any_other() {
    let bench = Bench::open();
    let plan = Plan {
        thresholds: lenient(),
        ..Plan::default()
    };
    let (steps, result) = validate(&bench, spec(Method::Direct), plan);
    let (report, _) = kept(result);
    let found = report.validation.expect("its checks go with it");
    assert_eq!(
        (found.origin, found.verdict()),
        (Origin::Trace, Verdict::Pass)
    );
    assert_eq!(found.paraphrases.len(), 7);
    let [attempt] = found.attempts.as_slice() else {
        panic!("{:?}", found.attempts);
    };
    assert_eq!(
        attempt.checks.iter().map(|c| c.kind).collect::<Vec<_>>(),
        CheckKind::ALL
    );
    assert_eq!(attempt.layers, [report.layer; 2]);
    assert_eq!(
        report.probes.len(),
        4,
        "what is watched is watched of the one that is kept"
    );
    // Shown as it runs: the same checks, in the same order.
    let told = steps.iter().filter_map(|step| match step {
        Step::Check(check) => Some(check.clone()),
        _ => None,
    });
    assert_eq!(told.collect::<Vec<_>>(), attempt.checks);
    assert!(matches!(
        steps[..3],
        [
            Step::Candidates(_),
            Step::Baseline { probes: 25, .. },
            Step::Trying(_)
        ]
    ));
    // The very weights that the edit alone makes at that layer.
    let now = bench.predict(PROMPT);
    assert_ne!(now.after, now.before);
    bench.run(Spec::Stack { edits: vec![] }).unwrap();
    let alone = EditSpec {
        layer: LayerChoice::At(report.layer),
        ..spec(Method::Direct)
    };
    let again = Spec::Edit {
        id: 8,
        edit: Box::new(alone),
        watch: Watch::default(),
    };
    bench.run(again).unwrap();
    assert_eq!(bench.predict(PROMPT), now);
}

#[test]
fn a_layer_that_is_given_up_leaves_no_trace() {
    let bench = Bench::open();
    let untouched = bench.predict(PROMPT);
    // No mean of probabilities reaches 1.
    let named = |layers: &[usize], thresholds| Plan {
        thresholds,
        layers: layers.to_vec(),
        ..Plan::default()
    };
    let strict = Thresholds {
        paraphrases: 1.0,
        ..lenient()
    };
    let (steps, result) = validate(&bench, spec(Method::Direct), named(&[7, 0], strict));
    let found = rejected(result);
    assert_eq!(found.attempts.len(), 2);
    for attempt in &found.attempts {
        let why = &attempt.rejected;
        assert!(why.starts_with("paraphrases: p(new) 0."), "{why}");
        assert!(
            why.ends_with("at least 1.00 wanted"),
            "only what failed: {why}"
        );
        assert_eq!(attempt.checks.len(), 3);
    }
    let given_up = steps.iter().filter(|s| matches!(s, Step::Rejected(_)));
    assert_eq!(given_up.count(), 2);
    assert_eq!(bench.predict(PROMPT), untouched, "bit for bit");

    // What comes after a layer that was given up is what comes alone.
    let alone = rejected(validate(&bench, spec(Method::Direct), named(&[0], strict)).1);
    assert_eq!(alone.attempts[0], found.attempts[1]);
    let elsewhere = Bench::open();
    let fresh = rejected(validate(&elsewhere, spec(Method::Direct), named(&[0], strict)).1);
    assert_eq!(fresh.attempts, alone.attempts);
}

#[test]
fn the_layers_that_are_named_are_tried_and_no_more_than_allowed() {
    let bench = Bench::open();
    let none = Thresholds {
        paraphrases: 1.0,
        layers: 2,
        ..lenient()
    };
    let plan = |layers: &[usize]| Plan {
        thresholds: none,
        layers: layers.to_vec(),
        ..Plan::default()
    };
    let tried = |edit: EditSpec, layers: &[usize]| {
        let found = rejected(validate(&bench, edit, plan(layers)).1);
        let all = found.attempts.iter().map(|a| a.layers);
        (all.collect::<Vec<_>>(), found.origin)
    };
    let direct = || spec(Method::Direct);
    assert_eq!(
        tried(direct(), &[5, 5, 3, 1]),
        (vec![[5, 5], [3, 3]], Origin::Named)
    );
    let named = EditSpec {
        layer: LayerChoice::At(6),
        ..direct()
    };
    assert_eq!(tried(named, &[]), (vec![[6, 6]], Origin::Named));
    let (all, origin) = tried(direct(), &[]);
    assert_eq!((all.len(), origin), (2, Origin::Trace));
    let (_, result) = validate(&bench, direct(), plan(&[8]));
    assert!(result.unwrap_err().contains("layer 8 does not exist"));
    let imported = spec(Method::Imported);
    assert!(validate(&bench, imported, plan(&[])).1.is_err());
}

#[test]
fn a_broken_edit_fails_with_the_right_reason() {
    let bench = Bench::open();
    // Fine-tuning without a bound at a rate far beyond reason: it says Paris to
    // everything, and nothing else is left of the model.
    let mut edit = spec(Method::Ft);
    edit.layer = LayerChoice::At(0);
    edit.hyper = Some(pentimento::edit::Hyper {
        lr: 0.2,
        steps: 25,
        ..Default::default()
    });
    let found = rejected(validate(&bench, edit, Plan::default()).1);
    let attempt = &found.attempts[0];
    let verdict = |kind| {
        let check = attempt.checks.iter().find(|check| check.kind == kind);
        check.map(|check| check.verdict)
    };
    assert_eq!(
        verdict(CheckKind::Behaviour),
        Some(Verdict::Fail),
        "{attempt:?}"
    );
    assert!(
        attempt.rejected.contains("behaviour: KL "),
        "{}",
        attempt.rejected
    );
    assert!(
        attempt.rejected.contains("below 0.25 wanted"),
        "{}",
        attempt.rejected
    );
}

#[test]
fn a_cancelled_validation_keeps_nothing() {
    let bench = Bench::open();
    let untouched = bench.predict(PROMPT);
    let plan = Plan {
        thresholds: lenient(),
        layers: vec![0],
        ..Plan::default()
    };
    let job = bench.engine.submit(Spec::Validate {
        id: 7,
        edit: Box::new(spec(Method::RRome)),
        watch: Watch::default(),
        plan,
    });
    loop {
        let wait = Duration::from_secs(240);
        match bench.events.recv_timeout(wait).unwrap().kind {
            EventKind::Loss(step) if step.step == 2 => break,
            EventKind::Finished(result) => panic!("it ended before: {result:?}"),
            _ => {}
        }
    }
    job.cancel();
    assert_eq!(bench.finish(&job), Ok(Outcome::Cancelled));
    assert_eq!(bench.predict(PROMPT), untouched);
}

#[test]
fn facts_that_are_rewritten_together_are_checked_together() {
    let bench = Bench::open();
    let mut edit = spec(Method::FtL);
    edit.more = vec![Request {
        prompt: "{} is a dish from".into(),
        subject: "Sushi".into(),
        target: "Italy".into(),
    }];
    let plan = Plan {
        thresholds: lenient(),
        ..Plan::default()
    };
    let (report, _) = kept(validate(&bench, edit, plan).1);
    let found = report.validation.unwrap();
    let check = &found.attempts[0].checks[0];
    let names: Vec<&str> = check.parts.iter().map(|part| part.name.as_str()).collect();
    assert_eq!(names, [PROMPT, "Sushi is a dish from"]);
    let mean = check.parts.iter().map(|part| part.value).sum::<f64>() / 2.0;
    assert!((check.value - mean).abs() < 1e-12);
}
