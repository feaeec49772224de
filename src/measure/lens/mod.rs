//! Override or erasure? What is left of the old answer underneath an edit: the
//! logit lens (nostalgebraist 2020), the final norm and the output head on the
//! residual that enters layer 0 and on the one that leaves each layer, on the
//! unedited weights and on the edited ones (ALGORITHMS §5, "Persistence of the old
//! fact").
//!
//! An answer of several tokens stands for one of them: the first in which the two
//! answers differ. What they have in common before it is forced after the prompt,
//! and the lens looks at prompt and common beginning together; its last position
//! is always the one that the two tokens follow.

mod data;
mod error;
mod picture;
mod question;
mod read;
#[cfg(test)]
mod tests;
mod words;

pub use data::{AnswerToken, Depth, Difference, Grid, Guess, Leader, LensReport, Seen};
pub use error::LensError;
pub use picture::svg;

use crate::model::probe::Probe;
use crate::model::{Decoder, ModelError, Tokens};
use error::Result;
use question::Question;
use read::{Residuals, Rows};
use serde::{Deserialize, Serialize};

/// What to look for, after which prompt.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LensSpec {
    pub prompt: String,
    /// `None`: what the unedited model says after the prompt.
    pub old: Option<String>,
    pub new: String,
    /// Tokens told of each cell, the likeliest first.
    pub top: usize,
}

/// Looks at the residuals of `base` (before) and of `edited` (after): one forward
/// pass of the one, and of the other its layers from the first that differs.
/// What lies below is the same by construction, and its difference exactly 0.
/// `each` sees how many cells are read, of how many.
///
/// # Errors
/// An answer or a prompt that is empty, a prompt beyond the context, answers that
/// no token tells apart; `Cancelled` where `probe` says so.
pub fn look<P: Probe>(
    [base, edited]: [&Decoder; 2],
    tokens: &Tokens,
    spec: &LensSpec,
    probe: &mut P,
    each: &mut dyn FnMut(usize, usize),
) -> Result<LensReport> {
    let question = Question::new(base, tokens, spec)?;
    let residuals = Residuals::of(base, &question.ids, probe)?;
    let new = question.new;
    let old = match question.old {
        Some(old) => old,
        None => question::own_answer(base, &residuals, probe)?,
    };
    if old == new {
        return Err(LensError::SaysSo {
            token: tokens.show(old).trim().to_owned(),
            answer: spec.new.trim().to_owned(),
        });
    }
    let first = edited.first_difference(base);
    let changed = match first {
        Some(layer) => Some(residuals.from(layer, edited, probe)?),
        None => None,
    };
    let mut rows = Rows {
        tokens,
        answers: [old, new],
        top: spec.top,
        done: 0,
        all: residuals.cells() + changed.as_ref().map_or(0, Residuals::cells),
        each,
    };
    let before = rows.read(base, &residuals, probe)?;
    let after = match &changed {
        Some(changed) => before.under(rows.read(edited, changed, probe)?),
        None => before.clone(),
    };
    let token = |text: &Option<String>, id: u32| AnswerToken {
        text: text.clone().unwrap_or_else(|| tokens.show(id)),
        id,
        token: tokens.show(id),
    };
    let mut report = LensReport {
        model: String::new(),
        prompt: spec.prompt.clone(),
        tokens: tokens.show_all(&question.ids),
        forced: question.forced,
        old: token(&spec.old, old),
        new: token(&Some(spec.new.clone()), new),
        columns: (0..=base.layers()).map(Depth).collect(),
        first_edited: first,
        difference: Difference::between(&before, &after),
        before,
        after,
        sentence: String::new(),
        input_ids: question.ids,
    };
    report.sentence = words::sentence(&report);
    Ok(report)
}

fn failed(error: candle_core::Error) -> LensError {
    LensError::Model(ModelError::from(error))
}
