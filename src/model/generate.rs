//! Continuing prompts, one token at a time, with cached keys and values.

use super::decoder::Decoder;
use super::error::Result;
use super::probe::Probe;
use super::sample::{Rng, argmax, sample_top_k};
use super::span::{Past, Span};
use std::ops::ControlFlow;

/// How the next token is chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Choice {
    Greedy,
    TopK { k: usize, seed: u64 },
}

/// Continues `ids` by up to `tokens` tokens; stops early at the context's end,
/// at `stop`, or where `each` breaks. Returns the new tokens alone.
pub fn generate<P: Probe>(
    decoder: &Decoder,
    ids: &[u32],
    tokens: usize,
    choice: Choice,
    stop: Option<u32>,
    probe: &mut P,
    mut each: impl FnMut(u32) -> ControlFlow<()>,
) -> Result<Vec<u32>> {
    decoder.check_length(ids.len())?;
    let mut rng = match choice {
        Choice::TopK { seed, .. } => Rng::new(seed),
        Choice::Greedy => Rng::new(0),
    };
    let mut past = Past::growing(decoder.layers());
    let mut new: Vec<u32> = Vec::with_capacity(tokens);
    let mut next = ids.to_vec();
    while new.len() < tokens {
        let start = ids.len() + new.len() - next.len();
        if start + next.len() > decoder.config.context {
            break;
        }
        let span = Span::after(start, next.len(), decoder.device())?;
        let x = decoder.embed(&[&next], &span, probe)?;
        let x = decoder.run_layers(x, 0..decoder.layers(), &span, Some(&mut past), probe)?;
        let last = x.narrow(1, next.len() - 1, 1)?.squeeze(1)?;
        let probs: Vec<f32> = decoder.log_probs(&last)?.exp()?.squeeze(0)?.to_vec1()?;
        let token = match choice {
            Choice::Greedy => argmax(&probs),
            Choice::TopK { k, .. } => sample_top_k(&probs, k, &mut rng),
        };
        if Some(token) == stop {
            break;
        }
        new.push(token);
        next = vec![token];
        if each(token).is_break() {
            break;
        }
    }
    Ok(new)
}
