//! What a causal trace is asked, and what it answers: plain data.

use serde::{Deserialize, Serialize};

/// What a restoration copies from the clean run (ALGORITHMS §1.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The block output of one layer.
    State,
    /// The MLP outputs in a window of layers.
    Mlp,
    /// The attention outputs in a window of layers.
    Attn,
}

impl Kind {
    pub const ALL: [Kind; 3] = [Kind::State, Kind::Mlp, Kind::Attn];

    pub fn name(self) -> &'static str {
        match self {
            Kind::State => "state",
            Kind::Mlp => "mlp",
            Kind::Attn => "attn",
        }
    }
}

/// A trace's whole input. `None` leaves a choice to the workbench.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TraceSpec {
    /// The plain prompt (no braces).
    pub prompt: String,
    pub subject: String,
    /// The answer whose probability is followed; `None`: the clean run's own.
    pub answer: Option<String>,
    pub kinds: Vec<Kind>,
    /// Layers restored together for `mlp` and `attn`; `None`: by the model's depth.
    pub window: Option<usize>,
    /// Noise in multiples of the subjects' embedding deviation σ.
    pub noise: f64,
    /// Noise as an absolute scale; overrules `noise`.
    pub noise_scale: Option<f64>,
    pub samples: usize,
    pub seed: u32,
    /// Also the state row at the last subject token with its later MLPs, or its
    /// later attention, cut off.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub severed: bool,
}

impl Default for TraceSpec {
    fn default() -> Self {
        TraceSpec {
            prompt: String::new(),
            subject: String::new(),
            answer: None,
            kinds: Kind::ALL.to_vec(),
            window: None,
            noise: 3.0,
            noise_scale: None,
            samples: 10,
            seed: 1,
            severed: false,
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    pub id: u32,
    pub text: String,
}

/// One square of a grid.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cell {
    pub kind: Kind,
    pub token: usize,
    pub layer: usize,
    /// p(answer), mean over the corrupted rows with this restoration.
    pub p: f64,
}

/// What is known of a trace before its first cell.
#[derive(Clone, Debug, PartialEq)]
pub struct TraceHeader {
    pub tokens: Vec<String>,
    pub subject_range: [usize; 2],
    pub answer: Answer,
    pub layers: usize,
    pub high: f64,
    pub low: f64,
    pub noise_scale: f64,
    pub window: usize,
}

/// What a running trace says.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    Warning(String),
    /// Comes before every cell.
    Ready(Box<TraceHeader>),
    Cell(Cell),
}

/// p(answer) per `[T][L]`: tokens by layers.
pub type Grid = Vec<Vec<f64>>;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Grids {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub state: Option<Grid>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mlp: Option<Grid>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub attn: Option<Grid>,
}

impl Grids {
    pub fn get(&self, kind: Kind) -> Option<&Grid> {
        match kind {
            Kind::State => self.state.as_ref(),
            Kind::Mlp => self.mlp.as_ref(),
            Kind::Attn => self.attn.as_ref(),
        }
    }

    pub fn get_mut(&mut self, kind: Kind) -> &mut Option<Grid> {
        match kind {
            Kind::State => &mut self.state,
            Kind::Mlp => &mut self.mlp,
            Kind::Attn => &mut self.attn,
        }
    }
}

/// The state row at the last subject token with one module cut off there in all
/// later layers: p(answer) by the layer that is restored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Severed {
    pub attn: Vec<f64>,
    pub mlp: Vec<f64>,
}

/// A finished trace; its JSON names are fixed (DESIGN, "The command line").
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TraceReport {
    pub model: String,
    pub prompt: String,
    #[serde(default)]
    pub subject: String,
    /// Tokens as shown; a split character's bytes as `\xE2`.
    pub tokens: Vec<String>,
    pub input_ids: Vec<u32>,
    /// `[begin, end)` of the subject's tokens.
    pub subject_range: [usize; 2],
    pub answer: Answer,
    /// p(answer) in the clean run.
    pub high: f64,
    /// p(answer), mean over the corrupted rows.
    pub low: f64,
    pub noise_scale: f64,
    pub samples: usize,
    pub seed: u32,
    pub window: usize,
    pub grids: Grids,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severed: Option<Severed>,
    /// The layer an edit should take: argmax of `mlp` at the last subject token.
    pub suggested_layer: Option<usize>,
    /// The published layer for this model, where there is one.
    pub published_layer: Option<usize>,
    #[serde(default)]
    pub warnings: Vec<String>,
    /// Seconds from the job's start.
    pub elapsed_s: f64,
    pub first_cell_s: f64,
}
