//! How much two edits of a layer are in each other's way.
//!
//! ROME writes ΔW = r uᵀ with u = C⁻¹k / ‖C⁻¹k‖: edit j answers to another key kᵢ
//! with its change scaled by kᵢᵀC⁻¹kⱼ / kⱼᵀC⁻¹kⱼ. That is its *share* at kᵢ, 1 at
//! its own key. The two shares of a pair differ; their geometric mean, the cosine
//! of the keys in the metric of C⁻¹, does not, and is what a pair is judged by.

use super::error::Result;
use super::moment::Factor;
use faer::Mat;

/// |cosine| from which two edits are said to be in each other's way: from here
/// on an edit moves what the other wrote by about half of its own change.
pub const CROWDED: f64 = 0.5;

/// The keys of one edit's facts at a layer.
pub struct Keys {
    /// K `[d_k, n]`.
    keys: Mat<f64>,
    /// C⁻¹K.
    solved: Mat<f64>,
}

/// What one edit's key has to do with another's.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Overlap {
    /// kᵢᵀC⁻¹kⱼ / √(kᵢᵀC⁻¹kᵢ · kⱼᵀC⁻¹kⱼ), between −1 and 1.
    pub cosine: f64,
    /// The share of its change with which the other edit answers to this one's
    /// key, kᵢᵀC⁻¹kⱼ / kⱼᵀC⁻¹kⱼ.
    pub share: f64,
}

impl Keys {
    /// Without a factor of C, C = I: plain cosines.
    pub fn new(keys: Mat<f64>, factor: Option<&Factor>) -> Result<Keys> {
        let solved = match factor {
            Some(factor) => factor.solve_many(&keys)?,
            None => keys.clone(),
        };
        Ok(Keys { keys, solved })
    }

    /// Of each of these keys with each of the other's, both in one metric. 0 where a
    /// key is no direction.
    pub fn cosines(&self, other: &Keys) -> Vec<Vec<f64>> {
        let between = self.keys.transpose() * &other.solved;
        let (own, theirs) = (lengths(self), lengths(other));
        let cosine = |i: usize, j: usize| match (own[i] * theirs[j]).sqrt() {
            scale if scale > 0.0 => (between[(i, j)] / scale).clamp(-1.0, 1.0),
            _ => 0.0,
        };
        let row = |i| (0..theirs.len()).map(|j| cosine(i, j)).collect();
        (0..own.len()).map(row).collect()
    }

    /// Of edits with several facts, the two that overlap most.
    pub fn overlap(&self, other: &Keys) -> Overlap {
        let between = self.keys.transpose() * &other.solved;
        let own = lengths(self);
        let theirs = lengths(other);
        let mut worst = Overlap::default();
        for (i, own) in own.iter().enumerate() {
            for (j, theirs) in theirs.iter().enumerate() {
                let scale = (own * theirs).sqrt();
                if scale > 0.0 && (between[(i, j)] / scale).abs() > worst.cosine.abs() {
                    worst = Overlap {
                        cosine: (between[(i, j)] / scale).clamp(-1.0, 1.0),
                        share: between[(i, j)] / theirs,
                    };
                }
            }
        }
        worst
    }
}

/// The cosine of each of `keys` `[d_k, n]` with the one of `to` `[d_k, 1]`, in the
/// metric of C⁻¹ or, without its factor, plain. 0 where a key is no direction.
pub fn cosines(keys: &Mat<f64>, to: &Mat<f64>, factor: Option<&Factor>) -> Result<Vec<f64>> {
    let (keys, to) = (
        Keys::new(keys.clone(), factor)?,
        Keys::new(to.clone(), factor)?,
    );
    let first = |row: Vec<f64>| row.first().copied().unwrap_or(0.0);
    Ok(keys.cosines(&to).into_iter().map(first).collect())
}

/// kᵀC⁻¹k of every key.
fn lengths(keys: &Keys) -> Vec<f64> {
    let of = |j: usize| {
        let (k, solved) = (keys.keys.col(j), keys.solved.col(j));
        (0..k.nrows()).map(|i| k[i] * solved[i]).sum()
    };
    (0..keys.keys.ncols()).map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edit::SecondMoment;
    use crate::edit::moment::About;

    fn column(values: [f64; 2]) -> Mat<f64> {
        Mat::from_fn(2, 1, |i, _| values[i])
    }

    #[test]
    fn numbers_are_those_of_a_calculation_by_hand() {
        // C = [[2, 1], [1, 2]], so C⁻¹ = [[2, −1], [−1, 2]] / 3.
        let c = SecondMoment::new(vec![2.0, 1.0, 1.0, 2.0], 2, About::default()).unwrap();
        let factor = c.factor(0.0).unwrap();
        let keys = |k| Keys::new(column(k), Some(&factor)).unwrap();
        let (a, b) = (keys([1.0, 0.0]), keys([3.0, 3.0]));
        // aᵀC⁻¹b = 1, aᵀC⁻¹a = 2/3, bᵀC⁻¹b = 6.
        let Overlap { cosine, share } = a.overlap(&b);
        assert!((cosine - 0.5).abs() < 1e-12 && (share - 1.0 / 6.0).abs() < 1e-12);
        let back = b.overlap(&a);
        assert!((back.cosine - 0.5).abs() < 1e-12 && (back.share - 1.5).abs() < 1e-12);
        assert!((a.overlap(&a).cosine - 1.0).abs() < 1e-12);
    }

    #[test]
    fn cosines_of_many_are_those_of_each() {
        let c = SecondMoment::new(vec![2.0, 1.0, 1.0, 2.0], 2, About::default()).unwrap();
        let factor = c.factor(0.0).unwrap();
        let to = column([1.0, 0.0]);
        let keys = Mat::from_fn(2, 3, |i, j| [[3.0, 3.0], [-1.0, 0.0], [0.0, 0.0]][j][i]);
        let near = cosines(&keys, &to, Some(&factor)).unwrap();
        for (got, want) in near.iter().zip([0.5, -1.0, 0.0]) {
            assert!((got - want).abs() < 1e-12, "{near:?}");
        }
        let plain = cosines(&keys, &to, None).unwrap();
        assert!((plain[0] - 0.5f64.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn of_many_facts_the_closest_pair_counts_whatever_its_sign() {
        let many = Mat::from_fn(2, 2, |i, j| [[1.0, 1.0], [-1.0, 0.5]][j][i]);
        let many = Keys::new(many, None).unwrap();
        let one = Keys::new(column([1.0, -1.0]), None).unwrap();
        let found = one.overlap(&many);
        assert!(
            (found.cosine + 1.5 / 2.5f64.sqrt()).abs() < 1e-9,
            "{found:?}"
        );
        // Nothing overlaps with no key at all.
        let none = Keys::new(Mat::zeros(2, 0), None).unwrap();
        assert_eq!(one.overlap(&none), Overlap::default());
    }
}
