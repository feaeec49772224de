//! Rotary position embeddings: pairs of each head's components turn by an
//! angle that grows with the position (Su et al. 2021, eq. 34).

use super::slices::{floats, for_rows, fused, read, shaped_like};
use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};

/// The angles of some rows: cosines and sines `[rows, half]`, computed in f64.
#[derive(Clone)]
pub struct Turns {
    /// Rows of one batch entry.
    rows: usize,
    half: usize,
    interleaved: bool,
    cos: Vec<f64>,
    sin: Vec<f64>,
}

impl Turns {
    /// The angles of `rows` positions from each of `starts` on. `frequencies`
    /// are radians a position, one a pair. One start serves every batch entry.
    pub fn new(frequencies: &[f64], interleaved: bool, starts: &[usize], rows: usize) -> Turns {
        let half = frequencies.len();
        let size = starts.len() * rows * half;
        let (mut cos, mut sin) = (Vec::with_capacity(size), Vec::with_capacity(size));
        for position in starts.iter().flat_map(|&start| start..start + rows) {
            for frequency in frequencies {
                let (s, c) = (position as f64 * frequency).sin_cos();
                cos.push(c);
                sin.push(s);
            }
        }
        Turns {
            rows,
            half,
            interleaved,
            cos,
            sin,
        }
    }

    fn entries(&self) -> usize {
        self.cos.len() / (self.rows * self.half).max(1)
    }

    /// Where pair `i` lies in a head.
    #[inline(always)]
    fn pair(&self, i: usize) -> (usize, usize) {
        match self.interleaved {
            true => (2 * i, 2 * i + 1),
            false => (i, i + self.half),
        }
    }

    /// Turns every head of every row; `back` by the negative angle.
    fn turn(&self, x: &[f32], width: usize, head_dim: usize, back: bool) -> Vec<f32> {
        let mut out = x.to_vec();
        let table = self.entries() * self.rows;
        for_rows(&mut out, width, 4 * width, |first, out| {
            for (n, row) in out.chunks_exact_mut(width).enumerate() {
                let at = (first + n) % table * self.half;
                let (cos, sin) = (&self.cos[at..][..self.half], &self.sin[at..][..self.half]);
                for head in row.chunks_exact_mut(head_dim) {
                    for (i, (&c, &s)) in cos.iter().zip(sin).enumerate() {
                        let (c, s) = (c as f32, if back { -s } else { s } as f32);
                        let (a, b) = self.pair(i);
                        (head[a], head[b]) = (head[a] * c - head[b] * s, head[a] * s + head[b] * c);
                    }
                }
            }
        });
        out
    }
}

/// Turns `x` [B, R, heads·head_dim], of which the leading components of each
/// head turn and the others stay.
pub fn rotate(x: &Tensor, head_dim: usize, turns: &Turns) -> Result<Tensor> {
    let (b, r, width) = x.dims3()?;
    let entries = turns.entries();
    let fits = head_dim >= 2 * turns.half && head_dim > 0 && width % head_dim == 0;
    if !fits || r != turns.rows || (entries != 1 && entries != b) {
        let rows = turns.rows;
        bail!(
            "rotate: {:?} does not fit {entries} × {rows} rows of heads of {head_dim}",
            x.dims()
        );
    }
    if fused(&[x]) {
        let turns = turns.clone();
        return x.contiguous()?.apply_op1(Rotate { turns, head_dim });
    }
    composed(x, head_dim, turns)
}

/// The same of candle's differentiable ops, for other devices and dtypes.
fn composed(x: &Tensor, head_dim: usize, turns: &Turns) -> Result<Tensor> {
    let (b, r, width) = x.dims3()?;
    let (heads, half) = (width / head_dim, turns.half);
    let angles = |values: &[f64]| {
        Tensor::from_slice(values, (turns.entries(), r, 1, half), x.device())?.to_dtype(x.dtype())
    };
    let (cos, sin) = (angles(&turns.cos)?, angles(&turns.sin)?);
    let heads = x.reshape((b, r, heads, head_dim))?;
    let turning = heads.narrow(3, 0, 2 * half)?;
    let (a, c) = match turns.interleaved {
        true => {
            let pairs = turning
                .contiguous()?
                .reshape((b, r, width / head_dim, half, 2))?;
            (
                pairs.narrow(4, 0, 1)?.squeeze(4)?,
                pairs.narrow(4, 1, 1)?.squeeze(4)?,
            )
        }
        false => (turning.narrow(3, 0, half)?, turning.narrow(3, half, half)?),
    };
    let first = (a.broadcast_mul(&cos)? - c.broadcast_mul(&sin)?)?;
    let second = (a.broadcast_mul(&sin)? + c.broadcast_mul(&cos)?)?;
    let turned = match turns.interleaved {
        true => Tensor::stack(&[first, second], 4)?.flatten_from(3)?,
        false => Tensor::cat(&[first, second], 3)?,
    };
    let stays = head_dim - 2 * half;
    let all = match stays {
        0 => turned,
        _ => Tensor::cat(&[turned, heads.narrow(3, 2 * half, stays)?], 3)?,
    };
    all.flatten_from(2)
}

struct Rotate {
    turns: Turns,
    head_dim: usize,
}

impl CustomOp1 for Rotate {
    fn name(&self) -> &'static str {
        "rotate"
    }

    fn cpu_fwd(&self, x: &CpuStorage, xl: &Layout) -> Result<(CpuStorage, Shape)> {
        let (_, _, width) = xl.shape().dims3()?;
        let y = self.turns.turn(floats(x, xl)?, width, self.head_dim, false);
        Ok((CpuStorage::F32(y), xl.shape().clone()))
    }

    /// A turn's transpose is the turn back.
    fn bwd(&self, x: &Tensor, _y: &Tensor, g: &Tensor) -> Result<Option<Tensor>> {
        let width = x.dim(2)?;
        let gx = read(g, |g| Ok(self.turns.turn(g, width, self.head_dim, true)))?;
        shaped_like(gx, x).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{Case, check};
    use super::*;

    /// Two heads of 6 of which 4 components turn, two rows from positions 3 and 5.
    fn naive(x: &[f64], frequencies: &[f64], interleaved: bool) -> Vec<f64> {
        let mut out = x.to_vec();
        for (row, position) in [3, 4, 5, 6].into_iter().enumerate() {
            for head in 0..2 {
                for (i, f) in frequencies.iter().enumerate() {
                    let (sin, cos) = (f64::from(position) * f).sin_cos();
                    let (a, b) = if interleaved {
                        (2 * i, 2 * i + 1)
                    } else {
                        (i, i + 2)
                    };
                    let at = |c: usize| row * 12 + head * 6 + c;
                    out[at(a)] = x[at(a)] * cos - x[at(b)] * sin;
                    out[at(b)] = x[at(a)] * sin + x[at(b)] * cos;
                }
            }
        }
        out
    }

    #[test]
    fn agrees_with_loops_and_differences() {
        let frequencies = [1.0, 0.1];
        for interleaved in [true, false] {
            let turns = Turns::new(&frequencies, interleaved, &[3, 5], 2);
            check(
                &Case::new(&[&[2, 2, 12]]),
                |t| rotate(&t[0], 6, &turns),
                |v| naive(&v[0], &frequencies, interleaved),
            );
        }
    }

    #[test]
    fn shapes_that_do_not_fit_are_refused() -> Result<()> {
        let x = Case::new(&[&[2, 2, 12]]).tensors(candle_core::DType::F32)?;
        let turns = Turns::new(&[1.0, 0.1], false, &[0], 2);
        assert!(rotate(&x[0], 6, &turns).is_ok());
        assert!(rotate(&x[0], 3, &turns).is_err());
        assert!(rotate(&x[0], 6, &Turns::new(&[1.0], false, &[0], 3)).is_err());
        Ok(())
    }
}
