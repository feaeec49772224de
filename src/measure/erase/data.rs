//! What is asked of an erasure and what it shows: plain numbers.

use super::leace::{Fit, TOLERANCE};
use crate::measure::Probe;
use crate::measure::lens::Guess;
use serde::{Deserialize, Serialize};

/// The position at which the concept is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Position {
    /// The prompt's last token, from which the answer is predicted.
    #[default]
    Last,
    /// The subject's last token, whose key an edit rewrites.
    SubjectLast,
}

impl Position {
    pub fn words(self) -> &'static str {
        match self {
            Position::Last => "the last token",
            Position::SubjectLast => "the subject's last token",
        }
    }
}

/// A prompt, and what it is an example of.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Labelled {
    pub prompt: String,
    /// As the prompt has it. Prompts of one subject are held out together.
    #[serde(default)]
    pub subject: String,
    pub label: String,
}

/// Where the labelled prompts come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Examples {
    Given(Vec<Labelled>),
    /// The built-in facts of a relation, in all their wordings, labelled by their
    /// objects; `None`: the relation that the fact itself has there.
    World {
        relation: Option<String>,
    },
}

/// The fact that the erasure is shown on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OwnFact {
    /// The plain prompt.
    pub prompt: String,
    pub subject: String,
    pub old: String,
    pub new: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EraseSpec {
    pub examples: Examples,
    /// The labels to tell apart, all others as one; empty: every label with subjects
    /// enough.
    pub labels: Vec<String>,
    pub position: Position,
    /// The layer after which is erased; `None`: the middle one.
    pub layer: Option<usize>,
    /// Singular values of W Σ_xz up to this are taken for none.
    pub tolerance: f64,
    pub shrink: bool,
    /// The probe's penalty.
    pub l2: f64,
    /// The share of the subjects that is held out.
    pub held_out: f64,
    /// Draws what is held out.
    pub seed: u64,
    /// Its subject is not among the examples.
    pub fact: Option<OwnFact>,
    /// What else is watched, and how many more the workbench may propose.
    pub neighbours: Vec<Probe>,
    pub propose: usize,
    /// Tokens of plain text.
    pub text: usize,
    /// Likeliest tokens that are told.
    pub top: usize,
}

impl Default for EraseSpec {
    fn default() -> EraseSpec {
        EraseSpec {
            examples: Examples::World { relation: None },
            labels: Vec::new(),
            position: Position::default(),
            layer: None,
            tolerance: TOLERANCE,
            shrink: true,
            l2: 1e-3,
            held_out: 0.25,
            seed: 1,
            fact: None,
            neighbours: Vec::new(),
            propose: 12,
            text: 2000,
            top: 5,
        }
    }
}

impl EraseSpec {
    pub(super) fn fit(&self) -> Fit {
        Fit {
            tolerance: self.tolerance,
            shrink: self.shrink,
        }
    }
}

/// A label and how many prompts have it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Class {
    pub label: String,
    /// Prompts that eraser and probe are fitted on, and those held out.
    pub fitted: usize,
    pub held_out: usize,
}

/// A linear probe's accuracy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Accuracy {
    pub fitted: f64,
    pub held_out: f64,
}

/// A fitted probe.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Probed {
    pub accuracy: Accuracy,
    /// ‖weights‖_F; 0 of a constant classifier.
    pub weights: f64,
    /// The largest part of the gradient that the fit left, and its steps.
    pub gradient: f64,
    pub steps: usize,
}

/// The accuracy of probes that learn from one half of the held-out subjects, without
/// and with the erasure, and of the commonest label of that half.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Fresh {
    pub before: f64,
    pub after: f64,
    pub majority: f64,
}

/// Before the erasure and after it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Both<T> {
    pub before: T,
    pub after: T,
}

/// What some weights say.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Reading {
    /// Of the fact; `None` where none is asked for.
    pub p_old: Option<f64>,
    pub p_new: Option<f64>,
    pub top: Vec<Guess>,
    /// What the probe of the unerased residuals says of the fact's own residual as it
    /// leaves the layer: p of each class.
    pub probe: Vec<f64>,
    /// Of plain text; `None` where no text is asked for.
    pub perplexity: Option<f64>,
}

/// A neighbour without the erasure and with it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Neighbour {
    pub prompt: String,
    pub expected: String,
    pub p_off: f64,
    pub p_on: f64,
    pub top_off: String,
    pub top_on: String,
    pub moved: bool,
}

/// Some weights with the switch off and on.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Switched {
    pub off: Reading,
    pub on: Reading,
    pub neighbours: Vec<Neighbour>,
}

/// An erasure: its guarantee, what a probe makes of it, and its price.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct EraseReport {
    /// As the user names it; whoever opened it fills it in.
    pub model: String,
    /// Erased in the residual that leaves this layer, at every position.
    pub layer: usize,
    pub position: Position,
    /// Of the examples, where they are built-in facts.
    pub relation: Option<String>,
    pub classes: Vec<Class>,
    pub subjects: usize,
    /// Of these, those that were fitted on.
    pub fitted_subjects: usize,
    pub prompts: usize,
    /// Width of the residual.
    pub d: usize,
    /// Directions that were erased, of at most one fewer than there are classes.
    pub rank: usize,
    /// Singular values of W Σ_xz: those kept, and the largest that was not.
    pub singular_values: Vec<f64>,
    pub dropped: f64,
    /// The weight of the sample's own covariance in the one that whitens.
    pub own_share: f64,
    /// ‖Σ_xz‖_F on the prompts it was fitted on.
    pub cross_covariance: Both<f64>,
    /// Whether that is rounding: then no linear probe does better than a constant.
    pub guaranteed: bool,
    /// The share of the commonest class.
    pub majority: Accuracy,
    pub probe: Both<Probed>,
    /// A probe that is fitted on one half of the held-out subjects, before and after
    /// erasing, and asked about the other, and the other way round: whether the
    /// erasure holds on prompts that it has not seen. `None`: too few of them.
    pub fresh: Option<Fresh>,
    pub fact: Option<OwnFact>,
    /// p(old) on the unedited weights.
    pub base: Switched,
    /// With the edits that are on; `None`: none is.
    pub edited: Option<Switched>,
    /// What it comes to, in plain words.
    pub sentence: String,
    pub warnings: Vec<String>,
}

impl EraseReport {
    /// The class of an answer.
    pub fn class_of(&self, answer: &str) -> Option<usize> {
        let answer = answer.trim();
        self.classes.iter().position(|class| class.label == answer)
    }
}
