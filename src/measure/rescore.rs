//! The same questions asked again and again of weights that change a little:
//! only what can have changed is computed.
//!
//! An edit at layer ℓ leaves every residual up to ℓ as it was. Each pass keeps
//! the residual that enters the layer which changed last, and goes on from
//! there the next time: as one edit's α moves, that is its own layer. Weights
//! that were scored already, as those of an edit that is switched off, cost
//! nothing at all.

use super::score::{Ask, BATCH_TOKENS, Pass, Scored};
use crate::edit::error::Result;
use crate::model::Decoder;
use crate::model::probe::Probe;
use candle_core::Tensor;
use std::ops::Range;

/// Tokens of the first passes: few, so that the first answers come at once;
/// then more, because many rows share the reading of a weight.
const FIRST: usize = 64;
const GROWS: usize = 4;
/// Residuals are kept for so many numbers (256 MB in f32); passes beyond are
/// computed from the start.
const KEPT: usize = 64 << 20;

/// Asks in passes, with what is known of each.
pub struct Rescore {
    asks: Vec<Ask>,
    passes: Vec<Known>,
}

struct Known {
    asks: Range<usize>,
    pass: Pass,
    /// Whether there is room to keep a residual.
    keeps: bool,
    below: Option<Below>,
    /// What was said by the weights that were asked first, the unedited ones,
    /// and by those that were asked last.
    said: Vec<Said>,
}

struct Said {
    decoder: Decoder,
    answers: Vec<Scored>,
}

/// The residual that enters `layer`, of the weights of `decoder` below it.
struct Below {
    decoder: Decoder,
    layer: usize,
    x: Tensor,
}

impl Rescore {
    /// Makes the passes ready; nothing is computed yet.
    pub fn new(decoder: &Decoder, asks: Vec<Ask>) -> Result<Rescore> {
        let mut passes = Vec::new();
        let (mut from, mut most, mut kept) = (0, FIRST, 0);
        while from < asks.len() {
            let to = from + Pass::takes(&asks[from..], most);
            let pass = Pass::new(decoder, &asks[from..to])?;
            kept += pass.tokens() * decoder.config.d;
            passes.push(Known {
                asks: from..to,
                pass,
                keeps: kept <= KEPT,
                below: None,
                said: Vec::new(),
            });
            (from, most) = (to, (most * GROWS).min(BATCH_TOKENS));
        }
        Ok(Rescore { asks, passes })
    }

    /// What `decoder` says of every ask, in their order; `each` sees them as
    /// they are known. `next` is the layer that is likely to change next, where
    /// the weights themselves do not tell yet.
    pub fn run<P: Probe>(
        &mut self,
        decoder: &Decoder,
        next: Option<usize>,
        probe: &mut P,
        mut each: impl FnMut(usize, &Scored),
    ) -> Result<()> {
        for known in &mut self.passes {
            let places = known.asks.clone();
            let asks = &self.asks[places.clone()];
            let said = known.ask(decoder, asks, next, probe)?;
            for (i, one) in places.zip(said) {
                each(i, one);
            }
        }
        Ok(())
    }
}

impl Known {
    fn ask<P: Probe>(
        &mut self,
        decoder: &Decoder,
        asks: &[Ask],
        next: Option<usize>,
        probe: &mut P,
    ) -> Result<&[Scored]> {
        let same = |said: &Said| decoder.first_difference(&said.decoder).is_none();
        let at = match self.said.iter().position(same) {
            Some(at) => at,
            None => {
                let last = self.said.last();
                let changed = last.map_or(next, |last| decoder.first_difference(&last.decoder));
                let x = self.last_residual(decoder, changed, probe)?;
                let answers = self.pass.read(decoder, asks, &x)?;
                self.said.truncate(1);
                self.said.push(Said {
                    decoder: decoder.clone(),
                    answers,
                });
                self.said.len() - 1
            }
        };
        Ok(&self.said[at].answers)
    }

    /// The residual that leaves the last layer; the one that enters `keep` is
    /// kept on the way.
    fn last_residual<P: Probe>(
        &mut self,
        decoder: &Decoder,
        keep: Option<usize>,
        probe: &mut P,
    ) -> Result<Tensor> {
        let still = self.below.as_ref().filter(|below| {
            let same_until = decoder.first_difference(&below.decoder);
            same_until.is_none_or(|layer| layer >= below.layer)
        });
        let (mut x, mut at) = match still {
            Some(below) => (below.x.clone(), below.layer),
            None => (self.pass.enter(decoder, probe)?, 0),
        };
        if let Some(layer) = keep.filter(|&layer| layer > at && self.keeps) {
            x = self.pass.run(decoder, x, at..layer, probe)?;
            at = layer;
            self.below = Some(Below {
                decoder: decoder.clone(),
                layer,
                x: x.clone(),
            });
        }
        self.pass.run(decoder, x, at..decoder.layers(), probe)
    }
}
