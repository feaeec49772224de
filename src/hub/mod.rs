//! Models from the Hugging Face hub, through the cache that its other tools
//! share: what they fetched opens here, and the reverse.
//!
//! Written on a small HTTP client rather than on `hf-hub`: a file must go on
//! where a cut connection left it, be checked against the hash that the hub
//! names before it counts as a model, and stop when the user says so.

pub mod cache;
mod check;
mod download;
mod error;
mod fetch;
mod http;
mod name;
mod settings;

pub use error::{HubError, Result};
pub use fetch::{Progress, Snapshot, fetch};
pub use name::{ModelId, SHORT_NAMES};
pub use settings::{Settings, Token};
