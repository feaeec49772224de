//! Why the lens shows nothing, in words that say what to do.

use crate::edit::EditError;
use crate::model::ModelError;

#[derive(Debug, thiserror::Error)]
pub enum LensError {
    #[error("the {which} answer is empty: name what the model should be asked for")]
    EmptyAnswer { which: &'static str },
    #[error("the old answer and the new one are both {answer:?}: name two that differ")]
    Same { answer: String },
    #[error(
        "the unedited model's own answer begins with {token:?}, as {answer:?} does: name the old \
         answer in full, or another new one"
    )]
    SaysSo { token: String, answer: String },
    #[error(
        "{long:?} begins with {short:?}, token for token, so that no token tells them apart: name \
         answers of which neither is the beginning of the other"
    )]
    Begins { short: String, long: String },
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error(transparent)]
    Edit(#[from] EditError),
}

impl LensError {
    /// Whether the job was cancelled rather than failed.
    pub fn is_cancelled(&self) -> bool {
        match self {
            LensError::Model(error) => matches!(error, ModelError::Cancelled),
            LensError::Edit(error) => error.is_cancelled(),
            _ => false,
        }
    }
}

pub type Result<T, E = LensError> = std::result::Result<T, E>;
