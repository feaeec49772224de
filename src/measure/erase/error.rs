//! Why nothing was erased, in words that say what to do.

use crate::edit::EditError;
use crate::model::ModelError;

#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    #[error("there are {have} labelled prompts and an eraser needs {need}: give it more")]
    TooFew { have: usize, need: usize },
    #[error(
        "every label but one has fewer than {least} subjects: a concept needs two that can be \
         told apart on prompts that were held out"
    )]
    OneLabel { least: usize },
    #[error("the built-in facts have no relation {relation:?}; they have {known}")]
    NoRelation { relation: String, known: String },
    #[error(
        "the built-in facts do not say in which relation {subject:?} stands to {object:?}: name \
         one, or give labelled prompts of your own"
    )]
    WhichRelation { subject: String, object: String },
    #[error("layer {layer} does not exist: the last is {last}")]
    NoSuchLayer { layer: usize, last: usize },
    #[error(
        "labelled prompt {number} does not name its subject, at whose last token it is to be read"
    )]
    NoSubject { number: usize },
    #[error("{what} is {value}: it must be {wanted}")]
    Option {
        what: &'static str,
        value: f64,
        wanted: &'static str,
    },
    #[error(
        "the residuals hold numbers that are none, or their covariance cannot be decomposed: the \
         model is broken at this layer"
    )]
    Unsolved,
    #[error("cancelled")]
    Cancelled,
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error(transparent)]
    Edit(#[from] EditError),
}

impl EraseError {
    /// Whether the job was cancelled rather than failed.
    pub fn is_cancelled(&self) -> bool {
        match self {
            EraseError::Cancelled => true,
            EraseError::Model(error) => matches!(error, ModelError::Cancelled),
            EraseError::Edit(error) => error.is_cancelled(),
            _ => false,
        }
    }
}

pub type Result<T, E = EraseError> = std::result::Result<T, E>;
