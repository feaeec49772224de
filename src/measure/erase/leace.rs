//! LEACE (Belrose et al. 2023, arXiv 2306.03819, Theorem 4.3): the smallest change
//! of a representation, in the mean square of any norm, after which no linear
//! classifier finds a concept in it better than a constant does.
//!
//! With Σ_xx the covariance of X, Σ_xz its cross-covariance with the one-hot labels
//! and W = (Σ_xx^{1/2})⁺, the eraser is x ↦ x − W⁺ P W (x − E\[x\]), P the orthogonal
//! projection on the columns of W Σ_xz. Everything is in f64.

use super::error::{EraseError, Result};
use faer::linalg::solvers::SelfAdjointEigen;
use faer::{Mat, Side};

/// Singular values of W Σ_xz up to this are taken for none, as in the authors' own
/// implementation (`svd_tol`). They are correlations, not lengths.
pub const TOLERANCE: f64 = 0.01;

/// How an eraser is fitted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fit {
    pub tolerance: f64,
    /// Whether W is made of a covariance that is drawn towards a multiple of I as far
    /// as the number of examples asks for (Bodnar et al. 2014), as the authors'
    /// implementation does. The guarantee holds for any W that keeps Σ_xz; only which
    /// eraser is the smallest depends on it.
    pub shrink: bool,
}

impl Default for Fit {
    fn default() -> Fit {
        Fit {
            tolerance: TOLERANCE,
            shrink: true,
        }
    }
}

/// x ↦ x − left (right (x − mean)).
#[derive(Clone, Debug)]
pub struct Eraser {
    /// W⁺U `[d, r]`, with U the directions kept of W Σ_xz.
    pub left: Mat<f64>,
    /// UᵀW `[r, d]`.
    pub right: Mat<f64>,
    /// E\[x\] `[d]`.
    pub mean: Vec<f64>,
    /// Singular values of W Σ_xz that were kept, descending.
    pub kept: Vec<f64>,
    /// The largest that was not; 0 where none is left.
    pub dropped: f64,
    /// The weight of the sample's own covariance in the one that was used.
    pub own_share: f64,
}

impl Eraser {
    /// Fits on `x` `[n, d]` and `labels` `[n]`, each below `classes`.
    ///
    /// # Errors
    /// Fewer than two rows; a decomposition that does not converge.
    pub fn fit(x: &Mat<f64>, labels: &[usize], classes: usize, how: Fit) -> Result<Eraser> {
        let (n, d) = (x.nrows(), x.ncols());
        if n < 2 || labels.len() != n {
            return Err(EraseError::TooFew { have: n, need: 2 });
        }
        let mean = column_means(x);
        let centred = centred(x, &mean);
        let cross = cross_covariance(&centred, labels, classes);
        let sample = centred.transpose() * &centred;
        let (covariance, own_share) = match how.shrink {
            true => shrunk(&sample, n),
            false => (scaled(&sample, 1.0 / (n as f64 - 1.0)), 1.0),
        };
        let (whiten, unwhiten) = roots(&covariance)?;
        let svd = (&whiten * &cross).thin_svd().map_err(|_| unsolved())?;
        let sigma: Vec<f64> = svd.S().column_vector().iter().copied().collect();
        let rank = sigma.iter().take_while(|s| **s > how.tolerance).count();
        let u = svd.U().subcols(0, rank).to_owned();
        Ok(Eraser {
            left: &unwhiten * &u,
            right: u.transpose() * &whiten,
            mean,
            dropped: sigma.get(rank).copied().unwrap_or(0.0).min(f64::MAX),
            kept: sigma[..rank].to_vec(),
            own_share: if d == 0 { 1.0 } else { own_share },
        })
    }

    /// Directions that are erased.
    pub fn rank(&self) -> usize {
        self.kept.len()
    }

    /// What is left of the rows of `x` `[n, d]`.
    pub fn apply(&self, x: &Mat<f64>) -> Mat<f64> {
        let coordinates = centred(x, &self.mean) * self.right.transpose();
        x - coordinates * self.left.transpose()
    }
}

/// Σ_xz `[d, k]` of centred rows `[n, d]` and one-hot labels (n − 1 in the
/// denominator).
pub fn cross_covariance(centred: &Mat<f64>, labels: &[usize], classes: usize) -> Mat<f64> {
    let n = centred.nrows();
    let mut share = vec![0.0; classes];
    labels
        .iter()
        .for_each(|&label| share[label] += 1.0 / n as f64);
    let z = Mat::from_fn(n, classes, |i, k| {
        f64::from(u8::from(labels[i] == k)) - share[k]
    });
    scaled(&(centred.transpose() * z), 1.0 / (n as f64 - 1.0).max(1.0))
}

/// ‖Σ_xz‖_F of rows `[n, d]` as they are.
pub fn dependence(x: &Mat<f64>, labels: &[usize], classes: usize) -> f64 {
    cross_covariance(&centred(x, &column_means(x)), labels, classes).norm_l2()
}

pub fn column_means(x: &Mat<f64>) -> Vec<f64> {
    let n = x.nrows().max(1) as f64;
    let mean = |j: usize| x.col(j).iter().sum::<f64>() / n;
    (0..x.ncols()).map(mean).collect()
}

fn centred(x: &Mat<f64>, mean: &[f64]) -> Mat<f64> {
    Mat::from_fn(x.nrows(), x.ncols(), |i, j| x[(i, j)] - mean[j])
}

fn scaled(m: &Mat<f64>, by: f64) -> Mat<f64> {
    Mat::from_fn(m.nrows(), m.ncols(), |i, j| by * m[(i, j)])
}

/// αS + βI from Σ(x − E)(x − E)ᵀ of n rows, the nearest to the true covariance in
/// ‖·‖_F as n and d grow (Bodnar, Gupta and Parolya 2014, eqs. 3.10 and 3.11 with the
/// target I); and α.
fn shrunk(sum: &Mat<f64>, n: usize) -> (Mat<f64>, f64) {
    let (d, n) = (sum.nrows() as f64, n as f64);
    let s = scaled(sum, 1.0 / n);
    let trace: f64 = (0..s.nrows()).map(|i| s[(i, i)]).sum();
    // ‖I‖² = d, tr(S·I) = tr S.
    let spread = s.norm_l2().powi(2) * d - trace * trace;
    // A multiple of I is its own target.
    if spread <= f64::EPSILON * trace * trace {
        return (s, 1.0);
    }
    let own = (1.0 - trace * trace * d / n / spread).clamp(0.0, 1.0);
    let level = (1.0 - own) * trace / d;
    let mixed = Mat::from_fn(s.nrows(), s.ncols(), |i, j| {
        own * s[(i, j)] + if i == j { level } else { 0.0 }
    });
    (mixed, own)
}

/// W = (Σ^{1/2})⁺ and W⁺ = Σ^{1/2}; directions below d·ε of the largest eigenvalue are
/// none, as in a pseudo-inverse.
fn roots(covariance: &Mat<f64>) -> Result<(Mat<f64>, Mat<f64>)> {
    let d = covariance.nrows();
    let eigen: SelfAdjointEigen<f64> = covariance
        .self_adjoint_eigen(Side::Lower)
        .map_err(|_| unsolved())?;
    let values: Vec<f64> = eigen.S().column_vector().iter().copied().collect();
    let least = values.last().copied().unwrap_or(0.0) * d as f64 * f64::EPSILON;
    let of = |root: fn(f64) -> f64| {
        let scale = |j: usize| match values[j] > least {
            true => root(values[j]),
            false => 0.0,
        };
        let scaled = Mat::from_fn(d, d, |i, j| eigen.U()[(i, j)] * scale(j));
        scaled * eigen.U().transpose()
    };
    Ok((of(|v| 1.0 / v.sqrt()), of(f64::sqrt)))
}

fn unsolved() -> EraseError {
    EraseError::Unsolved
}
