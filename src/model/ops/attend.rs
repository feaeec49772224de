//! The fused attention kernel and its backward. A task does all heads of some
//! query rows; a head is a strided view, so nothing is ever transposed or copied.

use super::lanes::{dot, exp_from_max};
use super::slices::{floats, for_rows, read, shaped_like};
use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor, bail};
use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;

/// The sizes of one attention.
#[derive(Clone, Copy)]
pub(super) struct Dims {
    rows: usize,
    keys: usize,
    heads: usize,
    kv_heads: usize,
    head_dim: usize,
}

impl Dims {
    pub(super) fn of(
        q: &Tensor,
        k: &Tensor,
        bias: &Tensor,
        heads: usize,
        kv_heads: usize,
    ) -> Result<Dims> {
        let (b, rows, width) = q.dims3()?;
        let (kb, keys, kv_width) = k.dims3()?;
        let (bb, br, bk) = bias.dims3()?;
        if heads == 0 || kv_heads == 0 || !heads.is_multiple_of(kv_heads) || width % heads != 0 {
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

    pub(super) fn scale(&self) -> f64 {
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

/// Attention as a differentiable op on q, k and v.
pub(super) struct Attend {
    dims: Dims,
    bias: Tensor,
}

impl Attend {
    pub(super) fn new(dims: Dims, bias: &Tensor) -> Result<Attend> {
        let bias = bias.contiguous()?.detach();
        Ok(Attend { dims, bias })
    }

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
