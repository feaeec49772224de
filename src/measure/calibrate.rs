//! The rule by which a model's defaults are chosen: success against damage over many
//! facts, each of them edited in the same ways.

use super::counterfact::{Answer, Answers, harmonic_mean};
use crate::model::sample::Rng;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// p of a neighbour's object before the edit from which it can be lost.
const HELD: f64 = 0.05;
/// Scores this close are a tie; the smaller update wins it.
const TIE: f64 = 0.01;
/// Draws of a bootstrap.
const DRAWS: usize = 1000;
/// Candidates of the sweep at most.
const MOST_LAYERS: usize = 8;
/// Facts from which a way is given up that is clearly worse than another.
const SURE: usize = 10;

/// One fact edited in one way. Shares and probabilities in 0–1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    pub case_id: u64,
    /// p(new) on the prompt.
    pub success: f64,
    /// Mean p(new) on the paraphrases.
    pub paraphrases: f64,
    /// How much of p(true) the neighbours kept, each at most all of it; 1 without any
    /// that the model knew.
    pub kept: f64,
    /// ‖ΔW‖/‖W‖.
    pub norm: f64,
}

impl Outcome {
    /// What the answers before and after an edit come to.
    pub fn of(case_id: u64, before: &Answers, after: &Answers, norm: f64) -> Outcome {
        let p = |answer: &Answer| answer.new.exp();
        let both = before.neighbours.iter().zip(&after.neighbours);
        let held = both.map(|(old, new)| (old.old.exp(), new.old.exp()));
        let kept = held.filter(|(old, _)| *old >= HELD);
        let kept: Vec<f64> = kept.map(|(old, new)| (new / old).min(1.0)).collect();
        Outcome {
            case_id,
            success: p(&after.rewrite),
            paraphrases: mean(after.paraphrases.iter().map(p)),
            kept: if kept.is_empty() { 1.0 } else { mean(kept) },
            norm,
        }
    }
}

/// Means over facts, with the 95 % interval of the score by drawing facts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    pub facts: usize,
    pub success: f64,
    pub paraphrases: f64,
    pub kept: f64,
    pub norm: f64,
    /// The harmonic mean of success, paraphrases and kept.
    pub score: f64,
    pub from: f64,
    pub to: f64,
}

impl Figures {
    /// NaN-free: of no facts all is 0.
    pub fn of(outcomes: &[Outcome]) -> Figures {
        let means = |of: &[&Outcome]| {
            let each = [
                |o: &Outcome| o.success,
                |o: &Outcome| o.paraphrases,
                |o: &Outcome| o.kept,
            ];
            each.map(|figure| mean(of.iter().map(|&one| figure(one))))
        };
        let all: Vec<&Outcome> = outcomes.iter().collect();
        if all.is_empty() {
            return Figures::default();
        }
        let mut rng = Rng::new(1);
        let mut scores: Vec<f64> = (0..DRAWS)
            .map(|_| {
                let drawn: Vec<&Outcome> = all.iter().map(|_| all[rng.below(all.len())]).collect();
                harmonic_mean(means(&drawn))
            })
            .collect();
        scores.sort_by(f64::total_cmp);
        let [success, paraphrases, kept] = means(&all);
        Figures {
            facts: all.len(),
            success,
            paraphrases,
            kept,
            norm: mean(all.iter().map(|one| one.norm)),
            score: harmonic_mean([success, paraphrases, kept]),
            from: scores[DRAWS / 40],
            to: scores[DRAWS - 1 - DRAWS / 40],
        }
    }
}

/// The best of some ways: the highest score; of those within a hundredth of it the
/// smallest update, of equal ones the first. `None` without ways.
pub fn best(ways: &[Figures]) -> Option<usize> {
    let highest = ways
        .iter()
        .map(|way| way.score)
        .fold(f64::NEG_INFINITY, f64::max);
    let tied = (ways.iter().enumerate()).filter(|(_, way)| way.score >= highest - TIE);
    let least = tied.min_by(|(_, a), (_, b)| a.norm.total_cmp(&b.norm));
    least.map(|(at, _)| at)
}

/// Whether a way is to be given up: after ten facts its interval ends below the one of
/// another begins.
pub fn hopeless(way: &Figures, others: &[Figures]) -> bool {
    let clear = |other: &&Figures| other.facts >= SURE && way.to < other.from;
    way.facts >= SURE && others.iter().any(|other| clear(&other))
}

/// Layers worth a sweep, ascending: those with at least half of the strongest averaged
/// effect, the eight strongest at most. `effects` is by layer.
pub fn candidates(effects: &[f64]) -> Vec<usize> {
    let strongest = effects.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut layers: Vec<usize> = (0..effects.len())
        .filter(|&layer| effects[layer] >= strongest / 2.0 || strongest <= 0.0)
        .collect();
    layers.sort_by(|&a, &b| effects[b].total_cmp(&effects[a]));
    layers.truncate(MOST_LAYERS);
    layers.sort_unstable();
    layers
}

/// The mean of rows of one length, column by column.
pub fn columns(rows: &BTreeMap<u64, Vec<f64>>) -> Vec<f64> {
    let width = rows.values().map(Vec::len).min().unwrap_or(0);
    let column = |at: usize| mean(rows.values().map(|row| row[at]));
    (0..width).map(column).collect()
}

fn mean(values: impl IntoIterator<Item = f64>) -> f64 {
    let (sum, count) = values
        .into_iter()
        .fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    if count > 0.0 { sum / count } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(case_id: u64, success: f64, kept: f64, norm: f64) -> Outcome {
        Outcome {
            case_id,
            success,
            paraphrases: success,
            kept,
            norm,
        }
    }

    fn figures(score: f64, norm: f64) -> Figures {
        Figures {
            facts: 20,
            score,
            norm,
            from: score - 0.05,
            to: score + 0.05,
            ..Figures::default()
        }
    }

    #[test]
    fn success_bought_with_neighbours_is_no_better_than_kept_neighbours_without_success() {
        let of = |success, kept| Figures::of(&[outcome(1, success, kept, 0.1); 12]);
        let balanced = of(0.8, 0.8);
        assert!((balanced.score - 0.8).abs() < 1e-12);
        assert_eq!(
            (balanced.from, balanced.to),
            (balanced.score, balanced.score)
        );
        assert!(of(1.0, 0.3).score < balanced.score);
        assert!(of(0.3, 1.0).score < balanced.score);
        assert_eq!(of(0.0, 1.0).score, 0.0);
        assert_eq!(Figures::of(&[]), Figures::default());
    }

    #[test]
    fn the_interval_is_by_fact_and_holds_the_score() {
        let facts: Vec<Outcome> = (0..20)
            .map(|n| outcome(n, if n % 2 == 0 { 0.9 } else { 0.5 }, 1.0, 0.1))
            .collect();
        let found = Figures::of(&facts);
        assert!(
            found.from < found.score && found.score < found.to,
            "{found:?}"
        );
        assert!(found.to - found.from < 0.3, "{found:?}");
        assert_eq!(Figures::of(&facts), found, "the same draws each time");
    }

    #[test]
    fn the_highest_score_wins_and_a_tie_goes_to_the_smaller_update() {
        let ways = [figures(0.60, 0.1), figures(0.80, 0.4), figures(0.795, 0.2)];
        assert_eq!(best(&ways), Some(2));
        assert_eq!(best(&ways[..2]), Some(1));
        assert_eq!(best(&[]), None);
        assert!(hopeless(&ways[0], &ways));
        assert!(!hopeless(&ways[2], &ways));
        let early = Figures {
            facts: 5,
            ..figures(0.1, 0.1)
        };
        assert!(!hopeless(&early, &ways), "five facts say too little");
    }

    #[test]
    fn candidates_have_half_the_strongest_effect() {
        assert_eq!(candidates(&[0.1, 0.4, 0.5, 0.25, 0.2]), [1, 2, 3]);
        assert_eq!(candidates(&[0.5; 20]), (0..8).collect::<Vec<_>>());
        assert_eq!(candidates(&[-0.1, 0.0]).len(), 2);
        assert!(candidates(&[]).is_empty());
    }

    #[test]
    fn a_neighbour_that_was_not_known_cannot_be_lost() {
        let answer = |new: f64, old: f64| Answer {
            new: new.ln(),
            old: old.ln(),
            exact: false,
        };
        let before = Answers {
            rewrite: answer(0.1, 0.8),
            paraphrases: vec![answer(0.1, 0.5)],
            neighbours: vec![answer(0.1, 0.8), answer(0.1, 0.01), answer(0.1, 0.4)],
            primed: vec![],
        };
        let after = Answers {
            rewrite: answer(0.9, 0.05),
            paraphrases: vec![answer(0.5, 0.1)],
            neighbours: vec![answer(0.5, 0.4), answer(0.1, 1e-4), answer(0.1, 0.6)],
            primed: vec![],
        };
        let found = Outcome::of(3, &before, &after, 0.2);
        assert!((found.success - 0.9).abs() < 1e-12);
        assert!((found.kept - 0.75).abs() < 1e-12, "{found:?}");
    }
}
