//! How every op is tested: against plain f64 loops, and its gradient against
//! central differences of those loops, for the fused f32 kernel and for the
//! composed path (in f64).

use candle_core::{DType, Device, Result, Tensor, Var};

/// Arguments of an op: shapes and reproducible values in (−1, 1).
pub(super) struct Case {
    shapes: Vec<Vec<usize>>,
    values: Vec<Vec<f64>>,
}

/// A small generator (xorshift) in (−1, 1).
fn noise(seed: u64, n: usize) -> Vec<f64> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        // Rounded to f32, so that both precisions see the same numbers.
        f64::from(((state >> 40) as f64 / (1u64 << 23) as f64 - 1.0) as f32)
    };
    (0..n).map(|_| next()).collect()
}

impl Case {
    pub(super) fn new(shapes: &[&[usize]]) -> Case {
        let values = shapes
            .iter()
            .enumerate()
            .map(|(i, s)| noise(i as u64 + 1, s.iter().product()))
            .collect();
        Case {
            shapes: shapes.iter().map(|s| s.to_vec()).collect(),
            values,
        }
    }

    pub(super) fn scaled(mut self, by: f64) -> Case {
        for v in self.values.iter_mut().flatten() {
            *v = f64::from((*v * by) as f32);
        }
        self
    }

    pub(super) fn tensors(&self, dtype: DType) -> Result<Vec<Tensor>> {
        let pairs = self.shapes.iter().zip(&self.values);
        pairs
            .map(|(s, v)| Tensor::from_slice(v, s.as_slice(), &Device::Cpu)?.to_dtype(dtype))
            .collect()
    }
}

fn to_f64(t: &Tensor) -> Result<Vec<f64>> {
    t.flatten_all()?.to_dtype(DType::F64)?.to_vec1()
}

fn assert_close(what: &str, got: &[f64], truth: &[f64], tolerance: f64) {
    assert_eq!(got.len(), truth.len(), "{what}: number of values");
    let scale = truth.iter().fold(1.0f64, |m, v| m.max(v.abs()));
    for (i, (g, t)) in got.iter().zip(truth).enumerate() {
        assert!(
            (g - t).abs() <= tolerance * scale,
            "{what}[{i}]: {g}, not {t}"
        );
    }
}

/// The loss whose gradient is compared is Σ c·out with fixed c.
pub(super) fn check(
    case: &Case,
    op: impl Fn(&[Tensor]) -> Result<Tensor>,
    naive: impl Fn(&[Vec<f64>]) -> Vec<f64>,
) {
    let truth = naive(&case.values);
    let mix = noise(77, truth.len());
    let loss =
        |values: &[Vec<f64>]| -> f64 { naive(values).iter().zip(&mix).map(|(v, c)| v * c).sum() };
    let differences: Vec<Vec<f64>> = (0..case.values.len())
        .map(|a| {
            let slope = |i: usize| {
                let step = 1e-6;
                let mut moved = case.values.clone();
                moved[a][i] += step;
                let up = loss(&moved);
                moved[a][i] -= 2.0 * step;
                (up - loss(&moved)) / (2.0 * step)
            };
            (0..case.values[a].len()).map(slope).collect()
        })
        .collect();
    for (dtype, tolerance, slack) in [(DType::F32, 2e-6, 1e-5), (DType::F64, 1e-9, 1e-6)] {
        let compared = || -> Result<()> {
            let vars: Vec<Var> = case
                .tensors(dtype)?
                .iter()
                .map(Var::from_tensor)
                .collect::<Result<_>>()?;
            let args: Vec<Tensor> = vars.iter().map(|v| v.as_tensor().clone()).collect();
            let out = op(&args)?;
            assert_close(
                &format!("{dtype:?} value"),
                &to_f64(&out)?,
                &truth,
                tolerance,
            );
            let c = Tensor::from_slice(&mix, out.shape(), &Device::Cpu)?.to_dtype(dtype)?;
            let grads = (out * c)?.sum_all()?.backward()?;
            for (a, var) in vars.iter().enumerate() {
                let name = format!("{dtype:?} gradient of argument {a}");
                let Some(grad) = grads.get(var) else {
                    panic!("{name} is missing")
                };
                assert_close(&name, &to_f64(grad)?, &differences[a], slack);
            }
            Ok(())
        };
        if let Err(error) = compared() {
            panic!("{dtype:?}: {error}");
        }
    }
}

/// erf by its series (|x| < 3) or continued fraction, to 1e-14.
pub(super) fn erf(x: f64) -> f64 {
    let a = x.abs();
    if a < 3.0 {
        let (mut term, mut total) = (a, a);
        for n in 1..120 {
            term *= -a * a / f64::from(n);
            total += term / f64::from(2 * n + 1);
        }
        return x.signum() * total * 2.0 / std::f64::consts::PI.sqrt();
    }
    let mut fraction = a;
    for n in (1..80).rev() {
        fraction = a + f64::from(n) / 2.0 / fraction;
    }
    x.signum() * (1.0 - (-a * a).exp() / fraction / std::f64::consts::PI.sqrt())
}
