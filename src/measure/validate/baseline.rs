//! What a model says and looks like before an edit, captured once, and how far
//! an edited one is from it.
//!
//! All prompts of the battery are the rows of one pass. The residuals that enter
//! the layers which are about to be tried are kept: an edit at layer ℓ leaves
//! everything below as it was, so the edited model begins there.

use super::battery::Battery;
use super::error::{Result, ValidateError};
use crate::edit::context::{dot, pad_right};
use crate::model::error::Result as Modelled;
use crate::model::probe::{Point, Probe, Site};
use crate::model::{Decoder, Past, Span, Tokens};
use candle_core::{DType, Tensor};
use std::collections::{BTreeMap, BTreeSet};

/// Layers of the fingerprint.
const MARKS: usize = 8;

/// The unedited side.
pub struct Baseline {
    /// The weights it was captured on.
    decoder: Decoder,
    /// The prompts' tokens, padded on the right to one length.
    ids: Vec<Vec<u32>>,
    span: Span,
    /// Row of the flattened residual `[B·T, d]` at which each prompt ends.
    ends: Tensor,
    /// As `ends`, of the first prompt of each kind alone.
    firsts: Tensor,
    /// log p of the next token at each prompt's end, `[B][V]`.
    log_probs: Vec<Vec<f32>>,
    /// The residual that leaves each marked layer at `firsts`, `[5][d]`.
    marks: BTreeMap<usize, Vec<Vec<f64>>>,
    /// The residual `[B, T, d]` that enters a layer which is about to be tried.
    entering: BTreeMap<usize, Tensor>,
}

/// How far the edited side is from it.
#[derive(Clone, Debug, PartialEq)]
pub struct Shift {
    /// KL(before ‖ after) of the next token at the end of each probe, in nats.
    pub kl: Vec<f64>,
    /// By marked layer, the mean over the kinds of the cosine between the residual
    /// stream's last position before and after.
    pub cosines: Vec<(usize, f64)>,
}

impl Baseline {
    /// One pass of `decoder`. `tried`: the layers that edits are about to change
    /// first. Of a prompt that is longer than the context its end is taken.
    pub fn capture<P: Probe>(
        decoder: &Decoder,
        tokens: &Tokens,
        battery: &Battery,
        tried: &[usize],
        probe: &mut P,
    ) -> Result<Baseline> {
        let most = decoder.config.context;
        let encode = |prompt: &String| -> Modelled<Vec<u32>> {
            let ids = tokens.encode(prompt)?.ids;
            Ok(ids[ids.len().saturating_sub(most)..].to_vec())
        };
        let rows = battery.items.iter().map(|item| encode(&item.prompt));
        let rows = rows.collect::<Modelled<Vec<_>>>()?;
        rows.iter()
            .try_for_each(|row| decoder.check_length(row.len()))?;
        let lengths: Vec<usize> = rows.iter().map(Vec::len).collect();
        let ids = pad_right(&rows);
        let width = ids.first().map_or(0, Vec::len);
        decoder.check_length(width)?;
        let end = |row: usize| (row * width + lengths[row] - 1) as u32;
        let places = |rows: Vec<usize>| {
            let ends: Vec<u32> = rows.into_iter().map(end).collect();
            Tensor::new(ends, decoder.device())
        };
        let mut base = Baseline {
            decoder: decoder.clone(),
            span: Span::whole(width, decoder.device())?,
            ends: places((0..rows.len()).collect())?,
            firsts: places(battery.firsts())?,
            ids,
            log_probs: Vec::new(),
            marks: BTreeMap::new(),
            entering: BTreeMap::new(),
        };
        let enter = tried.iter().copied().filter(|layer| *layer > 0).collect();
        let seen = base.pass(decoder, 0, enter, probe)?;
        base.log_probs = seen.log_probs;
        base.marks = seen.marks;
        base.entering = seen.entering;
        Ok(base)
    }

    /// Prompts that are compared.
    pub fn probes(&self) -> usize {
        self.ids.len()
    }

    /// What `edited`, the same model with other weights, differs in. Where it
    /// holds the very same weights nothing is computed.
    ///
    /// # Errors
    /// A model that says no numbers any more; the pass's own.
    pub fn compare<P: Probe>(&self, edited: &Decoder, probe: &mut P) -> Result<Shift> {
        let Some(first) = edited.first_difference(&self.decoder) else {
            return Ok(Shift {
                kl: vec![0.0; self.probes()],
                cosines: self.marks.keys().map(|layer| (*layer, 1.0)).collect(),
            });
        };
        let after = self.pass(edited, first, BTreeSet::new(), probe)?;
        let kl: Vec<f64> = (self.log_probs.iter().zip(&after.log_probs))
            .map(|(before, after)| divergence(before, after))
            .collect();
        if !kl.iter().all(|kl| kl.is_finite()) {
            return Err(ValidateError::NotFinite("next-token distribution"));
        }
        let cosine = |(layer, before): (&usize, &Vec<Vec<f64>>)| {
            // Below the first change the residuals are the same.
            let Some(after) = after.marks.get(layer) else {
                return (*layer, 1.0);
            };
            let all = before.iter().zip(after).map(|(a, b)| cosine(a, b));
            (*layer, all.sum::<f64>() / before.len().max(1) as f64)
        };
        let cosines: Vec<(usize, f64)> = self.marks.iter().map(cosine).collect();
        if !cosines.iter().all(|(_, cosine)| cosine.is_finite()) {
            return Err(ValidateError::NotFinite("residual stream"));
        }
        Ok(Shift { kl, cosines })
    }

    /// One pass of `decoder`, which below layer `first` is the baseline's. The
    /// residuals that enter `enter` are kept.
    fn pass<P: Probe>(
        &self,
        decoder: &Decoder,
        first: usize,
        enter: BTreeSet<usize>,
        probe: &mut P,
    ) -> Result<Seen> {
        let layers = decoder.layers();
        let mut watcher = Watcher {
            firsts: &self.firsts,
            layers: marked(layers).into_iter().filter(|l| *l >= first).collect(),
            enter,
            seen: Seen::default(),
        };
        let mut both = (probe, &mut watcher);
        let (from, x) = match self.entering.range(..=first).next_back() {
            Some((from, x)) => (*from, x.clone()),
            None => {
                let rows: Vec<&[u32]> = self.ids.iter().map(Vec::as_slice).collect();
                (0, decoder.embed(&rows, &self.span, &mut both)?)
            }
        };
        let span = &self.span;
        let x = decoder.run_layers(x, from..layers, span, None::<&mut Past>, &mut both)?;
        let last = at(&x, &self.ends)?;
        let mut seen = watcher.seen;
        seen.log_probs = decoder.log_probs(&last)?.to_vec2()?;
        Ok(seen)
    }
}

/// Eight layers evenly spaced from the first to the last, or all of fewer.
fn marked(layers: usize) -> BTreeSet<usize> {
    let count = MARKS.min(layers);
    let step = |n: usize| match count {
        0 | 1 => 0,
        _ => (n * (layers - 1) + (count - 1) / 2) / (count - 1),
    };
    (0..count).map(step).collect()
}

/// What a pass keeps.
#[derive(Default)]
struct Seen {
    log_probs: Vec<Vec<f32>>,
    marks: BTreeMap<usize, Vec<Vec<f64>>>,
    entering: BTreeMap<usize, Tensor>,
}

/// Keeps of each marked layer what is compared, and no more.
struct Watcher<'a> {
    firsts: &'a Tensor,
    layers: BTreeSet<usize>,
    enter: BTreeSet<usize>,
    seen: Seen,
}

impl Probe for Watcher<'_> {
    fn visit(&mut self, site: Site, x: Tensor) -> Modelled<Tensor> {
        match site.point {
            Point::ResidPre if self.enter.contains(&site.layer) => {
                self.seen.entering.insert(site.layer, x.clone());
            }
            Point::ResidPost if self.layers.contains(&site.layer) => {
                let rows = at(&x, self.firsts)?.to_dtype(DType::F64)?.to_vec2()?;
                self.seen.marks.insert(site.layer, rows);
            }
            _ => {}
        }
        Ok(x)
    }
}

/// Rows of the flattened residual: `[B, T, d]` to `[N, d]`.
fn at(x: &Tensor, places: &Tensor) -> candle_core::Result<Tensor> {
    let (b, t, d) = x.dims3()?;
    x.reshape((b * t, d))?.index_select(places, 0)
}

/// KL(before ‖ after) in nats, of two rows of log-probabilities.
fn divergence(before: &[f32], after: &[f32]) -> f64 {
    let term = |(b, a): (&f32, &f32)| {
        let (b, a) = (f64::from(*b), f64::from(*a));
        b.exp() * (b - a)
    };
    before.iter().zip(after).map(term).sum()
}

/// Exactly 1 of a vector with itself: √(x²) is x.
fn cosine(a: &[f64], b: &[f64]) -> f64 {
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edit::{Delta, stack};
    use crate::model::Source;

    #[test]
    fn marks_are_spread_from_the_first_layer_to_the_last() {
        let of = |layers| marked(layers).into_iter().collect::<Vec<_>>();
        assert_eq!(of(1), [0]);
        assert_eq!(of(6), [0, 1, 2, 3, 4, 5]);
        assert_eq!(of(8), [0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(of(24), [0, 3, 7, 10, 13, 16, 20, 23]);
        assert_eq!(of(48).len(), 8);
    }

    #[test]
    fn divergence_is_that_of_the_formula() {
        let log = |p: [f64; 2]| p.map(|p| p.ln() as f32).to_vec();
        let (p, q) = (log([0.9, 0.1]), log([0.5, 0.5]));
        let want = 0.9 * (0.9_f64 / 0.5).ln() + 0.1 * (0.1_f64 / 0.5).ln();
        assert!((divergence(&p, &q) - want).abs() < 1e-6);
        assert_eq!(divergence(&p, &p), 0.0);
    }

    /// A change at `layer` that no norm takes away: its rows differ.
    fn change(decoder: &Decoder, layer: usize, size: f32) -> Delta {
        Delta {
            layer,
            r: (0..decoder.config.d)
                .map(|i| size * (i % 5) as f32)
                .collect(),
            u: vec![1.0; decoder.config.d_mlp],
            rank: 1,
            bias: vec![],
        }
    }

    #[test]
    fn an_edit_of_nothing_is_no_shift_and_one_of_something_is() {
        let atlas = Source::Atlas.load(&candle_core::Device::Cpu).unwrap();
        let (decoder, tokens) = (atlas.decoder, atlas.tokens);
        let battery = Battery::embedded().unwrap();
        let base = Baseline::capture(&decoder, &tokens, &battery, &[5, 2], &mut ()).unwrap();
        assert_eq!(base.probes(), 25);
        let edited = |layer, size| {
            let delta = change(&decoder, layer, size);
            stack::apply(&decoder, [(&delta, 1.0)]).unwrap()
        };
        let shift = |decoder: &Decoder| base.compare(decoder, &mut ()).unwrap();
        // Another matrix with the same numbers: everything above it is computed.
        for layer in [0, 2, 3, 5, 7] {
            let none = edited(layer, 0.0);
            assert_eq!(none.first_difference(&decoder), Some(layer));
            let none = shift(&none);
            assert!(none.kl.iter().all(|kl| *kl == 0.0), "{:?}", none.kl);
            assert!(none.cosines.iter().all(|(_, c)| *c == 1.0));
        }
        assert_eq!(shift(&decoder), shift(&edited(4, 0.0)));

        // From a kept residual and from the start: the same figures.
        let some = edited(5, 1e-2);
        let far = shift(&some);
        let plain = Baseline::capture(&decoder, &tokens, &battery, &[], &mut ()).unwrap();
        let slow = plain.compare(&some, &mut ()).unwrap();
        for (a, b) in far.kl.iter().zip(&slow.kl) {
            assert!((a - b).abs() < 1e-4 * (1.0 + a), "{a} {b}");
        }
        assert!(far.kl.iter().all(|kl| *kl > 0.0));
        for (layer, cosine) in &far.cosines {
            assert_eq!(*cosine == 1.0, *layer < 5, "layer {layer}: {cosine}");
        }
        // And the pristine weights are still at no distance.
        assert_eq!(shift(&edited(5, 0.0)), shift(&decoder));
        let lost = base.compare(&edited(3, f32::NAN), &mut ());
        assert!(matches!(lost, Err(ValidateError::NotFinite(_))));
    }
}
