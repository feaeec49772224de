//! Models from the Hugging Face hub, through the cache that its other tools
//! share: what they fetched opens here, and the reverse. And those that other
//! programs keep on this machine.
//!
//! Written on a small HTTP client rather than on `hf-hub`: a file must go on
//! where a cut connection left it, be checked against the hash that the hub
//! names before it counts as a model, and stop when the user says so.

pub mod cache;
mod check;
mod download;
mod error;
mod fetch;
pub mod gguf;
mod http;
mod name;
pub mod near;
mod places;
mod settings;
pub mod stores;
mod walk;

pub use cache::Snapshot;
pub use error::{HubError, Result};
pub use fetch::{Progress, fetch};
pub use name::{ModelId, SHORT_NAMES};
pub use places::Places;
pub use settings::{Settings, Token};
pub use stores::{Origin, StoreId};
