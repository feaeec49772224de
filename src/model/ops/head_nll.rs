//! −log p of one token a row, straight from what enters the output head.
//!
//! Of a row's logits only one is wanted, and the logarithm of the sum of all. Blocks
//! of the vocabulary are multiplied and summed one after the other while they lie in
//! a core's cache, so that [N, V] logits are never written: with 262,144 tokens they
//! are a megabyte a row.

use super::cross_entropy::nll;
use super::lanes::{exp, max, sum_of};
use super::linear::{Affine, Weight, linear_of};
use super::multiply::rows;
use super::slices::{fused, read};
use super::soft_cap::soft_cap;
use candle_core::{Result, Tensor, bail};
use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, Par};
use rayon::prelude::*;

/// Tokens of a block: their rows of the head stay in a core's cache.
const BLOCK: usize = 512;

/// −log p(target) of each row of `x` `[N, d]` under the head `[V, d]`, whose logits are
/// bounded to c·tanh(logit/c) where there is a `cap`. No gradient.
pub fn head_nll(
    x: &Tensor,
    head: Affine<'_>,
    cap: Option<f64>,
    targets: &[u32],
) -> Result<Vec<f32>> {
    let lies = match head.weight {
        Weight::Dense(w) => fused(&[w]),
        Weight::Made(_) => true,
    };
    if !lies || head.bias.is_some() || !fused(&[x]) {
        let logits = soft_cap(linear_of(x, head)?, cap)?;
        return nll(&logits, targets)?.to_vec1();
    }
    let ((n, d), (vocab, width)) = (x.dims2()?, head.weight.dims2()?);
    if targets.len() != n || d != width {
        bail!(
            "head_nll: {n} rows of {d}, {} targets, a head of {width}",
            targets.len()
        );
    }
    if let Some(target) = targets.iter().find(|&&t| t as usize >= vocab) {
        bail!("head_nll: target {target} in a vocabulary of {vocab}");
    }
    let cap = cap.map(|cap| cap as f32);
    let joined = |parts: Vec<Vec<Part>>| (0..n).map(|row| joined(&parts, row)).collect();
    read(x, |x| {
        let part = |w: &[f32], first: usize| of_block(x, n, w, d, cap, (first, targets));
        match head.weight {
            Weight::Dense(w) => read(w, |w| {
                let blocks = w.par_chunks(BLOCK * d).enumerate();
                Ok(joined(blocks.map(|(n, w)| part(w, n * BLOCK)).collect()))
            }),
            Weight::Made(w) => {
                let blocks = (0..vocab.div_ceil(BLOCK)).into_par_iter().map(|n| {
                    let rows = n * BLOCK..vocab.min((n + 1) * BLOCK);
                    let mut values = vec![0.0; rows.len() * d];
                    w.make(rows.clone(), &mut values)?;
                    Ok(part(&values, rows.start))
                });
                let parts = blocks.collect::<Result<_>>()?;
                w.done();
                Ok(joined(parts))
            }
        }
    })
}

/// What a block of the vocabulary says of one row.
struct Part {
    top: f32,
    /// Σ exp(logit − top).
    sum: f32,
    /// The target's logit, if it is in this block.
    target: Option<f32>,
}

fn of_block(
    x: &[f32],
    n: usize,
    w: &[f32],
    d: usize,
    cap: Option<f32>,
    (first, targets): (usize, &[u32]),
) -> Vec<Part> {
    let tokens = w.len() / d;
    let mut logits = vec![0.0; n * tokens];
    let out = MatMut::from_row_major_slice_mut(&mut logits, n, tokens);
    let (x, w) = (rows(x, n, d), rows(w, tokens, d));
    matmul(out, Accum::Replace, x, w.transpose(), 1.0, Par::Seq);
    if let Some(cap) = cap {
        logits.iter_mut().for_each(|x| *x = cap * (*x / cap).tanh());
    }
    let rows = logits.chunks_exact(tokens).zip(targets);
    rows.map(|(row, &target)| {
        let top = max(row);
        Part {
            top,
            sum: sum_of(row, |x| exp(x - top)),
            target: (target as usize)
                .checked_sub(first)
                .and_then(|at| row.get(at).copied()),
        }
    })
    .collect()
}

fn joined(parts: &[Vec<Part>], row: usize) -> f32 {
    let of_row = || parts.iter().map(|part| &part[row]);
    let top = of_row()
        .map(|part| part.top)
        .fold(f32::NEG_INFINITY, f32::max);
    let scaled = |part: &Part| f64::from(part.sum) * f64::from(part.top - top).exp();
    let sum: f64 = of_row().map(scaled).sum();
    let target = of_row().find_map(|part| part.target).unwrap_or(f32::NAN);
    (sum.ln() - f64::from(target - top)) as f32
}

#[cfg(test)]
mod tests {
    use super::super::check::Case;
    use super::*;
    use candle_core::DType;

    #[test]
    fn is_nll_of_the_logits() -> Result<()> {
        for (n, d, vocab) in [(1, 8, 5), (3, 16, 1300), (20, 24, 512)] {
            let t = Case::new(&[&[n, d], &[vocab, d], &[vocab]])
                .scaled(2.0)
                .tensors(DType::F32)?;
            let targets: Vec<u32> = (0..n).map(|i| ((i * 97) % vocab) as u32).collect();
            for (bias, cap) in [(None, None), (None, Some(3.0)), (Some(&t[2]), Some(3.0))] {
                let head = Affine {
                    weight: Weight::Dense(&t[1]),
                    bias,
                    turned: None,
                };
                let logits = linear_of(&t[0], head)?;
                let logits = match cap {
                    Some(cap) => ((logits / cap)?.tanh()? * cap)?,
                    None => logits,
                };
                let want: Vec<f32> = nll(&logits, &targets)?.to_vec1()?;
                let got = head_nll(&t[0], head, cap, &targets)?;
                for (got, want) in got.iter().zip(&want) {
                    assert!(
                        (got - want).abs() < 2e-5 * want.abs().max(1.0),
                        "{got} {want}"
                    );
                }
            }
            let head = Affine {
                weight: Weight::Dense(&t[1]),
                bias: None,
                turned: None,
            };
            assert!(head_nll(&t[0], head, None, &vec![vocab as u32; n]).is_err());
        }
        Ok(())
    }
}
