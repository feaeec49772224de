//! Layer norm and RMS norm over the last dimension.

use super::lanes::{dot, squares_about, sum};
use super::slices::{floats, fold_rows, for_rows, fused, read, shaped_like};
use candle_core::{CpuStorage, CustomOp2, CustomOp3, D, Layout, Result, Shape, Tensor, bail};

/// (x − mean)/√(var + eps) · weight + bias; `x` `[.., d]`, `weight`, `bias` `[d]`.
pub fn layer_norm(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>, eps: f64) -> Result<Tensor> {
    let norm = Norm { centred: true, eps };
    if !fused(&[x, weight]) || bias.is_some_and(|b| !fused(&[b])) {
        return norm.composed(x, weight, bias);
    }
    let (x, weight) = (x.contiguous()?, weight.contiguous()?);
    match bias {
        Some(bias) => x.apply_op3(&weight, &bias.contiguous()?, norm),
        None => x.apply_op2(&weight, norm),
    }
}

/// x/√(mean x² + eps) · weight; `x` `[.., d]`, `weight` `[d]`.
pub fn rms_norm(x: &Tensor, weight: &Tensor, eps: f64) -> Result<Tensor> {
    let norm = Norm {
        centred: false,
        eps,
    };
    if !fused(&[x, weight]) {
        return norm.composed(x, weight, None);
    }
    x.contiguous()?.apply_op2(&weight.contiguous()?, norm)
}

#[derive(Clone, Copy)]
struct Norm {
    /// Take the mean off first: the layer norm.
    centred: bool,
    eps: f64,
}

impl Norm {
    fn composed(&self, x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
        let x = if self.centred {
            x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?
        } else {
            x.clone()
        };
        let mean_square = x.sqr()?.mean_keepdim(D::Minus1)?;
        let y = x
            .broadcast_div(&(mean_square + self.eps)?.sqrt()?)?
            .broadcast_mul(weight)?;
        match bias {
            Some(bias) => y.broadcast_add(bias),
            None => Ok(y),
        }
    }

    /// A row's mean (0 where it stays) and 1/√(var + eps).
    #[inline]
    fn moments(&self, row: &[f32]) -> (f32, f32) {
        let n = row.len() as f32;
        let mean = if self.centred { sum(row) / n } else { 0.0 };
        let var = f64::from(squares_about(row, mean) / n);
        (mean, (1.0 / (var + self.eps).sqrt()) as f32)
    }

    fn forward(
        &self,
        x: &[f32],
        shape: &Shape,
        weight: &[f32],
        bias: Option<&[f32]>,
    ) -> Result<(CpuStorage, Shape)> {
        let d = weight.len();
        if shape.dims().last() != Some(&d) || bias.is_some_and(|b| b.len() != d) {
            bail!("norm: x {shape:?} does not fit a weight of {d}");
        }
        let mut y = vec![0.0; x.len()];
        for_rows(&mut y, d, 4 * d, |first, out| {
            let rows = x[first * d..].chunks_exact(d);
            for (out, row) in out.chunks_exact_mut(d).zip(rows) {
                let (mean, scale) = self.moments(row);
                for ((o, &x), &w) in out.iter_mut().zip(row).zip(weight) {
                    *o = (x - mean) * scale * w;
                }
                for (o, &b) in out.iter_mut().zip(bias.unwrap_or_default()) {
                    *o += b;
                }
            }
        });
        Ok((CpuStorage::F32(y), shape.clone()))
    }

    /// With x̂ the normalised row and h = g·weight:
    /// ∂x = scale·(h − mean h − x̂·mean(h·x̂)), where the layer norm alone takes mean h off.
    fn grad_x(&self, x: &[f32], weight: &[f32], g: &[f32]) -> Vec<f32> {
        let d = weight.len();
        let mut gx = vec![0.0; x.len()];
        for_rows(&mut gx, d, 8 * d, |first, out| {
            let rows = x[first * d..]
                .chunks_exact(d)
                .zip(g[first * d..].chunks_exact(d));
            let mut centred = vec![0.0; d];
            for (h, (row, g)) in out.chunks_exact_mut(d).zip(rows) {
                let (mean, scale) = self.moments(row);
                for ((h, &g), &w) in h.iter_mut().zip(g).zip(weight) {
                    *h = g * w;
                }
                for (c, &x) in centred.iter_mut().zip(row) {
                    *c = (x - mean) * scale;
                }
                let along = dot(h, &centred) / d as f32;
                let mean_h = if self.centred { sum(h) / d as f32 } else { 0.0 };
                for (h, &c) in h.iter_mut().zip(&centred) {
                    *h = scale * (*h - mean_h - c * along);
                }
            }
        });
        gx
    }

    /// Sums over rows for the parameters: Σ g·x̂, then Σ g.
    fn grad_parameters(&self, x: &[f32], d: usize, g: &[f32]) -> (Vec<f32>, Vec<f32>) {
        let rows = x.len() / d.max(1);
        let mut gw = fold_rows(rows, 6 * d, vec![0.0; 2 * d], |sums, row| {
            let (gw, gb) = sums.split_at_mut(d);
            let (x, g) = (&x[row * d..][..d], &g[row * d..][..d]);
            let (mean, scale) = self.moments(x);
            for ((gw, &x), &g) in gw.iter_mut().zip(x).zip(g) {
                *gw += g * (x - mean) * scale;
            }
            for (gb, &g) in gb.iter_mut().zip(g) {
                *gb += g;
            }
        });
        let gb = gw.split_off(d);
        (gw, gb)
    }

    fn backward(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: Option<&Tensor>,
        g: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let wanted = |t: &Tensor| t.track_op();
        let gx = if wanted(x) {
            let gx = read(x, |x| {
                read(weight, |weight| read(g, |g| Ok(self.grad_x(x, weight, g))))
            })?;
            Some(shaped_like(gx, x)?)
        } else {
            None
        };
        if !wanted(weight) && !bias.is_some_and(wanted) {
            return Ok((gx, None, None));
        }
        let d = weight.elem_count();
        let (gw, gb) = read(x, |x| read(g, |g| Ok(self.grad_parameters(x, d, g))))?;
        let gw = if wanted(weight) {
            Some(shaped_like(gw, weight)?)
        } else {
            None
        };
        let gb = match bias {
            Some(bias) if wanted(bias) => Some(shaped_like(gb, bias)?),
            _ => None,
        };
        Ok((gx, gw, gb))
    }
}

impl CustomOp2 for Norm {
    fn name(&self) -> &'static str {
        if self.centred {
            "layer norm"
        } else {
            "rms norm"
        }
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        xl: &Layout,
        w: &CpuStorage,
        wl: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        self.forward(floats(x, xl)?, xl.shape(), floats(w, wl)?, None)
    }

    fn bwd(
        &self,
        x: &Tensor,
        w: &Tensor,
        _y: &Tensor,
        g: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let (gx, gw, _) = self.backward(x, w, None, g)?;
        Ok((gx, gw))
    }
}

impl CustomOp3 for Norm {
    fn name(&self) -> &'static str {
        "layer norm with bias"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        xl: &Layout,
        w: &CpuStorage,
        wl: &Layout,
        b: &CpuStorage,
        bl: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        self.forward(
            floats(x, xl)?,
            xl.shape(),
            floats(w, wl)?,
            Some(floats(b, bl)?),
        )
    }

    fn bwd(
        &self,
        x: &Tensor,
        w: &Tensor,
        b: &Tensor,
        _y: &Tensor,
        g: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        self.backward(x, w, Some(b), g)
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{Case, check};
    use super::*;
    use candle_core::{DType, Var};

    const EPS: f64 = 1e-5;

    fn naive(x: &[f64], w: &[f64], b: Option<&[f64]>, centred: bool) -> Vec<f64> {
        let d = w.len();
        let mut y = Vec::new();
        for row in x.chunks(d) {
            let mean = if centred {
                row.iter().sum::<f64>() / d as f64
            } else {
                0.0
            };
            let var = row.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / d as f64;
            for i in 0..d {
                y.push((row[i] - mean) / (var + EPS).sqrt() * w[i] + b.map_or(0.0, |b| b[i]));
            }
        }
        y
    }

    #[test]
    fn agree_with_loops_and_differences() {
        for (n, d) in [(1, 3), (5, 16), (4, 37)] {
            let case = Case::new(&[&[2, n, d], &[d], &[d]]);
            check(
                &case,
                |t| layer_norm(&t[0], &t[1], Some(&t[2]), EPS),
                |v| naive(&v[0], &v[1], Some(&v[2]), true),
            );
            let case = Case::new(&[&[n, d], &[d]]);
            check(
                &case,
                |t| layer_norm(&t[0], &t[1], None, EPS),
                |v| naive(&v[0], &v[1], None, true),
            );
            check(
                &case,
                |t| rms_norm(&t[0], &t[1], EPS),
                |v| naive(&v[0], &v[1], None, false),
            );
        }
    }

    #[test]
    fn parameters_gather_from_rows_on_every_thread() -> Result<()> {
        let case = Case::new(&[&[900, 64], &[64], &[64]]);
        let grads = |dtype| -> Result<Vec<Vec<f64>>> {
            let t = case.tensors(dtype)?;
            let vars = t.iter().map(Var::from_tensor).collect::<Result<Vec<_>>>()?;
            let y = layer_norm(&vars[0], &vars[1], Some(&vars[2]), EPS)?;
            let grads = (&y * &y)?.sum_all()?.backward()?;
            let flat = |v: &Var| {
                grads
                    .get(v)
                    .map(|g| g.flatten_all()?.to_dtype(DType::F64)?.to_vec1())
            };
            vars.iter().filter_map(flat).collect()
        };
        let (fused, composed) = (grads(DType::F32)?, grads(DType::F64)?);
        assert_eq!((fused.len(), composed.len()), (3, 3));
        for (a, b) in fused.iter().flatten().zip(composed.iter().flatten()) {
            assert!((a - b).abs() < 1e-4 * b.abs().max(1.0), "{a}, {b}");
        }
        Ok(())
    }

    #[test]
    fn rows_shared_between_threads_are_the_same_rows() -> Result<()> {
        let case = Case::new(&[&[700, 64], &[64], &[64]]);
        let t = case.tensors(DType::F32)?;
        let all = layer_norm(&t[0], &t[1], Some(&t[2]), EPS)?;
        for row in [0, 350, 699] {
            let one = layer_norm(&t[0].narrow(0, row, 1)?, &t[1], Some(&t[2]), EPS)?;
            assert_eq!(
                all.narrow(0, row, 1)?.to_vec2::<f32>()?,
                one.to_vec2::<f32>()?
            );
        }
        Ok(())
    }
}
