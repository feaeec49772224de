//! Models as llama.cpp has them: one file (or a few) with weights, settings and
//! vocabulary.
//!
//! The container is read here and not by candle's reader: a file from a stranger
//! may name any length, and nothing is allocated that the file itself could not fill.

pub mod config;
pub mod container;
mod cursor;
pub mod kind;
mod pre;
mod sentence;
mod shards;
pub mod tokenizer;
pub mod value;

pub use container::{Gguf, TensorInfo};
pub use kind::Kind;
pub use shards::{files, is_gguf};
pub use value::{Array, Value};
