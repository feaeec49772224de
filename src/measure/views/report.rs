//! What was seen of an edit: plain data.

use super::profile::Profile;
use super::row::Row;
use super::view::{Thresholds, View};
use serde::{Deserialize, Serialize};

/// Whether a view passes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    Pass,
    Fail,
    /// There was nothing to score by.
    #[default]
    Untold,
}

/// One view of the edit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ViewScore {
    pub view: View,
    /// In 0–1, more is better; `None`: untold.
    pub score: Option<f64>,
    pub threshold: f64,
    pub verdict: Verdict,
    /// The figures behind the score, or why there is none.
    pub why: String,
    /// Prompts that the model did not answer before the edit either, and which
    /// therefore tell nothing.
    pub left_out: usize,
    pub evidence: Vec<Evidence>,
}

/// What a score rests on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Evidence {
    /// A prompt before and after.
    Asked(Row),
    /// A continuation before and after.
    Written {
        prompt: String,
        before: String,
        after: String,
        /// Whether the old answer is named in the text after.
        names_old: bool,
        entropy_before: f64,
        entropy_after: f64,
        holds: bool,
    },
    /// p(expected) of the unedited model, with the edit, and with fine-tuning
    /// instead.
    Beside {
        prompt: String,
        expected: String,
        before: f64,
        edited: f64,
        tuned: f64,
    },
    /// A fact that was rewritten, and how it stands at the end.
    Made {
        prompt: String,
        target: String,
        /// Just after it was made, and once all are.
        p_made: f64,
        p_end: f64,
        /// Of the old answer at the end.
        p_old: f64,
        holds: bool,
    },
}

/// All thirteen, in the order of [`View::ALL`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ViewsReport {
    pub model: String,
    pub method: String,
    pub prompt: String,
    pub subject: String,
    pub new: String,
    pub old: String,
    /// Further edits that were made on top, to see what becomes of this one.
    pub later: usize,
    pub seed: u32,
    pub profile: Profile,
    /// The profile in a sentence, with what else is to be known.
    pub sentence: String,
    pub views: Vec<ViewScore>,
    pub elapsed_s: f64,
}

impl ViewScore {
    pub fn new(
        view: View,
        score: Option<f64>,
        why: String,
        evidence: Vec<Evidence>,
        thresholds: &Thresholds,
    ) -> ViewScore {
        let threshold = thresholds.of(view);
        ViewScore {
            view,
            score,
            threshold,
            verdict: match score {
                None => Verdict::Untold,
                // What is no number passes nothing.
                Some(score) if score >= threshold => Verdict::Pass,
                Some(_) => Verdict::Fail,
            },
            why,
            left_out: 0,
            evidence,
        }
    }

    pub fn untold(view: View, why: &str, thresholds: &Thresholds) -> ViewScore {
        ViewScore::new(view, None, why.to_owned(), Vec::new(), thresholds)
    }
}

impl ViewsReport {
    pub fn of(&self, view: View) -> Option<&ViewScore> {
        self.views.iter().find(|scored| scored.view == view)
    }

    /// What kind of edit it is, by what is known so far.
    pub fn profiled(&self) -> Profile {
        Profile::told(|view| match self.of(view)?.verdict {
            Verdict::Pass => Some(true),
            Verdict::Fail => Some(false),
            Verdict::Untold => None,
        })
    }

    /// Puts a view in its place, once it is known.
    pub fn put(&mut self, scored: ViewScore) {
        self.views.retain(|other| other.view != scored.view);
        self.views.push(scored);
        self.views.sort_by_key(|scored| scored.view);
    }
}

impl Evidence {
    pub fn prompt(&self) -> &str {
        match self {
            Evidence::Asked(row) => &row.prompt,
            Evidence::Written { prompt, .. }
            | Evidence::Beside { prompt, .. }
            | Evidence::Made { prompt, .. } => prompt,
        }
    }

    /// Whether it speaks for the edit; `None` where it is only compared.
    pub fn holds(&self) -> Option<bool> {
        match self {
            Evidence::Asked(row) => Some(row.holds),
            Evidence::Written { holds, .. } | Evidence::Made { holds, .. } => Some(*holds),
            Evidence::Beside { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_passes_from_its_threshold_on_and_what_is_no_number_does_not() {
        let verdict = |score| {
            let thresholds = Thresholds::default();
            ViewScore::new(View::Retention, score, String::new(), vec![], &thresholds).verdict
        };
        let limit = View::Retention.threshold();
        assert_eq!(verdict(Some(limit)), Verdict::Pass);
        assert_eq!(verdict(Some(limit - 1e-9)), Verdict::Fail);
        assert_eq!(verdict(Some(f64::NAN)), Verdict::Fail);
        assert_eq!(verdict(None), Verdict::Untold);
    }

    #[test]
    fn views_come_into_their_order_whatever_the_order_they_came_in() {
        let mut report = ViewsReport::default();
        for view in [View::Batch, View::Retention, View::Batch, View::Extraction] {
            report.put(ViewScore::untold(view, "", &Thresholds::default()));
        }
        let views: Vec<View> = report.views.iter().map(|scored| scored.view).collect();
        assert_eq!(views, [View::Retention, View::Batch, View::Extraction]);
    }
}
