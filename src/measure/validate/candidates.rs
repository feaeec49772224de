//! Which layers are worth trying: those that a trace names, the strongest first.

use super::plan::Plan;
use crate::edit::{EditSpec, LayerChoice, defaults};
use crate::trace::SubjectRow;
use serde::{Deserialize, Serialize};

/// A trace whose best cell recovers less than this share of high − low tells one
/// layer from another by chance.
const NOISY: f64 = 0.1;

/// Where the candidates come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// The user named them.
    #[default]
    Named,
    /// The trace's ranking.
    Trace,
    /// The model's middle third, because the trace is noisy.
    Middle,
}

impl Origin {
    pub fn about(self) -> &'static str {
        match self {
            Origin::Named => "as named",
            Origin::Trace => "by the trace's ranking",
            Origin::Middle => "of the middle third: the trace is noisy",
        }
    }
}

/// What will be tried, in this order.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidates {
    /// The first and the last layer of each set; most are one layer.
    pub layers: Vec<[usize; 2]>,
    pub origin: Origin,
}

impl Candidates {
    /// Those that are named: by the plan, else by the edit. A set of several layers
    /// that the edit names is tried as it is, and no other; layers that the plan
    /// names take a set with them as wide as the method works on.
    pub fn named(plan: &Plan, edit: &EditSpec, layers: usize) -> Option<Candidates> {
        let named = match (plan.layers.as_slice(), edit.layer) {
            ([], LayerChoice::Auto) => return None,
            ([], LayerChoice::At(layer)) => vec![[layer; 2]],
            ([], LayerChoice::Span(first, last)) => vec![[first, last]],
            (some, _) => sets(some, edit, layers),
        };
        Some(Candidates::of(named, Origin::Named, plan))
    }

    /// By what a trace of the fact found at the subject's last token.
    pub fn traced(row: &SubjectRow, plan: &Plan, edit: &EditSpec) -> Candidates {
        let (ranked, origin) = ranked(row);
        let sets = sets(&ranked, edit, row.scores.len());
        Candidates::of(sets, origin, plan)
    }

    fn of(layers: Vec<[usize; 2]>, origin: Origin, plan: &Plan) -> Candidates {
        let mut once: Vec<[usize; 2]> = Vec::new();
        for set in layers {
            if !once.contains(&set) {
                once.push(set);
            }
        }
        once.truncate(plan.thresholds.layers);
        Candidates {
            layers: once,
            origin,
        }
    }

    /// The lowest layer of each.
    pub fn firsts(&self) -> Vec<usize> {
        self.layers.iter().map(|[first, _]| *first).collect()
    }
}

/// Each layer with those that the method rewrites together with it: a method of
/// several layers shifts its whole set.
fn sets(ranked: &[usize], edit: &EditSpec, layers: usize) -> Vec<[usize; 2]> {
    let set = |&layer: &usize| {
        let (first, last) = defaults::around(edit.method, layer, layers);
        [first, last]
    };
    ranked.iter().map(set).collect()
}

/// All layers as the trace ranks them; of a noisy one the middle third.
fn ranked(row: &SubjectRow) -> (Vec<usize>, Origin) {
    let scores = &row.scores;
    let best = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    // Also where nothing was taken away that could be recovered.
    let told = row.high > row.low && best - row.low >= NOISY * (row.high - row.low);
    if !told {
        return (middle(scores.len()), Origin::Middle);
    }
    (row.ranking(), Origin::Trace)
}

/// The middle of the middle third, its first layer and its last, then the rest.
fn middle(layers: usize) -> Vec<usize> {
    let (first, end) = (layers / 3, layers - layers / 3);
    let last = end.saturating_sub(1);
    let mut all = vec![(first + last) / 2, first, last];
    all.extend(first..end);
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edit::Method;

    fn row(scores: &[f64], high: f64, low: f64) -> SubjectRow {
        SubjectRow {
            scores: scores.to_vec(),
            high,
            low,
        }
    }

    fn tried(row: &SubjectRow, method: Method) -> (Vec<[usize; 2]>, Origin) {
        let edit = EditSpec {
            method,
            ..EditSpec::default()
        };
        let found = Candidates::traced(row, &Plan::default(), &edit);
        (found.layers, found.origin)
    }

    #[test]
    fn a_clear_trace_ranks_and_a_noisy_one_does_not() {
        let clear = row(&[0.2, 0.5, 0.5, 0.1, 0.05, 0.05], 0.9, 0.05);
        let one = |layers: [usize; 3]| layers.map(|l| [l, l]).to_vec();
        assert_eq!(tried(&clear, Method::Rome), (one([1, 2, 0]), Origin::Trace));
        // A tenth of 0.85 is 0.085.
        let noisy = row(&[0.05, 0.13, 0.05, 0.05, 0.05, 0.05], 0.9, 0.05);
        assert_eq!(tried(&noisy, Method::Rome).1, Origin::Middle);
        let enough = row(&[0.05, 0.14, 0.05, 0.05, 0.05, 0.05], 0.9, 0.05);
        assert_eq!(tried(&enough, Method::Rome).1, Origin::Trace);
        let nothing = row(&[0.9, 0.9, 0.9], 0.9, 0.95);
        assert_eq!(
            tried(&nothing, Method::Rome),
            (one([1, 1, 1])[..1].to_vec(), Origin::Middle)
        );
    }

    #[test]
    fn the_middle_third_begins_in_its_middle() {
        assert_eq!(middle(24)[..3], [11, 8, 15]);
        assert_eq!(middle(8)[..3], [3, 2, 5]);
        assert!(middle(1).iter().all(|layer| *layer == 0));
        assert!(middle(2).iter().all(|layer| *layer < 2));
    }

    #[test]
    fn a_method_of_several_layers_shifts_its_set() {
        let mut scores = vec![0.0; 24];
        (scores[10], scores[12], scores[1]) = (0.9, 0.8, 0.7);
        let found = tried(&row(&scores, 0.9, 0.0), Method::Memit);
        assert_eq!(found.0, [[8, 10], [10, 12], [0, 1]]);
    }

    #[test]
    fn what_is_named_is_tried_alone() {
        let plan = Plan::default();
        let of = |layer| {
            let edit = EditSpec {
                layer,
                ..EditSpec::default()
            };
            Candidates::named(&plan, &edit, 8).map(|found| found.layers)
        };
        assert_eq!(of(LayerChoice::Auto), None);
        assert_eq!(of(LayerChoice::At(3)), Some(vec![[3, 3]]));
        assert_eq!(of(LayerChoice::Span(2, 4)), Some(vec![[2, 4]]));
    }
}
