//! Why a file of the user's cannot be read or written, and where in it.

use super::text::shown;
use std::io;
use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("{}: {source}", path.display())]
    Io {
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

impl FileError {
    /// What the system said of a file, for `map_err`.
    pub fn io(path: &Path) -> impl Fn(io::Error) -> FileError {
        move |source| FileError::Io {
            path: path.to_owned(),
            source,
        }
    }

    /// What is wrong at a place in it, control characters shown.
    pub fn line(path: &Path, (line, column): (usize, usize), reason: &str) -> FileError {
        FileError::Line {
            path: path.to_owned(),
            line,
            column,
            reason: shown(reason),
        }
    }

    /// The same of JSON that starts after `above` lines of the file.
    pub fn json(path: &Path, above: usize, error: &serde_json::Error) -> FileError {
        let words = error.to_string();
        // The error names the place itself, counted from where the JSON starts.
        let reason = words.split(" at line ").next().unwrap_or(&words);
        FileError::line(path, (above + error.line(), error.column()), reason)
    }
}
