//! Solving with C: a Cholesky factor in f64, every solve verified.

use super::SecondMoment;
use crate::edit::context::{dot, norm};
use crate::edit::error::{EditError, Result};
use faer::linalg::solvers::{Llt, Solve};
use faer::{Mat, Side};

/// (C + ridge·I) with its Cholesky factor.
pub struct Factor {
    matrix: Mat<f64>,
    llt: Llt<f64>,
    /// The absolute value added to the diagonal.
    pub ridge: f64,
    /// Condition number before the ridge (infinite where C is singular).
    pub condition_bare: f64,
    /// Condition number after it.
    pub condition: f64,
}

/// A condition number beyond which f64 tells nothing apart.
const SINGULAR: f64 = 1e13;
/// Largest ‖Cx − b‖/‖b‖ that a solve may leave.
const RESIDUAL: f64 = 1e-8;

impl Factor {
    pub(super) fn new(moment: &SecondMoment, ridge: f64) -> Result<Factor> {
        let d = moment.d_k;
        let matrix = Mat::from_fn(d, d, |i, j| {
            moment.c[i * d + j] + if i == j { ridge } else { 0.0 }
        });
        let llt = matrix
            .llt(Side::Lower)
            .map_err(|_| EditError::Singular { ridge })?;
        let largest = power(d, |x| multiply(&matrix, x));
        let smallest = 1.0 / power(d, |x| solve(&llt, x));
        // Without a ridge a singular C may still factor, by the grace of rounding:
        // what is then solved with it means nothing.
        if largest > SINGULAR * smallest {
            return Err(EditError::Singular { ridge });
        }
        let bare = smallest - ridge;
        // The estimate is good to a per mille: what is less than that of the ridge
        // cannot be told from zero.
        let condition_bare = if bare > 1e-3 * smallest {
            (largest - ridge) / bare
        } else {
            f64::INFINITY
        };
        Ok(Factor {
            matrix,
            llt,
            ridge,
            condition_bare,
            condition: largest / smallest,
        })
    }

    pub fn d_k(&self) -> usize {
        self.matrix.nrows()
    }

    /// (C + ridge·I)⁻¹ b, `[d_k]`.
    pub fn solve(&self, b: &[f64]) -> Result<Vec<f64>> {
        let x = solve(&self.llt, b);
        let left: Vec<f64> = multiply(&self.matrix, &x)
            .iter()
            .zip(b)
            .map(|(ax, b)| ax - b)
            .collect();
        let residual = norm(&left) / norm(b).max(f64::MIN_POSITIVE);
        match residual <= RESIDUAL {
            true => Ok(x),
            false => Err(EditError::Imprecise { residual }),
        }
    }

    /// (C + ridge·I)⁻¹ B, `[d_k, n]`, each column verified.
    pub fn solve_many(&self, b: &Mat<f64>) -> Result<Mat<f64>> {
        let x = self.llt.solve(b);
        let left = &self.matrix * &x - b;
        let worst = (0..b.ncols())
            .map(|j| left.col(j).norm_l2() / b.col(j).norm_l2().max(f64::MIN_POSITIVE));
        let residual = worst.fold(0.0, f64::max);
        match residual <= RESIDUAL {
            true => Ok(x),
            false => Err(EditError::Imprecise { residual }),
        }
    }
}

fn solve(llt: &Llt<f64>, b: &[f64]) -> Vec<f64> {
    let x = llt.solve(Mat::from_fn(b.len(), 1, |i, _| b[i]));
    (0..b.len()).map(|i| x[(i, 0)]).collect()
}

fn multiply(a: &Mat<f64>, x: &[f64]) -> Vec<f64> {
    let y = a * Mat::from_fn(x.len(), 1, |i, _| x[i]);
    (0..x.len()).map(|i| y[(i, 0)]).collect()
}

/// The largest eigenvalue of a symmetric positive operator, by power
/// iteration: an estimate from below, within a per cent or so.
fn power(d: usize, apply: impl Fn(&[f64]) -> Vec<f64>) -> f64 {
    // A start that no structured matrix is orthogonal to.
    let mut x: Vec<f64> = (0..d)
        .map(|i| 1.0 + (i as f64 * 0.618_033_988_75).fract())
        .collect();
    let mut value = 0.0;
    for _ in 0..100 {
        let length = norm(&x);
        if length == 0.0 || !length.is_finite() {
            return value;
        }
        x.iter_mut().for_each(|v| *v /= length);
        let y = apply(&x);
        let next = dot(&x, &y);
        let settled = (next - value).abs() <= 1e-4 * next.abs();
        value = next;
        x = y;
        if settled {
            break;
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::super::{About, SecondMoment};

    fn diagonal(values: &[f64]) -> SecondMoment {
        let d = values.len();
        let c = (0..d * d)
            .map(|i| if i / d == i % d { values[i / d] } else { 0.0 })
            .collect();
        SecondMoment::new(c, d, About::default()).unwrap()
    }

    #[test]
    fn solves_and_conditions() {
        let factor = diagonal(&[4.0, 2.0, 1.0]).factor(0.0).unwrap();
        let solved = factor.solve(&[4.0, 4.0, 4.0]).unwrap();
        for (got, want) in solved.iter().zip([1.0, 2.0, 4.0]) {
            assert!((got - want).abs() < 1e-12, "{solved:?}");
        }
        assert!(
            (factor.condition - 4.0).abs() < 0.05,
            "{}",
            factor.condition
        );
    }

    #[test]
    fn a_singular_matrix_needs_its_ridge() {
        let moment = diagonal(&[1.0, 0.0]);
        assert!(moment.factor(0.0).is_err());
        // Rounding alone is no ridge.
        assert!(diagonal(&[1.0, 1e-17]).factor(0.0).is_err());
        let factor = moment.factor(1e-2).unwrap();
        assert_eq!(factor.ridge, 0.005);
        assert!(factor.condition_bare.is_infinite());
    }
}
