//! What a change answers to a key.

use crate::edit::Delta;
use faer::{Mat, MatRef};

/// A change of one layer, ready to be multiplied with keys.
pub struct Change {
    /// R `[d, m]`; a dense change needs none.
    r: Option<Mat<f64>>,
    /// U `[d_k, m]`, or the dense ΔWᵀ `[d_k, d]`.
    u: Mat<f64>,
    one: bool,
}

impl Change {
    /// `width` is d_k.
    pub fn new(delta: &Delta, d: usize, width: usize) -> Change {
        let columns = if delta.is_dense() { d } else { delta.rank };
        let matrix = |from: &[f32], rows: usize| {
            Mat::from_fn(rows, columns, |i, j| f64::from(from[i * columns + j]))
        };
        Change {
            u: matrix(&delta.u, width),
            r: (!delta.is_dense()).then(|| matrix(&delta.r, d)),
            one: delta.rank == 1,
        }
    }

    /// For every column of `keys` `[d_k, n]`: u·k of a change of rank one, with its
    /// sign; else ‖ΔW k‖.
    pub fn responses(&self, keys: MatRef<'_, f64>) -> Vec<f64> {
        let met = self.u.transpose() * keys;
        if self.one {
            return (0..met.ncols()).map(|j| met[(0, j)]).collect();
        }
        let moved = match &self.r {
            Some(r) => r * met,
            None => met,
        };
        (0..moved.ncols()).map(|j| moved.col(j).norm_l2()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_and_the_product_answer_alike() {
        // r = (1, 2), u = (3, −1, 2).
        let one = Delta {
            r: vec![1.0, 2.0],
            u: vec![3.0, -1.0, 2.0],
            rank: 1,
            ..Delta::default()
        };
        let dense = Delta::dense(0, vec![3.0, 6.0, -1.0, -2.0, 2.0, 4.0], vec![]);
        let two = Delta {
            r: vec![1.0, 0.0, 0.0, 2.0],
            u: vec![3.0, 3.0, -1.0, -1.0, 2.0, 2.0],
            rank: 2,
            ..Delta::default()
        };
        let keys = Mat::from_fn(3, 2, |i, j| [[1.0, 0.0, -2.0], [0.0, 1.0, 1.0]][j][i]);
        let of = |delta: &Delta| Change::new(delta, 2, 3).responses(keys.as_ref());
        assert_eq!(of(&one), [-1.0, 1.0]);
        let norm = 5f64.sqrt();
        for other in [of(&dense), of(&two)] {
            for (got, want) in other.iter().zip([norm, norm]) {
                assert!((got - want).abs() < 1e-12, "{other:?}");
            }
        }
    }
}
