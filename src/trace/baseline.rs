//! One clean and one corrupted pass, and what they leave behind: everything
//! that a restoration does not change is read from here (ALGORITHMS §1).

use super::error::Result;
use super::noise;
use crate::model::probe::Capture;
use crate::model::{Brake, Decoder, ModelError, Past, Point, Site, Span, ops};
use candle_core::Tensor;
use std::ops::Range;

/// Rows that the head reads at a time, between two looks at the brake.
const LOGIT_ROWS: usize = 512;

/// A module whose output is restored or held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Module {
    Mlp,
    Attn,
}

/// Which of the two passes a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    Clean,
    Corrupted,
}

/// A prompt whose subject is to be corrupted.
pub struct Scene<'a> {
    pub ids: &'a [u32],
    pub subject: Range<usize>,
    pub samples: usize,
    /// Row-major [samples, subject tokens, d], already scaled.
    pub noise: &'a [f64],
    /// The answer that is followed; `None`: the clean run's most likely token.
    pub answer: Option<u32>,
}

/// Activations of one pass at positions `first..tokens`: the residual that
/// enters layer 0, and by layer what attention and MLP add and what leaves.
/// Each is [1 or samples, tokens − first, d].
pub struct Record {
    entering: Tensor,
    attn: Vec<Tensor>,
    mlp: Vec<Tensor>,
    post: Vec<Tensor>,
}

impl Record {
    fn of(entering: Tensor, capture: &Capture, layers: usize, first: usize) -> Result<Record> {
        let point = |point| -> Result<Vec<Tensor>> {
            let seen = (0..layers).filter_map(|layer| capture.seen.get(&Site::new(layer, point)));
            seen.map(|x| Ok(x.narrow(1, first, x.dim(1)? - first)?.contiguous()?))
                .collect()
        };
        Ok(Record {
            entering: entering
                .narrow(1, first, entering.dim(1)? - first)?
                .contiguous()?,
            attn: point(Point::AttnOut)?,
            mlp: point(Point::MlpOut)?,
            post: point(Point::ResidPost)?,
        })
    }

    /// The residual that enters `layer`.
    pub fn pre(&self, layer: usize) -> &Tensor {
        match layer {
            0 => &self.entering,
            _ => &self.post[layer - 1],
        }
    }

    /// The residual that leaves `layer`.
    pub fn post(&self, layer: usize) -> &Tensor {
        &self.post[layer]
    }

    pub fn module(&self, module: Module, layer: usize) -> &Tensor {
        match module {
            Module::Mlp => &self.mlp[layer],
            Module::Attn => &self.attn[layer],
        }
    }
}

/// Both passes over one prompt.
pub struct Baseline<'a> {
    pub decoder: &'a Decoder,
    /// The subject's first token: nothing before it is ever corrupted.
    pub first: usize,
    pub tokens: usize,
    pub samples: usize,
    pub answer: u32,
    /// p(answer), clean.
    pub high: f64,
    /// p(answer), mean over the corrupted rows.
    pub low: f64,
    pub clean: Record,
    pub corrupted: Record,
    /// The corrupted pass's keys and values, by layer [samples, tokens, ·].
    past: Past,
    brake: Brake<'a>,
}

impl<'a> Baseline<'a> {
    pub fn new(decoder: &'a Decoder, scene: &Scene<'_>, brake: Brake<'a>) -> Result<Self> {
        let (tokens, first, layers) = (scene.ids.len(), scene.subject.start, decoder.layers());
        let sites = [Point::AttnOut, Point::MlpOut, Point::ResidPost];
        let capture =
            || Capture::at((0..layers).flat_map(|l| sites.map(|point| Site::new(l, point))));

        let whole = Span::whole(tokens, decoder.device())?;
        let embedded = decoder.embed_tokens(&[scene.ids])?;
        let x = decoder.add_positions(&embedded, &whole)?;
        let mut probe = (capture(), brake);
        let mut past = Past::growing(layers);
        let out = decoder.run_layers(x.clone(), 0..layers, &whole, Some(&mut past), &mut probe)?;
        let clean = Record::of(x, &probe.0, layers, first)?;
        let last = last_row(&out)?;
        let logits = decoder.logits(&last, &mut ())?;
        let answer = match scene.answer {
            Some(answer) => answer,
            None => logits.squeeze(0)?.argmax(0)?.to_scalar()?,
        };
        let high = mean(&probabilities(&logits, answer)?);

        // Nothing before the subject feels the noise: its keys and values are the clean ones.
        let rows = embedded.narrow(1, first, tokens - first)?;
        let x = noise::corrupt(&rows, scene.noise, scene.samples, scene.subject.len())?;
        let span = Span::after(first, tokens - first, decoder.device())?;
        let x = decoder.add_positions(&x, &span)?;
        let mut probe = (capture(), brake);
        let mut past = past.truncated(first)?;
        past.grows = true;
        let noisy = decoder.run_layers(x.clone(), 0..layers, &span, Some(&mut past), &mut probe)?;

        let mut baseline = Baseline {
            decoder,
            first,
            tokens,
            samples: scene.samples,
            answer,
            high,
            low: 0.0,
            clean,
            corrupted: Record::of(x, &probe.0, layers, 0)?,
            past,
            brake,
        };
        baseline.low = mean(&baseline.probabilities(&last_row(&noisy)?)?);
        Ok(baseline)
    }

    pub fn layers(&self) -> usize {
        self.decoder.layers()
    }

    pub fn record(&self, pass: Pass) -> &Record {
        match pass {
            Pass::Clean => &self.clean,
            Pass::Corrupted => &self.corrupted,
        }
    }

    /// The row of `token` in a recorded tensor, once for every sample: [samples, 1, d].
    pub fn row(&self, recorded: &Tensor, token: usize) -> Result<Tensor, ModelError> {
        let row = recorded.narrow(1, token - self.first, 1)?;
        Ok(row
            .broadcast_as((self.samples, 1, row.dim(2)?))?
            .contiguous()?)
    }

    /// Corrupted keys and values of positions before `token` at `layer`, an
    /// entry a sample; nothing at other layers.
    pub fn past_before(&self, token: usize, layer: usize) -> Result<Past> {
        let mut layers = vec![None; self.layers()];
        if let (true, Some((k, v))) = (token > 0, self.past.at(layer)) {
            let before = |x: &Tensor| x.narrow(1, 0, token)?.contiguous();
            layers[layer] = Some((before(k)?, before(v)?));
        }
        Ok(Past {
            layers,
            grows: false,
        })
    }

    /// p(answer) after each last residual row of `rows` [N, d].
    pub fn probabilities(&self, rows: &Tensor) -> Result<Vec<f64>> {
        let n = rows.dim(0)?;
        let mut p = Vec::with_capacity(n);
        for first in (0..n).step_by(LOGIT_ROWS) {
            self.brake.check()?;
            let rows = rows.narrow(0, first, LOGIT_ROWS.min(n - first))?;
            let nll = self.decoder.nll(&rows, &vec![self.answer; rows.dim(0)?])?;
            p.extend(nll.iter().map(|&nll| (-f64::from(nll)).exp()));
        }
        Ok(p)
    }

    /// What stops each pass.
    pub fn brake(&self) -> Brake<'a> {
        self.brake
    }
}

/// p(answer) by rows of `logits` [N, V].
pub fn probabilities(logits: &Tensor, answer: u32) -> Result<Vec<f64>> {
    let nll = ops::nll(logits, &vec![answer; logits.dim(0)?])?;
    let nll: Vec<f32> = nll.to_vec1()?;
    Ok(nll.iter().map(|&nll| (-f64::from(nll)).exp()).collect())
}

/// The last position of [B, R, d]: [B, d].
pub fn last_row(x: &Tensor) -> Result<Tensor> {
    let rows = x.dim(1)?;
    Ok(x.narrow(1, rows - 1, 1)?.squeeze(1)?.contiguous()?)
}

pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}
