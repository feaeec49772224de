//! What the engine says to an edit that has to prove itself: the layer that was
//! named or else 4, 3, 5, of which 4 is not repeated by the paraphrases.

use super::answer;
use pentimento::edit::{EditSpec, LayerChoice};
use pentimento::engine::{EventKind, Outcome, Spec, Stage};
use pentimento::measure::Watch;
use pentimento::measure::validate::{
    Attempt, Battery, Candidates, Check, Origin, Part, Plan, Shift, Step, Validation,
};

pub fn answer_with_checks(
    id: u64,
    edit: &EditSpec,
    watch: &Watch,
    plan: &Plan,
    edited: bool,
) -> Vec<EventKind> {
    let (layers, origin) = match edit.layer {
        LayerChoice::At(layer) => (vec![[layer; 2]], Origin::Named),
        LayerChoice::Span(first, last) => (vec![[first, last]], Origin::Named),
        LayerChoice::Auto => (vec![[4, 4], [3, 3], [5, 5]], Origin::Trace),
    };
    let say = |step| EventKind::Validating(Box::new(step));
    let started = |stage, total| EventKind::Started { stage, total };
    let mut found = Validation {
        case: plan.case,
        thresholds: plan.thresholds,
        origin,
        p_new_before: 0.002,
        ..Validation::default()
    };
    let mut events = vec![
        say(Step::Candidates(Candidates {
            layers: layers.clone(),
            origin,
        })),
        started(Stage::Baseline, 1),
        say(Step::Baseline {
            probes: 25,
            p_new: found.p_new_before,
        }),
    ];
    let spec = Spec::Edit {
        id,
        edit: Box::new(edit.clone()),
        watch: watch.clone(),
    };
    let mut made = answer(&spec, edited);
    let probes = |event: &EventKind| {
        matches!(
            event,
            EventKind::Started {
                stage: Stage::Probes,
                ..
            }
        )
    };
    let at = made.iter().position(probes).expect("an edit is probed");
    let watched = made.split_off(at);
    for place in layers {
        events.push(say(Step::Trying(place)));
        events.extend(made.iter().cloned());
        events.push(started(Stage::Checks, 3));
        let mut attempt = Attempt {
            layers: place,
            ..Attempt::default()
        };
        for check in checks(place[0], plan) {
            events.push(say(Step::Check(check.clone())));
            attempt.checks.push(check);
        }
        let failure = Attempt::failure(&attempt.checks);
        attempt.rejected = failure.clone().unwrap_or_default();
        found.attempts.push(attempt);
        match failure {
            Some(why) => events.push(say(Step::Rejected(why))),
            None => {
                events.extend(watched);
                if let Some(EventKind::Finished(Ok(Outcome::Edited { report, .. }))) =
                    events.last_mut()
                {
                    report.validation = Some(found);
                }
                return events;
            }
        }
    }
    let rejected = Outcome::Rejected(Box::new(found));
    events.push(EventKind::Finished(Ok(rejected)));
    events
}

/// Figures of an edit at a layer.
fn checks(layer: usize, plan: &Plan) -> [Check; 3] {
    let battery = Battery::embedded().expect("the battery is sound");
    let p = if layer == 4 { 0.031 } else { 0.62 };
    let part = Part {
        name: "{} stands in".into(),
        value: p,
    };
    let shift = Shift {
        kl: vec![if layer == 4 { 0.01 } else { 0.081 }; battery.items.len()],
        cosines: vec![(0, 1.0), (7, 0.97)],
    };
    [
        Check::paraphrases(vec![part], &plan.thresholds),
        Check::behaviour(&shift, &battery, plan.case, &plan.thresholds),
        Check::fingerprint(&shift, &plan.thresholds),
    ]
}
