//! Singular values of a change: all of a small matrix's, the largest of a large
//! one's by a randomised sketch (Halko, Martinsson and Tropp 2011, algorithm 4.4).

use super::data::Spectrum;
use super::difference::Difference;
use crate::trace::rng::RandomState;
use faer::Mat;

/// Up to this many rows or columns all singular values are found.
const SMALL: usize = 512;
/// Directions of the sketch of a larger one.
const SKETCH: usize = 64;
/// Rounds of the sketch: each makes a gap between singular values its cube.
const ROUNDS: usize = 2;
/// Rows of the change that are in f64 at a time.
const BLOCK: usize = 1024;
/// Singular values that are told.
const TOLD: usize = 8;

/// ΔW ≈ U diag(σ) Vᵀ, in the file's own layout.
pub struct Svd {
    /// Descending.
    pub sigma: Vec<f64>,
    /// `[rows, n]`.
    pub u: Mat<f64>,
    /// `[cols, n]`.
    pub v: Mat<f64>,
    /// Whether these are all.
    pub whole: bool,
}

/// How many of the singular values are more than rounding, and what they hold.
pub fn spectrum(svd: &Svd, delta: &Difference) -> Spectrum {
    let noise = delta.noise;
    let above = svd.sigma.iter().take_while(|s| **s > noise);
    let rank = above.count();
    let held: f64 = svd.sigma[..rank].iter().map(|s| s * s).sum();
    Spectrum {
        rank,
        or_more: !svd.whole && rank == svd.sigma.len(),
        energy: (held / delta.energy()).min(1.0),
        noise,
        singular_values: svd.sigma.iter().take(TOLD).copied().collect(),
    }
}

impl Svd {
    /// The fewest directions that leave no more than `tolerance` of a change with
    /// this energy, in ‖·‖_F; `None` where all that were found leave more.
    pub fn rank_within(&self, energy: f64, tolerance: f64) -> Option<usize> {
        // From the small end where all are known: subtracting from the whole would
        // lose what is left in the rounding of what is taken.
        let tail = |rank: usize| -> f64 { self.sigma[rank..].iter().map(|s| s * s).sum() };
        let unseen = match self.whole {
            true => 0.0,
            false => (energy - tail(0)).max(1e-14 * energy),
        };
        (1..=self.sigma.len()).find(|&rank| (tail(rank) + unseen).sqrt() <= tolerance)
    }
}

/// `None` where the singular values do not converge.
pub fn svd(delta: &Difference) -> Option<Svd> {
    if delta.rows.min(delta.cols) <= SMALL {
        let svd = delta.block(0..delta.rows).thin_svd().ok()?;
        return Some(Svd {
            sigma: svd.S().column_vector().iter().copied().collect(),
            u: svd.U().to_owned(),
            v: svd.V().to_owned(),
            whole: true,
        });
    }
    let mut random = RandomState::new(0);
    let mut v = Mat::from_fn(delta.cols, SKETCH, |_, _| random.gauss());
    let mut q = orthonormal(&times(delta, &v));
    for _ in 0..ROUNDS {
        v = orthonormal(&transposed_times(delta, &q));
        q = orthonormal(&times(delta, &v));
    }
    // QᵀΔ is small one way; its transpose is tall, as faer likes it.
    let small = transposed_times(delta, &q).thin_svd().ok()?;
    Some(Svd {
        sigma: small.S().column_vector().iter().copied().collect(),
        u: &q * small.V(),
        v: small.U().to_owned(),
        whole: false,
    })
}

fn orthonormal(m: &Mat<f64>) -> Mat<f64> {
    m.qr().compute_thin_Q()
}

/// Δ x, `[rows, n]`.
fn times(delta: &Difference, x: &Mat<f64>) -> Mat<f64> {
    let mut product = Mat::zeros(delta.rows, x.ncols());
    for from in (0..delta.rows).step_by(BLOCK) {
        let to = (from + BLOCK).min(delta.rows);
        let block = delta.block(from..to) * x;
        product.subrows_mut(from, to - from).copy_from(&block);
    }
    product
}

/// Δᵀ x, `[cols, n]`.
fn transposed_times(delta: &Difference, x: &Mat<f64>) -> Mat<f64> {
    let mut product = Mat::zeros(delta.cols, x.ncols());
    for from in (0..delta.rows).step_by(BLOCK) {
        let to = (from + BLOCK).min(delta.rows);
        product += delta.block(from..to).transpose() * x.subrows(from, to - from);
    }
    product
}
