//! What can go wrong with an edit, in words that say what to do.

use crate::model::ModelError;
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum EditError {
    #[error(
        "the prompt {prompt:?} has no {{}} for the subject: write it as \"{{}} is in the city of\""
    )]
    NoPlaceholder { prompt: String },
    #[error("the subject is empty: name what the fact is about")]
    EmptySubject,
    #[error("the target is empty: name the answer that the model should give")]
    EmptyTarget,
    #[error("layer {layer} does not exist: the model's layers are 0 to {last}")]
    NoSuchLayer { layer: usize, last: usize },
    #[error("template {template:?} has no {{}} for the prompt")]
    BadTemplate { template: String },
    #[error(
        "an imported edit cannot be made again from the text: put the session's factor file \
         back, or import it again"
    )]
    Imported,
    #[error("no thread can be had: {0}")]
    Thread(String),
    #[error("there is no template: give at least \"{{}}\"")]
    NoTemplates,
    #[error("--{name} is {value}; it should be {want}")]
    Hyper {
        name: &'static str,
        value: f64,
        want: &'static str,
    },
    #[error("the second moment {path} cannot be used: {reason}")]
    Moment { path: PathBuf, reason: String },
    #[error(
        "the second moment was not kept in {}: {source}; free space there, or name another folder \
         with XDG_CACHE_HOME", folder.display()
    )]
    NotKept {
        folder: PathBuf,
        source: std::io::Error,
    },
    #[error("the text {path} cannot be used for a second moment: {reason}")]
    Text { path: PathBuf, reason: String },
    #[error(
        "the second moment is singular even with its ridge of {ridge:.1e}: collect it over more text, or raise --ridge"
    )]
    Singular { ridge: f64 },
    #[error(
        "the solve with the second moment lost its precision (residual {residual:.1e}): raise --ridge"
    )]
    Imprecise { residual: f64 },
    #[error(
        "the optimisation left the numbers (step {step}: the loss is not finite): lower --lr or --clamp"
    )]
    NotFinite { step: usize },
    #[error(
        "the key is orthogonal to the update's direction (k·u = {0:.1e}): no rank-one edit exists here, try another layer"
    )]
    NoDirection(f64),
    #[error(
        "layer {0} is the model's last, which only one layer's edit may rewrite in this family: \
         end --layers one earlier"
    )]
    LastLayer(usize),
    #[error("{method} rewrites one fact at a time: give one, or take memit")]
    OneAtATime { method: &'static str },
    #[error("{method} rewrites one layer: name one, or take memit")]
    OneLayer { method: &'static str },
    #[error("{text:?} is asked for twice, as {first:?} and as {second:?}: leave one out")]
    Conflict {
        text: String,
        first: String,
        second: String,
    },
    #[error(
        "the keys of these facts are too much alike to be told apart: raise --lambda, or leave out what is asked twice"
    )]
    AlikeKeys,
    #[error(
        "C has no eigenvalue below {limit:.1e}: raise --threshold, or take --relative-threshold"
    )]
    NoNullSpace { limit: f64 },
    #[error(
        "an edit for layer {layer} has factors of {r} and {u} numbers; this model needs {want_r} and {want_u}"
    )]
    DeltaShape {
        layer: usize,
        r: usize,
        u: usize,
        want_r: usize,
        want_u: usize,
    },
    #[error(transparent)]
    Model(#[from] ModelError),
}

impl From<candle_core::Error> for EditError {
    fn from(e: candle_core::Error) -> Self {
        EditError::Model(e.into())
    }
}

impl EditError {
    /// Whether the job was cancelled rather than failed.
    pub fn is_cancelled(&self) -> bool {
        matches!(self, EditError::Model(ModelError::Cancelled))
    }

    /// Whether the numbers of this very layer are at fault: another one may do.
    pub fn is_of_layer(&self) -> bool {
        matches!(
            self,
            EditError::Singular { .. }
                | EditError::Imprecise { .. }
                | EditError::NotFinite { .. }
                | EditError::NoDirection(_)
                | EditError::AlikeKeys
                | EditError::NoNullSpace { .. }
        )
    }
}

pub type Result<T, E = EditError> = std::result::Result<T, E>;
