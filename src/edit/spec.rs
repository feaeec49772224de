//! What an edit is asked, and the factors it leaves: plain data.

use super::hyper::Hyper;
use super::method::Method;
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

    /// Whether nothing is asked: an imported edit's.
    pub fn is_empty(&self) -> bool {
        *self == Request::default()
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
    /// From the first to the second, both included.
    Span(usize, usize),
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
    #[serde(skip_serializing_if = "Request::is_empty")]
    pub request: Request,
    /// Where an imported change came from: "adapter NAME". Such an edit asks for
    /// nothing, and only its factors say what it is.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub origin: String,
    /// Further facts, rewritten by the same change.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub more: Vec<Request>,
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

/// One layer's weight change ΔW, frozen once computed: r uᵀ (rank m: columns),
/// or as it is where it has no small factors.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Delta {
    pub layer: usize,
    /// `[d, m]`, row-major.
    pub r: Vec<f32>,
    /// `[d_k, m]`, row-major; of a dense change ΔWᵀ itself, `[d_k, d]`.
    pub u: Vec<f32>,
    /// The rank m; 0 marks a dense change.
    pub rank: usize,
    /// What is added to the bias, `[d]`; most changes leave it alone.
    pub bias: Vec<f32>,
}

impl Delta {
    /// A change without small factors: `change` is ΔWᵀ, `[d_k, d]` row-major.
    pub fn dense(layer: usize, change: Vec<f32>, bias: Vec<f32>) -> Delta {
        Delta {
            layer,
            u: change,
            bias,
            ..Delta::default()
        }
    }

    pub fn is_dense(&self) -> bool {
        self.rank == 0
    }
}

impl EditSpec {
    /// All facts, the first one first; none of an imported change.
    pub fn requests(&self) -> impl Iterator<Item = &Request> {
        let all = std::iter::once(&self.request).chain(&self.more);
        all.filter(|_| !self.is_imported())
    }

    /// Whether the change was made elsewhere.
    pub fn is_imported(&self) -> bool {
        self.method == Method::Imported
    }

    /// The facts after the first, in words; nothing where there is one alone.
    pub fn others(&self) -> Option<String> {
        match self.more.len() {
            0 => None,
            1 => Some("and 1 more fact".into()),
            n => Some(format!("and {n} more facts")),
        }
    }

    /// What it is about, in a line: the first prompt, or where it came from.
    pub fn title(&self) -> String {
        match (self.is_imported(), self.others()) {
            (true, _) => self.origin.clone(),
            (false, None) => self.request.text(),
            (false, Some(others)) => format!("{} {others}", self.request.text()),
        }
    }
}
