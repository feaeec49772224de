//! What v* minimises: NLL of the targets and KL at "{subject} is a", as a function
//! of the δ that layer ℓ writes more at the subject's last token, or several layers.
//!
//! What does not depend on δ — layers ≤ ℓ, and every position before the
//! subject's last token — runs once; each evaluation runs the layers above ℓ at
//! positions ≥ subject_last, all contexts of all facts in one batch, or in one
//! a core (`parts.rs`).

use super::context::{Context, pad_right};
use super::error::{EditError, Result};
use super::parts::Parts;
use crate::model::ops;
use crate::model::probe::{Capture, Point, Probe, Site};
use crate::model::{Decoder, Past, Span, Window};
use candle_core::{D, DType, Tensor, Var};
use std::collections::BTreeMap;

/// The losses of some facts as functions of their δ.
pub(super) struct Problem<'a> {
    decoder: &'a Decoder,
    parts: &'a Parts,
    facts: usize,
    /// A part a core.
    dealt: Vec<Part>,
}

impl<'a> Problem<'a> {
    pub fn new<P: Probe>(
        decoder: &'a Decoder,
        parts: &'a Parts,
        facts: &[&Context],
        sites: &[Site],
        probe: &mut P,
    ) -> Result<Problem<'a>> {
        let part = |part| Part::new(decoder, facts, (part, parts.count()), sites, probe);
        Ok(Problem {
            decoder,
            parts,
            facts: facts.len(),
            dealt: (0..parts.count()).map(part).collect::<Result<_>>()?,
        })
    }

    /// Each fact with its t₀ `[sites · d]`, the unedited values at the bare prompt's
    /// subject_last; in no order.
    pub fn t0(&self) -> impl Iterator<Item = (usize, &[f64])> {
        let all = self.dealt.iter().flat_map(|part| &part.t0);
        all.map(|(fact, t0)| (*fact, t0.as_slice()))
    }

    /// At δ `[F, sites · d]`, row-major.
    pub fn losses<P: Probe + Send>(&self, deltas: Vec<f32>, probe: &mut P) -> Result<Losses<'_>> {
        let shape = (self.facts, deltas.len() / self.facts.max(1));
        // The first part looks whether it is to stop; the others end with it.
        let mut probe = Some(probe);
        let asked = self.dealt.iter().map(|part| (part, probe.take()));
        let found = self.parts.each(asked.collect(), |(part, probe)| {
            let variable = Var::from_vec(deltas.clone(), shape, self.decoder.device())?;
            let loss = match probe {
                Some(probe) => part.loss(self.decoder, &variable, probe)?,
                None => part.loss(self.decoder, &variable, &mut ())?,
            };
            Ok::<_, EditError>((variable, loss))
        })?;
        Ok(Losses {
            parts: self.parts,
            facts: self.facts,
            found,
        })
    }
}

/// One evaluation, as graphs over their variables, δ.
pub(super) struct Losses<'a> {
    parts: &'a Parts,
    facts: usize,
    found: Vec<(Var, Loss<'a>)>,
}

impl Losses<'_> {
    /// Each fact's mean NLL and its (unscaled) KL.
    pub fn each(&self) -> Result<Vec<(f64, f64)>> {
        let mut sums = vec![(0.0, 0.0); self.facts];
        for (_, loss) in &self.found {
            loss.add_to(&mut sums)?;
        }
        Ok(sums)
    }

    /// The gradient of NLL + `kl_factor`·KL for each fact's δ, `[F][sites · d]`.
    pub fn gradient(self, kl_factor: f64) -> Result<Vec<Vec<f64>>> {
        let of_parts = self.parts.each(self.found, |(variable, loss)| {
            let grads = loss.total(kl_factor)?.backward()?;
            let Some(gradient) = grads.get(&variable) else {
                return Err(EditError::NotFinite { step: 0 });
            };
            Ok(gradient.to_dtype(DType::F64)?.to_vec2::<f64>()?)
        })?;
        let sum = of_parts.into_iter().reduce(|mut sum, part| {
            let each = sum.iter_mut().flatten().zip(part.iter().flatten());
            each.for_each(|(sum, g)| *sum += g);
            sum
        });
        Ok(sum.unwrap_or_default())
    }
}

/// What does not change from step to step, of some of the rows.
struct Part {
    /// Residual after the layer at positions ≥ subject_last, `[B, R, d]`.
    base: Tensor,
    /// Residual before the MLP and what W wrote at subject_last, `[B, 1, d]` each:
    /// where a norm stands between W and the residual, δ goes through it.
    normed: Option<[Tensor; 2]>,
    layer: usize,
    /// Later layers that write a δ too.
    later: Vec<usize>,
    span: Span,
    past: Past,
    /// Whose δ a row of the batch takes, `[B]`.
    owner: Tensor,
    /// The rows that the last layer is to answer for.
    window: Window,
    /// Among those, flat, the ones that foresee a target's token `[N]`, and each
    /// fact's KL row `[F]`.
    wanted: Tensor,
    wanted_essences: Tensor,
    /// The target's tokens once per context, N of them.
    target: Vec<u32>,
    /// Of each target token: its fact, and its share in the fact's mean.
    shares: Vec<(usize, f64)>,
    /// The facts whose KL rows this part has.
    essences: Vec<usize>,
    /// log p at those rows before the edit, `[F, V]`.
    essence: Option<Tensor>,
    /// The unedited values at the bare prompts' subjects, of facts it has.
    t0: Vec<(usize, Vec<f64>)>,
}

impl Part {
    /// One part of so many: every so manieth row of the facts.
    fn new<P: Probe>(
        decoder: &Decoder,
        facts: &[&Context],
        part: (usize, usize),
        sites: &[Site],
        probe: &mut P,
    ) -> Result<Part> {
        let device = decoder.device();
        let (site, later) = sites.split_first().ok_or(EditError::NoTemplates)?;
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
        let mid_site = Site::new(layer, Point::ResidMid);
        let norms = layer < decoder.layers() && decoder.norms_values(layer);
        let normed = site.point == Point::MlpOut && norms;
        let read = sites.iter().copied();
        let read = read.chain([post_site]).chain(normed.then_some(mid_site));
        let mut capture = (&mut *probe, Capture::at(read));
        let mut past = Past::growing(decoder.layers());
        let span = Span::whole(width, device)?;
        let x = decoder.embed(&refs, &span, &mut capture)?;
        let last =
            decoder.run_layers(x, 0..decoder.layers(), &span, Some(&mut past), &mut capture)?;
        let capture = capture.1;
        let seen = |site: &Site| {
            let (layer, last) = (site.layer, decoder.layers() - 1);
            let gone = EditError::NoSuchLayer { layer, last };
            capture.seen.get(site).cloned().ok_or(gone)
        };
        let (post, mid) = (seen(&post_site)?, capture.seen.get(&mid_site).cloned());
        let values: Vec<Tensor> = sites.iter().map(seen).collect::<Result<_>>()?;
        let t0 = |&(fact, row): &(usize, usize)| -> Result<(usize, Vec<f64>)> {
            let at = |value: &Tensor| value.get(row)?.get(starts[row]);
            let own: Vec<Tensor> = values.iter().map(at).collect::<candle_core::Result<_>>()?;
            let own = Tensor::cat(&own, 0)?;
            Ok((fact, own.to_dtype(DType::F64)?.to_vec1()?))
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
        let first = |x: &Tensor| Ok::<_, EditError>(shifted(x)?.narrow(1, 0, 1)?.detach());
        let normed = match mid {
            Some(mid) => Some([first(&mid)?, first(&values[0])?]),
            None => None,
        };
        let deepest = starts.iter().copied().max().unwrap_or(0);
        let essence = (batch.essences.iter()).map(|&(_, row)| last.get(row)?.get(starts[row]));
        let essence: Vec<Tensor> = essence.collect::<candle_core::Result<_>>()?;
        let essence = match essence.is_empty() {
            true => None,
            false => Some(decoder.log_probs(&Tensor::stack(&essence, 0)?)?.detach()),
        };

        let window = batch.window(rows);
        let flat = |row: usize, at: usize| {
            (row * window.count + at - starts[row] - window.firsts[row]) as u32
        };
        let wanted = batch.wanted.iter().map(|&(row, at)| flat(row, at));
        let wanted = Tensor::from_iter(wanted, device)?;
        let essences = batch
            .essences
            .iter()
            .map(|&(_, row)| flat(row, starts[row]));
        let wanted_essences = Tensor::from_iter(essences, device)?;
        Ok(Part {
            base,
            normed,
            layer,
            later: later.iter().map(|site| site.layer).collect(),
            span: Span::ragged(starts, deepest, rows, device)?,
            past: past.truncated(deepest)?,
            owner: Tensor::from_vec(batch.owner, refs.len(), device)?,
            window,
            wanted,
            wanted_essences,
            target: batch.target,
            shares: batch.shares,
            essences: batch.essences.iter().map(|&(fact, _)| fact).collect(),
            essence,
            t0,
        })
    }

    /// NLL of every target token and (unscaled) KL of every fact, at δ `[F, sites · d]`.
    fn loss<P: Probe>(&self, decoder: &Decoder, delta: &Tensor, probe: &mut P) -> Result<Loss<'_>> {
        let (batch, rows, d) = self.base.dims3()?;
        let (window, span) = (&self.window, &self.span);
        let deltas = delta.index_select(&self.owner, 0)?.unsqueeze(1)?;
        let of_site = |n: usize| deltas.narrow(2, n * d, d);
        let delta = of_site(0)?;
        let edited = match &self.normed {
            Some([mid, value]) => decoder.add_mlp(self.layer, mid, &(value + delta)?)?,
            None => (self.base.narrow(1, 0, 1)? + delta)?,
        };
        let x = match rows {
            1 => edited,
            _ => Tensor::cat(&[edited, self.base.narrow(1, 1, rows - 1)?], 1)?,
        };
        let later = self.later.iter().enumerate();
        let later = later.map(|(n, &layer)| Ok((layer, of_site(n + 1)?)));
        let mut probe = (probe, AddFirst(later.collect::<Result<_>>()?));
        let mut past = self.past.clone();
        let from = self.layer + 1;
        let x = decoder.run_to_window(x, from, window, span, Some(&mut past), &mut probe)?;
        let x = x.reshape((batch * window.count, d))?;
        let logits = decoder.logits(&x.index_select(&self.wanted, 0)?, &mut ())?;
        let nll = ops::nll(&logits, &self.target)?;
        // KL(p_new ‖ p_init), as the released code has it.
        let kl = match &self.essence {
            None => None,
            Some(essence) => {
                let now = decoder.log_probs(&x.index_select(&self.wanted_essences, 0)?)?;
                Some((now.exp()? * (&now - essence)?)?.sum(D::Minus1)?)
            }
        };
        Ok(Loss {
            nll,
            kl,
            essences: &self.essences,
            shares: &self.shares,
        })
    }
}

/// Adds a vector `[B, 1, d]` to what a layer's MLP writes at each row's first position,
/// which is its subject_last.
struct AddFirst(BTreeMap<usize, Tensor>);

impl Probe for AddFirst {
    fn visit(&mut self, site: Site, x: Tensor) -> crate::model::error::Result<Tensor> {
        let Some(delta) = self
            .0
            .get(&site.layer)
            .filter(|_| site.point == Point::MlpOut)
        else {
            return Ok(x);
        };
        let rest = x.dim(1)? - 1;
        Ok((x + delta.pad_with_zeros(1, 0, rest)?)?)
    }

    fn wants_key(&self, _layer: usize) -> bool {
        false
    }
}

/// One part's evaluation, as graph nodes.
struct Loss<'a> {
    /// Of each target token, `[N]`.
    nll: Tensor,
    /// Of the facts of which this part has it, `[F]`.
    kl: Option<Tensor>,
    essences: &'a [usize],
    shares: &'a [(usize, f64)],
}

impl Loss<'_> {
    /// Adds this part's share in each fact's mean NLL, and the KLs that it has.
    fn add_to(&self, sums: &mut [(f64, f64)]) -> Result<()> {
        if let Some(kl) = &self.kl {
            let kl: Vec<f64> = kl.to_dtype(DType::F64)?.to_vec1()?;
            for (&fact, kl) in self.essences.iter().zip(kl) {
                sums[fact].1 += kl;
            }
        }
        let nll: Vec<f64> = self.nll.to_dtype(DType::F64)?.to_vec1()?;
        for (nll, &(fact, share)) in nll.iter().zip(self.shares) {
            sums[fact].0 += share * nll;
        }
        Ok(())
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

    /// As many positions of each row, counted from its start, as the row that
    /// foresees most; `rows` is the length of the longest.
    fn window(&self, rows: usize) -> Window {
        let mut firsts: Vec<usize> = vec![0; self.ids.len()];
        let mut count = 1;
        // A row's positions come one after another, the first of them first.
        for of_row in self.wanted.chunk_by(|a, b| a.0 == b.0) {
            let (row, first) = of_row[0];
            firsts[row] = first - self.starts[row];
            count = count.max(of_row.len());
        }
        for first in &mut firsts {
            *first = (*first).min(rows - count);
        }
        Window { firsts, count }
    }

    fn push(&mut self, fact: usize, ids: Vec<u32>, start: usize) {
        self.owner.push(fact as u32);
        self.starts.push(start);
        self.lengths.push(ids.len());
        self.ids.push(ids);
    }
}
