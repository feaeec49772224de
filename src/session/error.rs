//! Why a session cannot be opened or saved, in words that say what to do.

use std::io;
use std::path::{Path, PathBuf};

/// A session that was not opened. The file on disk is as it was.
#[derive(Debug, thiserror::Error)]
#[error("{}: {why}", path.display())]
pub struct LoadError {
    pub path: PathBuf,
    #[source]
    pub why: Refusal,
}

impl LoadError {
    pub(super) fn new(path: &Path, why: Refusal) -> LoadError {
        LoadError {
            path: path.to_owned(),
            why,
        }
    }
}

/// What is wrong with a session.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("cannot be read: {0}")]
    Unreadable(io::Error),
    #[error("is not a plain file; name a session, NAME.toml")]
    NotAFile,
    #[error("has {bytes} bytes, and a session has {limit} at most; is this another kind of file?")]
    TooLarge { bytes: u64, limit: u64 },
    #[error("is not text (byte {at} is no UTF-8); is this another kind of file, or a damaged one?")]
    NotText { at: usize },
    #[error("is not a session: it has no `format` number at its top")]
    NotASession,
    #[error(
        "has format {found}, and this program knows {known}; open it with the version that saved it"
    )]
    UnknownVersion { found: i64, known: i64 },
    #[error(
        "was cut short: its last line is not `{}`; \
         take it from a backup, or from the autosaves that `pentimento session list` names",
        super::text::LAST_LINE
    )]
    Truncated,
    #[error("line {line}, column {column}: {message}")]
    Syntax {
        line: usize,
        column: usize,
        message: String,
    },
    #[error("`{field}` is {value}, which is no number; the file is damaged or was edited by hand")]
    NotFinite { field: String, value: String },
    #[error("`{field}` is {value}, and must be {allowed}")]
    OutOfRange {
        field: String,
        value: String,
        allowed: String,
    },
    #[error(
        "names the file {name:?}, which leaves the session's folder; \
         put the file beside the session and write its bare name"
    )]
    OutsideFolder { name: String },
    #[error(
        "was made on other weights:\n  \
         the session is for  {session_id:?}, sha256 {session}\n  \
         the open model is   {model_id:?}, sha256 {model}\n\
         open the session's own model with --model"
    )]
    OtherWeights {
        session_id: String,
        session: String,
        model_id: String,
        model: String,
    },
    #[error(
        "says its model has {field} = {session}, and the model with these weights has {model}; \
         the file is damaged or was edited by hand"
    )]
    OtherShape {
        field: &'static str,
        session: usize,
        model: usize,
    },
    #[error(
        "its factor file {file:?} is missing; put it back beside the session, or {}",
        otherwise(*imported)
    )]
    MissingFactors { file: String, imported: bool },
    #[error(
        "its factor file {file:?} is damaged ({reason}); take it from a backup, or {}",
        otherwise(*imported)
    )]
    DamagedFactors {
        file: String,
        reason: String,
        /// Whether an edit that needs it was imported.
        imported: bool,
    },
    #[error(
        "the factors of edit {edit} at layer {layer}: `{tensor}` has shape {found:?}, \
         and this model wants {expected:?}"
    )]
    WrongShape {
        edit: u64,
        layer: usize,
        tensor: char,
        found: Vec<usize>,
        expected: Vec<usize>,
    },
}

/// What helps where the factors are lost.
fn otherwise(imported: bool) -> &'static str {
    match imported {
        true => "import again what was imported: the text cannot make it again",
        false => "make the edits again from the text: pentimento session replay",
    }
}

/// A session that was not saved. What was on disk before is still there.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    #[error("cannot save {}: {source}; what was there before is untouched", path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot save {}: a session's name ends in .toml", path.display())]
    Name { path: PathBuf },
    #[error(
        "cannot save over {}: it is not a session of this version; choose another name",
        path.display()
    )]
    NotOurs { path: PathBuf },
    #[error("cannot save {}: {why}", path.display())]
    Unsound {
        path: PathBuf,
        #[source]
        why: Refusal,
    },
    #[error("cannot save {}: {reason}", path.display())]
    Encode { path: PathBuf, reason: String },
}
