//! Fine-tuning of one layer's matrix, the baseline (ALGORITHMS §4): Adam on W
//! and its bias until the targets are said. FT+L keeps every entry within ε of
//! W₀. Unlike the authors' code, which scores all target tokens at one
//! position, each token is teacher-forced.

use super::adam::Adam;
use super::context::{Context, pad_right};
use super::error::{EditError, Result};
use super::spec::Delta;
use super::task::{Made, Rewrite, Task};
use super::value::{Loss, Value};
use crate::model::decoder::Down;
use crate::model::ops;
use crate::model::probe::{Capture, Point, Site};
use crate::model::{Decoder, Past, Span};
use candle_core::{DType, Tensor, Var};

/// The optimisation stops below this loss.
const ENOUGH: f64 = 1e-2;
/// Facts of one step, as the authors have it.
const FACTS: usize = 64;

pub struct FineTune {
    /// Whether every entry stays within `hyper.epsilon` of W₀.
    pub limited: bool,
}

impl Rewrite for FineTune {
    fn rewrite(&self, task: &mut Task) -> Result<Made> {
        let layer = task.last_layer();
        let (decoder, hyper) = (task.decoder, task.hyper);
        let groups = (task.facts.chunks(FACTS))
            .map(|facts| Group::new(decoder, facts, layer, task))
            .collect::<Result<Vec<_>>>()?;
        let bias = decoder.down_bias(layer).map(|b| b.to_dtype(DType::F64));
        let mut w = Tuned::new(&decoder.down_weight(layer)?.to_dtype(DType::F64)?)?;
        let mut b = bias.transpose()?.map(|b| Tuned::new(&b)).transpose()?;
        let limit = if self.limited {
            hyper.epsilon
        } else {
            f64::INFINITY
        };
        let mut losses = Vec::new();
        for step in 0..hyper.steps {
            let mut mean = 0.0;
            for group in &groups {
                let (weight, bias) = (w.var(decoder)?, b.as_ref().map(|b| b.var(decoder)));
                let bias = bias.transpose()?;
                let tuned = decoder.with_down(
                    layer,
                    Down::new(weight.as_tensor().clone(), bias.as_deref().cloned()),
                );
                let nll = group.nll(&tuned, task)?;
                let value = f64::from(nll.to_scalar::<f32>()?);
                if !value.is_finite() {
                    return Err(EditError::NotFinite { step });
                }
                mean += value * group.facts as f64 / task.facts.len() as f64;
                if value < ENOUGH || step + 1 == hyper.steps {
                    continue;
                }
                let grads = nll.backward()?;
                w.step(grads.get(&weight), hyper.lr, limit)?;
                if let (Some(b), Some(bias)) = (&mut b, &bias) {
                    b.step(grads.get(bias), hyper.lr, limit)?;
                }
            }
            let loss = Loss {
                nll: mean,
                total: mean,
                ..Loss::default()
            };
            losses.push(loss);
            (task.each)(0, step, loss);
            if mean < ENOUGH {
                break;
            }
        }
        let (d, d_k) = (decoder.config.d, decoder.config.d_mlp);
        let change = w.change();
        let turned = (0..d_k).flat_map(|k| (0..d).map(move |i| i * d_k + k));
        let turned = turned.map(|at| change[at]).collect();
        let bias = b.map(|b| b.change()).unwrap_or_default();
        Ok(Made {
            deltas: vec![Delta::dense(layer, turned, bias)],
            values: vec![Value {
                losses,
                ..Value::default()
            }],
            division_factor: None,
        })
    }
}

/// A parameter on its way, in f64.
struct Tuned {
    shape: Vec<usize>,
    start: Vec<f64>,
    now: Vec<f64>,
    adam: Adam,
}

impl Tuned {
    fn new(start: &Tensor) -> Result<Tuned> {
        let values: Vec<f64> = start.flatten_all()?.to_vec1()?;
        Ok(Tuned {
            shape: start.dims().to_vec(),
            adam: Adam::new(values.len()),
            now: values.clone(),
            start: values,
        })
    }

    fn var(&self, decoder: &Decoder) -> Result<Var> {
        let values = self.now.iter().map(|&x| x as f32).collect();
        Ok(Var::from_vec(
            values,
            self.shape.as_slice(),
            decoder.device(),
        )?)
    }

    fn step(&mut self, gradient: Option<&Tensor>, lr: f64, limit: f64) -> Result<()> {
        let Some(gradient) = gradient else {
            return Ok(());
        };
        let gradient: Vec<f32> = gradient.flatten_all()?.to_dtype(DType::F32)?.to_vec1()?;
        let gradient = gradient.into_iter().map(f64::from);
        self.adam.step(&mut self.now, gradient, lr);
        for (now, start) in self.now.iter_mut().zip(&self.start) {
            *now = now.clamp(start - limit, start + limit);
        }
        Ok(())
    }

    fn change(&self) -> Vec<f32> {
        let both = self.now.iter().zip(&self.start);
        both.map(|(now, start)| (now - start) as f32).collect()
    }
}

/// Facts that share a step, with what no step changes: the residual that enters
/// the layer.
struct Group {
    facts: usize,
    layer: usize,
    enters: Tensor,
    span: Span,
    wanted: Tensor,
    target: Vec<u32>,
    shares: Tensor,
}

impl Group {
    fn new(decoder: &Decoder, facts: &[Context], layer: usize, task: &mut Task) -> Result<Group> {
        let device = decoder.device();
        let (mut ids, mut wanted, mut shares) = (vec![], vec![], vec![]);
        let mut target: Vec<u32> = Vec::new();
        for (b, fact) in facts.iter().enumerate() {
            let (prompt, n) = (&fact.rows[0].ids, fact.target.len());
            ids.push([&prompt[..], &fact.target[..n - 1]].concat());
            wanted.extend((0..n).map(|j| (b, prompt.len() - 1 + j)));
            target.extend(&fact.target);
            shares.extend((0..n).map(|_| 1.0 / (n * facts.len()) as f32));
        }
        let padded = pad_right(&ids);
        let refs: Vec<&[u32]> = padded.iter().map(Vec::as_slice).collect();
        let width = refs.first().map_or(0, |row| row.len());
        decoder.check_length(width)?;
        let span = Span::whole(width, device)?;
        let site = Site::new(layer, Point::ResidPre);
        let mut capture = (&mut task.probe, Capture::at([site]));
        let x = decoder.embed(&refs, &span, &mut capture)?;
        decoder.run_layers(x, 0..layer + 1, &span, None::<&mut Past>, &mut capture)?;
        let enters = capture.1.take(site).ok_or(EditError::NoSuchLayer {
            layer,
            last: decoder.layers() - 1,
        })?;
        let wanted: Vec<u32> = wanted
            .iter()
            .map(|&(b, at)| (b * width + at) as u32)
            .collect();
        let n = wanted.len();
        Ok(Group {
            facts: facts.len(),
            layer,
            enters: enters.detach(),
            span,
            wanted: Tensor::from_vec(wanted, n, device)?,
            target,
            shares: Tensor::from_vec(shares, n, device)?,
        })
    }

    /// Mean over facts of the mean −log p of their tokens.
    fn nll(&self, decoder: &Decoder, task: &mut Task) -> Result<Tensor> {
        let (b, t, d) = self.enters.dims3()?;
        let layers = self.layer..decoder.layers();
        let x = self.enters.clone();
        let x = decoder.run_layers(x, layers, &self.span, None, &mut task.probe)?;
        let x = x.reshape((b * t, d))?.index_select(&self.wanted, 0)?;
        let nll = ops::nll(&decoder.logits(&x, &mut ())?, &self.target)?;
        Ok((nll * &self.shares)?.sum_all()?)
    }
}
