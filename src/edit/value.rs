//! v*: the value that makes the model say the target (Meng et al. 2022, §3.1, eq. 4).
//!
//! δ ∈ R^d is added to the MLP output of layer ℓ at the subject's last token of
//! every context. What does not depend on δ — layers ≤ ℓ, and every position
//! before the subject's last token — runs once; each step runs the layers above
//! ℓ at positions ≥ subject_last, all contexts in one batch.

use super::context::{Context, norm, pad_right};
use super::error::{EditError, Result};
use super::spec::Hyper;
use crate::model::decoder::log_softmax;
use crate::model::probe::{Capture, Point, Probe, Site};
use crate::model::{Decoder, Past, Span};
use candle_core::{D, DType, Tensor, Var};

/// The losses of one evaluation, multiplied by their factors.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Loss {
    pub nll: f64,
    pub kl: f64,
    pub wd: f64,
    pub total: f64,
}

/// v* and how it was found.
#[derive(Clone, Debug)]
pub struct Value {
    /// v* − t₀, `[d]`.
    pub delta: Vec<f64>,
    /// The unedited value at the bare prompt's subject-last token, `[d]`.
    pub t0: Vec<f64>,
    pub losses: Vec<Loss>,
    /// Whether a step was scaled back to clamp·‖t₀‖ at the end.
    pub clamped: bool,
}

impl Value {
    /// v* `[d]`.
    pub fn v_star(&self) -> Vec<f64> {
        self.t0
            .iter()
            .zip(&self.delta)
            .map(|(t, d)| t + d)
            .collect()
    }
}

/// The optimisation stops below this loss.
const ENOUGH: f64 = 0.05;
const BETA: (f64, f64) = (0.9, 0.999);
const EPSILON: f64 = 1e-8;

/// Minimises NLL + KL + weight decay over δ; `each` sees every evaluation.
pub fn optimise<P: Probe>(
    decoder: &Decoder,
    context: &Context,
    layer: usize,
    hyper: &Hyper,
    probe: &mut P,
    mut each: impl FnMut(usize, Loss),
) -> Result<Value> {
    let problem = Problem::new(decoder, context, layer, probe)?;
    let t0_norm = norm(&problem.t0);
    let d = problem.t0.len();
    let mut delta = vec![0f64; d];
    let (mut first, mut second) = (vec![0f64; d], vec![0f64; d]);
    let mut losses = Vec::with_capacity(hyper.steps);
    let mut clamped = false;
    for step in 0..hyper.steps {
        let variable = Var::from_vec(
            delta.iter().map(|&v| v as f32).collect(),
            d,
            decoder.device(),
        )?;
        let (nll, kl) = problem.losses(decoder, &variable, probe)?;
        let kl = (kl * hyper.kl_factor)?;
        let delta_norm = norm(&delta);
        let wd = hyper.weight_decay * delta_norm / (t0_norm * t0_norm);
        let (nll_value, kl_value) = (scalar(&nll)?, scalar(&kl)?);
        let loss = Loss {
            nll: nll_value,
            kl: kl_value,
            wd,
            total: nll_value + kl_value + wd,
        };
        losses.push(loss);
        each(step, loss);
        if !loss.total.is_finite() {
            return Err(EditError::NotFinite { step });
        }
        if loss.total < ENOUGH || step + 1 == hyper.steps {
            break;
        }
        let grads = (nll + kl)?.backward()?;
        let gradient: Vec<f64> = match grads.get(&variable) {
            Some(g) => g.to_dtype(DType::F64)?.to_vec1()?,
            None => return Err(EditError::NotFinite { step }),
        };
        let t = step as i32 + 1;
        for i in 0..d {
            // d‖δ‖/dδ = δ/‖δ‖, taken as 0 at δ = 0.
            let decay = match delta_norm > 0.0 {
                true => hyper.weight_decay / (t0_norm * t0_norm) * delta[i] / delta_norm,
                false => 0.0,
            };
            let g = gradient[i] + decay;
            first[i] = BETA.0 * first[i] + (1.0 - BETA.0) * g;
            second[i] = BETA.1 * second[i] + (1.0 - BETA.1) * g * g;
            let m = first[i] / (1.0 - BETA.0.powi(t));
            let v = second[i] / (1.0 - BETA.1.powi(t));
            delta[i] -= hyper.lr * m / (v.sqrt() + EPSILON);
        }
        let (length, limit) = (norm(&delta), hyper.clamp * t0_norm);
        clamped = length > limit;
        if clamped {
            delta.iter_mut().for_each(|v| *v *= limit / length);
        }
    }
    Ok(Value {
        delta,
        t0: problem.t0,
        losses,
        clamped,
    })
}

/// What does not change from step to step.
struct Problem {
    /// Residual after `layer` at positions ≥ subject_last, `[B, R, d]`.
    base: Tensor,
    layer: usize,
    span: Span,
    past: Past,
    t0: Vec<f64>,
    /// Flat rows of `[B·R]` whose logits count: B·n targets, then the KL row.
    wanted: Tensor,
    /// The target's tokens once per context, `[(B − 1)·n, 1]`.
    target: Tensor,
    /// log p at the KL row before the edit, `[1, V]`.
    essence: Tensor,
}

impl Problem {
    fn new<P: Probe>(
        decoder: &Decoder,
        context: &Context,
        layer: usize,
        probe: &mut P,
    ) -> Result<Problem> {
        let device = decoder.device();
        let n = context.target.len();
        // Teacher forcing joins token ids: the last target token is only predicted.
        let forced = context
            .rows
            .iter()
            .map(|row| [&row.ids[..], &context.target[..n - 1]].concat());
        let ids: Vec<Vec<u32>> = forced.chain([context.essence.ids.clone()]).collect();
        let starts: Vec<usize> = context
            .rows
            .iter()
            .chain([&context.essence])
            .map(|row| row.subject_last)
            .collect();
        let lengths: Vec<usize> = ids.iter().map(Vec::len).collect();
        let padded = pad_right(&ids);
        let refs: Vec<&[u32]> = padded.iter().map(Vec::as_slice).collect();
        let width = refs[0].len();
        decoder.check_length(width)?;

        // One whole pass: the residual after `layer`, and every key and value.
        let (at, out) = (
            Site::new(layer, Point::ResidPost),
            Site::new(layer, Point::MlpOut),
        );
        let mut capture = (&mut *probe, Capture::at([at, out]));
        let mut past = Past::growing(decoder.layers());
        let span = Span::whole(width, device)?;
        let x = decoder.embed(&refs, &span, &mut capture)?;
        let last =
            decoder.run_layers(x, 0..decoder.layers(), &span, Some(&mut past), &mut capture)?;
        let mut capture = capture.1;
        let (Some(post), Some(value)) = (capture.take(at), capture.take(out)) else {
            return Err(EditError::NoSuchLayer {
                layer,
                last: decoder.layers() - 1,
            });
        };
        let t0 = value
            .get(0)?
            .get(starts[0])?
            .to_dtype(DType::F64)?
            .to_vec1()?;

        // Rows of the batch, shifted so that each starts at its subject_last.
        let rows = lengths
            .iter()
            .zip(&starts)
            .map(|(len, start)| len - start)
            .max()
            .unwrap_or(1);
        let shifted = |x: &Tensor| -> Result<Tensor> {
            let parts = starts.iter().enumerate().map(|(b, &start)| {
                let row = x.get(b)?.narrow(0, start, rows.min(width - start))?;
                row.pad_with_zeros(0, 0, rows - rows.min(width - start))
            });
            Ok(Tensor::stack(
                &parts.collect::<candle_core::Result<Vec<_>>>()?,
                0,
            )?)
        };
        let base = shifted(&post)?.detach();
        let deepest = starts.iter().copied().max().unwrap_or(0);
        let essence_row = ids.len() - 1;
        let essence = last.get(essence_row)?.narrow(0, starts[essence_row], 1)?;

        let mut wanted = Vec::new();
        for b in 0..context.rows.len() {
            let first = lengths[b] - starts[b] - n;
            wanted.extend((0..n).map(|j| (b * rows + first + j) as u32));
        }
        wanted.push((essence_row * rows) as u32);
        let target: Vec<u32> = context
            .rows
            .iter()
            .flat_map(|_| context.target.iter().copied())
            .collect();
        Ok(Problem {
            base,
            layer,
            span: Span::ragged(&starts, deepest, rows, device)?,
            past: past.truncated(deepest)?,
            t0,
            wanted: Tensor::from_vec(wanted, ids.len() * n - n + 1, device)?,
            target: Tensor::from_vec(target, (context.rows.len() * n, 1), device)?,
            essence: decoder.log_probs(&essence)?.detach(),
        })
    }

    /// NLL and (unscaled) KL at `delta`, as graph nodes.
    fn losses<P: Probe>(
        &self,
        decoder: &Decoder,
        delta: &Tensor,
        probe: &mut P,
    ) -> Result<(Tensor, Tensor)> {
        let (batch, rows, d) = self.base.dims3()?;
        let edited = self
            .base
            .narrow(1, 0, 1)?
            .broadcast_add(&delta.to_dtype(self.base.dtype())?)?;
        let x = match rows {
            1 => edited,
            _ => Tensor::cat(&[edited, self.base.narrow(1, 1, rows - 1)?], 1)?,
        };
        let mut past = self.past.clone();
        let layers = self.layer + 1..decoder.layers();
        let x = decoder.run_layers(x, layers, &self.span, Some(&mut past), probe)?;
        let x = x
            .reshape((batch * rows, d))?
            .index_select(&self.wanted, 0)?;
        let log_probs = log_softmax(&decoder.logits(&x, &mut ())?)?;
        let targets = self.target.dim(0)?;
        let nll = log_probs
            .narrow(0, 0, targets)?
            .gather(&self.target, D::Minus1)?
            .mean_all()?
            .neg()?;
        let now = log_probs.narrow(0, targets, 1)?;
        // KL(p_new ‖ p_init), as the released code has it.
        let kl = (now.exp()? * (&now - &self.essence)?)?.sum_all()?;
        Ok((nll, kl))
    }
}

fn scalar(x: &Tensor) -> Result<f64> {
    Ok(x.to_dtype(DType::F64)?.to_scalar::<f64>()?)
}
