//! The training loss: −log softmax at the target, averaged over rows.

use super::lanes::{exp, exp_from_max, max, sum};
use super::slices::{floats, for_rows, fused, read, shaped_like};
use candle_core::{CpuStorage, CustomOp1, D, DType, Layout, Result, Shape, Tensor, bail};

/// Mean over rows of −log p(target), a scalar.
///
/// `logits` [N, V]; `targets` N token ids; `weights`, if given, N numbers ≥ 0
/// that weigh the rows (0 leaves a row out). The mean is over the weights' sum;
/// with no weight at all the loss is 0.
pub fn cross_entropy(logits: &Tensor, targets: &[u32], weights: Option<&[f32]>) -> Result<Tensor> {
    let (n, vocab) = logits.dims2()?;
    let weights = weights.map_or_else(|| vec![1.0; n], <[f32]>::to_vec);
    if targets.len() != n || weights.len() != n {
        bail!(
            "cross_entropy: {} targets, {} weights, {n} rows",
            targets.len(),
            weights.len()
        );
    }
    if let Some(target) = targets.iter().find(|&&t| t as usize >= vocab) {
        bail!("cross_entropy: target {target} in a vocabulary of {vocab}");
    }
    let total: f64 = weights.iter().map(|&w| f64::from(w)).sum();
    let share = if total > 0.0 { 1.0 / total } else { 0.0 };
    // Each row's part of the mean.
    let weights: Vec<f64> = weights.iter().map(|&w| f64::from(w) * share).collect();
    let loss = CrossEntropy {
        targets: targets.to_vec(),
        weights,
        vocab,
    };
    if fused(&[logits]) {
        logits.contiguous()?.apply_op1(loss)
    } else {
        loss.composed(logits)
    }
}

struct CrossEntropy {
    targets: Vec<u32>,
    weights: Vec<f64>,
    vocab: usize,
}

impl CrossEntropy {
    fn composed(&self, logits: &Tensor) -> Result<Tensor> {
        let device = logits.device();
        let logits = if logits.dtype() == DType::F64 {
            logits.clone()
        } else {
            logits.to_dtype(DType::F32)?
        };
        let n = self.targets.len();
        let targets = Tensor::new(self.targets.as_slice(), device)?.reshape((n, 1))?;
        let weights = Tensor::new(self.weights.as_slice(), device)?.to_dtype(logits.dtype())?;
        let top = logits.max_keepdim(D::Minus1)?.detach();
        let shifted = logits.broadcast_sub(&top)?;
        let log_sum = shifted.exp()?.sum(D::Minus1)?.log()?;
        let nll = (log_sum - shifted.gather(&targets, 1)?.squeeze(1)?)?;
        (nll * weights)?.sum_all()
    }

    fn forward(&self, logits: &[f32]) -> f32 {
        let mut nll = vec![0.0; self.targets.len()];
        for_rows(&mut nll, 1, 8 * self.vocab, |first, nll| {
            let mut scratch = Vec::with_capacity(self.vocab);
            for (i, nll) in nll.iter_mut().enumerate() {
                let row = &logits[(first + i) * self.vocab..][..self.vocab];
                scratch.clear();
                scratch.extend_from_slice(row);
                let log_sum = exp_from_max(&mut scratch).ln();
                *nll = log_sum + max(row) - row[self.targets[first + i] as usize];
            }
        });
        let weighted = nll
            .iter()
            .zip(&self.weights)
            .map(|(&l, &w)| f64::from(l) * w);
        weighted.sum::<f64>() as f32
    }

    /// weight · (softmax − one-hot) · g.
    fn backward(&self, logits: &[f32], g: f32) -> Vec<f32> {
        let mut grad = vec![0.0; logits.len()];
        for_rows(&mut grad, self.vocab, 8 * self.vocab, |first, grad| {
            for (i, grad) in grad.chunks_exact_mut(self.vocab).enumerate() {
                let weight = g * self.weights[first + i] as f32;
                if weight == 0.0 {
                    continue;
                }
                let row = &logits[(first + i) * self.vocab..][..self.vocab];
                let top = max(row);
                for (o, &x) in grad.iter_mut().zip(row) {
                    *o = exp(x - top);
                }
                let scale = weight / sum(grad);
                for o in grad.iter_mut() {
                    *o *= scale;
                }
                grad[self.targets[first + i] as usize] -= weight;
            }
        });
        grad
    }
}

impl CustomOp1 for CrossEntropy {
    fn name(&self) -> &'static str {
        "cross entropy"
    }

    fn cpu_fwd(&self, logits: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let loss = self.forward(floats(logits, layout)?);
        Ok((CpuStorage::F32(vec![loss]), Shape::from(())))
    }

    fn bwd(&self, logits: &Tensor, _loss: &Tensor, g: &Tensor) -> Result<Option<Tensor>> {
        let g = g.to_scalar::<f32>()?;
        let grad = read(logits, |values| Ok(self.backward(values, g)))?;
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
