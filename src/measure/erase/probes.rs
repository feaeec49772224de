//! Linear probes on the fitted prompts, the held-out ones, and halves of these.

use super::data::{Accuracy, Probed};
use super::error::Result;
use super::examples::Set;
use super::leace::Eraser;
use super::logistic::{LinearProbe, View, likeliest};
use faer::Mat;
use std::collections::BTreeMap;

/// Residuals `[n, d]` with their labels.
pub struct Parts {
    pub fitted: Mat<f64>,
    pub fitted_labels: Vec<usize>,
    pub held_out: Mat<f64>,
    pub held_out_labels: Vec<usize>,
}

impl Parts {
    pub fn new(set: &Set, fitted: Mat<f64>, held_out: Mat<f64>) -> Parts {
        Parts {
            fitted,
            fitted_labels: set.labels_of(&set.fitted),
            held_out,
            held_out_labels: set.labels_of(&set.held_out),
        }
    }

    /// What is left of them.
    pub fn erased(&self, eraser: &Eraser) -> Parts {
        Parts {
            fitted: eraser.apply(&self.fitted),
            fitted_labels: self.fitted_labels.clone(),
            held_out: eraser.apply(&self.held_out),
            held_out_labels: self.held_out_labels.clone(),
        }
    }

    /// Fits on the fitted prompts.
    pub fn probe(
        &self,
        classes: usize,
        view: &View,
        l2: f64,
        stop: &mut dyn FnMut() -> Result<()>,
    ) -> Result<LinearProbe> {
        let (x, labels) = (&self.fitted, &self.fitted_labels);
        LinearProbe::fit(x, labels, classes, view.clone(), l2, stop)
    }

    pub fn probed(&self, probe: &LinearProbe) -> Probed {
        Probed {
            accuracy: Accuracy {
                fitted: probe.accuracy(&self.fitted, &self.fitted_labels),
                held_out: probe.accuracy(&self.held_out, &self.held_out_labels),
            },
            weights: probe.norm(),
            gradient: probe.gradient,
            steps: probe.steps,
        }
    }

    /// How often the commonest class of the fitted prompts is right.
    pub fn majority(&self, set: &Set) -> Accuracy {
        let most = set
            .classes
            .iter()
            .map(|class| class.fitted)
            .max()
            .unwrap_or(0);
        let first = set.classes.iter().position(|class| class.fitted == most);
        let held = first
            .and_then(|at| set.classes.get(at))
            .map_or(0, |c| c.held_out);
        let share = |part: usize, of: usize| part as f64 / of.max(1) as f64;
        Accuracy {
            fitted: share(most, self.fitted_labels.len()),
            held_out: share(held, self.held_out_labels.len()),
        }
    }
}

/// The held-out prompts in two halves that share no subject.
pub struct Halves {
    /// Rows of the held-out part.
    rows: [Vec<usize>; 2],
    labels: [Vec<usize>; 2],
    classes: usize,
}

impl Halves {
    pub fn of(set: &Set) -> Option<Halves> {
        let (halves, numbers) = set.halves()?;
        let place: BTreeMap<usize, usize> = set
            .held_out
            .iter()
            .enumerate()
            .map(|(row, i)| (*i, row))
            .collect();
        let of = |at: &Vec<usize>, f: &dyn Fn(&usize) -> Option<usize>| {
            at.iter().filter_map(f).collect()
        };
        Some(Halves {
            rows: [0, 1].map(|h| of(&halves[h], &|i| place.get(i).copied())),
            labels: [0, 1].map(|h| of(&halves[h], &|i| numbers.get(&set.labels[*i]).copied())),
            classes: numbers.len(),
        })
    }

    /// How often the commonest class of one half is right about the other.
    pub fn majority(&self) -> f64 {
        let mut right = 0;
        for (learn, ask) in [(0, 1), (1, 0)] {
            let mut counts = vec![0.0; self.classes];
            self.labels[learn]
                .iter()
                .for_each(|&label| counts[label] += 1.0);
            let most = likeliest(&counts);
            right += self.labels[ask]
                .iter()
                .filter(|label| **label == most)
                .count();
        }
        right as f64 / (self.labels[0].len() + self.labels[1].len()) as f64
    }

    /// Of a probe that learns from one half and is asked about the other, over both.
    pub fn accuracy(
        &self,
        parts: &Parts,
        l2: f64,
        stop: &mut dyn FnMut() -> Result<()>,
    ) -> Result<f64> {
        let take = |rows: &[usize]| {
            Mat::from_fn(rows.len(), parts.held_out.ncols(), |i, j| {
                parts.held_out[(rows[i], j)]
            })
        };
        let x = [take(&self.rows[0]), take(&self.rows[1])];
        let mut right = 0.0;
        for (learn, ask) in [(0, 1), (1, 0)] {
            let (view, labels) = (View::of(&x[learn]), &self.labels[learn]);
            let probe = LinearProbe::fit(&x[learn], labels, self.classes, view, l2, stop)?;
            let asked = &self.labels[ask];
            right += probe.accuracy(&x[ask], asked) * asked.len() as f64;
        }
        let all = self.rows[0].len() + self.rows[1].len();
        Ok(right / all as f64)
    }
}
