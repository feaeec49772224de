//! What an edit was made on top of, in as few words as it takes: a thousand
//! edits one on top of the other name each other in a thousand lines, not in
//! half a million.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Edits that another one was made on top of: one, or all from `id` to `to`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Beneath {
    pub id: u64,
    /// The last of a run; its edits follow each other by number and in order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<u64>,
    pub alpha: f64,
}

impl Beneath {
    /// The edits in their order, as few runs.
    pub fn runs(edits: impl IntoIterator<Item = (u64, f64)>) -> Vec<Beneath> {
        let mut runs: Vec<Beneath> = Vec::new();
        for (id, alpha) in edits {
            match runs.last_mut() {
                Some(run) if run.alpha == alpha && run.last().checked_add(1) == Some(id) => {
                    run.to = Some(id);
                }
                _ => runs.push(Beneath {
                    id,
                    to: None,
                    alpha,
                }),
            }
        }
        runs
    }

    pub fn last(&self) -> u64 {
        self.to.unwrap_or(self.id)
    }

    /// Each edit and its α. A run from a file is checked before it is walked.
    pub fn each(&self) -> impl Iterator<Item = (u64, f64)> + use<> {
        let alpha = self.alpha;
        (self.id..=self.last()).map(move |id| (id, alpha))
    }

    /// Of what edit `id` was made on, the first edit that is not among `all` or
    /// was not made before it: without that one, `id` cannot be made again.
    pub fn missing(id: u64, made_on: &[Beneath], all: &BTreeSet<u64>) -> Option<u64> {
        let mut beneath = made_on.iter().flat_map(Beneath::each).map(|(id, _)| id);
        beneath.find(|other| *other >= id || !all.contains(other))
    }

    /// "3" or "1–999".
    pub fn words(&self) -> String {
        match self.to {
            Some(to) => format!("{}–{to}", self.id),
            None => self.id.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_the_edits_and_no_more() {
        let edits = vec![(1, 1.0), (2, 1.0), (3, 0.5), (4, 1.0), (6, 1.0), (5, 1.0)];
        let runs = Beneath::runs(edits.clone());
        assert_eq!(runs.len(), 5);
        assert_eq!(runs[0].words(), "1–2");
        assert_eq!(
            runs.iter().flat_map(Beneath::each).collect::<Vec<_>>(),
            edits
        );
        assert_eq!(Beneath::runs((1..1000).map(|id| (id, 1.0))).len(), 1);
        assert!(Beneath::runs([(u64::MAX, 1.0), (0, 1.0)]).len() == 2);
    }

    #[test]
    fn an_edit_needs_all_that_it_was_made_on() {
        let all = BTreeSet::from([1, 2, 3, 5]);
        let on = |ids: &[u64]| Beneath::runs(ids.iter().map(|id| (*id, 1.0)));
        assert_eq!(Beneath::missing(5, &on(&[1, 2, 3]), &all), None);
        assert_eq!(Beneath::missing(5, &on(&[1, 2, 4]), &all), Some(4));
        assert_eq!(
            Beneath::missing(2, &on(&[1, 3]), &all),
            Some(3),
            "made after"
        );
        assert_eq!(Beneath::missing(2, &on(&[2]), &all), Some(2));
        // A run that claims a hundred thousand is left at its first gap.
        let claimed = [Beneath {
            id: 1,
            to: Some(u64::MAX),
            alpha: 1.0,
        }];
        assert_eq!(Beneath::missing(9, &claimed, &all), Some(4));
    }
}
