//! How much is asked.

use super::prompt::Prompt;
use super::view::{Thresholds, View};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Plan {
    /// Which of the edit's facts is looked at, from 0.
    pub fact: usize,
    /// Prompts a view, at most.
    pub prompts: usize,
    /// Tokens of a longer text.
    pub tokens: usize,
    /// Edits of other facts that are made on top; 0 leaves three views untold.
    pub later: usize,
    /// Tokens of plain text for the perplexity.
    pub text: usize,
    pub seed: u32,
    pub thresholds: Thresholds,
    /// The user's prompts; a view that has some has no others.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub own: Vec<Prompt>,
}

impl Default for Plan {
    fn default() -> Self {
        Plan {
            fact: 0,
            prompts: 12,
            tokens: 40,
            later: 10,
            text: 1000,
            seed: 1,
            thresholds: Thresholds::default(),
            own: Vec::new(),
        }
    }
}

impl Plan {
    /// The program's prompts, with the user's in the place of those of a view.
    /// The edited prompt itself, the first of retention, is always asked.
    pub fn prompts(&self, proposed: Vec<Prompt>) -> Vec<Prompt> {
        let taken = |prompt: &Prompt| self.own.iter().any(|own| own.view == prompt.view);
        let mut proposed = proposed.into_iter();
        let first = proposed.next();
        let rest = proposed.filter(|prompt| !taken(prompt));
        let own = self.own.iter().cloned();
        first.into_iter().chain(rest).chain(own).collect()
    }

    /// How many prompts of a view are kept: the user's all are.
    pub fn most(&self, view: View) -> usize {
        let own = self.own.iter().filter(|own| own.view == view).count();
        self.prompts.max(own + 1)
    }
}
