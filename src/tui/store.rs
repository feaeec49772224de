//! The seam to session files: what the workbench saves and what it gets back.

use crate::engine::{ModelInfo, Stacked};
use crate::measure::{Generation, ProbeRow};
use crate::trace::TraceReport;
use crate::tui::app::EditRecord;
use std::path::PathBuf;

/// What a session holds of the workbench.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionData {
    pub model: ModelInfo,
    /// In the order of the stack.
    pub edits: Vec<(Stacked, EditRecord)>,
    pub probes: Vec<ProbeRow>,
    pub traces: Vec<TraceReport>,
    pub generations: Vec<Generation>,
}

/// A line of the session list.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionEntry {
    pub name: String,
    /// "3 edits", and what else helps to tell it from others.
    pub about: String,
    /// "2 h ago".
    pub when: String,
    /// Why it cannot be opened here, in words.
    pub refused: Option<String>,
}

/// What a store answers. Errors are words that say what to do.
#[derive(Clone, Debug)]
pub enum Reply {
    Saved {
        change: u64,
        result: Result<(String, PathBuf), String>,
    },
    Listed(Result<Vec<SessionEntry>, String>),
    Loaded(Result<(String, Box<SessionData>), String>),
    Wrote(Result<PathBuf, String>),
}

/// Keeps sessions somewhere.
pub trait Store: Send {
    /// Saves under `name`, or under a free name made from the data; gives the
    /// name and the file.
    fn save(&mut self, name: Option<&str>, data: &SessionData)
    -> Result<(String, PathBuf), String>;
    /// The sessions there are, newest first.
    fn list(&mut self, model: &ModelInfo) -> Result<Vec<SessionEntry>, String>;
    /// Reads one, refusing what was made for other weights.
    fn load(&mut self, name: &str, model: &ModelInfo) -> Result<SessionData, String>;
}
