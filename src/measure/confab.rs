//! Confabulations: what the model now invents, beside what it said before.

use super::spec::Generation;
use crate::edit::error::Result;
use crate::model::generate::{Choice, generate};
use crate::model::probe::Probe;
use crate::model::{Decoder, Tokens};
use std::ops::ControlFlow;

/// Each token is one of this many likeliest.
const TOP: usize = 5;

/// Continues `prompt` by `count` tokens; `each` sees every token as it comes.
pub fn continue_prompt<P: Probe>(
    decoder: &Decoder,
    tokens: &Tokens,
    prompt: &str,
    count: usize,
    seed: u32,
    hook: &mut P,
    mut each: impl FnMut(&str),
) -> Result<Vec<u32>> {
    let ids = tokens.encode(prompt)?.ids;
    let choice = Choice::TopK {
        k: TOP,
        seed: u64::from(seed),
    };
    Ok(generate(
        decoder,
        &ids,
        count,
        choice,
        decoder.config.eos,
        hook,
        |id| {
            each(&tokens.show(id));
            ControlFlow::Continue(())
        },
    )?)
}

/// Two continuations of one prompt, drawn with one seed, side by side.
pub fn compare(
    tokens: &Tokens,
    prompt: &str,
    seed: u32,
    before: &[u32],
    after: &[u32],
) -> Generation {
    let first = before.iter().zip(after).position(|(a, b)| a != b);
    let shorter = before.len().min(after.len());
    Generation {
        prompt: prompt.to_owned(),
        seed,
        before: tokens.decode_after(before),
        after: tokens.decode_after(after),
        diverges_at: first.or((before.len() != after.len()).then_some(shorter)),
        before_tokens: tokens.show_all(before),
        after_tokens: tokens.show_all(after),
    }
}
