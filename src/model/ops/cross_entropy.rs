//! −log softmax at a target token: a prompt's surprise, and the training loss.

use super::lanes::{exp, max, sum, sum_of};
use super::slices::{floats, for_rows, fused, read, shaped_like};
use candle_core::{CpuStorage, CustomOp1, D, DType, Layout, Result, Shape, Tensor, bail};

/// −log p(target) of each row: `logits` `[N, V]` and N token ids to `[N]`.
pub fn nll(logits: &Tensor, targets: &[u32]) -> Result<Tensor> {
    let (n, vocab) = logits.dims2()?;
    if targets.len() != n {
        bail!("nll: {} targets for {n} rows", targets.len());
    }
    if let Some(target) = targets.iter().find(|&&t| t as usize >= vocab) {
        bail!("nll: target {target} in a vocabulary of {vocab}");
    }
    let targets = targets.to_vec();
    let nll = Nll { targets, vocab };
    if fused(&[logits]) {
        logits.contiguous()?.apply_op1(nll)
    } else {
        nll.composed(logits)
    }
}

/// Mean over rows of −log p(target), a scalar.
///
/// `logits` [N, V]; `targets` N token ids; `weights`, if given, N numbers ≥ 0
/// that weigh the rows (0 leaves a row out). The mean is over the weights' sum;
/// with no weight at all the loss is 0.
pub fn cross_entropy(logits: &Tensor, targets: &[u32], weights: Option<&[f32]>) -> Result<Tensor> {
    let nll = nll(logits, targets)?;
    let Some(weights) = weights else {
        return nll.mean_all();
    };
    if weights.len() != targets.len() {
        bail!(
            "cross_entropy: {} weights for {} rows",
            weights.len(),
            targets.len()
        );
    }
    let total: f64 = weights.iter().map(|&w| f64::from(w)).sum();
    let share = if total > 0.0 { 1.0 / total } else { 0.0 };
    let shares: Vec<f64> = weights.iter().map(|&w| f64::from(w) * share).collect();
    let shares = Tensor::new(shares, logits.device())?.to_dtype(nll.dtype())?;
    (nll * shares)?.sum_all()
}

struct Nll {
    targets: Vec<u32>,
    vocab: usize,
}

impl Nll {
    fn composed(&self, logits: &Tensor) -> Result<Tensor> {
        let wide = logits.dtype() == DType::F64;
        let logits = logits.to_dtype(if wide { DType::F64 } else { DType::F32 })?;
        let targets = Tensor::new(self.targets.as_slice(), logits.device())?.unsqueeze(1)?;
        let top = logits.max_keepdim(D::Minus1)?.detach();
        let shifted = logits.broadcast_sub(&top)?;
        let log_sum = shifted.exp()?.sum(D::Minus1)?.log()?;
        log_sum - shifted.gather(&targets, 1)?.squeeze(1)?
    }

    fn forward(&self, logits: &[f32]) -> Vec<f32> {
        let mut nll = vec![0.0; self.targets.len()];
        for_rows(&mut nll, 1, 8 * self.vocab, |first, nll| {
            for (i, nll) in nll.iter_mut().enumerate() {
                let row = &logits[(first + i) * self.vocab..][..self.vocab];
                let top = max(row);
                let log_sum = sum_of(row, |x| exp(x - top)).ln();
                // In this order: a large common offset must not swallow the sum.
                *nll = log_sum - (row[self.targets[first + i] as usize] - top);
            }
        });
        nll
    }

    /// (softmax − one-hot) · g, row by row.
    fn backward(&self, logits: &[f32], g: &[f32]) -> Vec<f32> {
        let mut grad = vec![0.0; logits.len()];
        for_rows(&mut grad, self.vocab, 8 * self.vocab, |first, grad| {
            for (i, grad) in grad.chunks_exact_mut(self.vocab).enumerate() {
                let g = g[first + i];
                if g == 0.0 {
                    continue;
                }
                let row = &logits[(first + i) * self.vocab..][..self.vocab];
                let top = max(row);
                for (o, &x) in grad.iter_mut().zip(row) {
                    *o = exp(x - top);
                }
                let scale = g / sum(grad);
                for o in grad.iter_mut() {
                    *o *= scale;
                }
                grad[self.targets[first + i] as usize] -= g;
            }
        });
        grad
    }
}

impl CustomOp1 for Nll {
    fn name(&self) -> &'static str {
        "nll"
    }

    fn cpu_fwd(&self, logits: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let nll = self.forward(floats(logits, layout)?);
        let n = nll.len();
        Ok((CpuStorage::F32(nll), Shape::from(n)))
    }

    fn bwd(&self, logits: &Tensor, _nll: &Tensor, g: &Tensor) -> Result<Option<Tensor>> {
        let grad = read(logits, |values| read(g, |g| Ok(self.backward(values, g))))?;
        Ok(Some(shaped_like(grad, logits)?))
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{Case, check};
    use super::*;

    fn naive(x: &[f64], targets: &[u32], weights: &[f64], vocab: usize) -> Vec<f64> {
        let total: f64 = weights.iter().sum();
        let nll =
            |row: &[f64], t: u32| row.iter().map(|x| x.exp()).sum::<f64>().ln() - row[t as usize];
        let rows = x.chunks(vocab).zip(targets).zip(weights);
        vec![rows.map(|((row, &t), w)| nll(row, t) * w / total).sum()]
    }

    #[test]
    fn agrees_with_loops_and_differences() {
        let case = Case::new(&[&[4, 21]]).scaled(3.0);
        let targets = [0, 20, 7, 7];
        check(
            &case,
            |t| nll(&t[0], &targets),
            |v| {
                let rows = v[0].chunks(21).zip(targets);
                rows.flat_map(|(row, t)| naive(row, &[t], &[1.0], 21))
                    .collect()
            },
        );
        check(
            &case,
            |t| cross_entropy(&t[0], &targets, None),
            |v| naive(&v[0], &targets, &[1.0; 4], 21),
        );
        let weights = [0.5, 0.0, 2.0, 1.0];
        check(
            &case,
            |t| cross_entropy(&t[0], &targets, Some(&weights)),
            |v| naive(&v[0], &targets, &[0.5, 0.0, 2.0, 1.0], 21),
        );
    }

    #[test]
    fn large_logits_do_not_overflow_and_bad_targets_are_refused() -> Result<()> {
        let logits = Tensor::new(
            &[[1000f32, 0., -1000.], [0., 0., 0.]],
            &candle_core::Device::Cpu,
        )?;
        let loss = cross_entropy(&logits, &[0, 1], None)?.to_scalar::<f32>()?;
        assert!((loss - 0.5 * 3f32.ln()).abs() < 1e-6);
        assert!(cross_entropy(&logits, &[0, 3], None).is_err());
        assert!(cross_entropy(&logits, &[0], None).is_err());
        assert_eq!(
            cross_entropy(&logits, &[0, 1], Some(&[0., 0.]))?.to_scalar::<f32>()?,
            0.0
        );
        Ok(())
    }
}
