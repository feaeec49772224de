//! The thirteen by name: what each asks, and what passes.

use serde::de::{Deserializer, Error};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One way of looking at an edit. Each is scored in 0–1, and more is better.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum View {
    #[default]
    Retention,
    Generalisation,
    Ripple,
    Signal,
    Collapse,
    Batch,
    Later,
    CrossDomain,
    LongForm,
    TwoHop,
    Portability,
    Memorisation,
    Extraction,
}

impl View {
    pub const ALL: [View; 13] = [
        View::Retention,
        View::Generalisation,
        View::Ripple,
        View::Signal,
        View::Collapse,
        View::Batch,
        View::Later,
        View::CrossDomain,
        View::LongForm,
        View::TwoHop,
        View::Portability,
        View::Memorisation,
        View::Extraction,
    ];

    /// As files have it.
    pub fn name(self) -> &'static str {
        match self {
            View::Retention => "retention",
            View::Generalisation => "generalisation",
            View::Ripple => "ripple",
            View::Signal => "signal",
            View::Collapse => "collapse",
            View::Batch => "batch",
            View::Later => "later",
            View::CrossDomain => "cross-domain",
            View::LongForm => "long-form",
            View::TwoHop => "two-hop",
            View::Portability => "portability",
            View::Memorisation => "memorisation",
            View::Extraction => "extraction",
        }
    }

    pub fn named(name: &str) -> Option<View> {
        View::ALL.into_iter().find(|view| view.name() == name)
    }

    /// What is asked, in a line.
    pub fn question(self) -> &'static str {
        match self {
            View::Retention => {
                "is the new answer given to the edited prompt, whatever precedes it?"
            }
            View::Generalisation => "is it given to other wordings?",
            View::Ripple => "do the subject's other facts and its neighbours stand?",
            View::Signal => "does it do less harm than fine-tuning to the same p(new)?",
            View::Collapse => "does the model stand further edits of this kind?",
            View::Batch => "do all facts hold that were rewritten with it?",
            View::Later => "does it hold after further edits?",
            View::CrossDomain => "do facts of other kinds stand?",
            View::LongForm => "do longer texts keep to the new answer, and to language?",
            View::TwoHop => "does what follows from the fact follow from the new one?",
            View::Portability => {
                "does it hold for a pronoun or another name, and the other way round?"
            }
            View::Memorisation => "was it the fact that was learned, or the sentence?",
            View::Extraction => "is it the answer to a question?",
        }
    }

    /// How the score is made, in a sentence or two.
    pub fn definition(self) -> &'static str {
        match self {
            View::Retention => {
                "Mean p(new) after the edited prompt, alone and with true sentences about others before it."
            }
            View::Generalisation => "Share of other wordings after which p(new) > p(old).",
            View::Ripple => {
                "Share of prompts that did not move, of those that the model answered: the subject's facts that do not follow from this one, and subjects with the same answer or the same relation."
            }
            View::Signal => {
                "The harm of a fine-tuning change of the same layer, scaled to the same p(new), divided by that harm and the edit's together. Harm: by how much p(right) fell, on average, over the prompts of ripple and cross-domain. 1: the edit did none; 0.5: as much as fine-tuning."
            }
            View::Collapse => {
                "The lesser of two: perplexity of plain text before, divided by that after further edits; and the share of cross-domain prompts that still stand then."
            }
            View::Batch => {
                "Share of the facts with p(new) > p(old): of one change's own, or of this one and the further edits, once all are made."
            }
            View::Later => "Retention after the further edits divided by that before them.",
            View::CrossDomain => {
                "Share of prompts that did not move, of those that the model answered: facts of other relations about other subjects."
            }
            View::LongForm => {
                "Share of sampled continuations, of prompts that ask for the fact and of ones that do not, that never name the old answer and whose entropy is at least 0.8 of that before."
            }
            View::TwoHop => {
                "Share of prompts for what follows from the fact after which what follows from the new one is likelier than what followed from the old."
            }
            View::Portability => {
                "Share of prompts that hold: with a pronoun or another form of the name, p(new) > p(old); the other way round, the subject is likelier after the new answer than after the old."
            }
            View::Memorisation => {
                "1 less what p(new) loses, on average, from the edited prompt to other wordings of it."
            }
            View::Extraction => {
                "Share of questions to which every token of the new answer is the model's first choice, of those that it answered with the old one before."
            }
        }
    }

    /// The least score that passes.
    pub fn threshold(self) -> f64 {
        match self {
            View::Retention | View::Collapse | View::Later | View::LongForm => 0.8,
            View::Ripple | View::Batch => 0.9,
            View::CrossDomain => 0.95,
            View::Generalisation | View::Memorisation => 0.6,
            View::Signal | View::TwoHop | View::Portability | View::Extraction => 0.5,
        }
    }
}

/// The user's thresholds, of some views; the others keep their own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Thresholds(#[serde(deserialize_with = "shares")] BTreeMap<View, f64>);

impl Thresholds {
    pub fn of(&self, view: View) -> f64 {
        let own = self.0.get(&view).copied();
        own.unwrap_or_else(|| view.threshold())
    }

    pub fn set(&mut self, view: View, threshold: f64) {
        self.0.insert(view, threshold);
    }
}

fn shares<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<View, f64>, D::Error> {
    let read = BTreeMap::<View, f64>::deserialize(from)?;
    match read.iter().find(|(_, share)| !(0.0..=1.0).contains(*share)) {
        None => Ok(read),
        Some((view, share)) => Err(D::Error::custom(format!(
            "{} is {share}: a threshold goes from 0 to 1",
            view.name()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_view_is_found_by_the_name_that_files_have() {
        for view in View::ALL {
            assert_eq!(View::named(view.name()), Some(view));
            let json = serde_json::to_string(&view).unwrap();
            assert_eq!(json, format!("\"{}\"", view.name()));
            assert!((0.0..=1.0).contains(&view.threshold()));
        }
        assert_eq!(View::named("radar"), None);
    }

    #[test]
    fn a_threshold_is_a_share() {
        let read = |text: &str| toml::from_str::<Thresholds>(text);
        let own = read("ripple = 0.5\ntwo-hop = 1").unwrap();
        assert_eq!(own.of(View::Ripple), 0.5);
        assert_eq!(own.of(View::Later), View::Later.threshold());
        for bad in ["ripple = 1.5", "ripple = nan", "radar = 0.5"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
