//! Why an edit could not be looked at.

use crate::edit::EditError;
use crate::model::ModelError;

#[derive(Debug, thiserror::Error)]
pub enum ViewsError {
    #[error("the wordings inside the program are damaged: {0}")]
    Wordings(String),
    #[error(
        "the edit was made elsewhere and says no fact that could be asked about: look at one that \
         was made here"
    )]
    Imported,
    #[error("the edit has {facts} facts, and none is number {fact}: count from 1")]
    NoSuchFact { fact: usize, facts: usize },
    #[error(
        "the edit is not in the stack, or is switched off: there is nothing to compare. Switch it on"
    )]
    Off,
    #[error(transparent)]
    Edit(#[from] EditError),
}

impl From<ModelError> for ViewsError {
    fn from(e: ModelError) -> Self {
        ViewsError::Edit(e.into())
    }
}

impl ViewsError {
    /// Whether the job was cancelled rather than failed.
    pub fn is_cancelled(&self) -> bool {
        matches!(self, ViewsError::Edit(error) if error.is_cancelled())
    }
}
