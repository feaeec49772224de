//! What is watched around an edit, and what was seen: plain data.

use super::validate::Validation;
use crate::edit::Hyper;
use serde::{Deserialize, Serialize};

/// Why a probe is watched.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum ProbeGroup {
    /// The edited prompt itself.
    Fact,
    /// The same fact in other words: should move.
    Paraphrase,
    /// A fact that follows from the edited one.
    Derived,
    /// A neighbour that should not move.
    #[default]
    Neighbour,
    /// From the user's own file.
    User,
}

impl ProbeGroup {
    /// In the order in which they are listed.
    pub const ALL: [ProbeGroup; 5] = [
        ProbeGroup::Fact,
        ProbeGroup::Paraphrase,
        ProbeGroup::Derived,
        ProbeGroup::User,
        ProbeGroup::Neighbour,
    ];

    /// Whether a probe of this group is wanted to move with the edit.
    pub fn follows(self) -> bool {
        matches!(
            self,
            ProbeGroup::Fact | ProbeGroup::Paraphrase | ProbeGroup::Derived
        )
    }

    /// As files and the command line name it.
    pub fn name(self) -> &'static str {
        match self {
            ProbeGroup::Fact => "fact",
            ProbeGroup::Paraphrase => "paraphrase",
            ProbeGroup::Derived => "derived",
            ProbeGroup::Neighbour => "neighbour",
            ProbeGroup::User => "user",
        }
    }
}

/// A prompt and the answer it should keep.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Probe {
    pub prompt: String,
    pub expected: String,
    pub group: ProbeGroup,
    /// Whom or what the prompt asks about, as it stands in it, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Why it is watched: where it was found, or what it shares with the edit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// One probe before and after (ALGORITHMS §5, "Moved").
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProbeRow {
    pub prompt: String,
    pub expected: String,
    pub group: ProbeGroup,
    pub p_before: f64,
    pub p_after: f64,
    pub top_before: String,
    pub top_after: String,
    pub moved: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl ProbeRow {
    /// What was asked, nothing known of it yet.
    pub fn of(probe: &Probe) -> ProbeRow {
        ProbeRow {
            prompt: probe.prompt.clone(),
            expected: probe.expected.clone(),
            group: probe.group,
            subject: probe.subject.clone(),
            why: probe.why.clone(),
            ..ProbeRow::default()
        }
    }

    /// What was asked.
    pub fn probe(&self) -> Probe {
        Probe {
            prompt: self.prompt.clone(),
            expected: self.expected.clone(),
            group: self.group,
            subject: self.subject.clone(),
            why: self.why.clone(),
        }
    }
}

/// One continuation before and after, from one seed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Generation {
    pub prompt: String,
    /// What was drawn with; the same for both sides.
    pub seed: u32,
    /// The continuation alone, without the prompt.
    pub before: String,
    pub after: String,
    /// Index of the first generated token that differs.
    pub diverges_at: Option<usize>,
    /// The generated tokens as shown.
    pub before_tokens: Vec<String>,
    pub after_tokens: Vec<String>,
}

/// What to watch while an edit is made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Watch {
    /// Probes given by the user.
    pub probes: Vec<Probe>,
    /// How many neighbours the workbench proposes on its own.
    pub propose: usize,
    /// Prompts to continue; empty: the edited prompt.
    pub generate: Vec<String>,
    /// Tokens per continuation; 0 generates nothing.
    pub tokens: usize,
    pub seed: u32,
}

impl Default for Watch {
    fn default() -> Self {
        Watch {
            probes: Vec::new(),
            propose: 0,
            generate: Vec::new(),
            tokens: 0,
            seed: 1,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Pair {
    pub before: f64,
    pub after: f64,
}

impl Pair {
    /// Of a target's probability: the edit did not take.
    pub fn missed(self) -> bool {
        self.after < 0.5
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LayerNorm {
    pub layer: usize,
    pub relative_update_norm: f64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MomentHealth {
    pub tokens: usize,
    pub tokens_per_dim: f64,
    /// Condition number after the ridge.
    pub condition: f64,
    /// The absolute value added to the diagonal.
    pub ridge: f64,
    /// 1 − cos between C⁻¹k̄ from the two halves of the sample.
    pub drift: Option<f64>,
}

/// Seconds from the job's start, a stage each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Elapsed {
    pub templates: f64,
    pub second_moment: f64,
    pub value: f64,
    pub update: f64,
    pub probes: f64,
    pub total: f64,
}

/// One of several facts that were rewritten together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FactRow {
    pub prompt: String,
    pub subject: String,
    pub target: String,
    pub p_target: Pair,
    /// The likeliest next token, before and after.
    pub top_before: String,
    pub top_after: String,
}

/// ‖ΔW‖/‖W‖ below which an edit is healthy, and above which models have broken
/// (ALGORITHMS §5, "Update norm").
pub const HEALTHY: f64 = 0.15;
pub const BROKEN: f64 = 0.50;

/// A finished edit; its JSON names are fixed (DESIGN, "The command line").
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EditReport {
    pub model: String,
    pub method: String,
    /// The last of `layers`.
    pub layer: usize,
    /// As used: what the request left open is filled in.
    pub hyper: Hyper,
    pub templates: Vec<String>,
    pub target_ids: Vec<u32>,
    /// `[nll, kl, wd, total]` per evaluation, multiplied by their factors.
    pub losses: Vec<[f64; 4]>,
    pub delta_norm: f64,
    pub t0_norm: f64,
    pub division_factor: f64,
    pub update_norm: f64,
    pub relative_update_norm: f64,
    pub p_target: Pair,
    pub p_true: Pair,
    /// The old object that `p_true` follows.
    pub true_answer: String,
    pub layers: Vec<LayerNorm>,
    /// `None` for methods that use no second moment.
    pub second_moment: Option<MomentHealth>,
    /// Where this update's relative norm stands among a sample of edits of
    /// this model, as the share of them that are smaller; `None`: not known.
    pub norm_percentile: Option<f64>,
    pub seed: u32,
    /// Each fact, where there are several; the figures above are their means.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<FactRow>,
    pub probes: Vec<ProbeRow>,
    pub generations: Vec<Generation>,
    pub warnings: Vec<String>,
    /// The checks that it passed to be kept, where it was validated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation: Option<Validation>,
    pub elapsed_s: Elapsed,
}

impl EditReport {
    /// The first and the last layer that moved.
    pub fn span(&self) -> (usize, usize) {
        let first = self.layers.first().map_or(self.layer, |l| l.layer);
        (first, self.layer)
    }

    /// What was written over, where it is known.
    pub fn old_answer(&self) -> Option<String> {
        let old = Some(&self.true_answer).filter(|old| !old.trim().is_empty());
        old.cloned()
    }
}
