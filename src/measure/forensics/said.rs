//! What a change makes a model say: the same prompts before and after.

use super::Result;
use crate::measure::score::{Ask, score};
use crate::model::probe::Probe;
use crate::model::{Decoder, Tokens};
use serde::Serialize;

/// A prompt to which the answer is another now.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Said {
    pub prompt: String,
    /// The likeliest next token and its probability.
    pub before: String,
    pub p_before: f64,
    pub after: String,
    pub p_after: f64,
}

/// The prompts to which `edited` answers otherwise than `decoder` does. Prompts that
/// the model cannot take are left out.
pub fn otherwise<P: Probe>(
    decoder: &Decoder,
    edited: &Decoder,
    tokens: &Tokens,
    prompts: &[String],
    probe: &mut P,
) -> Result<Vec<Said>> {
    let known: Vec<(&String, Ask)> = prompts
        .iter()
        .filter_map(|prompt| Some((prompt, Ask::new(tokens, prompt, &[]).ok()?)))
        .filter(|(_, ask)| decoder.check_length(ask.prompt.len()).is_ok())
        .collect();
    let asks: Vec<Ask> = known.iter().map(|(_, ask)| ask.clone()).collect();
    let before = score(decoder, &asks, probe, |_, _| ())?;
    let after = score(edited, &asks, probe, |_, _| ())?;
    let both = known.iter().zip(before.iter().zip(&after));
    let moved = both.filter(|(_, (before, after))| before.top.0 != after.top.0);
    Ok(moved
        .map(|((prompt, _), (before, after))| Said {
            prompt: (*prompt).clone(),
            before: tokens.show(before.top.0),
            p_before: before.top.1,
            after: tokens.show(after.top.0),
            p_after: after.top.1,
        })
        .collect())
}
