//! The MLP's nonlinearities. Each is x·s(x) with a smooth step s.

use super::lanes::{exp, normal_cdf, sigmoid};
use super::slices::{floats, for_rows, fused, read, shaped_like};
use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};

/// √(2/π) and the cubic's factor in GPT-2's approximation of the GELU.
const SQRT_2_OVER_PI: f32 = 0.797_884_6;
const CUBIC: f32 = 0.044_715;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// The tanh approximation of the GELU, GPT-2's `gelu_new`.
    GeluTanh,
    /// The GELU as defined, x·Φ(x) (NeoX, Pythia).
    GeluErf,
    /// x·sigmoid(x) (Llama, Mistral, Qwen).
    Silu,
}

impl Activation {
    /// f(x), elementwise.
    pub fn on(self, x: &Tensor) -> Result<Tensor> {
        if fused(&[x]) {
            return x.contiguous()?.apply_op1(self);
        }
        match self {
            Activation::GeluTanh => x.gelu(),
            Activation::GeluErf => x.gelu_erf(),
            Activation::Silu => x.silu(),
        }
    }

    pub(super) fn of(self, x: &[f32]) -> Vec<f32> {
        match self {
            Activation::GeluTanh => map(x, |x| x * gelu_tanh_step(x)),
            Activation::GeluErf => map(x, |x| x * normal_cdf(x)),
            Activation::Silu => map(x, |x| x * sigmoid(x)),
        }
    }

    /// g · f′(x).
    pub(super) fn slopes(self, x: &[f32], g: &[f32]) -> Vec<f32> {
        match self {
            Activation::GeluTanh => map_with(x, g, gelu_tanh_slope),
            Activation::GeluErf => map_with(x, g, gelu_erf_slope),
            Activation::Silu => map_with(x, g, silu_slope),
        }
    }
}

/// ½(1 + tanh u) = sigmoid(2u): one exponential and one division.
#[inline(always)]
fn gelu_tanh_step(x: f32) -> f32 {
    sigmoid(2.0 * SQRT_2_OVER_PI * x * (1.0 + CUBIC * x * x))
}

#[inline(always)]
fn gelu_tanh_slope(x: f32) -> f32 {
    let s = gelu_tanh_step(x);
    let inner = 2.0 * SQRT_2_OVER_PI * (1.0 + 3.0 * CUBIC * x * x);
    s + x * s * (1.0 - s) * inner
}

#[inline(always)]
fn gelu_erf_slope(x: f32) -> f32 {
    const DENSITY: f32 = 0.398_942_3; // 1/√(2π)
    normal_cdf(x) + x * DENSITY * exp(-0.5 * x * x)
}

#[inline(always)]
fn silu_slope(x: f32) -> f32 {
    let s = sigmoid(x);
    s + x * s * (1.0 - s)
}

/// out = f(x), vectorised and shared between threads.
fn map(x: &[f32], f: impl Fn(f32) -> f32 + Sync) -> Vec<f32> {
    let mut out = vec![0.0; x.len()];
    for_rows(&mut out, 1, 8, |first, out| {
        for (o, &x) in out.iter_mut().zip(&x[first..]) {
            *o = f(x);
        }
    });
    out
}

/// out = g · f(x).
fn map_with(x: &[f32], g: &[f32], f: impl Fn(f32) -> f32 + Sync) -> Vec<f32> {
    let mut out = vec![0.0; x.len()];
    for_rows(&mut out, 1, 8, |first, out| {
        for ((o, &x), &g) in out.iter_mut().zip(&x[first..]).zip(&g[first..]) {
            *o = g * f(x);
        }
    });
    out
}

impl CustomOp1 for Activation {
    fn name(&self) -> &'static str {
        match self {
            Activation::GeluTanh => "gelu tanh",
            Activation::GeluErf => "gelu erf",
            Activation::Silu => "silu",
        }
    }

    fn cpu_fwd(&self, x: &CpuStorage, xl: &Layout) -> Result<(CpuStorage, Shape)> {
        let y = self.of(floats(x, xl)?);
        Ok((CpuStorage::F32(y), xl.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, _y: &Tensor, g: &Tensor) -> Result<Option<Tensor>> {
        let gx = read(x, |x| read(g, |g| Ok(self.slopes(x, g))))?;
        Ok(Some(shaped_like(gx, x)?))
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{Case, check, erf};
    use super::*;
    use candle_core::Device;

    fn gelu_tanh_f64(x: f64) -> f64 {
        let u = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x * x * x);
        0.5 * x * (1.0 + u.tanh())
    }

    fn gelu_erf_f64(x: f64) -> f64 {
        0.5 * x * (1.0 + erf(x * std::f64::consts::FRAC_1_SQRT_2))
    }

    fn silu_f64(x: f64) -> f64 {
        x / (1.0 + (-x).exp())
    }

    type Pair = (Activation, fn(f64) -> f64);
    const ALL: [Pair; 3] = [
        (Activation::GeluTanh, gelu_tanh_f64),
        (Activation::GeluErf, gelu_erf_f64),
        (Activation::Silu, silu_f64),
    ];

    #[test]
    fn agree_with_loops_and_differences() {
        let case = Case::new(&[&[3, 5, 11]]).scaled(3.0);
        for (fused, truth) in ALL {
            check(
                &case,
                |t| fused.on(&t[0]),
                |v| v[0].iter().map(|&x| truth(x)).collect(),
            );
        }
    }

    #[test]
    fn exact_over_the_whole_range_and_past_the_threshold_of_threads() -> Result<()> {
        let xs: Vec<f32> = (-60_000..60_000).map(|i| i as f32 * 3e-4).collect();
        let x = Tensor::new(xs.as_slice(), &Device::Cpu)?;
        for (fused, truth) in ALL {
            for (&x, y) in xs.iter().zip(fused.on(&x)?.to_vec1::<f32>()?) {
                let truth = truth(f64::from(x));
                let error = (f64::from(y) - truth).abs() / truth.abs().max(1.0);
                assert!(error < 1e-6, "at {x}: {y}, not {truth}");
            }
        }
        Ok(())
    }

    #[test]
    fn far_ends_are_finite() -> Result<()> {
        let x = Tensor::new(&[-1e30f32, -1e4, 1e4], &Device::Cpu)?;
        for (fused, _) in ALL {
            let y = fused.on(&x)?.to_vec1::<f32>()?;
            assert_eq!(y[2], 1e4);
            assert!(y[0].abs() < 1e-3 && y[1].abs() < 1e-3, "{y:?}");
        }
        Ok(())
    }
}
