//! What a user should know before trusting an edit, in words.

use crate::edit::context::Context;
use crate::edit::moment::THIN;
use crate::edit::{Made, Request};
use crate::measure::{BROKEN, EditReport, HEALTHY};

pub fn of(report: &EditReport, facts: &[Context], made: &Made, asked: &[Request]) -> Vec<String> {
    let mut said = Vec::new();
    let request = &asked[0];
    let missed = report.facts.iter().filter(|f| f.p_target.missed()).count();
    if missed > 0 {
        said.push(format!("{missed} of {} facts did not take", asked.len()));
    }
    if facts.iter().any(|fact| fact.rows[0].subject_last == 0) {
        said.push(
            "the subject is one token at position 0: its key has seen no context; put some words before it".into(),
        );
    }
    if let Some(moment) = report.second_moment.filter(|m| m.tokens_per_dim < THIN) {
        said.push(format!(
            "the second moment is thin: {:.1} tokens per dimension; below {THIN} updates swell, collect it over more text",
            moment.tokens_per_dim
        ));
    }
    let clamped = made.values.iter().filter(|value| value.clamped).count();
    if clamped > 0 && clamped < made.values.len() {
        said.push(format!(
            "δ reached its clamp for {clamped} of {} facts",
            asked.len()
        ));
    } else if clamped > 0 {
        said.push(format!(
            "δ reached its clamp of {} × ‖t₀‖: the fact may need another layer or a larger --clamp",
            report.hyper.clamp
        ));
    }
    let percent = 100.0 * report.relative_update_norm;
    if report.relative_update_norm > BROKEN {
        said.push(format!(
            "the update is {percent:.0} % of the layer's weights: above 50 % models have broken"
        ));
    } else if report.relative_update_norm > HEALTHY {
        said.push(format!(
            "the update is {percent:.0} % of the layer's weights: above 15 % is doubtful"
        ));
    }
    if asked.len() == 1 && request.target.trim() == report.true_answer {
        said.push("the target is what the model says already".into());
    }
    if asked.len() == 1 && report.p_target.missed() {
        said.push(format!(
            "the edit did not take: p(target) is {:.2} after it",
            report.p_target.after
        ));
    }
    said
}
