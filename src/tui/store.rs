//! The seam to session files: what the workbench saves and what it gets back.

pub mod cases;
pub mod files;
mod lock;
pub mod models;

use crate::engine::{ModelInfo, Stacked};
use crate::hub;
use crate::measure::board::Imported;
use crate::measure::counterfact::{CasesFile, References};
use crate::measure::{Generation, ProbeRow};
pub use crate::model::inventory::Facts;
use crate::session::SavedTrace;
use crate::tui::app::EditRecord;
use std::path::{Path, PathBuf};

/// What a session holds of the workbench.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionData {
    pub model: ModelInfo,
    /// In the order of the stack.
    pub edits: Vec<(Stacked, EditRecord)>,
    pub probes: Vec<ProbeRow>,
    pub traces: Vec<SavedTrace>,
    pub generations: Vec<Generation>,
}

/// A line of the session list.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionEntry {
    pub path: PathBuf,
    pub name: String,
    /// What it holds: "Space Needle → Paris, and 2 more".
    pub about: String,
    /// When it was saved.
    pub when: String,
    /// Why it cannot be opened here, in words.
    pub refused: Option<String>,
    /// An autosave whose sitting ended without saving.
    pub left_behind: bool,
}

/// A line of the model list.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelEntry {
    /// What opens it: "atlas", a name of the hub or of a store, a path.
    pub name: String,
    pub origin: Origin,
    pub facts: Facts,
    /// On disk; `None` for one that is fetched first.
    pub bytes: Option<u64>,
    /// Its place, and what of it is left out.
    pub about: String,
}

/// Where a model of the list comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The program itself.
    Inside,
    Kept(hub::Origin),
    /// The hub, once it is chosen.
    ToFetch,
}

impl Origin {
    /// The heading above its models.
    pub fn title(self) -> &'static str {
        match self {
            Origin::Inside => "inside the program",
            Origin::Kept(origin) => origin.title(),
            Origin::ToFetch => "not here yet: fetched from the hub",
        }
    }
}

/// A file of cases or verdicts that was read.
#[derive(Clone, Debug)]
pub struct CasesRead {
    pub path: PathBuf,
    /// How many of its cases are wanted; `None`: all.
    pub limit: Option<usize>,
    pub file: CasesFile,
    /// Texts about objects.
    pub references: References,
}

/// Where a session that was read comes from, and where it is saved to.
#[derive(Clone, Debug, PartialEq)]
pub enum Opened {
    File(PathBuf),
    /// A sitting that was left behind, not saved anywhere yet.
    LeftBehind,
    /// Another workbench has it open: what is done here is saved elsewhere.
    Copy(PathBuf),
}

/// What a store answers. Errors are words that say what to do.
#[derive(Clone, Debug)]
pub enum Reply {
    Saved {
        change: u64,
        result: Result<PathBuf, NotSaved>,
    },
    Autosaved(Result<(), String>),
    Listed(Result<Vec<SessionEntry>, String>),
    Loaded(Result<(Opened, Box<SessionData>), String>),
    Wrote(Result<PathBuf, String>),
    /// A file is there: this text is not written over it unasked.
    InTheWay {
        path: PathBuf,
        text: String,
    },
    Cases(Result<Box<CasesRead>, String>),
    /// So many edits are there now.
    Exported {
        to: PathBuf,
        result: Result<usize, String>,
    },
    Models(Vec<ModelEntry>),
    Probes {
        path: PathBuf,
        result: Result<Imported, String>,
    },
}

/// Why a session was not saved.
#[derive(Clone, Debug, PartialEq)]
pub enum NotSaved {
    /// Another session is there.
    Exists(PathBuf),
    Failed(String),
}

/// Keeps sessions somewhere.
pub trait Store: Send {
    /// Saves and gives the file's full name; over another session only if `over`.
    fn save(&mut self, path: &Path, over: bool, data: &SessionData) -> Result<PathBuf, NotSaved>;
    /// Keeps the sitting until it is saved or discarded.
    fn autosave(&mut self, data: &SessionData) -> Result<(), String>;
    fn discard(&mut self);
    /// The tour has begun once.
    fn toured(&mut self) {}
    /// The sessions there are, those left behind first.
    fn list(&mut self, model: &ModelInfo) -> Result<Vec<SessionEntry>, String>;
    /// Where models are looked for.
    fn places(&self) -> hub::Settings;
    /// Reads one, refusing what was made for other weights.
    fn load(&mut self, path: &Path, model: &ModelInfo) -> Result<(Opened, SessionData), String>;
}
