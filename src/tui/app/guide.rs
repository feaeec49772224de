//! What leads through the workbench from a banner: the tour, or a session that
//! is shown step by step.

use super::EditRecord;
use crate::edit::EditSpec;
use crate::engine::{EditId, Stacked};
use crate::measure::Watch;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Clone, Debug)]
pub enum Guide {
    Tour(Tour),
    Show(Box<Show>),
}

/// Five things to do; each is over once it is done.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tour {
    pub step: usize,
    /// The prompt that the tour began with.
    pub prompt: String,
    /// Traces and edits that were there when it began.
    pub traces: usize,
    pub edits: usize,
    /// The edit was taken back at least once.
    pub undone: bool,
}

impl Tour {
    /// A heading and what to do, with commands for keys. `None` after the last.
    pub fn words(&self) -> Option<(&'static str, &'static str)> {
        Some(match self.step {
            0 => (
                "A live prompt",
                "This is Atlas, a small model whose every fact is known. What it says next stands \
                 behind the prompt. ‹next-example› brings another fact; ‹type-prompt› types your own.",
            ),
            1 => (
                "Where is it recalled?",
                "‹trace› blurs the subject until the answer is gone, and puts one activation after \
                 the other back: where the map is bright, the fact passes through.",
            ),
            2 => (
                "Rewrite it",
                "‹edit› writes the new answer (‹type-target› types another one) into one matrix of \
                 one layer. The gauge shows how large the change is.",
            ),
            3 if !self.undone => (
                "What else moved?",
                "Neighbours that should have stayed are marked, and so are the stories it now \
                 tells (‹go-neighbours›, ‹go-confabulations›). ‹undo› takes the edit back, bit for bit.",
            ),
            3 => (
                "What else moved?",
                "The old answer is back. ‹redo› brings the edit again; ‹weaker› and ‹stronger› \
                 scale it.",
            ),
            4 => (
                "Keep it",
                "‹save› keeps the session: a text that can be read, compared and made again. \
                 ‹help› lists every key, ‹palette› finds every command by name.",
            ),
            _ => return None,
        })
    }

    pub const STEPS: usize = 5;
}

/// A saved session as a talk.
#[derive(Clone, Debug)]
pub struct Show {
    pub path: PathBuf,
    /// How long a scene stands before the next; `None`: until it is asked for.
    pub every: Option<Duration>,
    /// Empty until the session is read.
    pub scenes: Vec<Scene>,
    /// So many were played.
    pub played: usize,
    pub paused: bool,
    /// Since when nothing has been running.
    pub quiet_since: Duration,
    /// The ids that the session's edits have here.
    pub ids: BTreeMap<EditId, EditId>,
}

/// One step of it.
#[derive(Clone, Debug)]
pub enum Scene {
    Fact(Box<EditSpec>),
    Trace,
    Edit(EditId, Box<EditSpec>, Box<Watch>),
    /// An edit that was brought in: by its factors.
    Adopt(EditId, Box<EditRecord>),
    Neighbours,
    Confabulations,
    /// The stack as it was left.
    Stack(Vec<Stacked>),
}

impl Show {
    pub fn new(path: PathBuf, every: Option<Duration>) -> Show {
        Show {
            path,
            every,
            scenes: Vec::new(),
            played: 0,
            paused: false,
            quiet_since: Duration::ZERO,
            ids: BTreeMap::new(),
        }
    }

    pub fn is_over(&self) -> bool {
        !self.scenes.is_empty() && self.played >= self.scenes.len()
    }

    /// The scene on the screen.
    pub fn scene(&self) -> Option<&Scene> {
        self.scenes.get(self.played.checked_sub(1)?)
    }
}

impl Scene {
    /// What is to be seen.
    pub fn caption(&self) -> String {
        let fact = |spec: &EditSpec| {
            let request = &spec.request;
            format!("{} → {}", request.subject, request.target.trim())
        };
        match self {
            Scene::Fact(spec) => format!("What the model says now. To be written: {}.", fact(spec)),
            Scene::Trace => "Where the fact is recalled.".into(),
            Scene::Edit(_, spec, _) => {
                let more = match spec.more.len() {
                    0 => String::new(),
                    more => format!(" and {more} more"),
                };
                format!("{}{more}, by {}.", fact(spec), spec.method.name())
            }
            Scene::Adopt(_, record) => format!("Brought in: {}.", record.spec.origin),
            Scene::Neighbours => "What else moved.".into(),
            Scene::Confabulations => "What it makes up now.".into(),
            Scene::Stack(_) => "The stack as it was left.".into(),
        }
    }
}
