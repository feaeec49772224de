//! The fused attention kernel and its backward. A task does all heads of some
//! query rows; a head is a strided view, and the keys of the past stay where
//! they are, so nothing is ever transposed, joined or copied.

use super::heads::{View, dot, mat_mut, mix, scores};
use super::lanes::exp_from_max;
use super::slices::{floats, for_rows, read, shaped_like};
use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor, bail};
use faer::linalg::matmul::matmul;
use faer::{Accum, Par};
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

/// How the width of queries, keys and values divides into heads, and how a query
/// scores a key.
#[derive(Clone, Copy, Debug)]
pub struct Heads {
    pub query: usize,
    /// Heads of keys and values; query head h reads h·kv/query.
    pub kv: usize,
    /// Factor of q·k.
    pub scale: f64,
    /// Bounds a score to c·tanh(score/c), before the bias (Gemma 2 §2).
    pub cap: Option<f64>,
}

impl Heads {
    /// Scaled dot products: 1/√head_dim.
    pub fn plain(query: usize, kv: usize, head_dim: usize) -> Heads {
        Heads {
            query,
            kv,
            scale: 1.0 / (head_dim as f64).sqrt(),
            cap: None,
        }
    }
}

/// The sizes of one attention.
#[derive(Clone, Copy)]
pub(super) struct Dims {
    rows: usize,
    /// Keys of the past, and with the rows' own.
    past: usize,
    keys: usize,
    heads: usize,
    kv_heads: usize,
    head_dim: usize,
    scale: f32,
    cap: Option<f32>,
}

impl Dims {
    /// Checks that everything fits; `k` and `past` stand for v and its past too.
    pub(super) fn of(
        q: &Tensor,
        past: Option<&Tensor>,
        k: &Tensor,
        bias: &Tensor,
        of: Heads,
    ) -> Result<Dims> {
        let (heads, kv_heads) = (of.query, of.kv);
        let (b, rows, width) = q.dims3()?;
        let (kb, own, kv_width) = k.dims3()?;
        let (bb, br, bk) = bias.dims3()?;
        if heads == 0 || kv_heads == 0 || !heads.is_multiple_of(kv_heads) || width % heads != 0 {
            bail!("attention: {heads} heads over {kv_heads} do not divide a width of {width}");
        }
        let head_dim = width / heads;
        if kb != b || kv_width != kv_heads * head_dim {
            bail!("attention: k {:?} does not fit q {:?}", k.dims(), q.dims());
        }
        let past = match past.map(|past| (past.dims3(), past)) {
            None => 0,
            Some((Ok((pb, n, pw)), _)) if pb > 0 && b % pb == 0 && pw == kv_width => n,
            Some((_, past)) => {
                let (past, k) = (past.dims(), k.dims());
                bail!("attention: a past of {past:?} does not fit k {k:?}");
            }
        };
        let keys = past + own;
        if (bb != 1 && bb != b) || br != rows || bk != keys {
            let bias = bias.dims();
            bail!("attention: bias {bias:?} is not [1 or {b}, {rows}, {keys}]");
        }
        Ok(Dims {
            rows,
            past,
            keys,
            heads,
            kv_heads,
            head_dim,
            scale: of.scale as f32,
            cap: of.cap.map(|cap| cap as f32),
        })
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

    fn head<'a>(&self, values: &'a [f32], column: usize, n: usize, stride: usize) -> View<'a> {
        View {
            values,
            column,
            n,
            width: self.head_dim,
            stride,
        }
    }

    /// A part of the softmax weights, row-major [n, keys].
    fn part<'a>(&self, weights: &'a [f32], column: usize, width: usize) -> View<'a> {
        View {
            values: weights,
            column,
            n: weights.len() / self.keys,
            width,
            stride: self.keys,
        }
    }

    /// The softmax weights of one head's queries into `weights`, [n, keys]; where scores
    /// are capped and `slopes` is given, the cap's derivative into it.
    #[inline(always)]
    fn weigh<S: Simd>(
        &self,
        simd: S,
        weights: &mut [f32],
        q: View<'_>,
        [past, own]: [View<'_>; 2],
        bias: &[f32],
        slopes: Option<&mut [f32]>,
    ) {
        let scale = self.scale;
        if self.past > 0 {
            scores(simd, weights, 0, self.keys, q, past, scale);
        }
        scores(simd, weights, self.past, self.keys, q, own, scale);
        if let Some(cap) = self.cap {
            let bounded = |w: &mut f32| {
                let tanh = (*w / cap).tanh();
                *w = cap * tanh;
                1.0 - tanh * tanh
            };
            match slopes {
                Some(slopes) => {
                    let pairs = weights.iter_mut().zip(slopes);
                    pairs.for_each(|(w, slope)| *slope = bounded(w));
                }
                None => weights.iter_mut().for_each(|w| {
                    bounded(w);
                }),
            }
        }
        let rows = weights.chunks_exact_mut(self.keys);
        for (row, bias) in rows.zip(bias.chunks_exact(self.keys)) {
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

/// Keys (or values): those of the past, which may be shared by batch entries,
/// and each entry's own.
#[derive(Clone, Copy)]
struct Joined<'a> {
    past: &'a [f32],
    own: &'a [f32],
}

impl<'a> Joined<'a> {
    /// The part of batch entry `b`.
    fn entry(&self, d: &Dims, b: usize) -> Joined<'a> {
        let (past, own) = (d.past * d.kv_width(), (d.keys - d.past) * d.kv_width());
        let entries = self.past.len() / past.max(1);
        Joined {
            past: &self.past[b % entries.max(1) * past..][..past],
            own: &self.own[b * own..][..own],
        }
    }

    /// One head of an entry's part.
    fn head(&self, d: &Dims, column: usize) -> [View<'a>; 2] {
        let stride = d.kv_width();
        [
            d.head(self.past, column, d.past, stride),
            d.head(self.own, column, d.keys - d.past, stride),
        ]
    }
}

/// Attention as a differentiable op on q, k and v; the past is constant.
pub(super) struct Attend {
    dims: Dims,
    past: Option<(Tensor, Tensor)>,
    bias: Tensor,
}

impl Attend {
    pub(super) fn new(
        dims: Dims,
        past: Option<(&Tensor, &Tensor)>,
        bias: &Tensor,
    ) -> Result<Attend> {
        let constant = |t: &Tensor| Ok::<_, candle_core::Error>(t.contiguous()?.detach());
        let past = match past {
            Some((k, v)) => Some((constant(k)?, constant(v)?)),
            None => None,
        };
        let bias = constant(bias)?;
        Ok(Attend { dims, past, bias })
    }

    /// Reads what is constant: keys and values of the past, and the bias.
    fn with_constants<R>(&self, f: impl FnOnce(&[f32], &[f32], &[f32]) -> R) -> Result<R> {
        read(&self.bias, |bias| match &self.past {
            Some((k, v)) => read(k, |k| read(v, |v| Ok(f(k, v, bias)))),
            None => Ok(f(&[], &[], bias)),
        })
    }

    /// The bias rows of batch entry `b`.
    fn bias_of<'a>(&self, bias: &'a [f32], b: usize) -> &'a [f32] {
        let size = self.dims.rows * self.dims.keys;
        let first = if bias.len() == size { 0 } else { b * size };
        &bias[first..first + size]
    }

    fn forward(&self, q: &[f32], k: Joined<'_>, v: Joined<'_>, bias: &[f32]) -> Vec<f32> {
        let d = self.dims;
        let width = d.width();
        let mut out = vec![0.0; q.len()];
        if d.keys == 0 {
            return out;
        }
        for_rows(&mut out, width, 2 * d.keys * width, |first, out| {
            let of = self;
            Arch::new().dispatch(Forward {
                of,
                q,
                k,
                v,
                bias,
                first,
                out,
            });
        });
        out
    }

    /// Gradients of q, k and v.
    fn backward(&self, q: &[f32], k: Joined<'_>, v: Joined<'_>, rest: (&[f32], &[f32])) -> Grads {
        let d = self.dims;
        let (bias, g) = rest;
        let (q_size, kv_size) = (d.rows * d.width(), (d.keys - d.past) * d.kv_width());
        let mut grads = [q, k.own, v.own].map(|x| vec![0.0; x.len()]);
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
                    g: &g[b * q_size..][..q_size],
                    k: k.entry(&d, b),
                    v: v.entry(&d, b),
                    bias: self.bias_of(bias, b),
                };
                Arch::new().dispatch(Backward {
                    d,
                    x: entry,
                    grads: (gq, gk, gv),
                });
            });
        grads
    }
}

type Grads = [Vec<f32>; 3];

/// Some consecutive rows, which may belong to several batch entries.
struct Forward<'a> {
    of: &'a Attend,
    q: &'a [f32],
    k: Joined<'a>,
    v: Joined<'a>,
    bias: &'a [f32],
    first: usize,
    out: &'a mut [f32],
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (d, out) = (self.of.dims, self.out);
        let width = d.width();
        let mut weights = Vec::new();
        let (mut row, last) = (self.first, self.first + out.len() / width);
        while row < last {
            let (b, r) = (row / d.rows, row % d.rows);
            let n = (d.rows - r).min(last - row);
            let q = &self.q[row * width..(row + n) * width];
            let bias = &self.of.bias_of(self.bias, b)[r * d.keys..(r + n) * d.keys];
            let out = &mut out[(row - self.first) * width..][..n * width];
            let (k, v) = (self.k.entry(&d, b), self.v.entry(&d, b));
            weights.resize(n * d.keys, 0.0);
            for head in 0..d.heads {
                let (c, kv_c) = d.columns(head);
                let (keys, [v_past, v_own]) = (k.head(&d, kv_c), v.head(&d, kv_c));
                d.weigh(simd, &mut weights, d.head(q, c, n, width), keys, bias, None);
                if d.past > 0 {
                    mix(simd, out, c, width, d.part(&weights, 0, d.past), v_past);
                }
                let own = d.part(&weights, d.past, d.keys - d.past);
                mix(simd, out, c, width, own, v_own);
            }
            row += n;
        }
    }
}

/// One batch entry's gradients of q, k and v. The weights are made again: that is
/// cheaper than having kept [B, heads, R, K] of them.
struct Backward<'a> {
    d: Dims,
    x: Entry<'a>,
    grads: (&'a mut [f32], &'a mut [f32], &'a mut [f32]),
}

impl WithSimd for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Backward { d, x, grads } = self;
        let (width, kv_width, own) = (d.width(), d.kv_width(), d.keys - d.past);
        let (gq, gk, gv) = grads;
        let scale = d.scale;
        let mut capped = d.cap.map(|_| vec![0.0; d.rows * d.keys]);
        let mut weights = vec![0.0; d.rows * d.keys];
        let mut slopes = vec![0.0; d.rows * d.keys];
        for head in 0..d.heads {
            let (c, kv_c) = d.columns(head);
            let q = d.head(x.q, c, d.rows, width);
            let g = d.head(x.g, c, d.rows, width);
            let (keys, [v_past, v_own]) = (x.k.head(&d, kv_c), x.v.head(&d, kv_c));
            let [k_past, k_own] = keys;
            d.weigh(simd, &mut weights, q, keys, x.bias, capped.as_deref_mut());
            // ∂weights = g vᵀ, then through the softmax: w·(∂w − Σ w·∂w), and the scale.
            if d.past > 0 {
                scores(simd, &mut slopes, 0, d.keys, g, v_past, 1.0);
            }
            scores(simd, &mut slopes, d.past, d.keys, g, v_own, 1.0);
            let rows = slopes.chunks_exact_mut(d.keys);
            for (s, w) in rows.zip(weights.chunks_exact(d.keys)) {
                let mean = dot(simd, s, w);
                for (s, &w) in s.iter_mut().zip(w) {
                    *s = scale * w * (*s - mean);
                }
            }
            if let Some(capped) = &capped {
                slopes.iter_mut().zip(capped).for_each(|(s, c)| *s *= c);
            }
            if d.past > 0 {
                mix(simd, gq, c, width, d.part(&slopes, 0, d.past), k_past);
            }
            let (w, s) = (d.part(&weights, d.past, own), d.part(&slopes, d.past, own));
            mix(simd, gq, c, width, s, k_own);
            // Several query heads may share these two.
            for (grad, part, rows) in [(&mut *gk, s, q), (&mut *gv, w, g)] {
                let grad = mat_mut(grad, kv_c, own, d.head_dim, kv_width);
                let part = part.mat().transpose();
                matmul(grad, Accum::Add, part, rows.mat(), 1.0, Par::Seq);
            }
        }
    }
}

/// One batch entry of everything that the backward reads.
struct Entry<'a> {
    q: &'a [f32],
    g: &'a [f32],
    k: Joined<'a>,
    v: Joined<'a>,
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
        let out = self.with_constants(|past_k, past_v, bias| {
            let (past, own) = (past_k, k);
            let keys = Joined { past, own };
            let (past, own) = (past_v, v);
            self.forward(q, keys, Joined { past, own }, bias)
        })?;
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
                        self.with_constants(|past_k, past_v, bias| {
                            let (past, own) = (past_k, ks);
                            let keys = Joined { past, own };
                            let (past, own) = (past_v, vs);
                            self.backward(qs, keys, Joined { past, own }, (bias, g))
                        })
                    })
                })
            })
        })?;
        let keep = |grad, of: &Tensor| match of.track_op() {
            true => shaped_like(grad, of).map(Some),
            false => Ok(None),
        };
        Ok((keep(gq, q)?, keep(gk, k)?, keep(gv, v)?))
    }
}
