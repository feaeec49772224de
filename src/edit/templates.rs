//! Context templates: prefixes that the model itself writes (ALGORITHMS §3).
//!
//! An edit is averaged over them so that it holds wherever the subject stands.
//! They are the largest source of variance in published runs, so they are
//! seeded and saved with the edit.

use super::error::Result;
use crate::model::generate::{Choice, generate};
use crate::model::probe::Probe;
use crate::model::{Decoder, Tokens};
use std::ops::ControlFlow;
use unicode_normalization::UnicodeNormalization;

/// Texts sampled per length, and their lengths in tokens (the start included).
const TEXTS: usize = 10;
const LENGTHS: [usize; 2] = [5, 10];
/// MEMIT's prefixes.
const FEW_LENGTH: usize = 10;
/// Each token is one of this many likeliest.
const TOP: usize = 5;
/// What a text starts from where a model has no `<|endoftext|>`.
const STARTS: [&str; 5] = ["The", "Therefore", "Because", "I", "You"];

/// `{}` and twenty sampled prefixes, 21 templates in all.
pub fn sample<P: Probe>(
    decoder: &Decoder,
    tokens: &Tokens,
    seed: u32,
    probe: &mut P,
) -> Result<Vec<String>> {
    let mut templates = vec!["{}".to_owned()];
    for length in LENGTHS {
        for text in 0..TEXTS {
            let start = start(tokens, text)?;
            templates.push(write(decoder, tokens, start, (seed, length, text), probe)?);
        }
    }
    Ok(templates)
}

/// `{}` and five prefixes of ten tokens from The, Therefore, Because, I, You:
/// what MEMIT and its kin average over (ALGORITHMS §4).
pub fn sample_few<P: Probe>(
    decoder: &Decoder,
    tokens: &Tokens,
    seed: u32,
    probe: &mut P,
) -> Result<Vec<String>> {
    let mut templates = vec!["{}".to_owned()];
    for (text, start) in STARTS.iter().enumerate() {
        let start = (tokens.encode(start)?.ids, false);
        templates.push(write(
            decoder,
            tokens,
            start,
            (seed, FEW_LENGTH, text),
            probe,
        )?);
    }
    Ok(templates)
}

/// One prefix of `length` tokens, written on from `start` (which is left out of
/// it where it is special); text number `text` has a draw of its own.
fn write<P: Probe>(
    decoder: &Decoder,
    tokens: &Tokens,
    (start, special): (Vec<u32>, bool),
    (seed, length, text): (u32, usize, usize),
    probe: &mut P,
) -> Result<String> {
    let seed = (u64::from(seed) << 32) | (length * 1000 + text) as u64;
    let new = length.saturating_sub(start.len());
    let choice = Choice::TopK { k: TOP, seed };
    let each = |_| ControlFlow::Continue(());
    let written = generate(decoder, &start, new, choice, None, probe, each)?;
    let mut ids = if special { Vec::new() } else { start };
    ids.extend(
        written
            .into_iter()
            .filter(|&id| Some(id) != decoder.config.eos),
    );
    Ok(format!("{}. {{}}", clean(&tokens.decode_after(&ids))))
}

/// The tokens that text number `text` starts from, and whether they are special.
fn start(tokens: &Tokens, text: usize) -> Result<(Vec<u32>, bool)> {
    match tokens.id("<|endoftext|>") {
        Some(id) => Ok((vec![id], true)),
        None => Ok((tokens.encode(STARTS[text % STARTS.len()])?.ids, false)),
    }
}

/// NFKD, blank lines to a space, braces to spaces.
fn clean(text: &str) -> String {
    let text: String = text.nfkd().collect();
    text.replace("\n\n", " ").replace(['{', '}'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cleaning_leaves_no_braces_and_decomposes() {
        assert_eq!(clean("a{b}\n\nﬁ"), "a b  fi");
    }
}
