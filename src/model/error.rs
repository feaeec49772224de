//! Everything that can go wrong between a file and a forward pass.

use std::any::Any;
use std::path::PathBuf;

/// How every error begins that is a want of memory: what comes next would end so too,
/// and whoever makes many things one after another stops there.
pub const OUT_OF_MEMORY: &str = "out of memory";

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
    #[error("{path} is damaged or is no GGUF file: {reason}. Fetch or copy it again")]
    Gguf { path: PathBuf, reason: String },
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
    #[error(
        "the text has {:.1} MB, and no model sees so much at once: shorten it",
        *.bytes as f64 / 1e6
    )]
    TextTooLong { bytes: usize },
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
    #[error(
        "the model would take {} MB and --memory allows {} MB in all: allow more, or take a \
         smaller model",
        .needed / 1_000_000, .limit / 1_000_000
    )]
    NotAllowed { needed: u64, limit: u64 },
    #[error("tensor `{name}` holds values that f16 cannot: take --dtype bf16 or f32")]
    BeyondF16 { name: String },
    #[error(
        "{OUT_OF_MEMORY}: {} MB are held and --memory allows {} MB. This changed nothing; take \
         fewer samples, prompts or facts at once, or allow more",
        .held / 1_000_000, .limit / 1_000_000
    )]
    OutOfMemory { held: u64, limit: u64 },
    #[error(
        "{OUT_OF_MEMORY} on the device ({0}). This changed nothing; take fewer samples, prompts or \
         facts at once, --dtype bf16, or --device cpu"
    )]
    DeviceFull(String),
    #[error("cancelled")]
    Cancelled,
    #[error("the computation failed: {0}")]
    Tensor(#[source] candle_core::Error),
}

impl From<candle_core::Error> for ModelError {
    fn from(error: candle_core::Error) -> Self {
        let words = error.to_string();
        // candle hands on what the driver said, as text.
        match words.contains("OUT_OF_MEMORY") || words.contains("out of memory") {
            true => ModelError::DeviceFull(words.lines().next().unwrap_or_default().into()),
            false => ModelError::Tensor(error),
        }
    }
}

/// What a panic that was caught said.
pub fn said(panic: &(dyn Any + Send)) -> &str {
    let string = panic.downcast_ref::<String>().map(String::as_str);
    let words = string.or_else(|| panic.downcast_ref::<&str>().copied());
    words.unwrap_or("no message")
}

pub type Result<T, E = ModelError> = std::result::Result<T, E>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_card_is_told_from_other_failures() {
        let said = |words: &str| ModelError::from(candle_core::Error::Msg(words.into()));
        let full = said("DriverError(CUDA_ERROR_OUT_OF_MEMORY, \"out of memory\")\n   0: trace");
        let words = full.to_string();
        assert!(matches!(full, ModelError::DeviceFull(_)), "{words}");
        assert!(
            words.contains("--dtype bf16") && !words.contains("trace"),
            "{words}"
        );
        assert!(matches!(said("shape mismatch"), ModelError::Tensor(_)));
    }
}
