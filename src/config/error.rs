//! Why the user's defaults cannot be taken.

use std::io;
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{}: {source}", path.display())]
    File {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{}, line {line}, column {column}: {reason}", path.display())]
    Line {
        path: PathBuf,
        line: usize,
        column: usize,
        reason: String,
    },
}
