//! Everything that can go wrong between a file and a forward pass.

use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    #[error("cannot read {path}: {source}")]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("{path} is not a valid model config: {reason}")]
    Config { path: PathBuf, reason: String },
    #[error("{what} is not supported: {hint}")]
    Unsupported { what: String, hint: String },
    #[error("{path} is damaged or is no safetensors file: {reason}. Fetch or copy it again")]
    Weights { path: PathBuf, reason: String },
    #[error(
        "the weights have no tensor `{name}`; the config asks for it. Are config.json and the weights of one model?"
    )]
    MissingTensor { name: String },
    #[error(
        "tensor `{name}` has shape {got:?}, the config asks for {want:?}. Are config.json and the weights of one model?"
    )]
    Shape {
        name: String,
        got: Vec<usize>,
        want: Vec<usize>,
    },
    #[error(
        "tensor `{name}` holds a value that is not finite (NaN or infinity); the file is damaged"
    )]
    NotFinite { name: String },
    #[error("cannot read the tokenizer {path}: {reason}")]
    Tokenizer { path: PathBuf, reason: String },
    #[error("{id} is not on this machine: `pentimento model fetch {id}` brings it")]
    NotFetched { id: String },
    #[error("the prompt is empty: type at least one token")]
    EmptyPrompt,
    #[error("the prompt has {tokens} tokens and the model sees {context} at most: shorten it")]
    TooLong { tokens: usize, context: usize },
    #[error("the subject is empty: choose the words that name what the fact is about")]
    EmptySubject,
    #[error(
        "the subject {subject:?} is not in the prompt {prompt:?}: choose words that stand in it, letter for letter"
    )]
    SubjectNotInPrompt { subject: String, prompt: String },
    #[error("device {name:?} is not available: {reason}")]
    Device { name: String, reason: String },
    #[error("the model needs {needed_gb:.1} GB and {device} has {free_gb:.1} GB free: {advice}")]
    NoRoom {
        needed_gb: f64,
        free_gb: f64,
        device: String,
        advice: &'static str,
    },
    #[error("tensor `{name}` holds values that f16 cannot: take --dtype bf16 or f32")]
    BeyondF16 { name: String },
    #[error("cancelled")]
    Cancelled,
    #[error("the computation failed: {0}")]
    Tensor(#[from] candle_core::Error),
}

pub type Result<T, E = ModelError> = std::result::Result<T, E>;
