//! The workbench's whole state: plain data, changed only by
//! [`update`](super::update::update), shown only by [`view`](super::view).

pub mod check;
pub mod confabs;
pub mod counterfact;
pub mod duel;
pub mod edits;
pub mod entry;
pub mod erase;
pub mod fact;
mod fading;
pub mod geometry;
pub mod guide;
pub mod jobs;
pub mod lens;
pub mod overlay;
pub mod recipe;
pub mod record;
pub mod trace;
pub mod validation;
pub mod views;
pub mod watch;

pub use super::pane::Pane;
pub use confabs::{Confabs, Continuation};
pub use counterfact::CounterfactView;
pub use duel::Duel;
pub use edits::Edits;
pub use entry::Entry;
pub use erase::EraseView;
pub use fact::Fact;
pub use geometry::GeometryView;
pub use guide::Guide;
pub use jobs::{Job, JobKind, Jobs, Ticket};
pub use lens::LensView;
pub use overlay::{Ask, Confirm, Overlay};
pub use record::{EditRecord, Making};
pub use trace::{Show, TraceGrid, TraceView};
pub use validation::Validating;
pub use views::ViewsView;
pub use watch::{Filter, Watched};

use super::keymap::KeyMap;
use super::layout::Preset;
use super::store::{ModelEntry, Reply, SessionData, SessionEntry};
use super::theme::Theme;
use crate::edit::calibrated::Calibrated;
use crate::edit::{LayerChoice, defaults};
use crate::engine::{EventKind, LoadSpec, ModelInfo, Source, Spec};
use crate::measure::Probe;
use crate::measure::validate::Thresholds;
use crate::session::export::Form;
use crate::session::text::brief;
use ratatui::crossterm::event::{KeyEvent, MouseEvent};
use ratatui::layout::Size;
use std::path::PathBuf;
use std::time::Duration;

/// Everything that can happen to the workbench.
#[derive(Clone, Debug)]
pub enum Msg {
    Key(KeyEvent),
    Mouse(MouseEvent),
    Paste(String),
    Resize(u16, u16),
    /// The time since the start; sent before every batch of messages.
    Tick(Duration),
    Engine(Ticket, EventKind),
    /// The engine's channel closed, with what is known of why.
    EngineGone(String),
    Store(Reply),
    /// SIGTERM or SIGHUP: save and go, without a question.
    Leave,
}

/// What `update` asks the outer world to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    Submit(Ticket, Box<Spec>),
    Cancel(Ticket),
    Save {
        path: PathBuf,
        /// Given back with the answer: what was saved.
        change: u64,
        /// Over another session too.
        over: bool,
        data: Box<SessionData>,
    },
    /// Keeps the sitting safe until it is saved.
    Autosave(Box<SessionData>),
    /// The sitting is saved or not wanted: its autosave goes.
    Discard,
    List(Box<ModelInfo>),
    ListModels,
    /// Probes for the board.
    ReadProbes(PathBuf),
    Load(PathBuf, Box<ModelInfo>),
    /// To the terminal's clipboard (OSC 52).
    Copy(String),
    WriteFile {
        path: PathBuf,
        text: String,
        /// Over a file that is there too.
        over: bool,
    },
    /// The tour has begun: it does not begin by itself again.
    Toured,
    /// Cases or verdicts, of which so many are wanted.
    ReadCases(PathBuf, Option<usize>),
    /// Writes the edits that are on to a place where nothing is yet.
    Export {
        form: Form,
        to: PathBuf,
        /// The model's files.
        source: Source,
        data: Box<SessionData>,
    },
    Repaint,
    Suspend,
    Quit,
}

/// Which entry of the fact takes the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    Prompt,
    Target,
}

/// What keys mean: commands, or text for an entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    #[default]
    Command,
    Typing(Field),
}

/// How the model's thread is.
#[derive(Clone, Debug, PartialEq)]
pub enum Health {
    Loading,
    Ready,
    /// The model could not be opened.
    Failed(String),
    /// The thread is gone; nothing can be computed any more.
    Dead(String),
}

/// A short message to the user.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    pub text: String,
    pub tone: Tone,
    pub at: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Plain,
    /// Something that was done has a price.
    Warning,
    Error,
}

impl Notice {
    /// Plain words go by themselves; the others stay until a key is pressed.
    pub fn over(&self, now: Duration) -> bool {
        self.tone == Tone::Plain && now.saturating_sub(self.at) > Duration::from_secs(5)
    }
}

/// What the workbench is opened with.
#[derive(Clone, Debug)]
pub struct Settings {
    pub load: LoadSpec,
    /// A session to open once the model is there.
    pub session: Option<PathBuf>,
    /// The user's own probes.
    pub probes: Vec<Probe>,
    /// Neighbours the workbench proposes for an edit.
    pub propose: usize,
    /// Candidates shown for the next token.
    pub top: usize,
    /// Tokens per confabulation.
    pub tokens: usize,
    pub seed: u32,
    /// What a validated edit has to reach.
    pub thresholds: Thresholds,
    /// From which score on a view of an edit passes.
    pub views: crate::measure::views::Thresholds,
    /// Where files are written that the user names without a folder.
    pub folder: PathBuf,
    pub keys: KeyMap,
    pub theme: Theme,
    pub preset: Preset,
    /// Whether the tour begins by itself.
    pub tour: bool,
    /// A session to show, and how long each scene stands.
    pub show: Option<(PathBuf, Option<Duration>)>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            load: LoadSpec::default(),
            session: None,
            probes: Vec::new(),
            propose: 48,
            top: 5,
            tokens: 40,
            seed: 1,
            thresholds: Thresholds::default(),
            views: Default::default(),
            folder: PathBuf::new(),
            keys: KeyMap::default(),
            theme: Theme::default(),
            preset: Preset::default(),
            tour: false,
            show: None,
        }
    }
}

/// The session's file, as far as the screen needs it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SessionState {
    pub path: Option<PathBuf>,
    /// Counts what would be lost; `saved` is its value when last saved.
    pub changes: u64,
    pub saved: u64,
    /// Quit once the save under way has succeeded.
    pub then_quit: bool,
    /// The list; `None` while it is being read.
    pub entries: Option<Vec<SessionEntry>>,
}

impl SessionState {
    pub fn unsaved(&self) -> bool {
        self.changes != self.saved
    }

    /// The file's name without `.toml`.
    pub fn name(&self) -> Option<String> {
        let stem = self.path.as_ref()?.file_stem()?;
        Some(stem.to_string_lossy().into_owned())
    }
}

pub struct State {
    pub settings: Settings,
    pub now: Duration,
    pub size: Size,
    pub mode: Mode,
    pub focus: Pane,
    /// The last focused pane below the fact: the one shown where there is room for one.
    pub body: Pane,
    pub zoomed: bool,
    pub preset: Preset,
    pub theme: Theme,
    /// Topmost last.
    pub overlays: Vec<Overlay>,
    pub health: Health,
    pub model: Option<ModelInfo>,
    /// Where that model was read from.
    pub source: Source,
    pub jobs: Jobs,
    pub fact: Fact,
    pub trace: TraceView,
    pub edits: Edits,
    pub watch: Watched,
    pub confabs: Confabs,
    pub duel: Duel,
    pub lens: LensView,
    pub views: ViewsView,
    pub geometry: GeometryView,
    pub erase: EraseView,
    pub counterfact: CounterfactView,
    /// The newest edit that had to prove itself.
    pub validation: Option<Validating>,
    pub session: SessionState,
    /// The models to choose from; `None` while they are looked for.
    pub models: Option<Vec<ModelEntry>>,
    pub notice: Option<Notice>,
    pub guide: Option<Guide>,
    /// The exports that are still being written.
    pub exporting: Vec<PathBuf>,
    /// Ctrl-C was pressed and a second one leaves.
    pub leaving: bool,
}

impl State {
    pub fn new(settings: Settings) -> Self {
        State {
            confabs: Confabs::new(settings.seed),
            preset: settings.preset,
            theme: settings.theme,
            settings,
            now: Duration::ZERO,
            size: Size::new(80, 24),
            mode: Mode::Command,
            focus: Pane::Fact,
            body: Pane::Trace,
            zoomed: false,
            overlays: Vec::new(),
            health: Health::Loading,
            model: None,
            source: Source::default(),
            jobs: Jobs::default(),
            fact: Fact::default(),
            trace: TraceView::default(),
            edits: Edits::default(),
            watch: Watched::default(),
            duel: Duel::default(),
            lens: LensView::default(),
            views: ViewsView::default(),
            geometry: GeometryView::default(),
            erase: EraseView::default(),
            counterfact: CounterfactView::default(),
            validation: None,
            session: SessionState::default(),
            models: None,
            notice: None,
            guide: None,
            exporting: Vec::new(),
            leaving: false,
        }
    }

    /// Whether something on the screen changes by time alone.
    pub fn animates(&self) -> bool {
        self.jobs.busy().is_some()
            || self.health == Health::Loading
            || self.notice.as_ref().is_some_and(|n| n.tone == Tone::Plain)
            || matches!(&self.guide, Some(Guide::Show(show)) if show.every.is_some())
    }

    pub fn say(&mut self, text: impl Into<String>) {
        self.notify(text.into(), Tone::Plain);
    }

    pub fn complain(&mut self, text: impl Into<String>) {
        self.notify(text.into(), Tone::Error);
    }

    pub fn warn(&mut self, text: impl Into<String>) {
        self.notify(text.into(), Tone::Warning);
    }

    fn notify(&mut self, text: String, tone: Tone) {
        self.notice = Some(Notice {
            text: brief(&text).into_owned(),
            tone,
            at: self.now,
        });
    }

    /// A text with the user's keys in the place of commands: `‹trace›`.
    pub fn tell(&self, text: &str) -> String {
        self.settings.keys.tell(text)
    }

    /// The layers an edit of this fact will take, first and last, where they are
    /// known before.
    pub fn edit_layers(&self) -> Option<(usize, usize)> {
        match self.fact.layer {
            LayerChoice::At(layer) => Some((layer, layer)),
            LayerChoice::Span(first, last) => Some((first, last)),
            LayerChoice::Auto => {
                let model = self.model.as_ref()?;
                let around = |layer| defaults::around(self.fact.method, layer, model.layers);
                let known = model.defaults(self.fact.method).and_then(|own| own.layers);
                known.or_else(|| self.suggested_layer().map(around))
            }
        }
    }

    /// Facts behind the layer that the workbench takes, where they were measured.
    pub fn calibrated(&self) -> Option<usize> {
        let facts = self.model.as_ref()?.calibrated?;
        let own = self.fact.layer == LayerChoice::Auto && Calibrated::concerns(self.fact.method);
        own.then_some(facts)
    }

    /// The last of them.
    pub fn edit_layer(&self) -> Option<usize> {
        self.edit_layers().map(|(_, last)| last)
    }

    /// The layer that the trace of this very prompt suggests.
    pub fn suggested_layer(&self) -> Option<usize> {
        let grid = self.trace.grid.as_ref()?;
        (grid.prompt == self.fact.text())
            .then(|| grid.suggested_layer())
            .flatten()
    }

    /// Gives a pane the focus.
    pub fn focus_on(&mut self, pane: Pane) {
        self.focus = pane;
        if Pane::BELOW.contains(&pane) {
            self.body = pane;
        }
    }

    /// Puts the caret into an entry.
    pub fn type_in(&mut self, field: Field) {
        self.focus = Pane::Fact;
        self.mode = Mode::Typing(field);
    }

    pub fn layers(&self) -> usize {
        self.model.as_ref().map_or(0, |m| m.layers)
    }
}
