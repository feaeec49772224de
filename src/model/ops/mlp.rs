//! The whole MLP as one op: key = f(x Wᵤᵀ + bᵤ), value = key Wᵀ + b.
//!
//! Its inner rows are the widest of the model. Made of single ops, each of them is a
//! node of the gradient's graph, and candle adds up gradients of that size behind a
//! spinning barrier, where cores that have work of their own wait for one another.

use super::activation::Activation;
use super::linear::{Affine, Weight, linear_of};
use super::matrix::{self, Matrix};
use super::multiply::{Start, multiply, rows};
use super::slices::{floats, fused, read, shaped_like};
use candle_core::{CpuStorage, CustomOp1, D, Layout, Result, Shape, Tensor, bail};
use std::sync::{Mutex, PoisonError};

/// What an MLP is made of.
#[derive(Clone, Copy)]
pub struct Mlp<'a> {
    pub up: Affine<'a>,
    /// f is of this one, and its answer multiplies `up`'s.
    pub gate: Option<Affine<'a>>,
    pub down: Affine<'a>,
    pub activation: Activation,
}

/// The MLP's value on `x` `[.., d]`, `[.., d]`.
pub fn mlp<'a>(x: &Tensor, of: Mlp<'a>) -> Result<Tensor> {
    let all = [Some(of.up), of.gate, Some(of.down)];
    let weight = |a: Affine<'a>| match a.weight {
        Weight::Dense(w) => Some(w),
        Weight::Made(_) => None,
    };
    let tensors = all.into_iter().flatten().flat_map(|a| [weight(a), a.bias]);
    let constant = |t: &Tensor| fused(&[t]) && !t.track_op();
    if !fused(&[x]) || !tensors.flatten().all(constant) {
        return linear_of(&key(x, of)?, of.down);
    }
    x.contiguous()?.apply_op1(Fused::new(of, x.track_op())?)
}

/// The key alone: what enters the last matrix, `[.., d_k]`.
pub fn key(x: &Tensor, of: Mlp<'_>) -> Result<Tensor> {
    let up = linear_of(x, of.up)?;
    match of.gate {
        None => of.activation.on(&up),
        Some(gate) => of.activation.on(&linear_of(x, gate)?)? * up,
    }
}

/// A matrix and bias that no gradient goes to.
struct Part {
    weight: Matrix,
    bias: Option<Tensor>,
    turned: Option<Tensor>,
    /// [out, in].
    shape: (usize, usize),
}

impl Part {
    fn new(of: Affine<'_>) -> Result<Part> {
        let (out, inner) = of.weight.dims2()?;
        if of.bias.is_some_and(|bias| bias.elem_count() != out) {
            bail!("mlp: a bias {:?} for {out} outputs", of.bias);
        }
        Ok(Part {
            weight: match of.weight {
                Weight::Dense(w) => Matrix::Dense(w.contiguous()?),
                Weight::Made(w) => Matrix::Made(w.clone()),
            },
            bias: of.bias.map(Tensor::contiguous).transpose()?,
            turned: of.turned.cloned(),
            shape: (out, inner),
        })
    }

    /// `x` [n, in] to [n, out].
    fn of(&self, x: &[f32], n: usize) -> Result<Vec<f32>> {
        let (out, inner) = self.shape;
        if x.len() != n * inner {
            bail!("mlp: {} numbers are not {n} rows of {inner}", x.len());
        }
        let x = rows(x, n, inner);
        let on = |start: Start<'_>| match (&self.turned, &self.weight) {
            (Some(turned), _) => read(turned, |w| Ok(multiply(x, rows(w, inner, out), start))),
            (None, Matrix::Dense(w)) => read(w, |w| {
                Ok(multiply(x, rows(w, out, inner).transpose(), start))
            }),
            (None, Matrix::Made(w)) => matrix::times(x, w.as_ref(), start),
        };
        match &self.bias {
            None => on(Start::Zero),
            Some(bias) => read(bias, |bias| on(Start::Bias(bias))),
        }
    }

    /// The gradient of what entered, [n, in], from that of the answer, [n, out].
    fn back(&self, g: &[f32], n: usize) -> Result<Vec<f32>> {
        let (out, inner) = self.shape;
        let g = rows(g, n, out);
        match &self.weight {
            Matrix::Dense(w) => read(w, |w| Ok(multiply(g, rows(w, out, inner), Start::Zero))),
            Matrix::Made(w) => matrix::back(g, w.as_ref()),
        }
    }
}

struct Fused {
    up: Part,
    gate: Option<Part>,
    down: Part,
    activation: Activation,
    /// Whether the gradient will be asked for.
    tracked: bool,
    kept: Mutex<Option<Kept>>,
}

/// The inner rows [n, d_k], kept for the gradient.
struct Kept {
    up: Vec<f32>,
    gate: Option<Vec<f32>>,
}

impl Fused {
    fn new(of: Mlp<'_>, tracked: bool) -> Result<Fused> {
        Ok(Fused {
            up: Part::new(of.up)?,
            gate: of.gate.map(Part::new).transpose()?,
            down: Part::new(of.down)?,
            activation: of.activation,
            tracked,
            kept: Mutex::new(None),
        })
    }

    fn forward(&self, x: &[f32], n: usize) -> Result<Vec<f32>> {
        let up = self.up.of(x, n)?;
        let gate = self.gate.as_ref().map(|part| part.of(x, n)).transpose()?;
        let key = match &gate {
            None => self.activation.of(&up),
            Some(gate) => product(self.activation.of(gate), &up),
        };
        let value = self.down.of(&key, n)?;
        if self.tracked {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            *kept = Some(Kept { up, gate });
        }
        Ok(value)
    }

    fn backward(&self, g: &[f32], n: usize) -> Result<Vec<f32>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(Kept { up, gate }) = kept.as_ref() else {
            bail!("mlp: the gradient of what was not tracked");
        };
        let g_key = self.down.back(g, n)?;
        match (gate, &self.gate) {
            (Some(gate), Some(part)) => {
                let g_up = product(self.activation.of(gate), &g_key);
                let g_gate = self.activation.slopes(gate, &product(g_key, up));
                let mut gx = self.up.back(&g_up, n)?;
                let more = part.back(&g_gate, n)?;
                gx.iter_mut().zip(more).for_each(|(a, b)| *a += b);
                Ok(gx)
            }
            _ => self.up.back(&self.activation.slopes(up, &g_key), n),
        }
    }
}

/// a ⊙ b.
fn product(mut a: Vec<f32>, b: &[f32]) -> Vec<f32> {
    a.iter_mut().zip(b).for_each(|(a, b)| *a *= b);
    a
}

impl CustomOp1 for Fused {
    fn name(&self) -> &'static str {
        "mlp"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let mut shape = layout.shape().dims().to_vec();
        let (x, d) = (floats(x, layout)?, layout.shape().dim(D::Minus1)?);
        let value = self.forward(x, x.len() / d.max(1))?;
        shape.pop();
        shape.push(self.down.shape.0);
        Ok((CpuStorage::F32(value), Shape::from(shape)))
    }

    fn bwd(&self, x: &Tensor, _value: &Tensor, g: &Tensor) -> Result<Option<Tensor>> {
        let n = x.elem_count() / x.dim(D::Minus1)?.max(1);
        let gx = read(g, |g| self.backward(g, n))?;
        Ok(Some(shaped_like(gx, x)?))
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::Case;
    use super::*;
    use candle_core::{DType, Var};

    fn affine<'a>(weight: &'a Tensor, bias: Option<&'a Tensor>) -> Affine<'a> {
        Affine {
            weight: Weight::Dense(weight),
            bias,
            turned: None,
        }
    }

    /// Value and gradient at `x`, as one op or as several.
    fn answers(x: &Tensor, of: Mlp<'_>, whole: bool) -> Result<[Vec<Vec<f32>>; 2]> {
        let x = Var::from_tensor(x)?;
        let value = match whole {
            true => mlp(&x, of)?,
            false => linear_of(&key(&x, of)?, of.down)?,
        };
        let grads = (value.sqr()?.sum_all()? + value.sum_all()?)?.backward()?;
        let gx = grads.get(&x).expect("x is a variable").to_vec2()?;
        Ok([value.to_vec2()?, gx])
    }

    /// The single ops are checked by differences where they are; this one is them.
    #[test]
    fn one_op_is_its_parts() -> Result<()> {
        for (n, d, d_k) in [(1, 5, 9), (7, 16, 40), (300, 24, 96)] {
            let shapes: [&[usize]; 7] = [
                &[n, d],
                &[d_k, d],
                &[d_k],
                &[d_k, d],
                &[d_k],
                &[d, d_k],
                &[d],
            ];
            let t = Case::new(&shapes).scaled(1.5).tensors(DType::F32)?;
            let turned = t[1].t()?.contiguous()?;
            let plain = Mlp {
                up: Affine {
                    turned: Some(&turned),
                    ..affine(&t[1], Some(&t[2]))
                },
                gate: None,
                down: affine(&t[5], Some(&t[6])),
                activation: Activation::GeluTanh,
            };
            let gated = Mlp {
                up: affine(&t[1], None),
                gate: Some(affine(&t[3], Some(&t[4]))),
                down: affine(&t[5], None),
                activation: Activation::Silu,
            };
            let erf = Mlp {
                activation: Activation::GeluErf,
                ..plain
            };
            for of in [plain, gated, erf] {
                let ([y, gx], [y_of_parts, gx_of_parts]) =
                    (answers(&t[0], of, true)?, answers(&t[0], of, false)?);
                assert_eq!(y, y_of_parts);
                let pairs = gx.iter().flatten().zip(gx_of_parts.iter().flatten());
                for (a, b) in pairs {
                    assert!((a - b).abs() <= 1e-5 * b.abs().max(1.0), "{a}, {b}");
                }
            }
        }
        Ok(())
    }

    #[test]
    fn a_weight_that_learns_takes_the_single_ops() -> Result<()> {
        let t = Case::new(&[&[3, 4], &[6, 4], &[4, 6]]).tensors(DType::F32)?;
        let up = Var::from_tensor(&t[1])?;
        let of = Mlp {
            up: affine(&up, None),
            gate: None,
            down: affine(&t[2], None),
            activation: Activation::Silu,
        };
        let grads = mlp(&t[0], of)?.sum_all()?.backward()?;
        assert!(grads.get(&up).is_some());
        Ok(())
    }
}
