//! From files to a decoder whose every activation can be read and rewritten.
//!
//! `source → config → weights → decoder`, with the tokenizer beside it. A
//! family of models is data (a [`Config`]), not code.

pub mod brake;
pub mod config;
pub mod decoder;
pub mod device;
pub mod error;
pub mod generate;
pub mod generate_many;
pub mod gguf;
#[allow(unsafe_code)]
pub mod mmap;
pub mod ops;
pub mod probe;
pub mod sample;
pub mod source;
pub mod span;
pub mod tokenizer;
pub mod weights;

pub use brake::Brake;
pub use config::Config;
pub use decoder::Decoder;
pub use error::ModelError;
pub use probe::{Point, Probe, Site};
pub use source::{Loaded, Source};
pub use span::{Past, Span, Window};
pub use tokenizer::{Encoded, Tokens};
pub use weights::Weights;
