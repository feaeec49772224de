//! What a trace refuses, in words that say what to do.

use crate::model::ModelError;

#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    #[error("choose at least one kind to restore: state, mlp or attn")]
    NoKind,
    #[error("a trace needs at least one noise sample (10 is usual)")]
    NoSamples,
    #[error("a window of 0 layers restores nothing: choose 1 or more")]
    NoWindow,
    #[error("the noise scale {0} is not a positive number")]
    NoiseScale(f64),
    #[error("the answer {0:?} has no token: leave it out to follow the model's own")]
    NoAnswer(String),
    #[error("cancelled")]
    Cancelled,
    #[error(transparent)]
    Model(ModelError),
}

impl TraceError {
    /// Whether the trace was stopped rather than failed.
    pub fn is_cancelled(&self) -> bool {
        matches!(self, TraceError::Cancelled)
    }
}

impl From<ModelError> for TraceError {
    fn from(error: ModelError) -> Self {
        match error {
            ModelError::Cancelled => TraceError::Cancelled,
            error => TraceError::Model(error),
        }
    }
}

impl From<candle_core::Error> for TraceError {
    fn from(error: candle_core::Error) -> Self {
        TraceError::Model(error.into())
    }
}

pub type Result<T, E = TraceError> = std::result::Result<T, E>;
