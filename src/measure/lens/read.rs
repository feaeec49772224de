//! Residuals of one forward pass, and what the head says of them.

use super::data::{Guess, Seen};
use super::error::Result;
use super::failed;
use crate::model::ops::log_softmax;
use crate::model::probe::{Capture, Point, Probe, Site};
use crate::model::sample::top_k;
use crate::model::{Decoder, Past, Span, Tokens};
use candle_core::Tensor;

/// Logits that are in memory at once (16 MB in f32): enough rows to share the
/// reading of the head, few enough to stop soon.
const LOGITS: usize = 4 << 20;

/// The residuals `[T, d]` of some depths, the deepest last.
pub struct Residuals {
    span: Span,
    at: Vec<Tensor>,
}

impl Residuals {
    /// Of every depth, from one forward pass over `ids`.
    pub fn of<P: Probe>(decoder: &Decoder, ids: &[u32], probe: &mut P) -> Result<Residuals> {
        let span = Span::whole(ids.len(), decoder.device())?;
        let x = decoder.embed(&[ids], &span, probe)?;
        Residuals::after(x, 0, span, decoder, probe)
    }

    /// Of the depths that `layer` and those above it can change, on other weights.
    pub fn from<P: Probe>(
        &self,
        layer: usize,
        decoder: &Decoder,
        probe: &mut P,
    ) -> Result<Residuals> {
        let x = self.at[layer].unsqueeze(0).map_err(failed)?;
        let mut above = Residuals::after(x, layer, self.span.clone(), decoder, probe)?;
        above.at.remove(0);
        Ok(above)
    }

    /// `x` `[1, T, d]`, which enters `first`, and what each layer from there makes of it.
    fn after<P: Probe>(
        x: Tensor,
        first: usize,
        span: Span,
        decoder: &Decoder,
        probe: &mut P,
    ) -> Result<Residuals> {
        let layers = first..decoder.layers();
        let sites = layers.clone().map(|l| Site::new(l, Point::ResidPost));
        let mut probe = (probe, Capture::at(sites.clone()));
        decoder.run_layers(x.clone(), layers, &span, None::<&mut Past>, &mut probe)?;
        let mut seen = probe.1;
        let at = [x].into_iter().chain(sites.filter_map(|s| seen.take(s)));
        let at = at.map(|x| x.squeeze(0)).collect::<candle_core::Result<_>>();
        Ok(Residuals {
            at: at.map_err(failed)?,
            span,
        })
    }

    pub fn cells(&self) -> usize {
        self.at.len() * self.span.rows
    }

    /// The one that the model's answer is read from, `[1, d]`.
    pub fn output(&self) -> Result<Tensor> {
        let last = &self.at[self.at.len() - 1];
        last.narrow(0, self.span.rows - 1, 1).map_err(failed)
    }
}

/// Reads cells: which tokens are asked for, and how many are told beside them.
pub struct Rows<'a> {
    pub tokens: &'a Tokens,
    /// Old and new.
    pub answers: [u32; 2],
    pub top: usize,
    /// Cells that are read, of how many.
    pub done: usize,
    pub all: usize,
    pub each: &'a mut dyn FnMut(usize, usize),
}

impl Rows<'_> {
    /// Final norm, head and log-softmax in f32 on every residual, some rows at a time.
    pub fn read<P: Probe>(
        &mut self,
        decoder: &Decoder,
        residuals: &Residuals,
        probe: &mut P,
    ) -> Result<Seen> {
        let (rows, depths) = (residuals.span.rows, residuals.at.len());
        let flat = Tensor::cat(&residuals.at, 0).map_err(failed)?;
        let batch = (LOGITS / decoder.config.vocab.max(1)).max(1);
        let empty = || vec![Vec::with_capacity(depths); rows];
        let [mut p_old, mut p_new] = [empty(), empty()];
        let mut top = vec![Vec::with_capacity(depths); rows];
        let mut row = 0;
        while row < rows * depths {
            let count = batch.min(rows * depths - row);
            let some = flat.narrow(0, row, count).map_err(failed)?;
            let log_p = log_softmax(&decoder.logits(&some, probe)?).map_err(failed)?;
            for log_p in log_p.to_vec2::<f32>().map_err(failed)? {
                let p = |id: u32| f64::from(log_p[id as usize]).exp();
                let [old, new] = self.answers.map(p);
                p_old[row % rows].push(old);
                p_new[row % rows].push(new);
                top[row % rows].push(self.likeliest(&log_p));
                row += 1;
            }
            self.done += count;
            (self.each)(self.done, self.all);
        }
        Ok(Seen::new(p_old, p_new, top))
    }

    fn likeliest(&self, log_p: &[f32]) -> Vec<Guess> {
        let guess = |(id, log_p): (u32, f32)| Guess {
            id,
            text: self.tokens.show(id),
            p: f64::from(log_p).exp(),
        };
        top_k(log_p, self.top).into_iter().map(guess).collect()
    }
}
