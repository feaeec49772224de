//! What is saved: the edits of a sitting, what was seen, and how to get back.
//!
//! A session is a text file to read and diff (`NAME.toml`), with the exact
//! factors of its edits beside it (`NAME.safetensors`). The text alone
//! replays; with its factors it reloads at once and bit for bit.
//!
//! ```
//! use pentimento::session;
//! use std::path::Path;
//!
//! let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/sessions/statue.toml"));
//! let own = session::read(path)?.model;
//! // Refused where the weights are others than those that it was made on.
//! let (session, factors) = session::load(path, &own)?;
//! assert_eq!(factors.len(), session.edits.len());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod atomic;
pub mod autosave;
pub mod beneath;
pub mod check;
pub mod compare;
pub mod diff;
pub mod error;
pub mod export;
pub mod factors;
pub mod file;
pub mod folders;
pub mod hash;
pub mod import;
pub mod list;
pub mod load;
pub mod save;
pub mod schema;
#[cfg(test)]
mod tests;
pub mod text;
pub mod time;

pub use autosave::Autosave;
pub use beneath::Beneath;
pub use error::{LoadError, Refusal, SaveError};
pub use file::FileError;
pub use list::{Listed, list};
pub use load::{load, read};
pub use save::save;
pub use schema::{Factors, MadeOn, Model, SavedEdit, SavedTrace, Session};
