//! Scaled dot-product attention with an additive bias and grouped heads.

use super::lanes::{dot, exp_from_max};
use super::slices::{floats, for_rows, fused, read, shaped_like};
use candle_core::{CpuStorage, CustomOp3, D, Layout, Result, Shape, Tensor, bail};
use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;

/// Attends from each query row to all keys.
///
/// `q` [B, R, heads·hd]; `k`, `v` [B, K, kv_heads·hd]; `bias` [1 or B, R, K] is
/// added to the scaled scores (−∞ hides a key); the answer is [B, R, heads·hd].
/// Query head h reads key/value head h·kv_heads/heads. A row that sees no key
/// gets 0 on the CPU in f32. Gradients go to `q`, `k` and `v`, not to `bias`.
pub fn attend(
    q: &Tensor,
    k: &Tensor,
    v: &Tensor,
    bias: &Tensor,
    heads: usize,
    kv_heads: usize,
) -> Result<Tensor> {
    let dims = Dims::of(q, k, bias, heads, kv_heads)?;
    if v.dims() != k.dims() {
        bail!("attend: v {:?} does not fit k {:?}", v.dims(), k.dims());
    }
    if fused(&[q, k, v, bias]) {
        let op = Attend {
            dims,
            bias: bias.contiguous()?.detach(),
        };
        return q
            .contiguous()?
            .apply_op3(&k.contiguous()?, &v.contiguous()?, op);
    }
    apply_pattern(
        &attention_pattern(q, k, bias, heads, kv_heads)?,
        v,
        kv_heads,
    )
}

/// The attention weights [B, heads, R, K] of [`attend`], each row summing to 1.
pub fn attention_pattern(
    q: &Tensor,
    k: &Tensor,
    bias: &Tensor,
    heads: usize,
    kv_heads: usize,
) -> Result<Tensor> {
    let dims = Dims::of(q, k, bias, heads, kv_heads)?;
    let q = split_heads(q, heads)?;
    let k = repeat_heads(&split_heads(k, kv_heads)?, heads)?;
    let scores = (q.matmul(&k.t()?.contiguous()?)? * dims.scale())?;
    let scores = scores.broadcast_add(&bias.unsqueeze(1)?)?;
    // Softmax of composed ops: candle's fused one has no backward.
    let top = scores.max_keepdim(D::Minus1)?.detach();
    let weights = scores.broadcast_sub(&top)?.exp()?;
    weights.broadcast_div(&weights.sum_keepdim(D::Minus1)?)
}

/// Mixes values `v` [B, K, kv_heads·hd] by a pattern [B, heads, R, K] into
/// [B, R, heads·hd].
pub fn apply_pattern(pattern: &Tensor, v: &Tensor, kv_heads: usize) -> Result<Tensor> {
    let heads = pattern.dim(1)?;
    let v = repeat_heads(&split_heads(v, kv_heads)?, heads)?;
    pattern
        .contiguous()?
        .matmul(&v)?
        .transpose(1, 2)?
        .contiguous()?
        .flatten_from(2)
}

/// [B, N, heads·hd] to [B, heads, N, hd].
fn split_heads(x: &Tensor, heads: usize) -> Result<Tensor> {
    let (b, n, width) = x.dims3()?;
    x.reshape((b, n, heads, width / heads))?
        .transpose(1, 2)?
        .contiguous()
}

/// Gives every query head its copy of the key/value head that it shares.
fn repeat_heads(x: &Tensor, heads: usize) -> Result<Tensor> {
    let (b, kv_heads, n, hd) = x.dims4()?;
    if heads == kv_heads {
        return Ok(x.clone());
    }
    let group = heads / kv_heads;
    x.unsqueeze(2)?
        .broadcast_as((b, kv_heads, group, n, hd))?
        .reshape((b, heads, n, hd))
}

#[derive(Clone, Copy)]
struct Dims {
    rows: usize,
    keys: usize,
    heads: usize,
    kv_heads: usize,
    head_dim: usize,
}

impl Dims {
    fn of(q: &Tensor, k: &Tensor, bias: &Tensor, heads: usize, kv_heads: usize) -> Result<Dims> {
        let (b, rows, width) = q.dims3()?;
        let (kb, keys, kv_width) = k.dims3()?;
        let (bb, br, bk) = bias.dims3()?;
        if heads == 0 || kv_heads == 0 || heads % kv_heads != 0 || width % heads != 0 {
            bail!("attention: {heads} heads over {kv_heads} do not divide a width of {width}");
        }
        let head_dim = width / heads;
        if kb != b || kv_width != kv_heads * head_dim {
            bail!("attention: k {:?} does not fit q {:?}", k.dims(), q.dims());
        }
        if (bb != 1 && bb != b) || br != rows || bk != keys {
            bail!(
                "attention: bias {:?} is not [1 or {b}, {rows}, {keys}]",
                bias.dims()
            );
        }
        Ok(Dims {
            rows,
            keys,
            heads,
            kv_heads,
            head_dim,
        })
    }

    fn scale(&self) -> f64 {
        1.0 / (self.head_dim as f64).sqrt()
    }

    fn width(&self) -> usize {
        self.heads * self.head_dim
    }

    fn kv_width(&self) -> usize {
        self.kv_heads * self.head_dim
    }

    /// Where a query head's columns start, in q and in k/v.
    fn columns(&self, head: usize) -> (usize, usize) {
        let kv = head * self.kv_heads / self.heads;
        (head * self.head_dim, kv * self.head_dim)
    }

    /// One head's columns of `n` rows of `width`.
    fn head<'a>(&self, x: &'a [f32], column: usize, n: usize, width: usize) -> MatRef<'a, f32> {
        MatRef::from_row_major_slice_with_stride(&x[column..], n, self.head_dim, width)
    }

    fn head_mut<'a>(
        &self,
        x: &'a mut [f32],
        column: usize,
        n: usize,
        width: usize,
    ) -> MatMut<'a, f32> {
        // (faer 0.24.4's `from_row_major_slice_with_stride_mut` swaps the strides
        // and writes past the slice.)
        let x = &mut x[column..];
        MatMut::from_column_major_slice_with_stride_mut(x, self.head_dim, n, width).transpose_mut()
    }

    /// The softmax weights of one head, row-major [n, keys], into `weights`.
    fn weights(&self, weights: &mut [f32], q: MatRef<'_, f32>, k: MatRef<'_, f32>, bias: &[f32]) {
        let n = q.nrows();
        let scores = MatMut::from_row_major_slice_mut(weights, n, self.keys);
        matmul(
            scores,
            Accum::Replace,
            q,
            k.transpose(),
            self.scale() as f32,
            Par::Seq,
        );
        for (row, bias) in weights
            .chunks_exact_mut(self.keys)
            .zip(bias.chunks_exact(self.keys))
        {
            for (w, &b) in row.iter_mut().zip(bias) {
                *w += b;
            }
            let total = exp_from_max(row);
            let scale = if total > 0.0 { 1.0 / total } else { 0.0 };
            for w in row.iter_mut() {
                *w *= scale;
            }
        }
    }
}

struct Attend {
    dims: Dims,
    bias: Tensor,
}

impl Attend {
    /// The bias rows of batch entry `b`.
    fn bias_of<'a>(&self, bias: &'a [f32], b: usize) -> &'a [f32] {
        let size = self.dims.rows * self.dims.keys;
        let first = if bias.len() == size { 0 } else { b * size };
        &bias[first..first + size]
    }

    /// A task is some consecutive rows, which may belong to several batch entries.
    fn forward(&self, q: &[f32], k: &[f32], v: &[f32], bias: &[f32]) -> Vec<f32> {
        let d = self.dims;
        let width = d.width();
        let mut out = vec![0.0; q.len()];
        if d.keys == 0 {
            return out;
        }
        for_rows(&mut out, width, 2 * d.keys * width, |first, out| {
            let mut weights = Vec::new();
            let (mut row, last) = (first, first + out.len() / width);
            while row < last {
                let (b, r) = (row / d.rows, row % d.rows);
                let n = (d.rows - r).min(last - row);
                let q = &q[row * width..(row + n) * width];
                let kv = b * d.keys * d.kv_width()..(b + 1) * d.keys * d.kv_width();
                let bias = &self.bias_of(bias, b)[r * d.keys..(r + n) * d.keys];
                let out = &mut out[(row - first) * width..][..n * width];
                weights.resize(n * d.keys, 0.0);
                for head in 0..d.heads {
                    let (c, kv_c) = d.columns(head);
                    let keys = d.head(&k[kv.clone()], kv_c, d.keys, d.kv_width());
                    let values = d.head(&v[kv.clone()], kv_c, d.keys, d.kv_width());
                    d.weights(&mut weights, d.head(q, c, n, width), keys, bias);
                    let weights = MatRef::from_row_major_slice(&weights, n, d.keys);
                    let out = d.head_mut(out, c, n, width);
                    matmul(out, Accum::Replace, weights, values, 1.0, Par::Seq);
                }
                row += n;
            }
        });
        out
    }

    /// One batch entry's gradients. The weights are made again: that is
    /// cheaper than having kept [B, heads, R, K] of them.
    fn backward_one(&self, x: Entry<'_>, grads: (&mut [f32], &mut [f32], &mut [f32])) {
        let d = self.dims;
        let (width, kv_width) = (d.width(), d.kv_width());
        let (gq, gk, gv) = grads;
        let mut weights = vec![0.0; d.rows * d.keys];
        let mut slopes = vec![0.0; d.rows * d.keys];
        for head in 0..d.heads {
            let (c, kv_c) = d.columns(head);
            let q = d.head(x.q, c, d.rows, width);
            let k = d.head(x.k, kv_c, d.keys, kv_width);
            let v = d.head(x.v, kv_c, d.keys, kv_width);
            let g = d.head(x.g, c, d.rows, width);
            d.weights(&mut weights, q, k, x.bias);
            // ∂weights = g vᵀ, then through the softmax: w·(∂w − Σ w·∂w).
            let out = MatMut::from_row_major_slice_mut(&mut slopes, d.rows, d.keys);
            matmul(out, Accum::Replace, g, v.transpose(), 1.0, Par::Seq);
            for (s, w) in slopes
                .chunks_exact_mut(d.keys)
                .zip(weights.chunks_exact(d.keys))
            {
                let mean = dot(s, w);
                for (s, &w) in s.iter_mut().zip(w) {
                    *s = w * (*s - mean);
                }
            }
            let weights = MatRef::from_row_major_slice(&weights, d.rows, d.keys);
            let slopes = MatRef::from_row_major_slice(&slopes, d.rows, d.keys);
            let gq = d.head_mut(gq, c, d.rows, width);
            matmul(gq, Accum::Replace, slopes, k, d.scale() as f32, Par::Seq);
            // Several query heads may share these two.
            let gk = d.head_mut(gk, kv_c, d.keys, kv_width);
            matmul(
                gk,
                Accum::Add,
                slopes.transpose(),
                q,
                d.scale() as f32,
                Par::Seq,
            );
            let gv = d.head_mut(gv, kv_c, d.keys, kv_width);
            matmul(gv, Accum::Add, weights.transpose(), g, 1.0, Par::Seq);
        }
    }

    /// Gradients of q, k and v.
    fn backward(&self, q: &[f32], k: &[f32], v: &[f32], bias: &[f32], g: &[f32]) -> [Vec<f32>; 3] {
        let d = self.dims;
        let (q_size, kv_size) = (d.rows * d.width(), d.keys * d.kv_width());
        let mut grads = [vec![0.0; q.len()], vec![0.0; k.len()], vec![0.0; v.len()]];
        if q_size == 0 || kv_size == 0 {
            return grads;
        }
        let [gq, gk, gv] = &mut grads;
        gq.par_chunks_mut(q_size)
            .zip(gk.par_chunks_mut(kv_size))
            .zip(gv.par_chunks_mut(kv_size))
            .enumerate()
            .for_each(|(b, ((gq, gk), gv))| {
                let entry = Entry {
                    q: &q[b * q_size..][..q_size],
                    k: &k[b * kv_size..][..kv_size],
                    v: &v[b * kv_size..][..kv_size],
                    g: &g[b * q_size..][..q_size],
                    bias: self.bias_of(bias, b),
                };
                self.backward_one(entry, (gq, gk, gv));
            });
        grads
    }
}

/// One batch entry of everything that the backward reads.
struct Entry<'a> {
    q: &'a [f32],
    k: &'a [f32],
    v: &'a [f32],
    g: &'a [f32],
    bias: &'a [f32],
}

impl CustomOp3 for Attend {
    fn name(&self) -> &'static str {
        "attend"
    }

    fn cpu_fwd(
        &self,
        q: &CpuStorage,
        ql: &Layout,
        k: &CpuStorage,
        kl: &Layout,
        v: &CpuStorage,
        vl: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (q, k, v) = (floats(q, ql)?, floats(k, kl)?, floats(v, vl)?);
        let out = read(&self.bias, |bias| Ok(self.forward(q, k, v, bias)))?;
        Ok((CpuStorage::F32(out), ql.shape().clone()))
    }

    fn bwd(
        &self,
        q: &Tensor,
        k: &Tensor,
        v: &Tensor,
        _out: &Tensor,
        g: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let [gq, gk, gv] = read(q, |qs| {
            read(k, |ks| {
                read(v, |vs| {
                    read(g, |g| {
                        read(&self.bias, |bias| Ok(self.backward(qs, ks, vs, bias, g)))
                    })
                })
            })
        })?;
        let keep = |grad, of: &Tensor| {
            if of.track_op() {
                shaped_like(grad, of).map(Some)
            } else {
                Ok(None)
            }
        };
        Ok((keep(gq, q)?, keep(gk, k)?, keep(gv, v)?))
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{Case, check};
    use super::*;
    use candle_core::{DType, Device};

    struct Shape {
        b: usize,
        r: usize,
        k: usize,
        heads: usize,
        kv_heads: usize,
        hd: usize,
    }

    fn naive(v: &[Vec<f64>], s: &Shape, bias: &[f32]) -> Vec<f64> {
        let (width, kv_width) = (s.heads * s.hd, s.kv_heads * s.hd);
        let mut out = vec![0.0; s.b * s.r * width];
        for b in 0..s.b {
            for r in 0..s.r {
                for h in 0..s.heads {
                    let kv = h / (s.heads / s.kv_heads);
                    let at =
                        |x: &[f64], j: usize, c: usize| x[(b * s.k + j) * kv_width + kv * s.hd + c];
                    let scores: Vec<f64> = (0..s.k)
                        .map(|j| {
                            let dot: f64 = (0..s.hd)
                                .map(|c| {
                                    v[0][(b * s.r + r) * width + h * s.hd + c] * at(&v[1], j, c)
                                })
                                .sum();
                            let bias = bias[((b * s.r + r) * s.k + j) % bias.len()];
                            (dot / (s.hd as f64).sqrt() + f64::from(bias)).exp()
                        })
                        .collect();
                    let total: f64 = scores.iter().sum();
                    for c in 0..s.hd {
                        out[(b * s.r + r) * width + h * s.hd + c] =
                            (0..s.k).map(|j| scores[j] / total * at(&v[2], j, c)).sum();
                    }
                }
            }
        }
        out
    }

    /// Causal, its last row at the last key, with some finite entries.
    fn causal(batch: usize, rows: usize, keys: usize) -> Vec<f32> {
        let mut bias = Vec::new();
        for b in 0..batch {
            for r in 0..rows {
                for k in 0..keys {
                    let hidden = k + rows > r + keys;
                    bias.push(if hidden {
                        f32::NEG_INFINITY
                    } else {
                        0.1 * (b + k) as f32
                    });
                }
            }
        }
        bias
    }

    #[test]
    fn agrees_with_loops_and_differences() -> Result<()> {
        let shapes = [
            Shape {
                b: 2,
                r: 3,
                k: 5,
                heads: 2,
                kv_heads: 2,
                hd: 4,
            },
            Shape {
                b: 3,
                r: 4,
                k: 4,
                heads: 4,
                kv_heads: 2,
                hd: 3,
            },
            Shape {
                b: 1,
                r: 1,
                k: 6,
                heads: 2,
                kv_heads: 1,
                hd: 5,
            },
            Shape {
                b: 2,
                r: 9,
                k: 18,
                heads: 1,
                kv_heads: 1,
                hd: 20,
            },
        ];
        for s in shapes {
            for batch in [1, s.b] {
                let bias = causal(batch, s.r, s.k);
                let case = Case::new(&[
                    &[s.b, s.r, s.heads * s.hd],
                    &[s.b, s.k, s.kv_heads * s.hd],
                    &[s.b, s.k, s.kv_heads * s.hd],
                ]);
                check(
                    &case,
                    |t| {
                        let bias = Tensor::new(bias.as_slice(), &Device::Cpu)?
                            .reshape((batch, s.r, s.k))?
                            .to_dtype(t[0].dtype())?;
                        attend(&t[0], &t[1], &t[2], &bias, s.heads, s.kv_heads)
                    },
                    |v| naive(v, &s, &bias),
                );
            }
        }
        Ok(())
    }

    #[test]
    fn pattern_times_values_is_attention_on_any_number_of_threads() -> Result<()> {
        let case = Case::new(&[&[5, 40, 32], &[5, 40, 16], &[5, 40, 16]]);
        let t = case.tensors(DType::F32)?;
        let bias = Tensor::new(causal(1, 40, 40).as_slice(), &Device::Cpu)?.reshape((1, 40, 40))?;
        let pattern = attention_pattern(&t[0], &t[1], &bias, 4, 2)?;
        let composed = apply_pattern(&pattern, &t[2], 2)?
            .flatten_all()?
            .to_vec1::<f32>()?;
        let fused = attend(&t[0], &t[1], &t[2], &bias, 4, 2)?
            .flatten_all()?
            .to_vec1::<f32>()?;
        for (a, b) in composed.iter().zip(&fused) {
            assert!((a - b).abs() < 1e-5);
        }
        Ok(())
    }

    #[test]
    fn shapes_that_do_not_fit_are_refused() -> Result<()> {
        let t = Case::new(&[&[1, 2, 6], &[1, 3, 6], &[1, 3, 6], &[1, 2, 3], &[1, 2, 2]])
            .tensors(DType::F32)?;
        assert!(attend(&t[0], &t[1], &t[2], &t[3], 2, 2).is_ok());
        assert!(attend(&t[0], &t[1], &t[2], &t[4], 2, 2).is_err());
        assert!(attend(&t[0], &t[1], &t[2], &t[3], 4, 4).is_err());
        assert!(attend(&t[0], &t[1], &t[2], &t[3], 2, 1).is_err());
        Ok(())
    }
}
