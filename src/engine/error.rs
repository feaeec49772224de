//! Why a job failed, in words that say what to do.

use super::spec::EditId;
use crate::edit::EditError;
use crate::facts::FactsError;
use crate::hub::HubError;
use crate::measure::erase::EraseError;
use crate::measure::lens::LensError;
use crate::measure::validate::ValidateError;
use crate::measure::views::ViewsError;
use crate::model::ModelError;
use crate::model::error::{OUT_OF_MEMORY, said};
use crate::trace::TraceError;
use std::any::Any;

#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error("no model is open: open one first")]
    NoModel,
    #[error("edit {0} is not known to the engine: load its session again")]
    UnknownEdit(EditId),
    #[error("there are no probes whose keys could be compared: propose some or import a file")]
    NoProbes,
    #[error(
        "no edit that was made from a fact is on, or not the one that was named: there is no key \
         to compare with"
    )]
    NoKey,
    #[error("the edit changes nothing at that layer: look at one of {layers:?}")]
    OtherLayer { layers: Vec<usize> },
    #[error("edit {id} is scaled by {alpha}: α goes from −1 to 2")]
    Alpha { id: EditId, alpha: f64 },
    #[error("cannot read the model's weights: {0}")]
    Hash(#[from] std::io::Error),
    #[error(
        "this should not have happened: {0}. The model is untouched; please report it with the log"
    )]
    Panicked(String),
    #[error(transparent)]
    Hub(#[from] HubError),
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error(transparent)]
    Trace(#[from] TraceError),
    #[error(transparent)]
    Edit(#[from] EditError),
    #[error(transparent)]
    Lens(#[from] LensError),
    #[error(transparent)]
    Erase(#[from] EraseError),
    #[error(transparent)]
    Validate(#[from] ValidateError),
    #[error(transparent)]
    Views(#[from] ViewsError),
    #[error(transparent)]
    Facts(#[from] FactsError),
}

impl EngineError {
    /// What a panic said, as an error like any other.
    pub fn panicked(panic: &(dyn Any + Send)) -> EngineError {
        EngineError::Panicked(said(panic).to_owned())
    }

    /// Whether memory was wanting: then it is for whatever comes next.
    pub fn is_of_memory(&self) -> bool {
        self.to_string().starts_with(OUT_OF_MEMORY)
    }

    pub fn is_cancelled(&self) -> bool {
        match self {
            EngineError::Hub(error) => matches!(error, HubError::Cancelled),
            EngineError::Model(error) => matches!(error, ModelError::Cancelled),
            EngineError::Edit(error) => error.is_cancelled(),
            EngineError::Trace(error) => error.is_cancelled(),
            EngineError::Lens(error) => error.is_cancelled(),
            EngineError::Erase(error) => error.is_cancelled(),
            EngineError::Validate(error) => error.is_cancelled(),
            EngineError::Views(error) => error.is_cancelled(),
            _ => false,
        }
    }

    /// Whether it is the fault of the layer that was edited: another may do.
    pub fn is_of_layer(&self) -> bool {
        match self {
            EngineError::Edit(error) => error.is_of_layer(),
            EngineError::Validate(error) => error.is_of_layer(),
            _ => false,
        }
    }
}

pub type Result<T, E = EngineError> = std::result::Result<T, E>;
