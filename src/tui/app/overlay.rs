//! What lies over the panes: help, the palette, the session list, questions.

use super::Entry;
use super::recipe::Recipe;
use crate::engine::Source;
use crate::tui::keymap::Command;
use std::path::PathBuf;

#[derive(Clone, Debug)]
pub enum Overlay {
    Help {
        scroll: usize,
    },
    Palette {
        entry: Entry,
        selected: usize,
    },
    /// The saved sessions; `None` while they are being read.
    Sessions {
        entry: Entry,
        selected: usize,
    },
    /// The models there are; a name that is not among them is fetched.
    Models {
        entry: Entry,
        selected: usize,
    },
    /// How the next edit is made.
    Recipe(Recipe),
    /// The newest validation; so many lines back from its last one.
    Validation {
        back: usize,
    },
    Confirm(Confirm),
    Ask(Ask, Entry),
}

/// A question with a few one-key answers.
#[derive(Clone, Debug, PartialEq)]
pub enum Confirm {
    /// Quit with unsaved work.
    Quit,
    /// Open another session over unsaved work.
    Open(PathBuf),
    /// Open another model over unsaved work.
    Model(Source),
    /// Save over another session.
    Overwrite(PathBuf),
    /// Write this text over a file.
    Replace { path: PathBuf, text: String },
}

/// A question answered with a line of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    SaveAs,
    WriteTo,
    Layer,
    Alpha,
    Export,
    /// A file of probes for the board.
    Probes,
    /// How many probes to propose for it.
    Propose,
    /// What rows have to say to be listed.
    Find,
    Counterfact,
    Theme,
    /// Where to put the screen.
    Snapshot,
}

impl Ask {
    /// The command that asks it.
    pub fn command(self) -> Command {
        match self {
            Ask::SaveAs => Command::SaveAs,
            Ask::WriteTo => Command::WriteFile,
            Ask::Alpha => Command::AskAlpha,
            Ask::Export => Command::Export,
            Ask::Probes => Command::ImportProbes,
            Ask::Propose => Command::ProposeProbes,
            Ask::Find => Command::Find,
            Ask::Counterfact => Command::Counterfact,
            Ask::Snapshot => Command::Snapshot,
            Ask::Theme => Command::Theme,
            Ask::Layer => Command::AskLayer,
        }
    }

    pub fn title(self) -> &'static str {
        match self {
            Ask::SaveAs => "Save this session as",
            Ask::WriteTo => "Write this pane to a file",
            Ask::Alpha => "Scale the selected edit to  −1 to 2",
            Ask::Export => "Export what is on  peft, gguf, merged, gguf-model or delta, and where",
            Ask::Probes => "Import probes from  JSONL, CSV or CounterFact",
            Ask::Propose => "Propose how many probes?",
            Ask::Find => "List only probes that say  nothing: all of them",
            Ask::Counterfact => "Evaluate on which cases?  FILE, and how many",
            Ask::Snapshot => "Write this screen to a file  .svg or .txt",
            Ask::Theme => "Paint in which theme?  auto, dark, light, contrast, colour-blind",
            Ask::Layer => "Edit which layers?  5, 5-9 or auto",
        }
    }
}

/// A palette's entry with the places its letters matched at.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    pub command: Command,
    pub matched: Vec<u32>,
}
