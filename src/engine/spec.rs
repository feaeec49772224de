//! What the engine can be asked. Serialisable: also a line of a session file.

use crate::edit::{Delta, EditSpec, MomentSource, Request};
use crate::measure::counterfact::Record;
use crate::measure::erase::EraseSpec;
use crate::measure::geometry::GeometrySpec;
use crate::measure::lens::LensSpec;
use crate::measure::validate::Plan;
use crate::measure::views;
use crate::measure::zsre::Question;
use crate::measure::{Probe, Watch};
pub use crate::model::Source;
use crate::trace::TraceSpec;
use serde::{Deserialize, Serialize};

/// Names one edit for as long as a session lives.
pub type EditId = u64;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LoadSpec {
    pub source: Source,
    /// "auto", "cpu", "cuda" or "cuda:N".
    pub device: String,
    /// "auto", "f32", "bf16" or "f16".
    pub dtype: String,
    /// Bytes that the process may hold: a job that takes more ends with an error.
    pub memory: Option<u64>,
}

/// One edit in the stack: what the weights should hold of it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stacked {
    pub id: EditId,
    pub alpha: f64,
    pub on: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "job", rename_all = "kebab-case")]
pub enum Spec {
    Load(LoadSpec),
    /// Next-token top-k, with and without the edits. The newest of a burst wins.
    Predict {
        prompt: String,
        top: usize,
    },
    Trace(TraceSpec),
    /// What the residuals of the unedited model (before) and of the current stack
    /// (after) say of two answers.
    Lens(LensSpec),
    /// Erases a concept from the residual that leaves a layer, and shows what a probe
    /// finds and the model says without and with it, on the unedited model and on
    /// the current stack. Changes nothing.
    Erase(Box<EraseSpec>),
    /// Makes edit `id` on top of the current stack and switches it on at α = 1.
    Edit {
        id: EditId,
        edit: Box<EditSpec>,
        watch: Watch,
    },
    /// Makes edit `id` as `Edit` does and keeps it if it passes three checks; else
    /// lets it go and tries the next layer, up to the plan's number of them.
    Validate {
        id: EditId,
        edit: Box<EditSpec>,
        watch: Watch,
        plan: Plan,
    },
    /// Thirteen views of edit `id` of the stack, which was made as `edit` says.
    Views {
        id: EditId,
        edit: Box<EditSpec>,
        plan: views::Plan,
    },
    /// Makes an edit on top of the current stack, measures it and lets it go.
    Try {
        edit: Box<EditSpec>,
        watch: Watch,
    },
    /// Sets the whole stack, in order: undo, redo, toggle and scale are all this.
    Stack {
        edits: Vec<Stacked>,
    },
    /// What the current stack says of each edit's own fact, what it did to each
    /// layer, and, where it is asked for, how the edits' keys overlap.
    Recheck {
        overlaps: bool,
    },
    /// Probes the unedited model (before) and the current stack (after).
    Probe {
        probes: Vec<Probe>,
    },
    /// The key of one edit of the current stack beside those of some probes.
    Geometry(GeometrySpec),
    /// What each of these probes said on the unedited model and after each edit of
    /// the current stack that is on.
    History {
        probes: Vec<Probe>,
    },
    /// Second moments at these layers, collected in one pass where they are not
    /// cached; `lambda` is the ridge that their health is told with.
    Moments {
        layers: Vec<usize>,
        source: MomentSource,
        lambda: f64,
    },
    /// The probes that the workbench proposes for a request.
    Propose {
        prompt: String,
        subject: String,
        true_answer: Option<String>,
        count: usize,
        /// The layer at which other subjects' keys are compared with the request's,
        /// so that those near in key space are proposed too; `None`: they are not.
        near: Option<usize>,
    },
    /// How strongly the MLPs of each layer recall a fact at its subject's last token.
    Recall(Request),
    /// Asks the unedited model, for about a second, which of the program's true
    /// sentences it finishes rightly. Goes on where the last one stopped.
    Know,
    /// Continues prompts without (before) and with (after) the current stack.
    Generate {
        prompts: Vec<String>,
        tokens: usize,
        seed: u32,
    },
    /// How the current stack does on these cases (without NS+), and on so many
    /// tokens of plain text.
    Score {
        records: Vec<Record>,
        text: usize,
    },
    /// Rewrites these cases in one change as `edit` says (`None`: not at all), asks
    /// everything about them, and lets the change go. Free texts have `texts`
    /// tokens with their prompts.
    Judge {
        records: Vec<Record>,
        edit: Option<Box<EditSpec>>,
        texts: usize,
    },
    /// Rewrites each of these cases by itself as `edit` says and asks as `Judge`
    /// does, several side by side where that is faster. Each is told as it is done,
    /// in no order; one that cannot be rewritten leaves the others.
    JudgeEach {
        records: Vec<Record>,
        edit: Option<Box<EditSpec>>,
        texts: usize,
    },
    /// Rewrites these questions in one change as `edit` says (`None`: not at all), asks
    /// them and what should not have moved, and lets the change go.
    Zsre {
        questions: Vec<Question>,
        edit: Option<Box<EditSpec>>,
    },
    /// Gives the engine an edit's factors, as read from a session file.
    Adopt {
        id: EditId,
        /// What it rewrote.
        asked: Vec<Request>,
        #[serde(skip)]
        deltas: Vec<Delta>,
    },
}
