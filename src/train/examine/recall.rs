//! Of how many facts is the object's first token the model's first answer?

use super::Question;
use crate::facts::World;
use crate::model::{Decoder, Span, Tokens};
use crate::train::bpe::END_OF_TEXT_ID;
use crate::train::error::Result;
use candle_core::{D, Tensor};
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    pub right: usize,
    pub of: usize,
}

impl Tally {
    pub fn add(&mut self, right: bool) {
        self.right += usize::from(right);
        self.of += 1;
    }

    /// Of nothing, 0.
    pub fn percent(&self) -> f64 {
        100.0 * self.right as f64 / self.of.max(1) as f64
    }
}

/// Recall on a wording the fact was trained on, and on the one kept from it.
#[derive(Clone, Debug, Default)]
pub struct Recall {
    pub trained: BTreeMap<String, Tally>,
    pub held_out: BTreeMap<String, Tally>,
}

impl Recall {
    pub fn total(of: &BTreeMap<String, Tally>) -> Tally {
        of.values().fold(Tally::default(), |sum, t| Tally {
            right: sum.right + t.right,
            of: sum.of + t.of,
        })
    }
}

/// Prompts that one pass answers.
const BATCH: usize = 64;

/// Asks every `stride`-th fact of `world` once in each way.
pub fn recall(decoder: &Decoder, tokens: &Tokens, world: &World, stride: usize) -> Result<Recall> {
    let mut questions: Vec<(Question, &str, bool)> = Vec::new();
    for (n, fact) in world.facts().iter().enumerate().step_by(stride.max(1)) {
        let asked = world.asked(fact);
        let trained = asked.train.get(n % asked.train.len().max(1)).copied();
        for (wording, held_out) in [(trained, false), (asked.held_out, true)] {
            if let Some(wording) = wording
                && let Some(question) = Question::new(tokens, fact, wording)?
                && question.encoded.ids.len() <= decoder.config.context
            {
                questions.push((question, &fact.relation, held_out));
            }
        }
    }
    // Prompts of like length together, so that little of a batch is padding.
    questions.sort_by_key(|(q, _, _)| q.encoded.ids.len());
    let mut recall = Recall::default();
    for batch in questions.chunks(BATCH) {
        let prompts: Vec<&Question> = batch.iter().map(|(q, _, _)| q).collect();
        for ((question, relation, held_out), first) in
            batch.iter().zip(first_answers(decoder, &prompts)?)
        {
            let of = if *held_out {
                &mut recall.held_out
            } else {
                &mut recall.trained
            };
            of.entry((*relation).to_owned())
                .or_default()
                .add(first == question.answer);
        }
    }
    Ok(recall)
}

/// The likeliest next token of each prompt.
fn first_answers(decoder: &Decoder, prompts: &[&Question]) -> Result<Vec<u32>> {
    let longest = prompts
        .iter()
        .map(|q| q.encoded.ids.len())
        .max()
        .unwrap_or(0);
    let padded: Vec<Vec<u32>> = prompts
        .iter()
        .map(|q| {
            let mut ids = q.encoded.ids.clone();
            ids.resize(longest, END_OF_TEXT_ID);
            ids
        })
        .collect();
    let ids: Vec<&[u32]> = padded.iter().map(Vec::as_slice).collect();
    let span = Span::whole(longest, decoder.device())?;
    let x = decoder.embed(&ids, &span, &mut ())?;
    let x = decoder.run_layers(x, 0..decoder.layers(), &span, None, &mut ())?;
    let last: Vec<u32> = prompts
        .iter()
        .enumerate()
        .map(|(row, q)| (row * longest + q.encoded.ids.len() - 1) as u32)
        .collect();
    let last = Tensor::new(last, decoder.device())?;
    let x = x.flatten(0, 1)?.index_select(&last, 0)?;
    Ok(decoder.logits(&x, &mut ())?.argmax(D::Minus1)?.to_vec1()?)
}
