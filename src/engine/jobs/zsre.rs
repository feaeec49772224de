//! Questions of zsRE: each group rewritten in one change from the current weights
//! and asked, and nothing kept.

use super::{Job, edit};
use crate::edit::EditSpec;
use crate::engine::error::Result;
use crate::engine::event::Outcome;
use crate::engine::state::State;
use crate::measure::Watch;
use crate::measure::zsre::{Marked, Question, mark};
use std::time::Instant;

/// `edit` is how the questions are rewritten; `None`: as the weights are.
pub fn run(
    job: &Job,
    questions: &[Question],
    edit: Option<&EditSpec>,
    state: &mut State,
) -> Result<Outcome> {
    let started = Instant::now();
    let (edited, norm) = match (edit, questions.split_first()) {
        (Some(how), Some((first, more))) => {
            let spec = EditSpec {
                request: first.request(),
                more: more.iter().map(Question::request).collect(),
                ..how.clone()
            };
            let (report, deltas) = edit::attempt(job, &spec, &Watch::default(), state)?;
            let edited = state.model()?.with(&deltas)?;
            (edited, Some(report.relative_update_norm))
        }
        _ => (state.model()?.current.clone(), None),
    };
    let seconds = started.elapsed().as_secs_f64() / questions.len().max(1) as f64;
    let model = state.model()?;
    let ask = |question: &Question| {
        let marked = mark(&edited, &model.tokens, question, &mut job.brake())?;
        Ok(Marked {
            relative_update_norm: norm,
            seconds,
            ..marked
        })
    };
    let marked = questions.iter().map(ask).collect::<Result<_>>()?;
    Ok(Outcome::Marked(marked))
}
