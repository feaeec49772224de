//! Why an edit could not be checked.

use crate::edit::EditError;
use crate::model::ModelError;

#[derive(Debug, thiserror::Error)]
pub enum ValidateError {
    #[error("the battery of probes inside the program is damaged: {0}")]
    Battery(String),
    #[error("the edited model says no numbers any more: its {0} is not finite")]
    NotFinite(&'static str),
    #[error(transparent)]
    Edit(#[from] EditError),
}

impl From<ModelError> for ValidateError {
    fn from(e: ModelError) -> Self {
        ValidateError::Edit(e.into())
    }
}

impl From<candle_core::Error> for ValidateError {
    fn from(e: candle_core::Error) -> Self {
        ValidateError::Edit(e.into())
    }
}

impl ValidateError {
    /// Whether the job was cancelled rather than failed.
    pub fn is_cancelled(&self) -> bool {
        matches!(self, ValidateError::Edit(error) if error.is_cancelled())
    }

    /// Whether it is the fault of these very weights: others may do.
    pub fn is_of_layer(&self) -> bool {
        match self {
            ValidateError::Battery(_) => false,
            ValidateError::NotFinite(_) => true,
            ValidateError::Edit(error) => error.is_of_layer(),
        }
    }
}

pub type Result<T, E = ValidateError> = std::result::Result<T, E>;
