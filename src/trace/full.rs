//! The same grid the plain way: a whole forward pass for every cell. Slow, and
//! simple enough to be believed; the incremental grid is checked against it.

use super::baseline::{Module, Pass, Scene, last_row, mean, probabilities};
use super::error::Result;
use super::noise;
use super::restore::Restoration;
use super::spec::Kind;
use crate::model::probe::{Capture, Patch};
use crate::model::{Decoder, ModelError, Point, Probe, Site, Span};
use candle_core::Tensor;

/// A corrupted prompt, ready to be run with any patches.
pub struct FullTrace<'a> {
    decoder: &'a Decoder,
    samples: usize,
    /// Corrupted input of layer 0, [samples, T, d].
    x: Tensor,
    span: Span,
    clean: Capture,
    corrupted: Capture,
    pub answer: u32,
    pub high: f64,
    pub low: f64,
}

impl<'a> FullTrace<'a> {
    pub fn new(decoder: &'a Decoder, scene: &Scene<'_>) -> Result<FullTrace<'a>> {
        let (tokens, layers) = (scene.ids.len(), decoder.layers());
        let points = [Point::AttnOut, Point::MlpOut, Point::ResidPost];
        let capture =
            || Capture::at((0..layers).flat_map(|l| points.map(|point| Site::new(l, point))));
        let span = Span::whole(tokens, decoder.device())?;
        let embedded = decoder.embed_tokens(&[scene.ids])?;

        let mut clean = capture();
        let x = decoder.add_positions(&embedded, &span)?;
        let out = decoder.run_layers(x, 0..layers, &span, None, &mut clean)?;
        let logits = decoder.logits(&last_row(&out)?, &mut ())?;
        let answer = match scene.answer {
            Some(answer) => answer,
            None => logits.squeeze(0)?.argmax(0)?.to_scalar()?,
        };
        let high = probability(&logits, answer)?;

        let (first, d) = (scene.subject.start, decoder.config.d);
        let rows = embedded.narrow(1, first, tokens - first)?;
        let noisy = noise::corrupt(&rows, scene.noise, scene.samples, scene.subject.len())?;
        let before = embedded
            .narrow(1, 0, first)?
            .broadcast_as((scene.samples, first, d))?;
        let x = Tensor::cat(&[before.contiguous()?, noisy], 1)?;
        let x = decoder.add_positions(&x, &span)?;
        let mut corrupted = capture();
        let out = decoder.run_layers(x.clone(), 0..layers, &span, None, &mut corrupted)?;
        let low = probability(&decoder.logits(&last_row(&out)?, &mut ())?, answer)?;
        let samples = scene.samples;
        Ok(FullTrace {
            decoder,
            samples,
            x,
            span,
            clean,
            corrupted,
            answer,
            high,
            low,
        })
    }

    /// p(answer), mean over the corrupted rows, with everything in `patches` put back.
    pub fn patched(&self, patches: Vec<Patch>) -> Result<f64> {
        let mut probe = All(patches);
        let layers = 0..self.decoder.layers();
        let out = self
            .decoder
            .run_layers(self.x.clone(), layers, &self.span, None, &mut probe)?;
        probability(
            &self.decoder.logits(&last_row(&out)?, &mut ())?,
            self.answer,
        )
    }

    /// The clean states of every layer at every position.
    pub fn everything(&self) -> Vec<Patch> {
        let states = self
            .clean
            .seen
            .iter()
            .filter(|(site, _)| site.point == Point::ResidPost);
        states
            .map(|(&site, rows)| Patch {
                site,
                at: 0,
                rows: rows.clone(),
            })
            .collect()
    }

    /// The score of `restoration` at `token`.
    pub fn score(&self, restoration: &Restoration, token: usize) -> Result<f64> {
        let first = match restoration.kind {
            Kind::State => Point::ResidPost,
            Kind::Mlp => Point::MlpOut,
            Kind::Attn => Point::AttnOut,
        };
        let mut patches = vec![self.patch(Pass::Clean, restoration.from, first, token)?];
        if let Some(hold) = &restoration.hold {
            let point = match hold.module {
                Module::Mlp => Point::MlpOut,
                Module::Attn => Point::AttnOut,
            };
            for layer in hold.layers.clone() {
                patches.push(self.patch(hold.pass, layer, point, token)?);
            }
        }
        self.patched(patches)
    }

    fn patch(&self, pass: Pass, layer: usize, point: Point, token: usize) -> Result<Patch> {
        let site = Site::new(layer, point);
        let capture = match pass {
            Pass::Clean => &self.clean,
            Pass::Corrupted => &self.corrupted,
        };
        let rows = capture.seen[&site].narrow(1, token, 1)?;
        debug_assert!(rows.dim(0)? == 1 || rows.dim(0)? == self.samples);
        Ok(Patch {
            site,
            at: token,
            rows,
        })
    }
}

fn probability(logits: &Tensor, answer: u32) -> Result<f64> {
    Ok(mean(&probabilities(logits, answer)?))
}

/// All patches, in order.
struct All(Vec<Patch>);

impl Probe for All {
    fn visit(&mut self, site: Site, x: Tensor) -> Result<Tensor, ModelError> {
        self.0
            .iter_mut()
            .try_fold(x, |x, patch| patch.visit(site, x))
    }
}
