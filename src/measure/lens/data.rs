//! What the lens shows: plain numbers, `[T][L + 1]`.

use serde::Serialize;
use std::cmp::Ordering;

/// Probabilities by position and depth, `[T][L + 1]`.
pub type Grid = Vec<Vec<f64>>;

/// How deep in the model a residual was read: column 0 is what enters layer 0,
/// column ℓ + 1 what leaves layer ℓ. As a number, the layer; −1 is the embedding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(into = "i64")]
pub struct Depth(pub usize);

impl Depth {
    /// The layer that it follows; `None`: the embedding.
    pub fn layer(self) -> Option<usize> {
        self.0.checked_sub(1)
    }
}

impl From<Depth> for i64 {
    fn from(depth: Depth) -> i64 {
        depth.0 as i64 - 1
    }
}

impl std::fmt::Display for Depth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.layer() {
            Some(layer) => write!(f, "layer {layer}"),
            None => write!(f, "the embedding"),
        }
    }
}

/// A token that a residual calls for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Guess {
    pub id: u32,
    pub text: String,
    pub p: f64,
}

/// An answer, and the one of its tokens that is looked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct AnswerToken {
    pub text: String,
    pub id: u32,
    pub token: String,
}

/// The likelier of the two answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leader {
    Old,
    New,
}

/// What one set of weights shows.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Seen {
    pub p_old: Grid,
    pub p_new: Grid,
    /// The likeliest tokens of each cell, `[T][L + 1][top]`.
    pub top: Vec<Vec<Vec<Guess>>>,
    /// Where the old answer is likelier than the new one, at the last position.
    pub old_leads: Vec<Depth>,
    /// From here to the output the new answer is the likelier one, at the last
    /// position; `None`: not at the output.
    pub overtakes: Option<Depth>,
}

impl Seen {
    /// Of these grids, with who leads filled in.
    pub fn new(p_old: Grid, p_new: Grid, top: Vec<Vec<Vec<Guess>>>) -> Seen {
        let mut seen = Seen {
            p_old,
            p_new,
            top,
            ..Seen::default()
        };
        let columns = seen.columns();
        let leads = |at: &Depth, who| seen.leader(*at) == Some(who);
        let depths = || (0..columns).map(Depth);
        let old_leads = depths().filter(|at| leads(at, Leader::Old)).collect();
        let ahead = depths().rev().take_while(|at| leads(at, Leader::New));
        seen.overtakes = ahead.last();
        seen.old_leads = old_leads;
        seen
    }

    /// These cells up to where `deeper`, which was read from further up, begins.
    pub(super) fn under(&self, deeper: Seen) -> Seen {
        fn join<T: Clone>(own: &[Vec<T>], deeper: Vec<Vec<T>>) -> Vec<Vec<T>> {
            let rows = own.iter().zip(deeper);
            rows.map(|(own, deeper)| [&own[..own.len() - deeper.len()], &deeper].concat())
                .collect()
        }
        Seen::new(
            join(&self.p_old, deeper.p_old),
            join(&self.p_new, deeper.p_new),
            join(&self.top, deeper.top),
        )
    }

    /// Who leads at a depth of the last position; of two that are alike nobody.
    pub fn leader(&self, at: Depth) -> Option<Leader> {
        let p = |grid: &Grid| grid.last()?.get(at.0).copied();
        let (old, new) = (p(&self.p_old)?, p(&self.p_new)?);
        match old.partial_cmp(&new)? {
            Ordering::Greater => Some(Leader::Old),
            Ordering::Less => Some(Leader::New),
            Ordering::Equal => None,
        }
    }

    /// Whether the old answer is the likelier one at the output.
    pub fn old_wins(&self) -> bool {
        let last = self.old_leads.last();
        last.is_some_and(|at| at.0 + 1 == self.columns())
    }

    /// L + 1.
    pub fn columns(&self) -> usize {
        self.p_old.last().map_or(0, Vec::len)
    }
}

/// After less before.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Difference {
    pub p_old: Grid,
    pub p_new: Grid,
}

impl Difference {
    pub(super) fn between(before: &Seen, after: &Seen) -> Difference {
        let less = |before: &Grid, after: &Grid| {
            let rows = before.iter().zip(after);
            rows.map(|(b, a)| a.iter().zip(b).map(|(a, b)| a - b).collect())
                .collect()
        };
        Difference {
            p_old: less(&before.p_old, &after.p_old),
            p_new: less(&before.p_new, &after.p_new),
        }
    }
}

/// What is left of the old answer underneath, and where the new one comes in.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct LensReport {
    /// As the user names it; whoever opened it fills it in.
    pub model: String,
    pub prompt: String,
    /// As shown: the prompt's, then those forced after it.
    pub tokens: Vec<String>,
    pub input_ids: Vec<u32>,
    /// How many of them are the answers' common beginning.
    pub forced: usize,
    pub old: AnswerToken,
    pub new: AnswerToken,
    /// Of the grids: −1 the embedding, then the layers.
    pub columns: Vec<Depth>,
    /// The first layer whose weights differ; the columns up to the one before it
    /// are the same before and after. `None`: no weight differs.
    pub first_edited: Option<usize>,
    pub before: Seen,
    pub after: Seen,
    pub difference: Difference,
    /// What it comes to, in plain words.
    pub sentence: String,
}
