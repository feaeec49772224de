//! Why a command ended without its result.

use crate::edit::EditError;
use crate::session::{FileError, LoadError, SaveError};
use std::io;
use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The engine's words; they say what to do.
    #[error("{0}")]
    Failed(String),
    /// The engine's words too; whatever would come next would end so.
    #[error("{0}")]
    NoMemory(String),
    #[error("cancelled; nothing was changed")]
    Cancelled,
    #[error("cancelled after {made} of {of} edits; {}", kept(save.as_deref()))]
    Partly {
        made: usize,
        of: usize,
        save: Option<PathBuf>,
    },
    #[error("cancelled; what arrived is kept, and the same command goes on from there")]
    Stopped,
    #[error("the engine ended before it was done; the log has more: {}", log())]
    EngineEnded,
    #[error("cannot start the model's thread: {0}")]
    Start(io::Error),
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Load(Box<LoadError>),
    #[error(transparent)]
    Edit(Box<EditError>),
    #[error(transparent)]
    Save(#[from] SaveError),
    #[error(
        "{} exists; choose another name, or add to it with --on {}",
        path.display(), path.display()
    )]
    Exists { path: PathBuf },
    #[error("the session is for the model {id:?}; say where it is with --model")]
    WhichModel { id: String },
    #[error(
        "edit {edit} was made on edit {ground}, which the session does not hold: it cannot be \
         made again from the text, only be taken from the factors beside it"
    )]
    Groundless { edit: u64, ground: u64 },
    #[error(
        "the workbench needs a terminal on its input and output; \
         `pentimento --help` names what works without one"
    )]
    NoTerminal,
    #[error("the terminal cannot be used: {0}")]
    Terminal(io::Error),
    #[error("{differences} of the session's figures came out otherwise")]
    Differs { differences: usize },
    /// What was asked is answered: they differ. Nothing went wrong.
    #[error("they differ")]
    Unlike,
    /// A comparison that came to no answer.
    #[error(transparent)]
    Trouble(Box<CliError>),
    #[error("cannot write the result: {0}")]
    Output(#[from] io::Error),
    #[error("cannot write the result: {0}")]
    Json(#[from] serde_json::Error),
}

impl From<EditError> for CliError {
    fn from(error: EditError) -> Self {
        CliError::Edit(Box::new(error))
    }
}

impl From<LoadError> for CliError {
    fn from(error: LoadError) -> Self {
        CliError::Load(Box::new(error))
    }
}

impl CliError {
    /// An error of a command whose status 1 says that two things differ.
    pub fn trouble(self) -> CliError {
        CliError::Trouble(Box::new(self))
    }

    /// The process's exit status; as `diff` has it where two things are compared.
    pub fn status(&self) -> u8 {
        match self {
            CliError::Trouble(_) => 2,
            _ => 1,
        }
    }

    /// Whether standard output has said all there is to say.
    pub fn is_said(&self) -> bool {
        matches!(self, CliError::Unlike)
    }

    /// Whoever read the output has had enough: no error to speak of.
    pub fn is_closed_pipe(&self) -> bool {
        match self {
            CliError::Output(error) => error.kind() == io::ErrorKind::BrokenPipe,
            CliError::Trouble(error) => error.is_closed_pipe(),
            CliError::Json(error) => error.io_error_kind() == Some(io::ErrorKind::BrokenPipe),
            _ => false,
        }
    }
}

fn kept(save: Option<&Path>) -> String {
    save.map_or_else(
        || "nothing was saved (--save keeps what was made)".into(),
        |path| format!("they are saved to {}", path.display()),
    )
}

fn log() -> String {
    let log = crate::session::folders::log();
    log.map_or_else(
        || "(there is no log)".into(),
        |path| path.display().to_string(),
    )
}
