//! What is asked of the keys and what is told: plain data.

use super::rank::{Area, RankCorrelation};
use crate::measure::{Probe, ProbeGroup};
use serde::{Deserialize, Serialize};

/// Which edit of the stack, and what to compare its key with.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GeometrySpec {
    /// `None`: the last one that is on and was made from a fact.
    pub edit: Option<u64>,
    /// `None`: the last layer of the edit.
    pub layer: Option<usize>,
    pub probes: Vec<Probe>,
    /// The answer that was written over; `None`: the unedited model's own.
    pub old: Option<String>,
    /// The layer behind which residuals are grouped; `None`: the edit's.
    pub at: Option<usize>,
    /// Collect the second moment where it is not at hand; else keys are compared
    /// without C.
    pub collect: bool,
}

/// How the position of a probe's key was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyAt {
    /// The last token of the subject that came with the probe.
    Given,
    /// Of the subject that the world knows and the prompt names.
    World,
    /// No subject is known: the prompt's last token.
    #[default]
    LastToken,
}

/// A probe's key beside the edit's, and what became of the probe.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct KeyRow {
    pub prompt: String,
    pub expected: String,
    pub group: ProbeGroup,
    pub subject: Option<String>,
    /// Where its key is read.
    #[serde(flatten)]
    pub key: RowKey,
    /// p(expected) without this edit and with it.
    pub p_before: f64,
    pub p_after: f64,
    pub moved: bool,
    /// Whether it says something of the prediction: a neighbour, about somebody else
    /// than the edit.
    pub counted: bool,
}

impl KeyRow {
    /// |Δp|.
    pub fn change(&self) -> f64 {
        (self.p_after - self.p_before).abs()
    }
}

/// One key against that of the edit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct RowKey {
    pub key_at: KeyAt,
    /// The token it is read at, from 0.
    pub position: usize,
    /// kᵀk* / (‖k‖‖k*‖).
    pub cosine: f64,
    /// kᵀC⁻¹k* / √(kᵀC⁻¹k · k*ᵀC⁻¹k*); `None` without C.
    pub cosine_c: Option<f64>,
    /// u·k / u·k*: the share of the edit's change that this key answers with. Of a
    /// change of higher rank ‖ΔW k‖ / ‖ΔW k*‖, without a sign.
    pub gate: f64,
    /// The gate that is largest in size over all tokens of the prompt, and where.
    pub gate_most: f64,
    pub most_at: usize,
}

/// What a neighbour's change is predicted by, in size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Predictor {
    CosineC,
    Cosine,
    Gate,
    GateMost,
}

impl Predictor {
    pub const ALL: [Predictor; 4] = [
        Predictor::CosineC,
        Predictor::Cosine,
        Predictor::Gate,
        Predictor::GateMost,
    ];

    pub fn words(self) -> &'static str {
        match self {
            Predictor::CosineC => "|cosine| with C⁻¹",
            Predictor::Cosine => "|cosine| without C⁻¹",
            Predictor::Gate => "|gate| at the subject",
            Predictor::GateMost => "largest |gate| in the prompt",
        }
    }

    /// `None` where it is not known.
    pub fn of(self, key: &RowKey) -> Option<f64> {
        match self {
            Predictor::CosineC => key.cosine_c.map(f64::abs),
            Predictor::Cosine => Some(key.cosine.abs()),
            Predictor::Gate => Some(key.gate.abs()),
            Predictor::GateMost => Some(key.gate_most.abs()),
        }
    }
}

/// How well the counted neighbours' changes were predicted.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Prediction {
    pub by: Predictor,
    /// Spearman's ρ with |Δp|; `None`: nothing to correlate.
    pub rank: Option<RankCorrelation>,
    /// The area under the curve for `moved`; `None`: all moved, or none.
    pub area: Option<Area>,
    /// Of as many neighbours as moved, those with the largest prediction: so many of
    /// them did move.
    pub hits: usize,
}

/// What a group of subjects has to do with the edit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// They have the answer that was written over.
    Old,
    /// They have the answer that was written.
    New,
    Other,
}

/// The subjects that share an answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Group {
    pub object: String,
    pub role: Role,
    pub subjects: usize,
    /// How far the edit moved their centroid.
    pub moved: f64,
    /// Root mean square distance of its subjects from their centroid, before.
    pub spread: f64,
}

/// Where a residual lies between the centroids of the old answer (0) and of the new
/// one (1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Place {
    pub along: f64,
    /// Distance from the line through both.
    pub off: f64,
    pub to_old: f64,
    pub to_new: f64,
}

/// One subject before and after.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Member {
    pub subject: String,
    pub object: String,
    pub role: Role,
    pub before: Place,
    pub after: Place,
}

/// Residuals at the subjects' last tokens, behind a layer, group by group.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Centroids {
    pub layer: usize,
    /// The relation that the groups share; `None`: they are made of the probes.
    pub relation: Option<String>,
    /// The old answer's first, then the new one's.
    pub groups: Vec<Group>,
    /// Between the centroids of the old and the new answer, without the edited
    /// subject.
    pub apart_before: f64,
    pub apart_after: f64,
    /// The edited subject; places are between the centroids of before.
    pub before: Place,
    pub after: Place,
    /// Those of the first two groups.
    pub members: Vec<Member>,
}

/// One edit's keys.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct GeometryReport {
    pub model: String,
    pub edit: u64,
    pub prompt: String,
    pub subject: String,
    pub target: String,
    pub old: String,
    pub layer: usize,
    /// Of the change at that layer; 0: dense.
    pub rank: usize,
    /// Facts whose keys are compared: of several, the nearest to each probe counts.
    pub facts: usize,
    /// The ridge on C; `None`: C was not at hand.
    pub ridge: Option<f64>,
    /// In the probes' order.
    pub rows: Vec<KeyRow>,
    /// Neighbours that say something of the predictions, and those that moved.
    pub counted: usize,
    pub moved: usize,
    pub predictions: Vec<Prediction>,
    pub centroids: Option<Centroids>,
    /// What it comes to.
    pub sentences: Vec<String>,
}
