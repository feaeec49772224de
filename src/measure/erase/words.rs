//! What an erasure comes to, in plain words.

use super::data::{EraseReport, Reading};

pub fn sentence(report: &EraseReport) -> String {
    let percent = |share: f64| format!("{:.0} %", 100.0 * share);
    let (before, after) = (report.probe.before.accuracy, report.probe.after.accuracy);
    let mut words = format!(
        "A linear probe finds the label of {} of the prompts that were held out, and {} once {} \
         erased; the commonest label alone is right in {}.",
        percent(before.held_out),
        percent(after.held_out),
        match report.rank {
            1 => "one direction is".to_owned(),
            n => format!("{n} directions are"),
        },
        percent(report.majority.held_out),
    );
    if let Some(fact) = &report.fact {
        let p = |reading: &Reading| {
            let [old, new] = [reading.p_old, reading.p_new].map(Option::unwrap_or_default);
            let told = |p: f64| format!("{p:.2}");
            (told(old), told(new))
        };
        let (old, new) = (fact.old.trim(), fact.new.trim());
        let mut side = |name: &str, seen: &super::data::Switched| {
            let ((a, b), (c, d)) = (p(&seen.off), p(&seen.on));
            words +=
                &format!(" {name} p({old}) goes from {a} to {c} and p({new}) from {b} to {d}.");
        };
        side("Unedited,", &report.base);
        if let Some(edited) = &report.edited {
            side("With the edits,", edited);
        }
    }
    words
}

/// What makes the figures less than they seem.
pub fn warnings(report: &EraseReport) -> Vec<String> {
    let mut warnings = Vec::new();
    let fitted = report.fitted_subjects;
    if fitted < 2 * report.d {
        warnings.push(format!(
            "what was fitted on is about {fitted} subjects, fewer than twice the {} coordinates \
             of a residual: the guarantee is of these prompts, and need not hold on others",
            report.d
        ));
    }
    if !report.guaranteed {
        warnings.push(format!(
            "a direction of singular value {:.4} is below the tolerance and was kept: what is \
             left of the cross-covariance is {:.1e} of what it was, and there is no guarantee",
            report.dropped,
            report.cross_covariance.after / report.cross_covariance.before
        ));
    }
    let converged = |gradient: f64| gradient <= 1e-5;
    let (before, after) = (&report.probe.before, &report.probe.after);
    if !(converged(before.gradient) && converged(after.gradient)) {
        warnings.push(format!(
            "a probe did not settle: its gradient is {:.1e} after {} steps",
            before.gradient.max(after.gradient),
            before.steps.max(after.steps)
        ));
    }
    if let Some(fact) = &report.fact {
        for (name, answer) in [("old", &fact.old), ("new", &fact.new)] {
            if report.class_of(answer).is_none() {
                warnings.push(format!(
                    "the {name} answer, {}, is no label of its own: it is among the others, and \
                     is not told apart from them",
                    answer.trim()
                ));
            }
        }
    }
    warnings
}
