//! Localisation against success: does an edit work best where the trace says
//! that the fact is? (Hase et al. 2023 found that it hardly matters.)

use super::correlation::{Correlation, correlation};
use super::counterfact::{Answer, Answers};
use serde::{Deserialize, Serialize};

/// One fact edited at one layer, beside what the trace found there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tried {
    pub case_id: u64,
    pub layer: usize,
    /// p(true) regained where this layer's state, or the MLP outputs of the
    /// window around it, are restored at the last subject token: p − low.
    pub state: f64,
    pub mlp: f64,
    /// Whether p(new) > p(true) on the rewrite prompt, and p(new) there.
    pub took: bool,
    pub success: f64,
    /// Mean p(new) of the paraphrases.
    pub paraphrases: f64,
    /// By how much p(true) of the neighbours fell, on average.
    pub damage: f64,
    /// ‖ΔW‖/‖W‖.
    pub relative_update_norm: f64,
}

impl Tried {
    /// What the answers before and after an edit come to.
    pub fn of(case_id: u64, layer: usize, before: &Answers, after: &Answers) -> Tried {
        let p = |answers: &[Answer], of: fn(&Answer) -> f64| {
            answers.iter().map(|a| of(a).exp()).sum::<f64>() / answers.len().max(1) as f64
        };
        let kept = |answers: &Answers| p(&answers.neighbours, |a| a.old);
        Tried {
            case_id,
            layer,
            took: after.rewrite.new > after.rewrite.old,
            success: after.rewrite.new.exp(),
            paraphrases: p(&after.paraphrases, |a| a.new),
            damage: kept(before) - kept(after),
            ..Tried::default()
        }
    }
}

/// A figure of [`Tried`] by its name.
type Figure = (&'static str, fn(&Tried) -> f64);

/// What the trace says of a layer.
pub const EFFECTS: [Figure; 2] = [("state", |t| t.state), ("mlp", |t| t.mlp)];
/// What an edit there came to.
pub const OUTCOMES: [Figure; 4] = [
    ("p(new)", |t| t.success),
    ("paraphrases", |t| t.paraphrases),
    ("damage", |t| t.damage),
    ("‖ΔW‖/‖W‖", |t| t.relative_update_norm),
];

/// Means over facts at one layer.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct AtLayer {
    pub layer: usize,
    pub facts: usize,
    pub took: f64,
    /// In the order of [`EFFECTS`] and [`OUTCOMES`].
    pub effects: [f64; 2],
    pub outcomes: [f64; 4],
}

/// Every layer that was tried, in order.
pub fn by_layer(tried: &[Tried]) -> Vec<AtLayer> {
    let layers = tried.iter().map(|t| t.layer + 1).max().unwrap_or(0);
    let own = |layer| tried.iter().filter(move |t| t.layer == layer);
    let at = |layer| {
        let facts = own(layer).count();
        let mean = |of: &dyn Fn(&Tried) -> f64| own(layer).map(of).sum::<f64>() / facts as f64;
        AtLayer {
            layer,
            facts,
            took: mean(&|t| f64::from(t.took)),
            effects: EFFECTS.map(|(_, of)| mean(&of)),
            outcomes: OUTCOMES.map(|(_, of)| mean(&of)),
        }
    };
    let all = (0..layers).map(at);
    all.filter(|layer| layer.facts > 0).collect()
}

/// How one effect goes with one outcome.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Relation {
    pub effect: &'static str,
    pub outcome: &'static str,
    /// Over all facts and layers.
    pub overall: Option<Correlation>,
    /// Over facts at one layer, the mean of the layers' r: what a trace of this
    /// fact tells beyond which layers are good for all.
    pub within_layers: Option<f64>,
}

/// Every effect with every outcome.
pub fn relations(tried: &[Tried]) -> Vec<Relation> {
    let pairs = |of: &[&Tried], effect: &Figure, outcome: &Figure| -> Vec<(f64, f64)> {
        of.iter().map(|&t| (effect.1(t), outcome.1(t))).collect()
    };
    let all: Vec<&Tried> = tried.iter().collect();
    let mut layers: Vec<Vec<&Tried>> = Vec::new();
    for one in tried {
        layers.resize(layers.len().max(one.layer + 1), Vec::new());
        layers[one.layer].push(one);
    }
    let both = EFFECTS
        .iter()
        .flat_map(|e| OUTCOMES.iter().map(move |o| (e, o)));
    both.map(|(effect, outcome)| {
        let within = layers.iter().map(|own| pairs(own, effect, outcome));
        let within: Vec<f64> = within.filter_map(|p| Some(correlation(&p)?.r)).collect();
        Relation {
            effect: effect.0,
            outcome: outcome.0,
            overall: correlation(&pairs(&all, effect, outcome)),
            within_layers: (!within.is_empty())
                .then(|| within.iter().sum::<f64>() / within.len() as f64),
        }
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(case_id: u64, layer: usize, mlp: f64, success: f64) -> Tried {
        Tried {
            case_id,
            layer,
            mlp,
            success,
            took: success > 0.5,
            ..Tried::default()
        }
    }

    #[test]
    fn layers_may_matter_where_facts_do_not() {
        // Layer 1 is better for all, and a fact's own effect says the opposite.
        let rows: Vec<Tried> = [(0, 0.1, 0.2), (1, 0.8, 0.9)]
            .into_iter()
            .flat_map(|(layer, mlp, success)| {
                (0..4).map(move |n| {
                    let by = 0.01 * f64::from(n);
                    tried(n as u64, layer, mlp + by, success - by)
                })
            })
            .collect();
        let layers = by_layer(&rows);
        assert_eq!(layers.len(), 2);
        assert_eq!((layers[1].facts, layers[1].took), (4, 1.0));
        assert!((layers[0].effects[1] - 0.115).abs() < 1e-12);
        let all = relations(&rows);
        let relation = all
            .iter()
            .find(|r| (r.effect, r.outcome) == ("mlp", "p(new)"));
        let relation = relation.unwrap();
        assert!(relation.overall.unwrap().r > 0.9);
        assert!(relation.within_layers.unwrap() < -0.999);
        let still = all.iter().find(|r| r.effect == "state").unwrap();
        assert_eq!((still.overall, still.within_layers), (None, None));
    }

    #[test]
    fn what_did_not_change_did_no_damage() {
        let answer = |new: f64, old: f64| Answer {
            new: new.ln(),
            old: old.ln(),
            exact: false,
        };
        let answers = Answers {
            rewrite: answer(0.2, 0.6),
            paraphrases: vec![answer(0.1, 0.5), answer(0.3, 0.5)],
            neighbours: vec![answer(0.1, 0.7)],
            primed: Vec::new(),
        };
        let same = Tried::of(1, 2, &answers, &answers);
        assert_eq!((same.damage, same.took), (0.0, false));
        assert!((same.paraphrases - 0.2).abs() < 1e-12);
        let after = Answers {
            neighbours: vec![answer(0.5, 0.3)],
            ..answers.clone()
        };
        assert!((Tried::of(1, 2, &answers, &after).damage - 0.4).abs() < 1e-12);
    }
}
