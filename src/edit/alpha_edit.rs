//! AlphaEdit (Fang et al. 2025): MEMIT in the directions that other keys do not
//! use (ALGORITHMS §4).
//!
//! P = U₂U₂ᵀ projects onto the eigenvectors of C with small eigenvalues, so that
//! ΔW·k is next to nothing for the keys of plain text:
//! ΔWᵀ = U₂ (U₂ᵀ(KKᵀ + K_pK_pᵀ)U₂ + λ₂I)⁻¹ U₂ᵀ K Rᵀ.

use super::error::{EditError, Result};
use super::memit::spread;
use super::task::{Made, Rewrite, Task};
use faer::Side;
use faer::linalg::solvers::Solve;

pub struct AlphaEdit;

impl Rewrite for AlphaEdit {
    fn rewrite(&self, task: &mut Task) -> Result<Made> {
        spread(task, |task, n, keys, lack| {
            let basis = &task.null_space(n)?.basis;
            let inside = basis.transpose() * keys;
            let mut a = &inside * inside.transpose();
            if let Some(kept) = task.kept_keys.get(n).filter(|kept| kept.ncols() > 0) {
                let kept = basis.transpose() * kept;
                a += &kept * kept.transpose();
            }
            for i in 0..a.nrows() {
                a[(i, i)] += task.hyper.lambda;
            }
            let llt = a.llt(Side::Lower).map_err(|_| EditError::AlikeKeys)?;
            Ok((lack.to_owned(), basis * llt.solve(&inside)))
        })
    }
}
