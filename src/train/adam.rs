//! AdamW with clipping of the whole gradient (Loshchilov and Hutter 2019).

use super::error::Result;
use super::init::Param;
use candle_core::backprop::GradStore;
use candle_core::{Tensor, Var};
use rayon::prelude::*;

const BETA_1: f32 = 0.9;
const BETA_2: f32 = 0.98;
const EPSILON: f32 = 1e-8;
/// Elements that one task works on.
const CHUNK: usize = 1 << 14;

/// First and second moments of every parameter, in main memory.
pub struct Adam {
    pub moments: Vec<Moments>,
    pub weight_decay: f64,
    pub clip: f64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Moments {
    pub first: Vec<f32>,
    pub second: Vec<f32>,
}

impl Adam {
    pub fn new(params: &[Param], weight_decay: f64, clip: f64) -> Self {
        let zero = |p: &Param| {
            let n = p.var.elem_count();
            Moments {
                first: vec![0.0; n],
                second: vec![0.0; n],
            }
        };
        Adam {
            moments: params.iter().map(zero).collect(),
            weight_decay,
            clip,
        }
    }

    /// One update at `rate`; `step` counts from 0. Returns the gradient's norm
    /// before clipping.
    pub fn step(
        &mut self,
        params: &[Param],
        shares: &[Share],
        step: usize,
        rate: f64,
    ) -> Result<f64> {
        let grads = params
            .iter()
            .map(|p| mixed(p, shares))
            .collect::<Result<Vec<_>>>()?;
        let square: f64 = grads.iter().map(|g| sum_of_squares(g)).sum();
        let norm = square.sqrt();
        let scale = if norm > self.clip {
            (self.clip / norm) as f32
        } else {
            1.0
        };
        let t = (step + 1) as i32;
        let update = Update {
            scale,
            rate: rate as f32,
            unbias_1: 1.0 / (1.0 - BETA_1.powi(t)),
            unbias_2: 1.0 / (1.0 - BETA_2.powi(t)),
        };
        for ((param, grad), moments) in params.iter().zip(&grads).zip(&mut self.moments) {
            let decay = if param.var.rank() > 1 {
                self.weight_decay as f32
            } else {
                0.0
            };
            let mut values: Vec<f32> = param.var.as_tensor().flatten_all()?.to_vec1()?;
            update.apply(&mut values, grad, moments, decay);
            write(&param.var, values)?;
        }
        Ok(norm)
    }
}

/// The gradient of one part of a step's rows, and the part's weight.
pub struct Share<'a> {
    pub weight: f32,
    pub grads: &'a GradStore,
}

/// The weighted sum of a parameter's gradients, always in the same order.
fn mixed(param: &Param, shares: &[Share]) -> Result<Vec<f32>> {
    let mut sum = vec![0f32; param.var.elem_count()];
    for share in shares {
        if let Some(grad) = share.grads.get(param.var.as_tensor()) {
            let grad: Vec<f32> = grad.flatten_all()?.to_vec1()?;
            sum.iter_mut()
                .zip(&grad)
                .for_each(|(s, g)| *s += share.weight * g);
        }
    }
    Ok(sum)
}

/// Replaces a variable's values.
pub fn write(var: &Var, values: Vec<f32>) -> Result<()> {
    Ok(var.set(&Tensor::from_vec(values, var.shape(), var.device())?)?)
}

/// In chunks of fixed size, so that the sum does not depend on the threads.
fn sum_of_squares(values: &[f32]) -> f64 {
    let of = |chunk: &[f32]| {
        chunk
            .iter()
            .map(|&x| f64::from(x) * f64::from(x))
            .sum::<f64>()
    };
    let parts: Vec<f64> = values.par_chunks(CHUNK).map(of).collect();
    parts.iter().sum()
}

struct Update {
    scale: f32,
    rate: f32,
    unbias_1: f32,
    unbias_2: f32,
}

impl Update {
    fn apply(&self, values: &mut [f32], grad: &[f32], moments: &mut Moments, decay: f32) {
        let keep = 1.0 - self.rate * decay;
        values
            .par_chunks_mut(CHUNK)
            .zip(grad.par_chunks(CHUNK))
            .zip(moments.first.par_chunks_mut(CHUNK))
            .zip(moments.second.par_chunks_mut(CHUNK))
            .for_each(|(((values, grad), first), second)| {
                for (((x, &g), m), v) in values.iter_mut().zip(grad).zip(first).zip(second) {
                    let g = g * self.scale;
                    *m = BETA_1 * *m + (1.0 - BETA_1) * g;
                    *v = BETA_2 * *v + (1.0 - BETA_2) * g * g;
                    let root = (*v * self.unbias_2).sqrt() + EPSILON;
                    *x = keep * *x - self.rate * *m * self.unbias_1 / root;
                }
            });
    }
}
