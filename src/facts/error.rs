//! Why a world cannot be read.

use std::path::PathBuf;
use thiserror::Error;

/// Why a world of facts could not be read. Lines count from 1.
#[derive(Debug, Error)]
pub enum FactsError {
    #[error("cannot read {path}: {source}")]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("facts, line {line}: {source}")]
    Fact {
        line: usize,
        source: serde_json::Error,
    },
    #[error("facts, line {line}: {what} is empty")]
    Empty { line: usize, what: &'static str },
    #[error("facts, line {line}: relation {relation:?} has no wording in the templates")]
    NoWording { line: usize, relation: String },
    #[error("facts: the file holds none")]
    NoFacts,
    #[error("templates: {0}")]
    Templates(serde_json::Error),
    #[error("templates: wording {wording:?} of {relation:?} must hold {{}} once, for the subject")]
    Wording { relation: String, wording: String },
}
