//! Questions of zsRE: each group rewritten in one change from the current weights
//! and asked, and nothing kept.

use super::Job;
use super::judge::rewritten;
use crate::edit::EditSpec;
use crate::engine::error::Result;
use crate::engine::event::Outcome;
use crate::engine::state::State;
use crate::measure::zsre::{Marked, Question, mark};

/// `edit` is how the questions are rewritten; `None`: as the weights are.
pub fn run(
    job: &Job,
    questions: &[Question],
    edit: Option<&EditSpec>,
    state: &mut State,
) -> Result<Outcome> {
    let requests = questions.iter().map(Question::request).collect();
    let rewritten = rewritten(job, requests, edit, state)?;
    let model = state.model()?;
    let ask = |question: &Question| {
        let decoder = &rewritten.decoder;
        let marked = mark(decoder, &model.tokens, question, &mut job.brake())?;
        Ok(Marked {
            relative_update_norm: rewritten.relative_update_norm,
            seconds: rewritten.seconds,
            ..marked
        })
    };
    let marked = questions.iter().map(ask).collect::<Result<_>>()?;
    Ok(Outcome::Marked(marked))
}
