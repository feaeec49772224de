//! What the engine says. Plain numbers and strings; no tensor crosses.

use super::spec::EditId;
use crate::edit::defaults::ForMethod;
pub use crate::edit::overlap::Overlap;
use crate::edit::{Delta, Hyper, Method};
use crate::measure::board::History;
use crate::measure::counterfact::{Judged, Totals};
use crate::measure::erase::EraseReport;
use crate::measure::geometry::GeometryReport;
use crate::measure::lens::LensReport;
use crate::measure::validate::{Step, Validation};
use crate::measure::views::{ViewScore, ViewsReport};
use crate::measure::zsre::Marked;
use crate::measure::{EditReport, Generation, MomentHealth, Probe, ProbeRow};
use crate::trace::{Kind, TraceReport};
use serde::Serialize;

pub use crate::trace::TraceHeader;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobId(pub u64);

#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub job: JobId,
    pub kind: EventKind,
}

/// Which weights a generated token comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Before,
    After,
}

/// The stage a long job is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Fetch,
    Load,
    Trace,
    Lens,
    /// Sentences that are asked to find what the model knows.
    Known,
    /// Keys of many subjects.
    Keys,
    Erase,
    Templates,
    SecondMoment,
    Value,
    Update,
    /// The unedited side of a validation.
    Baseline,
    Checks,
    Probes,
    Generations,
    /// The rival of an edit: fine-tuning to the same success.
    Rival,
    /// Further edits on top of one that is looked at.
    Further,
}

/// One evaluation of the v* loss.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LossStep {
    pub step: usize,
    pub steps: usize,
    pub nll: f64,
    pub kl: f64,
    pub wd: f64,
    pub total: f64,
}

/// A candidate for the next token.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    pub id: u32,
    /// As shown: control characters escaped, the leading space kept.
    pub text: String,
    pub p: f64,
}

/// The answer to [`super::Spec::Predict`].
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    pub prompt: String,
    pub tokens: Vec<String>,
    /// Byte range `[begin, end)` of each token in `prompt`.
    pub offsets: Vec<[usize; 2]>,
    pub before: Vec<Candidate>,
    /// Equal to `before` where no edit is on.
    pub after: Vec<Candidate>,
}

/// The model that is open.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ModelInfo {
    /// As the user names it: "atlas", a folder, or a model of the hub.
    pub name: String,
    /// The commit of a model of the hub.
    pub revision: Option<String>,
    /// "gpt2".
    pub family: String,
    pub layers: usize,
    pub d: usize,
    pub d_mlp: usize,
    pub heads: usize,
    pub vocab: usize,
    pub context: usize,
    pub parameters: usize,
    pub device: String,
    pub dtype: String,
    /// sha256 of the weight file(s), hex.
    pub sha256: String,
    /// Layers whose second moment over the program's own text is in the cache.
    pub moments: Vec<usize>,
    /// Prompts to begin with: (prompt with {}, subject, old object, suggested target).
    pub examples: Vec<[String; 4]>,
    /// Whether [`super::Spec::Know`] would ask it more.
    #[serde(skip)]
    pub asks: bool,
    /// The layer that [`crate::edit::LayerChoice::Auto`] takes, where it is
    /// known before any trace.
    pub default_layer: Option<usize>,
    /// Where and how each method rewrites where a request leaves it open.
    pub defaults: Vec<(Method, ForMethod)>,
    /// Facts behind the defaults that a calibration found; `None`: they are
    /// published ones or a trace's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calibrated: Option<usize>,
    /// `defaults` without a calibration: what one starts from.
    #[serde(skip)]
    pub published: Vec<(Method, ForMethod)>,
    /// ‖ΔW‖/‖W‖ of a sample of edits of this model, ascending; empty: not known.
    pub norm_sample: Vec<f64>,
}

impl ModelInfo {
    /// Where and how `method` rewrites this model.
    pub fn defaults(&self, method: Method) -> Option<&ForMethod> {
        let mut all = self.defaults.iter();
        all.find(|(own, _)| *own == method).map(|(_, own)| own)
    }

    /// Its hyper-parameters.
    pub fn hyper(&self, method: Method) -> Hyper {
        let own = self.defaults(method).map(|own| own.hyper.clone());
        own.unwrap_or_default()
    }
}

/// The stack as the weights have it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StackCheck {
    /// p(target) of every edit in the stack, on or off, in no order.
    pub held: Vec<(EditId, f64)>,
    /// Every layer, from the first.
    pub layers: Vec<LayerWeights>,
    /// By layer; `None` where they were not asked for.
    pub overlaps: Option<Vec<LayerOverlaps>>,
}

/// The matrix that edits rewrite, at one layer. Every other matrix of the model
/// is shared with the unedited one.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LayerWeights {
    /// ‖W₀‖ and ‖W‖.
    pub before: f64,
    pub now: f64,
    /// ‖W − W₀‖.
    pub change: f64,
    /// Another matrix than the loaded one; otherwise it is that very one, and
    /// `now` is `before`.
    pub edited: bool,
}

/// The edits of one layer beside one another.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LayerOverlaps {
    pub layer: usize,
    /// In the metric of C; `false`: C was not at hand, these are plain cosines.
    pub in_c: bool,
    /// The edits of the rows and columns.
    pub ids: Vec<EditId>,
    /// Of each row's key with each column's ([`crate::edit::overlap`]).
    pub pairs: Vec<Vec<Overlap>>,
}

/// A job's result.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    Loaded(Box<ModelInfo>),
    Predicted(Prediction),
    Traced(Box<TraceReport>),
    Looked(Box<LensReport>),
    Viewed(Box<ViewsReport>),
    Erased(Box<EraseReport>),
    Edited {
        id: EditId,
        report: Box<EditReport>,
        deltas: Vec<Delta>,
    },
    Tried(Box<EditReport>),
    /// No layer passed the checks: nothing was kept. A validated edit is `Edited`,
    /// with the validation in its report.
    Rejected(Box<Validation>),
    Stacked {
        hash: String,
    },
    Rechecked(Box<StackCheck>),
    Probed(Vec<ProbeRow>),
    Proposed(Vec<Probe>),
    /// p(answer) regained by each layer's MLPs at the subject's last token.
    Recalled(Vec<f64>),
    /// What the model knows so far.
    Known {
        /// As [`ModelInfo::examples`].
        examples: Vec<[String; 4]>,
        /// Facts that it knows.
        known: usize,
        /// Whether nothing more is asked.
        done: bool,
    },
    History(History),
    Compared(Box<GeometryReport>),
    Generated(Vec<Generation>),
    Scored(Totals),
    Judged(Vec<Judged>),
    /// Every case was told ([`EventKind::Judged`]).
    JudgedEach,
    Marked(Vec<Marked>),
    /// Each layer's second moment.
    Moments {
        layers: Vec<(usize, MomentHealth)>,
        /// Why what was collected is not in the cache, if it is not.
        not_kept: Option<String>,
    },
    Adopted(EditId),
    /// Superseded by a newer request, or cancelled: nothing was changed.
    Cancelled,
}

#[derive(Clone, Debug, PartialEq)]
pub enum EventKind {
    Started {
        stage: Stage,
        total: u64,
    },
    Progress {
        stage: Stage,
        done: u64,
        total: u64,
        eta_s: Option<f64>,
    },
    /// How far the halves of a second moment's sample disagree on C⁻¹k
    /// (1 − cos); under 0.01 is enough.
    Drift(f64),
    TraceReady(Box<TraceHeader>),
    Cell {
        kind: Kind,
        token: usize,
        layer: usize,
        p: f64,
    },
    Loss(LossStep),
    /// One view of an edit is known.
    View(Box<ViewScore>),
    /// A validation, as it goes.
    Validating(Box<Step>),
    /// Row `index` of the probes; sent with `after: false` once p_before is known.
    Row {
        index: usize,
        row: ProbeRow,
        after: bool,
    },
    Token {
        prompt: usize,
        side: Side,
        text: String,
    },
    /// p(target) of an edit as the weights are now, the mean over its facts.
    Held {
        id: EditId,
        p: f64,
    },
    /// One of many cases, or why it could not be judged.
    Judged {
        case_id: u64,
        result: Result<Box<Judged>, String>,
    },
    Warning(String),
    /// The error in words that say what to do.
    Finished(Result<Outcome, String>),
}
