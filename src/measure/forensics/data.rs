//! What is found out about a change: plain data.

use serde::Serialize;

/// A tensor that differs.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Change {
    pub name: String,
    pub shape: Vec<usize>,
    /// The kind of its numbers in each: "F32".
    pub dtypes: [String; 2],
    /// The layer, of an MLP's output matrix.
    pub down_of: Option<usize>,
    /// The layer, of the bias beside such a matrix.
    pub bias_of: Option<usize>,
    /// ‖ΔW‖_F; `None` where the numbers cannot be subtracted.
    pub norm: Option<f64>,
    /// ‖ΔW‖_F / ‖W‖_F, W as BASE has it.
    pub relative_norm: Option<f64>,
    /// Of a matrix alone.
    pub spectrum: Option<Spectrum>,
    /// Of an MLP's output matrix alone.
    pub directions: Option<Directions>,
    pub keys: Option<Keys>,
    /// Why it was not measured.
    pub unmeasured: Option<String>,
    /// The first singular vectors: the output direction `[d]` and the key
    /// direction `[d_k]`, both of length 1. Of an MLP's output matrix alone.
    #[serde(skip)]
    pub first: Option<[Vec<f64>; 2]>,
}

impl Change {
    /// σ₁; 0 where it is not of a matrix.
    pub fn largest(&self) -> f64 {
        let spectrum = self.spectrum.as_ref();
        let first = spectrum.and_then(|s| s.singular_values.first());
        first.copied().unwrap_or(0.0)
    }
}

/// The rank of a change and how it is spread.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Spectrum {
    /// Singular values above `noise`.
    pub rank: usize,
    /// There are more above it than were found.
    pub or_more: bool,
    /// Share of ‖ΔW‖² that these `rank` directions hold.
    pub energy: f64,
    /// The largest singular value that rounding is likely to make on its own:
    /// ½·(the largest norm of a row's steps + the largest of a column's).
    pub noise: f64,
    /// The largest of them, descending.
    pub singular_values: Vec<f64>,
}

/// A token and its logit.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Token {
    pub id: u32,
    /// As shown: control characters escaped, the leading space kept.
    pub text: String,
    /// Of a residual that lies along the direction alone: through the final norm
    /// (which takes its length away) and the head, without their biases.
    pub logit: f64,
}

/// What the output direction of a change promotes and demotes.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Directions {
    /// Most first.
    pub promotes: Vec<Token>,
    pub demotes: Vec<Token>,
    /// Whether the sign is known from a key. A singular vector has none of its own:
    /// without keys it is turned so that the strongest token is promoted.
    pub sign_known: bool,
}

impl Directions {
    /// The other way round.
    pub fn turn(&mut self) {
        std::mem::swap(&mut self.promotes, &mut self.demotes);
        let tokens = self.promotes.iter_mut().chain(&mut self.demotes);
        tokens.for_each(|token| token.logit = -token.logit);
    }
}

/// How much a change writes at a subject.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Response {
    pub subject: String,
    /// σ₁·(v·k): the length of what its first direction adds to the MLP's output
    /// there, negative where it subtracts.
    pub response: f64,
}

/// The subjects that the key direction of a change meets.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Keys {
    /// Of how many subjects.
    pub subjects: usize,
    /// The strongest, by size.
    pub strongest: Vec<Response>,
    /// Half of the subjects are met less than this.
    pub median: f64,
}
