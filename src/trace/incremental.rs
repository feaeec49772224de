//! The grid without recomputing what causality fixes.
//!
//! A cell's run starts after its first restored layer, at its token. All runs
//! at one token have rows of the same shape and share every layer's weights, so
//! they are stacked into one batch; runs that are still alike are one run.

use super::baseline::{Baseline, Module, last_row, mean};
use super::error::Result;
use super::restore::Restoration;
use crate::model::{ModelError, Point, Probe, Site, Span, Window};
use candle_core::Tensor;

/// Rows of one multiplication: enough for the machine's peak, few enough that a
/// layer answers a cancellation at once.
const ROWS: usize = 1024;

/// Computes restorations at `token`, deepest first, and calls `score(i, p)` for
/// each `restorations[i]` as it is known.
pub fn scores(
    base: &Baseline<'_>,
    token: usize,
    restorations: &[Restoration],
    mut score: impl FnMut(usize, f64),
) -> Result<()> {
    let mut order: Vec<usize> = (0..restorations.len()).collect();
    order.sort_by_key(|&i| std::cmp::Reverse(restorations[i].from));
    let rows_a_run = base.samples * (base.tokens - token);
    for chunk in order.chunks((ROWS / rows_a_run).max(1)) {
        let mut batch = Batch::new(base, token, restorations, chunk)?;
        let x = batch.run()?;
        let p = base.probabilities(&last_row(&x)?)?;
        for (strand, p) in batch.strands.iter().zip(p.chunks_exact(base.samples)) {
            for &i in &strand.members {
                score(i, mean(p));
            }
        }
    }
    Ok(())
}

/// Restorations that are one computation so far.
struct Strand {
    members: Vec<usize>,
}

/// Runs at one token, stacked: strand i is batch rows `i·samples..(i + 1)·samples`.
struct Batch<'a> {
    base: &'a Baseline<'a>,
    token: usize,
    restorations: &'a [Restoration],
    /// Those that have not begun, the earliest layer last.
    waiting: Vec<usize>,
    strands: Vec<Strand>,
    span: Span,
}

impl<'a> Batch<'a> {
    fn new(
        base: &'a Baseline<'a>,
        token: usize,
        restorations: &'a [Restoration],
        chunk: &[usize],
    ) -> Result<Batch<'a>> {
        Ok(Batch {
            base,
            token,
            restorations,
            waiting: chunk.to_vec(),
            strands: Vec::new(),
            span: Span::after(token, base.tokens - token, base.decoder.device())?,
        })
    }

    /// From the first restored layer to the last: the last layer's residual, of
    /// its last position alone.
    fn run(&mut self) -> Result<Tensor> {
        let last = self.base.layers() - 1;
        let first = self
            .waiting
            .last()
            .map_or(last, |&i| self.restorations[i].from);
        let mut x = Vec::new();
        for layer in first..=last {
            self.base.brake().check()?;
            if !x.is_empty() {
                let stacked = self.fork(layer, Tensor::cat(&x, 0)?)?;
                x = vec![self.layer(layer, stacked)?];
            }
            self.begin(layer, &mut x)?;
        }
        Ok(Tensor::cat(&x, 0)?)
    }

    fn layer(&self, layer: usize, x: Tensor) -> Result<Tensor> {
        let mut past = self.base.past_before(self.token, layer)?;
        let at_end = layer == self.base.layers() - 1;
        let window = match at_end {
            true => Window::from(self.base.tokens - self.token - 1, &self.span),
            false => Window::all(&self.span),
        };
        let mut probe = Holds {
            batch: self,
            shown: !at_end || window.count == self.span.rows,
        };
        let past = Some(&mut past);
        Ok(self
            .base
            .decoder
            .block_within(layer, x, &window, &self.span, past, &mut probe)?)
    }

    /// Parts members whose hold ends before `layer` from those that go on.
    fn fork(&mut self, layer: usize, x: Tensor) -> Result<Tensor> {
        let mut parts = vec![x.clone()];
        for i in 0..self.strands.len() {
            let held = |&m: &usize| self.restorations[m].holds(layer);
            let members = &self.strands[i].members;
            let (stay, leave): (Vec<usize>, Vec<usize>) = members.iter().partition(|m| held(m));
            if !stay.is_empty() && !leave.is_empty() {
                let samples = self.base.samples;
                parts.push(x.narrow(0, i * samples, samples)?);
                self.strands[i].members = stay;
                self.strands.push(Strand { members: leave });
            }
        }
        Ok(Tensor::cat(&parts, 0)?)
    }

    /// Adds the runs whose first restored layer is `layer`.
    fn begin(&mut self, layer: usize, x: &mut Vec<Tensor>) -> Result<()> {
        let old = self.strands.len();
        while let Some(&i) = self.waiting.last() {
            let restoration = &self.restorations[i];
            if restoration.from != layer {
                break;
            }
            self.waiting.pop();
            let like = |s: &&mut Strand| {
                let first = s.members.first();
                first.is_some_and(|&m| self.restorations[m].begins_like(restoration))
            };
            if let Some(strand) = self.strands[old..].iter_mut().find(like) {
                strand.members.push(i);
                continue;
            }
            x.push(restoration.begin(self.base, self.token)?);
            self.strands.push(Strand { members: vec![i] });
        }
        Ok(())
    }
}

/// Puts recorded module outputs at the token into the strands that hold them.
struct Holds<'a> {
    batch: &'a Batch<'a>,
    /// Whether the token's row is among those that are computed.
    shown: bool,
}

impl Probe for Holds<'_> {
    fn visit(&mut self, site: Site, x: Tensor) -> Result<Tensor, ModelError> {
        let module = match site.point {
            Point::AttnOut => Module::Attn,
            Point::MlpOut => Module::Mlp,
            _ => return Ok(x),
        };
        let Batch {
            base,
            token,
            restorations,
            strands,
            ..
        } = self.batch;
        for (i, strand) in strands.iter().enumerate().filter(|_| self.shown) {
            let Some(hold) = strand
                .members
                .first()
                .and_then(|&m| restorations[m].hold.as_ref())
            else {
                continue;
            };
            if hold.module == module && hold.layers.contains(&site.layer) {
                let recorded = base.record(hold.pass).module(module, site.layer);
                let row = base.row(recorded, *token)?;
                // In place: the module has just made `x`, and nobody else holds it.
                x.narrow(0, i * base.samples, base.samples)?
                    .slice_set(&row, 1, 0)?;
            }
        }
        Ok(x)
    }

    fn wants_key(&self, _layer: usize) -> bool {
        false
    }
}
