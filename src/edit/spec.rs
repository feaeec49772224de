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

    /// Whether nothing is asked: an imported edit's.
    pub fn is_empty(&self) -> bool {
        *self == Request::default()
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
    /// Many facts at once, spread over several layers.
    Memit,
    /// Many facts at once at one layer, each to its value exactly.
    Emmet,
    /// As MEMIT, in directions that other keys do not use.
    AlphaEdit,
    /// Fine-tuning of one matrix: the baseline.
    Ft,
    /// Fine-tuning within a small box around W₀.
    FtL,
    /// A change that was not made here: it has an origin and no request.
    Imported,
}

impl Method {
    /// Those that can be asked for.
    pub const ALL: [Method; 8] = [
        Method::RRome,
        Method::Rome,
        Method::Memit,
        Method::Emmet,
        Method::AlphaEdit,
        Method::Ft,
        Method::FtL,
        Method::Direct,
    ];

    /// The name used on the command line and in files.
    pub fn name(self) -> &'static str {
        match self {
            Method::RRome => "r-rome",
            Method::Rome => "rome",
            Method::Direct => "direct",
            Method::Memit => "memit",
            Method::Emmet => "emmet",
            Method::AlphaEdit => "alpha-edit",
            Method::Ft => "ft",
            Method::FtL => "ft-l",
            Method::Imported => "imported",
        }
    }

    /// Whether it rewrites many facts in one change.
    pub fn takes_many(self) -> bool {
        !matches!(self, Method::RRome | Method::Rome | Method::Direct)
    }

    /// Whether it spreads its change over several layers.
    pub fn spreads(self) -> bool {
        matches!(self, Method::Memit | Method::AlphaEdit)
    }

    /// Whether it looks for a value by gradient, averaged over templates.
    pub fn seeks_value(self) -> bool {
        !matches!(
            self,
            Method::Direct | Method::Ft | Method::FtL | Method::Imported
        )
    }
}

/// The hyper-parameters of all methods (ALGORITHMS §§3–4); each uses some.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Hyper {
    pub steps: usize,
    pub lr: f64,
    pub kl_factor: f64,
    pub weight_decay: f64,
    /// ‖δ‖ is kept within `clamp`·‖t₀‖.
    pub clamp: f64,
    /// λ_C: the ridge on C in multiples of its mean diagonal.
    pub ridge: f64,
    /// What keeps an update of many facts small: λ of MEMIT, w·λ_e of EMMET,
    /// λ₂ of AlphaEdit.
    pub lambda: f64,
    /// AlphaEdit writes along eigenvectors of C with eigenvalues below this.
    pub threshold: f64,
    /// Whether `threshold` is in multiples of C's mean diagonal.
    pub relative_threshold: bool,
    /// FT+L keeps every entry of W within this of W₀.
    pub epsilon: f64,
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
            lambda: 15_000.0,
            threshold: 2e-2,
            relative_threshold: false,
            epsilon: 1e-3,
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

    /// What it is about, in a line: the first prompt, or where it came from.
    pub fn title(&self) -> String {
        match (self.is_imported(), self.more.len()) {
            (true, _) => self.origin.clone(),
            (false, 0) => self.request.text(),
            (false, n) => format!("{} and {n} more facts", self.request.text()),
        }
    }
}
