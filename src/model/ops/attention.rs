//! Scaled dot-product attention with an additive bias and grouped heads.

use super::attend::{Attend, Dims, Heads};
use super::slices::fused;
use super::soft_cap::soft_cap;
use candle_core::{D, Result, Tensor, bail};

/// Attends from each query row to all keys.
///
/// `q` [B, R, heads·hd]; `k`, `v` [B, K, kv_heads·hd]; `bias` [1 or B, R, K] is
/// added to the scaled scores (−∞ hides a key); the answer is [B, R, heads·hd].
/// A row that sees no key gets 0 on the CPU in f32. Gradients go to `q`, `k` and
/// `v`, not to `bias`.
pub fn attend(q: &Tensor, k: &Tensor, v: &Tensor, bias: &Tensor, heads: Heads) -> Result<Tensor> {
    attend_after(None, q, k, v, bias, heads)
}

/// [`attend`] with keys and values of earlier positions before the rows' own.
///
/// `past` is a pair [P, N, kv_heads·hd]; batch row b reads entry b mod P, so
/// runs that share a past need no copy of it. `bias` is [1 or B, R, N + K]. The
/// past is a constant: no gradient goes to it.
pub fn attend_after(
    past: Option<(&Tensor, &Tensor)>,
    q: &Tensor,
    k: &Tensor,
    v: &Tensor,
    bias: &Tensor,
    heads: Heads,
) -> Result<Tensor> {
    let past_k = past.map(|(k, _)| k);
    let dims = Dims::of(q, past_k, k, bias, heads)?;
    if v.dims() != k.dims() || past.is_some_and(|(k, v)| k.dims() != v.dims()) {
        bail!("attend: v {:?} does not fit k {:?}", v.dims(), k.dims());
    }
    let all_f32 = past.is_none_or(|(k, v)| fused(&[k, v]));
    if all_f32 && fused(&[q, k, v, bias]) {
        let (q, k, v) = (q.contiguous()?, k.contiguous()?, v.contiguous()?);
        return q.apply_op3(&k, &v, Attend::new(dims, past, bias)?);
    }
    let (k, v) = match past {
        Some((past_k, past_v)) => (join(past_k, k)?, join(past_v, v)?),
        None => (k.clone(), v.clone()),
    };
    let pattern = attention_pattern(q, &k, bias, heads)?;
    apply_pattern(&pattern, &v, heads.kv)
}

/// Every batch row's own keys (or values) [B, K, ·] after its entry of the past.
pub fn join(past: &Tensor, own: &Tensor) -> Result<Tensor> {
    let (entries, n, _) = past.dims3()?;
    let batch = own.dim(0)?;
    if n == 0 {
        return Ok(own.clone());
    }
    let past = Tensor::cat(&vec![past.detach(); batch / entries.max(1)], 0)?;
    Tensor::cat(&[&past, own], 1)?.contiguous()
}

/// The attention weights [B, heads, R, K] of [`attend`], each row summing to 1.
pub fn attention_pattern(q: &Tensor, k: &Tensor, bias: &Tensor, heads: Heads) -> Result<Tensor> {
    Dims::of(q, None, k, bias, heads)?;
    let q = split_heads(q, heads.query)?;
    let k = repeat_heads(&split_heads(k, heads.kv)?, heads.query)?;
    let scores = (q.matmul(&k.t()?.contiguous()?)? * heads.scale)?;
    let scores = soft_cap(scores, heads.cap)?;
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

#[cfg(test)]
mod tests {
    use super::super::check::{Case, check};
    use super::*;
    use candle_core::{DType, Device, Var};

    struct Shape {
        b: usize,
        r: usize,
        k: usize,
        heads: usize,
        kv_heads: usize,
        hd: usize,
    }

    impl Shape {
        fn heads(&self, cap: Option<f64>) -> Heads {
            Heads {
                cap,
                ..Heads::plain(self.heads, self.kv_heads, self.hd)
            }
        }
    }

    fn naive(v: &[Vec<f64>], s: &Shape, bias: &[f32], cap: Option<f64>) -> Vec<f64> {
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
                            let score = dot / (s.hd as f64).sqrt();
                            let score = cap.map_or(score, |c| c * (score / c).tanh());
                            (score + f64::from(bias)).exp()
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
            // Heads wider than the vectors that are mixed at once.
            Shape {
                b: 1,
                r: 2,
                k: 5,
                heads: 2,
                kv_heads: 1,
                hd: 136,
            },
        ];
        for s in shapes {
            for (batch, cap) in [(1, None), (s.b, None), (1, Some(0.7))] {
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
                        attend(&t[0], &t[1], &t[2], &bias, s.heads(cap))
                    },
                    |v| naive(v, &s, &bias, cap),
                );
            }
        }
        Ok(())
    }

    #[test]
    fn a_past_is_keys_that_were_joined() -> Result<()> {
        // Small and large heads (loops and faer), a shared past and one each.
        for (b, p, n, rows, hd) in [(4, 2, 3, 2, 6), (3, 3, 5, 4, 8), (6, 1, 20, 30, 32)] {
            let (heads, kv_heads) = (4, 2);
            let of = Heads::plain(heads, kv_heads, hd);
            let kv = kv_heads * hd;
            let past = Case::new(&[&[p, n, kv], &[p, n, kv]]).scaled(0.5);
            let bias = causal(1, rows, n + rows);
            let case = Case::new(&[&[b, rows, heads * hd], &[b, rows, kv], &[b, rows, kv]]);
            for dtype in [DType::F32, DType::F64] {
                let past = past.tensors(dtype)?;
                let bias = Tensor::new(bias.as_slice(), &Device::Cpu)?
                    .reshape((1, rows, n + rows))?
                    .to_dtype(dtype)?;
                let run = |joined: bool| -> Result<Vec<Vec<f64>>> {
                    let t = case.tensors(dtype)?;
                    let vars = t.iter().map(Var::from_tensor).collect::<Result<Vec<_>>>()?;
                    let (q, k, v) = (&vars[0], &vars[1], &vars[2]);
                    let out = if joined {
                        let (k, v) = (join(&past[0], k)?, join(&past[1], v)?);
                        attend(q, &k, &v, &bias, of)?
                    } else {
                        let past = Some((&past[0], &past[1]));
                        attend_after(past, q, k, v, &bias, of)?
                    };
                    let grads = out.sqr()?.sum_all()?.backward()?;
                    let mut all = vec![out];
                    for var in &vars {
                        all.extend(grads.get(var).cloned());
                    }
                    let flat = |t: &Tensor| t.flatten_all()?.to_dtype(DType::F64)?.to_vec1();
                    all.iter().map(flat).collect()
                };
                let (joined, after) = (run(true)?, run(false)?);
                assert_eq!((joined.len(), after.len()), (4, 4));
                for (a, b) in joined.iter().flatten().zip(after.iter().flatten()) {
                    assert!((a - b).abs() < 2e-5 * a.abs().max(1.0), "{a}, {b}");
                }
            }
        }
        Ok(())
    }

    #[test]
    fn pattern_times_values_is_attention_on_any_number_of_threads() -> Result<()> {
        let case = Case::new(&[&[5, 40, 32], &[5, 40, 16], &[5, 40, 16]]);
        let t = case.tensors(DType::F32)?;
        let bias = Tensor::new(causal(1, 40, 40).as_slice(), &Device::Cpu)?.reshape((1, 40, 40))?;
        let of = Heads::plain(4, 2, 8);
        let pattern = attention_pattern(&t[0], &t[1], &bias, of)?;
        let composed = apply_pattern(&pattern, &t[2], 2)?
            .flatten_all()?
            .to_vec1::<f32>()?;
        let fused = attend(&t[0], &t[1], &t[2], &bias, of)?
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
        let of = |query, kv| Heads::plain(query, kv, 3);
        assert!(attend(&t[0], &t[1], &t[2], &t[3], of(2, 2)).is_ok());
        assert!(attend(&t[0], &t[1], &t[2], &t[4], of(2, 2)).is_err());
        assert!(attend(&t[0], &t[1], &t[2], &t[3], of(4, 4)).is_err());
        assert!(attend(&t[0], &t[1], &t[2], &t[3], of(2, 1)).is_err());
        Ok(())
    }
}
