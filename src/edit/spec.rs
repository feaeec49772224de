//! What an edit is asked, and the factors it leaves: plain data.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// One fact to rewrite: `prompt` holds one `{}` where the subject goes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Request {
    pub prompt: String,
    pub subject: String,
    pub target: String,
}

impl Request {
    /// The prompt with the subject in its place (the first `{}` only).
    pub fn text(&self) -> String {
        self.prompt.replacen("{}", &self.subject, 1)
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// One key everywhere: the fix for edits that wreck the model.
    #[default]
    RRome,
    /// As published.
    Rome,
    /// No gradient, C = I: shows why a bare outer product leaks.
    Direct,
}

impl Method {
    pub const ALL: [Method; 3] = [Method::RRome, Method::Rome, Method::Direct];

    /// The name used on the command line and in files.
    pub fn name(self) -> &'static str {
        match self {
            Method::RRome => "r-rome",
            Method::Rome => "rome",
            Method::Direct => "direct",
        }
    }
}

/// The hyper-parameters of v* (ALGORITHMS §3).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hyper {
    pub steps: usize,
    pub lr: f64,
    pub kl_factor: f64,
    pub weight_decay: f64,
    /// ‖δ‖ is kept within `clamp`·‖t₀‖.
    pub clamp: f64,
    /// λ_C: the ridge on C in multiples of its mean diagonal.
    pub ridge: f64,
}

impl Default for Hyper {
    fn default() -> Self {
        Hyper {
            steps: 20,
            lr: 0.5,
            kl_factor: 0.0625,
            weight_decay: 0.5,
            clamp: 4.0,
            ridge: 1e-2,
        }
    }
}

/// Which layer's second MLP matrix is rewritten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LayerChoice {
    /// The model's known default, else what a trace suggests.
    #[default]
    Auto,
    At(usize),
}

/// Where the second moment C comes from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MomentSource {
    /// Shipped with the model, else cached, else computed over the built-in sample.
    #[default]
    Auto,
    /// A safetensors file with one tensor `second_moment` [d_k, d_k].
    File(PathBuf),
    /// Computed (and cached) over this text file.
    Text(PathBuf),
}

/// An edit's whole input, without the probes that watch it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EditSpec {
    pub request: Request,
    pub method: Method,
    pub layer: LayerChoice,
    /// `None`: the defaults for this model.
    pub hyper: Option<Hyper>,
    /// Context templates with `{}`; `None`: sampled from the model with `seed`.
    pub templates: Option<Vec<String>>,
    pub moments: MomentSource,
    /// The old object, where the user names it; else the unedited model's own answer.
    pub true_answer: Option<String>,
    pub seed: u32,
}

/// One layer's weight change ΔW = r uᵀ (rank m: columns), frozen once computed.
#[derive(Clone, Debug, PartialEq)]
pub struct Delta {
    pub layer: usize,
    /// `[d, m]`, row-major.
    pub r: Vec<f32>,
    /// `[d_k, m]`, row-major.
    pub u: Vec<f32>,
    /// The rank m.
    pub rank: usize,
}
