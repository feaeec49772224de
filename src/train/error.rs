//! Why a model cannot be trained.

use crate::facts::FactsError;
use crate::model::ModelError;
use std::path::PathBuf;
use thiserror::Error;

#[derive(Debug, Error)]
pub enum TrainError {
    #[error(transparent)]
    Facts(#[from] FactsError),
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error("cannot read {path}: {source}")]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("cannot write {path}: {source}")]
    Write {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("the tokenizer could not be trained: {0}")]
    Bpe(String),
    #[error("{0}")]
    Spec(String),
    #[error(
        "{path} belongs to a run with other settings ({what}); \
         give the same ones to go on, or another folder to start anew"
    )]
    OtherRun { path: PathBuf, what: String },
    #[error("{path} is damaged: {reason}")]
    Damaged { path: PathBuf, reason: String },
    #[error("the loss is no longer a number at step {step}: lower the learning rate")]
    Diverged { step: usize },
    #[error("the computation failed: {0}")]
    Tensor(#[from] candle_core::Error),
}

pub type Result<T, E = TrainError> = std::result::Result<T, E>;
