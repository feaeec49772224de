//! Where the engine keeps things between runs.

use crate::hub;
use std::path::PathBuf;

/// Where the engine keeps what it computed once.
#[derive(Clone, Debug, Default)]
pub struct Folders {
    /// For second moments; `None` computes them anew.
    pub cache: Option<PathBuf>,
    /// The file in which weight hashes are remembered.
    pub hashes: Option<PathBuf>,
    /// The hub and the cache of its models.
    pub hub: hub::Settings,
}
