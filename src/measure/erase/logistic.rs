//! A linear probe: multinomial logistic regression with an L2 penalty on its weights
//! and none on its biases, by L-BFGS in f64 from the constant classifier on. The
//! objective is convex, and nothing in it is drawn: the same data, the same probe.

use super::error::Result;
use super::lbfgs::minimise;
use super::leace::column_means;
use faer::Mat;

/// The largest part of the gradient that a finished fit leaves.
const TOLERANCE: f64 = 1e-7;
const STEPS: usize = 2000;

/// Rows are seen as (x − mean) / scale: one scale for all coordinates, so that the
/// penalty means the same at every layer, and directions keep their proportions.
#[derive(Clone, Debug)]
pub struct View {
    mean: Vec<f64>,
    scale: f64,
}

impl View {
    /// By which rows `[n, d]` have the mean 0 and coordinates of root mean square 1.
    pub fn of(x: &Mat<f64>) -> View {
        let mean = column_means(x);
        let mut square = 0.0;
        for (j, mean) in mean.iter().enumerate() {
            square += x
                .col(j)
                .iter()
                .map(|v| (v - mean) * (v - mean))
                .sum::<f64>();
        }
        let scale = (square / (x.nrows() * x.ncols()).max(1) as f64).sqrt();
        View {
            mean,
            scale: if scale > 0.0 { scale } else { 1.0 },
        }
    }

    fn see(&self, x: &Mat<f64>) -> Mat<f64> {
        Mat::from_fn(x.nrows(), x.ncols(), |i, j| {
            (x[(i, j)] - self.mean[j]) / self.scale
        })
    }
}

/// A fitted probe.
#[derive(Clone, Debug)]
pub struct LinearProbe {
    view: View,
    /// `[d, k]`.
    weights: Mat<f64>,
    /// `[k]`.
    bias: Vec<f64>,
    /// The largest part of the gradient where the fit ended.
    pub gradient: f64,
    pub steps: usize,
}

impl LinearProbe {
    /// The least of mean cross-entropy + ½·l2·‖weights‖² on rows `x` `[n, d]` with
    /// `labels` below `classes`, each of which has a row. `stop` is asked before
    /// every look at the data.
    pub fn fit(
        x: &Mat<f64>,
        labels: &[usize],
        classes: usize,
        view: View,
        l2: f64,
        stop: &mut dyn FnMut() -> Result<()>,
    ) -> Result<LinearProbe> {
        let x = view.see(x);
        let (n, d, k) = (x.nrows(), x.ncols(), classes);
        let mut counts = vec![0.0; k];
        labels.iter().for_each(|&label| counts[label] += 1.0);
        // The constant classifier: no weights, the biases those of the shares.
        let mut start = vec![0.0; d * k];
        start.extend(counts.iter().map(|c: &f64| (c / n as f64).ln()));
        let f = |at: &[f64]| {
            stop()?;
            let (weights, bias) = at.split_at(d * k);
            let w = Mat::from_fn(d, k, |i, j| weights[i * k + j]);
            let mut p = &x * &w;
            let mut loss = 0.0;
            for i in 0..n {
                let row: Vec<f64> = (0..k).map(|j| p[(i, j)] + bias[j]).collect();
                let log_p = log_softmax(&row);
                loss -= log_p[labels[i]];
                for j in 0..k {
                    let is = f64::from(u8::from(labels[i] == j));
                    p[(i, j)] = (log_p[j].exp() - is) / n as f64;
                }
            }
            let slope = x.transpose() * &p;
            let square: f64 = weights.iter().map(|w| w * w).sum();
            let mut gradient: Vec<f64> = (0..d * k)
                .map(|at| slope[(at / k, at % k)] + l2 * weights[at])
                .collect();
            gradient.extend((0..k).map(|j| p.col(j).iter().sum::<f64>()));
            Ok((loss / n as f64 + 0.5 * l2 * square, gradient))
        };
        let found = minimise(start, TOLERANCE, STEPS, f)?;
        let (weights, bias) = found.at.split_at(d * k);
        Ok(LinearProbe {
            view,
            weights: Mat::from_fn(d, k, |i, j| weights[i * k + j]),
            bias: bias.to_vec(),
            gradient: found.gradient,
            steps: found.steps,
        })
    }

    /// The probability of each class, `[n][k]`.
    pub fn probabilities(&self, x: &Mat<f64>) -> Vec<Vec<f64>> {
        let scores = self.view.see(x) * &self.weights;
        let row = |i: usize| {
            let row: Vec<f64> = (0..self.bias.len())
                .map(|j| scores[(i, j)] + self.bias[j])
                .collect();
            log_softmax(&row).into_iter().map(f64::exp).collect()
        };
        (0..x.nrows()).map(row).collect()
    }

    /// The share of rows whose likeliest class is their own; of two alike the first
    /// counts.
    pub fn accuracy(&self, x: &Mat<f64>, labels: &[usize]) -> f64 {
        let said = self.probabilities(x);
        let right = said
            .iter()
            .zip(labels)
            .filter(|(p, label)| likeliest(p) == **label);
        right.count() as f64 / labels.len().max(1) as f64
    }

    /// ‖weights‖_F: 0 of a probe that found nothing to go by.
    pub fn norm(&self) -> f64 {
        self.weights.norm_l2()
    }
}

/// The first of the largest.
pub fn likeliest(p: &[f64]) -> usize {
    let best = (0..p.len()).reduce(|best, j| if p[j] > p[best] { j } else { best });
    best.unwrap_or(0)
}

fn log_softmax(row: &[f64]) -> Vec<f64> {
    let most = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let log_sum = row.iter().map(|v| (v - most).exp()).sum::<f64>().ln() + most;
    row.iter().map(|v| v - log_sum).collect()
}
