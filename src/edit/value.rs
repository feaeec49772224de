//! v* and z: the values that make the model say targets (Meng et al. 2022, §3.1,
//! eq. 4; Meng et al. 2023, eq. 16).
//!
//! δ ∈ R^d is added to what layer ℓ writes at the subject's last token of every
//! context. What does not depend on δ — layers ≤ ℓ, and every position before
//! the subject's last token — runs once; each step runs the layers above ℓ at
//! positions ≥ subject_last, all contexts of all facts in one batch. Each fact
//! has a δ of its own, which no other's loss depends on.

use super::adam::Adam;
use super::context::{Context, norm, pad_right};
use super::error::{EditError, Result};
use super::hyper::Hyper;
use super::parts::Parts;
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
#[derive(Clone, Debug, Default)]
pub struct Value {
    /// v* − t₀, `[d]`.
    pub delta: Vec<f64>,
    /// The unedited value at the bare prompt's subject-last token, `[d]`.
    pub t0: Vec<f64>,
    pub losses: Vec<Loss>,
    /// Whether a step was scaled back to clamp·‖t₀‖ at the end.
    pub clamped: bool,
    /// The optimisation came to its end.
    pub done: bool,
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
/// Contexts of one batch: more fill no core better, and take memory.
const CONTEXTS: usize = 128;

/// Minimises NLL + KL + weight decay over each fact's δ, added at `site`
/// (`MlpOut` or `ResidPost`); `each` sees every evaluation: the number of the
/// fact, the step, the loss.
pub fn optimise<P: Probe + Send>(
    decoder: &Decoder,
    facts: &[Context],
    site: Site,
    hyper: &Hyper,
    probe: &mut P,
    mut each: impl FnMut(usize, usize, Loss),
) -> Result<Vec<Value>> {
    let contexts = facts.iter().map(|fact| fact.rows.len() + 1).max();
    let room = (CONTEXTS / contexts.unwrap_or(1)).max(1);
    let parts = Parts::of(decoder, facts.len().min(room) * contexts.unwrap_or(1))?;
    let mut waiting = facts.iter().enumerate();
    let mut open: Vec<Open> = Vec::new();
    let mut values = vec![Value::default(); facts.len()];
    // Some facts are there in ten steps and some never: those that are done make
    // room for others, so that a batch is full until none are waiting.
    loop {
        let new = waiting.by_ref().take(room - open.len());
        open.extend(new.map(|(number, fact)| Open::new(number, fact)));
        if open.is_empty() {
            return Ok(values);
        }
        together(decoder, &parts, &mut open, site, hyper, probe, &mut each)?;
        for done in open.extract_if(.., |fact| fact.value.done) {
            values[done.number] = done.value;
        }
    }
}

/// A fact whose δ is on its way.
struct Open<'a> {
    number: usize,
    context: &'a Context,
    value: Value,
    adam: Adam,
}

impl Open<'_> {
    fn new(number: usize, context: &Context) -> Open<'_> {
        Open {
            number,
            context,
            value: Value::default(),
            adam: Adam::new(0),
        }
    }

    /// Whether every step of it is still to be made.
    fn is_new(&self) -> bool {
        self.value.losses.is_empty()
    }
}

/// Steps with one batch, until so many of its facts are done that others should
/// take their place.
fn together<P: Probe + Send>(
    decoder: &Decoder,
    parts: &Parts,
    open: &mut [Open],
    site: Site,
    hyper: &Hyper,
    probe: &mut P,
    each: &mut impl FnMut(usize, usize, Loss),
) -> Result<()> {
    let facts: Vec<&Context> = open.iter().map(|fact| fact.context).collect();
    let new = |part| Problem::new(decoder, &facts, (part, parts.count()), site, probe);
    let problems = (0..parts.count()).map(new).collect::<Result<Vec<_>>>()?;
    let d = decoder.config.d;
    for (fact, t0) in problems.iter().flat_map(|problem| &problem.t0) {
        if open[*fact].is_new() {
            open[*fact].value = Value::at(t0.clone());
            open[*fact].adam = Adam::new(d);
        }
    }
    // A new batch costs about two steps.
    let enough = open.len().div_ceil(4);
    loop {
        let deltas = open.iter().flat_map(|f| &f.value.delta).map(|&x| x as f32);
        let deltas: Vec<f32> = deltas.collect();
        let shape = (open.len(), d);
        // The first part looks whether it is to stop; the others end with it.
        let mut probe = Some(&mut *probe);
        let asked = problems.iter().map(|problem| (problem, probe.take()));
        let losses = parts.each(asked.collect(), |(problem, probe)| {
            let variable = Var::from_vec(deltas.clone(), shape, decoder.device())?;
            let losses = match probe {
                Some(probe) => problem.losses(decoder, &variable, probe)?,
                None => problem.losses(decoder, &variable, &mut ())?,
            };
            Ok((variable, losses))
        })?;
        let mut found = vec![(0.0, 0.0); open.len()];
        for (_, part) in &losses {
            for (sum, (nll, kl)) in found.iter_mut().zip(part.each(open.len())?) {
                *sum = (sum.0 + nll, sum.1 + kl);
            }
        }
        for (fact, (nll, kl)) in open.iter_mut().zip(found) {
            if !fact.value.done {
                let step = fact.value.losses.len();
                let loss = fact.value.look(nll, kl, hyper)?;
                each(fact.number, step, loss);
            }
        }
        if open.iter().filter(|fact| fact.value.done).count() >= enough {
            return Ok(());
        }
        let gradients = parts.each(losses, |(variable, losses)| {
            let grads = losses.total(hyper.kl_factor)?.backward()?;
            let Some(gradient) = grads.get(&variable) else {
                return Err(EditError::NotFinite { step: 0 });
            };
            Ok(gradient.to_dtype(DType::F64)?.to_vec2::<f64>()?)
        })?;
        let gradient = gradients.into_iter().reduce(|mut sum, part| {
            let each = sum.iter_mut().flatten().zip(part.iter().flatten());
            each.for_each(|(sum, g)| *sum += g);
            sum
        });
        let gradient = gradient.unwrap_or_default();
        let moving = open.iter_mut().zip(&gradient);
        for (fact, gradient) in moving.filter(|(fact, _)| !fact.value.done) {
            fact.value.step(&mut fact.adam, gradient, hyper);
        }
    }
}

impl Value {
    fn at(t0: Vec<f64>) -> Value {
        Value {
            delta: vec![0.0; t0.len()],
            t0,
            ..Value::default()
        }
    }

    /// Takes note of one evaluation: is it enough?
    fn look(&mut self, nll: f64, kl: f64, hyper: &Hyper) -> Result<Loss> {
        let step = self.losses.len();
        let kl = kl * hyper.kl_factor;
        let wd = hyper.weight_decay * norm(&self.delta) / norm(&self.t0).powi(2);
        let total = nll + kl + wd;
        if !total.is_finite() {
            return Err(EditError::NotFinite { step });
        }
        let loss = Loss { nll, kl, wd, total };
        self.losses.push(loss);
        self.done = total < ENOUGH || step + 1 == hyper.steps;
        Ok(loss)
    }

    /// One step of Adam, then back to within the clamp.
    fn step(&mut self, adam: &mut Adam, gradient: &[f64], hyper: &Hyper) {
        let (delta_norm, t0_norm) = (norm(&self.delta), norm(&self.t0));
        // d‖δ‖/dδ = δ/‖δ‖, taken as 0 at δ = 0.
        let decay = match delta_norm > 0.0 {
            true => hyper.weight_decay / (t0_norm * t0_norm) / delta_norm,
            false => 0.0,
        };
        let start = self.delta.clone();
        let gradient = gradient.iter().zip(&start).map(|(g, x)| g + decay * x);
        adam.step(&mut self.delta, gradient, hyper.lr);
        let (length, limit) = (norm(&self.delta), hyper.clamp * t0_norm);
        self.clamped = length > limit;
        if self.clamped {
            self.delta.iter_mut().for_each(|v| *v *= limit / length);
        }
    }
}

/// What does not change from step to step.
struct Problem {
    /// Residual after the layer at positions ≥ subject_last, `[B, R, d]`.
    base: Tensor,
    layer: usize,
    span: Span,
    past: Past,
    /// Whose δ a row of the batch takes, `[B]`.
    owner: Tensor,
    /// Flat rows of `[B·R]` whose logits count: the targets', then each fact's KL row.
    wanted: Tensor,
    /// The target's tokens once per context, `[N, 1]`.
    target: Tensor,
    /// Of each target token: its fact, and its share in the fact's mean.
    shares: Vec<(usize, f64)>,
    /// The facts whose KL rows this part has.
    essences: Vec<usize>,
    /// log p at those rows before the edit, `[F, V]`.
    essence: Option<Tensor>,
    /// The unedited values at the bare prompts' subjects, of facts it has.
    t0: Vec<(usize, Vec<f64>)>,
}

impl Problem {
    /// One part of so many: every so manieth row of the facts.
    fn new<P: Probe>(
        decoder: &Decoder,
        facts: &[&Context],
        part: (usize, usize),
        site: Site,
        probe: &mut P,
    ) -> Result<Problem> {
        let device = decoder.device();
        let mut batch = Batch::default();
        for (fact, &context) in facts.iter().enumerate() {
            batch.add(fact, context, part);
        }
        let (starts, lengths) = (&batch.starts, &batch.lengths);
        let padded = pad_right(&batch.ids);
        let refs: Vec<&[u32]> = padded.iter().map(Vec::as_slice).collect();
        let width = refs.first().map_or(0, |row| row.len());
        decoder.check_length(width)?;

        // One whole pass: the residual after the layer, and every key and value.
        let layer = site.layer;
        let post_site = Site::new(layer, Point::ResidPost);
        let mut capture = (&mut *probe, Capture::at([post_site, site]));
        let mut past = Past::growing(decoder.layers());
        let span = Span::whole(width, device)?;
        let x = decoder.embed(&refs, &span, &mut capture)?;
        let last =
            decoder.run_layers(x, 0..decoder.layers(), &span, Some(&mut past), &mut capture)?;
        let mut capture = capture.1;
        let gone = || EditError::NoSuchLayer {
            layer,
            last: decoder.layers() - 1,
        };
        let post = capture.seen.get(&post_site).cloned().ok_or_else(gone)?;
        let value = capture.take(site).ok_or_else(gone)?;
        let t0 = |&(fact, row): &(usize, usize)| -> Result<(usize, Vec<f64>)> {
            let value = value.get(row)?.get(starts[row])?;
            Ok((fact, value.to_dtype(DType::F64)?.to_vec1()?))
        };
        let t0 = batch.bare.iter().map(t0).collect::<Result<_>>()?;

        // Rows of the batch, shifted so that each starts at its subject_last.
        let rows = lengths.iter().zip(starts).map(|(len, start)| len - start);
        let rows = rows.max().unwrap_or(1);
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
        let essence = (batch.essences.iter()).map(|&(_, row)| last.get(row)?.get(starts[row]));
        let essence: Vec<Tensor> = essence.collect::<candle_core::Result<_>>()?;
        let essence = match essence.is_empty() {
            true => None,
            false => Some(decoder.log_probs(&Tensor::stack(&essence, 0)?)?.detach()),
        };

        let flat = |&(row, at): &(usize, usize)| (row * rows + at - starts[row]) as u32;
        let mut wanted: Vec<u32> = batch.wanted.iter().map(flat).collect();
        wanted.extend((batch.essences.iter()).map(|&(_, row)| (row * rows) as u32));
        let (counted, targets) = (wanted.len(), batch.target.len());
        Ok(Problem {
            base,
            layer,
            span: Span::ragged(starts, deepest, rows, device)?,
            past: past.truncated(deepest)?,
            owner: Tensor::from_vec(batch.owner, refs.len(), device)?,
            wanted: Tensor::from_vec(wanted, counted, device)?,
            target: Tensor::from_vec(batch.target, (targets, 1), device)?,
            shares: batch.shares,
            essences: batch.essences.iter().map(|&(fact, _)| fact).collect(),
            essence,
            t0,
        })
    }

    /// NLL of every target token and (unscaled) KL of every fact, at δ `[F, d]`.
    fn losses<P: Probe>(
        &self,
        decoder: &Decoder,
        delta: &Tensor,
        probe: &mut P,
    ) -> Result<Losses<'_>> {
        let (batch, rows, d) = self.base.dims3()?;
        let delta = delta.index_select(&self.owner, 0)?.unsqueeze(1)?;
        let edited = (self.base.narrow(1, 0, 1)? + delta)?;
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
            .squeeze(1)?
            .neg()?;
        // KL(p_new ‖ p_init), as the released code has it.
        let kl = match &self.essence {
            None => None,
            Some(essence) => {
                let now = log_probs.narrow(0, targets, self.essences.len())?;
                Some((now.exp()? * (&now - essence)?)?.sum(D::Minus1)?)
            }
        };
        Ok(Losses {
            nll,
            kl,
            essences: &self.essences,
            shares: &self.shares,
        })
    }
}

/// One evaluation, as graph nodes.
struct Losses<'a> {
    /// Of each target token, `[N]`.
    nll: Tensor,
    /// Of the facts of which this part has it, `[F]`.
    kl: Option<Tensor>,
    essences: &'a [usize],
    shares: &'a [(usize, f64)],
}

impl Losses<'_> {
    /// This part's share in each fact's mean NLL, and the KL.
    fn each(&self, facts: usize) -> Result<Vec<(f64, f64)>> {
        let mut losses = vec![(0.0, 0.0); facts];
        if let Some(kl) = &self.kl {
            let kl: Vec<f64> = kl.to_dtype(DType::F64)?.to_vec1()?;
            for (&fact, kl) in self.essences.iter().zip(kl) {
                losses[fact].1 = kl;
            }
        }
        let nll: Vec<f64> = self.nll.to_dtype(DType::F64)?.to_vec1()?;
        for (nll, &(fact, share)) in nll.iter().zip(self.shares) {
            losses[fact].0 += share * nll;
        }
        Ok(losses)
    }

    /// The sum over facts of what depends on δ through the model.
    fn total(&self, kl_factor: f64) -> Result<Tensor> {
        let shares: Vec<f32> = self.shares.iter().map(|(_, share)| *share as f32).collect();
        let shares = Tensor::new(shares, self.nll.device())?;
        let nll = (&self.nll * shares)?.sum_all()?;
        Ok(match &self.kl {
            Some(kl) => (nll + (kl.sum_all()? * kl_factor)?)?,
            None => nll,
        })
    }
}

/// Token rows of several facts.
#[derive(Default)]
struct Batch {
    ids: Vec<Vec<u32>>,
    /// Each row's subject_last.
    starts: Vec<usize>,
    lengths: Vec<usize>,
    owner: Vec<u32>,
    /// Contexts of all parts so far.
    dealt: usize,
    /// A fact and the row of its bare prompt, or of its KL.
    bare: Vec<(usize, usize)>,
    essences: Vec<(usize, usize)>,
    /// Row and position whose logits foresee a target token.
    wanted: Vec<(usize, usize)>,
    target: Vec<u32>,
    shares: Vec<(usize, f64)>,
}

impl Batch {
    /// Every `of`th context of all facts from the `part`th on, and every `of`th
    /// fact's KL row: dealt out like cards.
    fn add(&mut self, fact: usize, context: &Context, (part, of): (usize, usize)) {
        let n = context.target.len();
        let share = 1.0 / (n * context.rows.len()) as f64;
        for (nth, row) in context.rows.iter().enumerate() {
            self.dealt += 1;
            if self.dealt % of != part {
                continue;
            }
            if nth == 0 {
                self.bare.push((fact, self.ids.len()));
            }
            // Teacher forcing joins token ids: the last target token is only predicted.
            let first = row.ids.len() - 1;
            self.wanted
                .extend((0..n).map(|j| (self.ids.len(), first + j)));
            self.target.extend(&context.target);
            self.shares.extend((0..n).map(|_| (fact, share)));
            let ids = [&row.ids[..], &context.target[..n - 1]].concat();
            self.push(fact, ids, row.subject_last);
        }
        if fact % of == part {
            self.essences.push((fact, self.ids.len()));
            let essence = &context.essence;
            self.push(fact, essence.ids.clone(), essence.subject_last);
        }
    }

    fn push(&mut self, fact: usize, ids: Vec<u32>, start: usize) {
        self.owner.push(fact as u32);
        self.starts.push(start);
        self.lengths.push(ids.len());
        self.ids.push(ids);
    }
}
