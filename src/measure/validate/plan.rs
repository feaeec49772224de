//! What is asked of a validation: plain data.

use super::case::Case;
use super::thresholds::Thresholds;
use serde::{Deserialize, Serialize};

/// How an edit is to be validated.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Plan {
    pub case: Case,
    pub thresholds: Thresholds,
    /// The user's own paraphrases of each fact in order, templates with `{}` for the
    /// subject; a fact that has none is left out at the end, or empty.
    pub paraphrases: Vec<Vec<String>>,
    /// The layers to try in this order; empty: what the edit itself names, else
    /// the trace's ranking.
    pub layers: Vec<usize>,
}
