//! Log-probabilities of whole rows.

use super::lanes::{exp, max, sum, sum_of};
use super::slices::{floats, for_rows, fused, read, shaped_like};
use candle_core::{CpuStorage, CustomOp1, D, Layout, Result, Shape, Tensor};

/// log softmax over the last dimension of `logits` [N, V].
pub fn log_softmax(logits: &Tensor) -> Result<Tensor> {
    if fused(&[logits]) {
        return logits.contiguous()?.apply_op1(LogSoftmax);
    }
    let shifted = logits.broadcast_sub(&logits.max_keepdim(D::Minus1)?.detach())?;
    let total = shifted.exp()?.sum_keepdim(D::Minus1)?.log()?;
    shifted.broadcast_sub(&total)
}

struct LogSoftmax;

impl CustomOp1 for LogSoftmax {
    fn name(&self) -> &'static str {
        "log softmax"
    }

    fn cpu_fwd(&self, logits: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let shape = layout.shape();
        let (logits, width) = (floats(logits, layout)?, shape.dim(D::Minus1)?.max(1));
        let mut out = vec![0.0; logits.len()];
        for_rows(&mut out, width, 8 * width, |first, out| {
            let rows = logits[first * width..].chunks_exact(width);
            for (out, row) in out.chunks_exact_mut(width).zip(rows) {
                let top = max(row);
                let log_sum = sum_of(row, |x| exp(x - top)).ln();
                // In this order: a large common offset must not swallow the sum.
                for (o, &x) in out.iter_mut().zip(row) {
                    *o = (x - top) - log_sum;
                }
            }
        });
        Ok((CpuStorage::F32(out), shape.clone()))
    }

    /// g − softmax · Σg, row by row.
    fn bwd(&self, logits: &Tensor, out: &Tensor, g: &Tensor) -> Result<Option<Tensor>> {
        let width = logits.dim(D::Minus1)?.max(1);
        let grad = read(out, |out| {
            read(g, |g| {
                let mut grad = vec![0.0; g.len()];
                for_rows(&mut grad, width, 8 * width, |first, grad| {
                    let rows = out[first * width..].chunks_exact(width);
                    let rows = rows.zip(g[first * width..].chunks_exact(width));
                    for (grad, (out, g)) in grad.chunks_exact_mut(width).zip(rows) {
                        let total = sum(g);
                        for ((o, &log_p), &g) in grad.iter_mut().zip(out).zip(g) {
                            *o = g - exp(log_p) * total;
                        }
                    }
                });
                Ok(grad)
            })
        })?;
        Ok(Some(shaped_like(grad, logits)?))
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{Case, check};
    use super::*;
    use candle_core::Device;

    #[test]
    fn agrees_with_loops_and_differences() {
        check(
            &Case::new(&[&[3, 37]]).scaled(4.0),
            |t| log_softmax(&t[0]),
            |v| {
                let rows = v[0].chunks(37);
                rows.flat_map(|row| {
                    let total = row.iter().map(|x| x.exp()).sum::<f64>().ln();
                    row.iter().map(move |x| x - total)
                })
                .collect()
            },
        );
    }

    #[test]
    fn large_logits_do_not_overflow() -> Result<()> {
        let logits = Tensor::new(&[[1000f32, 0., -1000.], [0., 0., 0.]], &Device::Cpu)?;
        let found = log_softmax(&logits)?.to_vec2::<f32>()?;
        assert_eq!(found[0], [0.0, -1000.0, -2000.0]);
        assert!(found[1].iter().all(|p| (p + 3f32.ln()).abs() < 1e-6));
        Ok(())
    }
}
