//! y = x Wᵀ + b, over faer's matrix multiplication.
//!
//! W may lie in half precision where x is f32 (ALGORITHMS §6). On the CPU it is
//! then widened as it is read, so that nothing but W itself is rounded; on a
//! card x is rounded for the multiplication too, and the answer is f32 again.

use super::half::{wide, with_wide};
use super::made::Rows;
use super::matrix;
use super::multiply::{Start, multiply, rows};
use super::slices::{floats, fused, read, shaped_like, sum_rows};
use candle_core::{
    CpuStorage, CustomOp1, CustomOp2, CustomOp3, D, DType, Layout, Result, Shape, Tensor, bail,
};
use std::sync::Arc;

/// Applies a linear layer to the last dimension.
///
/// `x` is `[.., in]`, `w` `[out, in]`, `b` `[out]`; the answer is `[.., out]`. The
/// leading dimensions are one stack of rows: no copy of `w` is ever made.
/// Gradients go to `x`, `w` and `b` where each is tracked, and only there.
pub fn linear(x: &Tensor, w: &Tensor, b: Option<&Tensor>) -> Result<Tensor> {
    let of = Affine {
        weight: Weight::Dense(w),
        bias: b,
        turned: None,
    };
    linear_of(x, of)
}

/// The same, with a weight that may lie there turned as well.
pub fn linear_of(x: &Tensor, of: Affine<'_>) -> Result<Tensor> {
    let (w, b, turned) = match of.weight {
        Weight::Dense(w) => (w, of.bias, of.turned.cloned()),
        Weight::Made(w) => return made(x, w, of.bias),
    };
    let (_, inner) = w.dims2()?;
    if x.dim(D::Minus1)? != inner {
        bail!("linear: x {:?} does not fit w {:?}", x.dims(), w.dims());
    }
    let fused_parts = fused(&[x]) && b.is_none_or(|b| fused(&[b])) && w.device().is_cpu();
    if !fused_parts || w.dtype() == DType::F64 {
        return composed(x, w, b);
    }
    let (x, w) = (x.contiguous()?, w.contiguous()?);
    match b {
        Some(b) => x.apply_op3(&w, &b.contiguous()?, Linear { turned }),
        None => x.apply_op2(&w, Linear { turned }),
    }
}

/// What a linear layer multiplies with and adds.
#[derive(Clone, Copy)]
pub struct Affine<'a> {
    /// `[out, in]`.
    pub weight: Weight<'a>,
    /// `[out]`.
    pub bias: Option<&'a Tensor>,
    /// The weight turned, `[in, out]`: the same answer but for its last bits, sooner.
    pub turned: Option<&'a Tensor>,
}

/// A [`Matrix`](super::Matrix) that is lent.
#[derive(Clone, Copy)]
pub enum Weight<'a> {
    Dense(&'a Tensor),
    Made(&'a Arc<dyn Rows>),
}

impl Weight<'_> {
    pub(super) fn dims2(&self) -> Result<(usize, usize)> {
        match self {
            Weight::Dense(w) => w.dims2(),
            Weight::Made(w) => Ok(w.shape()),
        }
    }
}

/// With a weight that is made anew in each direction: no copy of it is kept for the
/// gradient.
fn made(x: &Tensor, w: &Arc<dyn Rows>, b: Option<&Tensor>) -> Result<Tensor> {
    let (out, inner) = w.shape();
    if x.dim(D::Minus1)? != inner {
        bail!("linear: x {:?} does not fit w [{out}, {inner}]", x.dims());
    }
    if !fused(&[x]) || b.is_some_and(|b| !fused(&[b]) || b.elem_count() != out) {
        bail!("linear: a weight that is made anew takes f32 on the CPU");
    }
    let op = |bias: Option<Tensor>| Made {
        weight: w.clone(),
        bias,
    };
    let x = x.contiguous()?;
    match b {
        Some(b) if b.track_op() => x.apply_op1(op(None))?.broadcast_add(b),
        Some(b) => x.apply_op1(op(Some(b.contiguous()?))),
        None => x.apply_op1(op(None)),
    }
}

struct Made {
    weight: Arc<dyn Rows>,
    bias: Option<Tensor>,
}

impl CustomOp1 for Made {
    fn name(&self) -> &'static str {
        "linear, its weight made anew"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (out, inner) = self.weight.shape();
        let mut shape = layout.shape().dims().to_vec();
        let x = floats(x, layout)?;
        let x = rows(x, x.len() / inner.max(1), inner);
        let on = |start: Start<'_>| matrix::times(x, self.weight.as_ref(), start);
        let y = match &self.bias {
            None => on(Start::Zero),
            Some(bias) => read(bias, |bias| on(Start::Bias(bias))),
        }?;
        shape.pop();
        shape.push(out);
        Ok((CpuStorage::F32(y), Shape::from(shape)))
    }

    fn bwd(&self, x: &Tensor, _y: &Tensor, g: &Tensor) -> Result<Option<Tensor>> {
        let (out, inner) = self.weight.shape();
        let n = x.elem_count() / inner.max(1);
        let gx = read(g, |g| matrix::back(rows(g, n, out), self.weight.as_ref()))?;
        Ok(Some(shaped_like(gx, x)?))
    }
}

fn composed(x: &Tensor, w: &Tensor, b: Option<&Tensor>) -> Result<Tensor> {
    let (out, inner) = w.dims2()?;
    let mut shape = x.dims().to_vec();
    shape.pop();
    shape.push(out);
    let rows = x.elem_count() / inner.max(1);
    let y = x
        .reshape((rows, inner))?
        .to_dtype(w.dtype())?
        .matmul(&w.t()?)?
        .to_dtype(x.dtype())?
        .reshape(shape)?;
    match b {
        Some(b) => y.broadcast_add(b),
        None => Ok(y),
    }
}

struct Linear {
    turned: Option<Tensor>,
}

impl Linear {
    fn forward(
        &self,
        x: &[f32],
        x_shape: &Shape,
        (w, wl): (&CpuStorage, &Layout),
        b: Option<&[f32]>,
    ) -> Result<(CpuStorage, Shape)> {
        let (out, inner) = wl.shape().dims2()?;
        let n = x.len() / inner.max(1);
        let start = match b {
            Some(b) if b.len() == out => Start::Bias(b),
            Some(b) => bail!("linear: a bias of {} for {out} outputs", b.len()),
            None => Start::Zero,
        };
        let x = rows(x, n, inner);
        let y = match &self.turned {
            Some(turned) => with_wide(turned, |w| Ok(multiply(x, rows(w, inner, out), start)))?,
            None => multiply(x, rows(&wide(w, wl)?, out, inner).transpose(), start),
        };
        let mut shape = x_shape.dims().to_vec();
        shape.pop();
        shape.push(out);
        Ok((CpuStorage::F32(y), Shape::from(shape)))
    }

    fn backward(x: &Tensor, w: &Tensor, g: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let (out, inner) = w.dims2()?;
        let n = x.elem_count() / inner.max(1);
        read(g, |g| {
            let g = rows(g, n, out);
            let mut grads = (None, None);
            if x.track_op() {
                let gx = with_wide(w, |w| Ok(multiply(g, rows(w, out, inner), Start::Zero)))?;
                grads.0 = Some(shaped_like(gx, x)?);
            }
            if w.track_op() {
                let gw = read(x, |x| {
                    Ok(multiply(g.transpose(), rows(x, n, inner), Start::Zero))
                })?;
                grads.1 = Some(shaped_like(gw, w)?);
            }
            Ok(grads)
        })
    }
}

impl CustomOp2 for Linear {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        xl: &Layout,
        w: &CpuStorage,
        wl: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        self.forward(floats(x, xl)?, xl.shape(), (w, wl), None)
    }

    fn bwd(
        &self,
        x: &Tensor,
        w: &Tensor,
        _y: &Tensor,
        g: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        Linear::backward(x, w, g)
    }
}

impl CustomOp3 for Linear {
    fn name(&self) -> &'static str {
        "linear with bias"
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
        let bias = Some(floats(b, bl)?);
        self.forward(floats(x, xl)?, xl.shape(), (w, wl), bias)
    }

    fn bwd(
        &self,
        x: &Tensor,
        w: &Tensor,
        b: &Tensor,
        _y: &Tensor,
        g: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (gx, gw) = Linear::backward(x, w, g)?;
        let gb = if b.track_op() {
            let sums = read(g, |g| Ok(sum_rows(g, b.elem_count())))?;
            Some(shaped_like(sums, b)?)
        } else {
            None
        };
        Ok((gx, gw, gb))
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{Case, check};
    use super::*;
    use candle_core::{Device, Var};

    fn naive(x: &[f64], w: &[f64], b: Option<&[f64]>, inner: usize) -> Vec<f64> {
        let mut y = Vec::new();
        for row in x.chunks(inner) {
            for (o, w) in w.chunks(inner).enumerate() {
                let dot: f64 = row.iter().zip(w).map(|(a, b)| a * b).sum();
                y.push(dot + b.map_or(0.0, |b| b[o]));
            }
        }
        y
    }

    #[test]
    fn agrees_with_loops_and_differences() {
        // Every path of the multiplication: one row, few rows, ragged sizes.
        for (n, inner, out) in [(1, 7, 5), (3, 17, 9), (1, 4, 1), (20, 33, 18)] {
            let case = Case::new(&[&[1, n, inner], &[out, inner], &[out]]);
            check(
                &case,
                |t| linear(&t[0], &t[1], Some(&t[2])),
                |v| naive(&v[0], &v[1], Some(&v[2]), inner),
            );
            let case = Case::new(&[&[n, inner], &[out, inner]]);
            check(
                &case,
                |t| linear(&t[0], &t[1], None),
                |v| naive(&v[0], &v[1], None, inner),
            );
        }
    }

    #[test]
    fn blocks_shared_between_threads_are_the_same_product() -> Result<()> {
        // Tall, wide, and few rows: each way of cutting the output.
        for (n, inner, out) in [(700, 40, 30), (40, 30, 900), (600, 20, 1030), (1, 600, 700)] {
            let t = Case::new(&[&[n, inner], &[out, inner], &[out]])
                .tensors(candle_core::DType::F32)?;
            let y = linear(&t[0], &t[1], Some(&t[2]))?
                .flatten_all()?
                .to_vec1::<f32>()?;
            let truth = composed(&t[0], &t[1], Some(&t[2]))?
                .flatten_all()?
                .to_vec1::<f32>()?;
            let worst = y
                .iter()
                .zip(&truth)
                .map(|(a, b)| (a - b).abs())
                .fold(0.0, f32::max);
            assert!(worst < 2e-5, "{n}x{inner}x{out}: off by {worst}");
        }
        Ok(())
    }

    #[test]
    fn a_weight_that_lies_there_turned_gives_the_same_answer() -> Result<()> {
        for (n, inner, out) in [(1, 40, 30), (9, 33, 70), (300, 64, 200)] {
            let t = Case::new(&[&[n, inner], &[out, inner], &[out]]).tensors(DType::F32)?;
            let turned = t[1].t()?.contiguous()?;
            for bias in [None, Some(&t[2])] {
                let answer = |turned: Option<&Tensor>| {
                    let weight = Weight::Dense(&t[1]);
                    let of = Affine {
                        weight,
                        bias,
                        turned,
                    };
                    linear_of(&t[0], of)?.to_vec2::<f32>()
                };
                let (plain, quick) = (answer(None)?, answer(Some(&turned))?);
                for (a, b) in plain.iter().flatten().zip(quick.iter().flatten()) {
                    assert!((a - b).abs() <= 1e-5 * b.abs().max(1.0), "{a}, {b}");
                }
            }
        }
        Ok(())
    }

    #[test]
    fn a_matrix_in_half_precision_is_the_same_as_its_rounded_values() -> Result<()> {
        let t = Case::new(&[&[5, 40], &[30, 40], &[30]]).tensors(DType::F32)?;
        for dtype in [DType::F16, DType::BF16] {
            let half = t[1].to_dtype(dtype)?;
            let rounded = half.to_dtype(DType::F32)?;
            let answer = |w: &Tensor| -> Result<[Vec<Vec<f32>>; 2]> {
                let x = Var::from_tensor(&t[0])?;
                let y = linear(&x, w, Some(&t[2]))?;
                let grads = y.sqr()?.sum_all()?.backward()?;
                let gx = grads.get(&x).expect("x is a variable").to_vec2()?;
                Ok([y.to_vec2()?, gx])
            };
            assert_eq!(answer(&half)?, answer(&rounded)?);
        }
        Ok(())
    }

    #[test]
    fn gradients_go_only_where_they_are_wanted() -> Result<()> {
        let x = Var::ones((2, 3), candle_core::DType::F32, &Device::Cpu)?;
        let w = Tensor::ones((4, 3), candle_core::DType::F32, &Device::Cpu)?;
        let b = Tensor::ones(4, candle_core::DType::F32, &Device::Cpu)?;
        let grads = linear(&x, &w, Some(&b))?.sum_all()?.backward()?;
        assert!(grads.get(&x).is_some());
        assert!(grads.get(&w).is_none() && grads.get(&b).is_none());
        Ok(())
    }

    #[test]
    fn strided_inputs_and_no_rows_at_all() -> Result<()> {
        let device = Device::Cpu;
        let x = Tensor::arange(0f32, 12., &device)?.reshape((3, 4))?.t()?;
        let w = Tensor::arange(0f32, 6., &device)?.reshape((2, 3))?;
        let y = linear(&x, &w, None)?;
        assert_eq!(
            y.to_vec2::<f32>()?[1],
            [1. * 0. + 5. + 2. * 9., 3. + 4. * 5. + 5. * 9.]
        );
        let none = Tensor::zeros((0, 3), candle_core::DType::F32, &device)?;
        assert_eq!(linear(&none, &w, None)?.dims(), [0, 2]);
        assert!(
            linear(
                &Tensor::zeros((1, 5), candle_core::DType::F32, &device)?,
                &w,
                None
            )
            .is_err()
        );
        Ok(())
    }
}
