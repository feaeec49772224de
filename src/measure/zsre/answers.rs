//! What some weights choose where the tokens of an answer should stand.

use super::record::Question;
use crate::edit::context::pad_right;
use crate::edit::error::Result;
use crate::measure::score::{Ask, BATCH_TOKENS};
use crate::model::probe::Probe;
use crate::model::sample::argmax;
use crate::model::{Decoder, Past, Span, Tokens};
use candle_core::Tensor;
use serde::{Deserialize, Serialize};

/// An answer's tokens, and the first choices at their places, those before given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marks {
    pub wanted: Vec<u32>,
    pub chosen: Vec<u32>,
}

impl Marks {
    /// The share of tokens that are right.
    pub fn accuracy(&self) -> f64 {
        shared(&self.wanted, &self.chosen)
    }

    /// The share of places at which `other` weights choose the same.
    pub fn same_as(&self, other: &Marks) -> f64 {
        shared(&self.chosen, &other.chosen)
    }
}

fn shared(a: &[u32], b: &[u32]) -> f64 {
    let same = a.iter().zip(b).filter(|(a, b)| a == b).count();
    same as f64 / a.len().max(1) as f64
}

/// A question under some weights.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Marked {
    pub case_id: u64,
    pub rewrite: Marks,
    pub paraphrase: Marks,
    pub neighbour: Marks,
    /// ‖ΔW‖/‖W‖ of the change; `None`: unedited.
    pub relative_update_norm: Option<f64>,
    /// The change's, shared by its questions.
    pub seconds: f64,
}

/// Asks `question` of some weights: three prompts, in one pass where they fit.
///
/// # Errors
/// A prompt that with its answer is longer than the context.
pub fn mark<P: Probe>(
    decoder: &Decoder,
    tokens: &Tokens,
    question: &Question,
    probe: &mut P,
) -> Result<Marked> {
    let ask = |prompt: &str, answer: &str| Ask::new(tokens, prompt, &[answer]);
    let asks = [
        ask(&question.request().text(), &question.target)?,
        ask(&question.paraphrase, &question.target)?,
        ask(&question.neighbour, &question.neighbour_answer)?,
    ];
    let longest = asks
        .iter()
        .map(|ask| ask.prompt.len() + ask.answers[0].len());
    let together = longest.max().unwrap_or(0) * asks.len() <= BATCH_TOKENS;
    let mut marks = Vec::with_capacity(asks.len());
    for some in asks.chunks(if together { asks.len() } else { 1 }) {
        marks.extend(choose(decoder, some, probe)?);
    }
    let mut marks = marks.into_iter();
    let mut next = || marks.next().unwrap_or_default();
    Ok(Marked {
        case_id: question.case_id,
        rewrite: next(),
        paraphrase: next(),
        neighbour: next(),
        ..Marked::default()
    })
}

/// The first choices at the places of each ask's one answer.
fn choose<P: Probe>(decoder: &Decoder, asks: &[Ask], probe: &mut P) -> Result<Vec<Marks>> {
    let mut rows = Vec::with_capacity(asks.len());
    for ask in asks {
        let (prompt, answer) = (&ask.prompt, &ask.answers[0]);
        let row = [prompt, &answer[..answer.len() - 1]].concat();
        decoder.check_length(prompt.len())?;
        decoder.check_length(row.len())?;
        rows.push(row);
    }
    let rows = pad_right(&rows);
    let refs: Vec<&[u32]> = rows.iter().map(Vec::as_slice).collect();
    let width = refs.first().map_or(0, |row| row.len());
    let span = Span::whole(width, decoder.device())?;
    let x = decoder.embed(&refs, &span, probe)?;
    let x = decoder.run_layers(x, 0..decoder.layers(), &span, None::<&mut Past>, probe)?;
    let places = asks.iter().enumerate().flat_map(|(row, ask)| {
        let first = row * width + ask.prompt.len() - 1;
        (first..first + ask.answers[0].len()).map(|at| at as u32)
    });
    let places: Vec<u32> = places.collect();
    let places = Tensor::new(places, decoder.device())?;
    let x = x
        .reshape((rows.len() * width, decoder.config.d))?
        .index_select(&places, 0)?;
    let logits: Vec<Vec<f32>> = decoder.logits(&x, probe)?.to_vec2()?;
    let mut chosen = logits.iter().map(|row| argmax(row));
    let marks = asks.iter().map(|ask| Marks {
        wanted: ask.answers[0].clone(),
        chosen: chosen.by_ref().take(ask.answers[0].len()).collect(),
    });
    Ok(marks.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_accuracy_is_a_share_of_tokens() {
        let marks = |wanted: &[u32], chosen: &[u32]| Marks {
            wanted: wanted.to_vec(),
            chosen: chosen.to_vec(),
        };
        let half = marks(&[1, 2, 3, 4], &[1, 9, 3, 9]);
        assert_eq!(half.accuracy(), 0.5);
        assert_eq!(half.same_as(&marks(&[1, 2, 3, 4], &[1, 9, 4, 9])), 0.75);
        assert_eq!(Marks::default().accuracy(), 0.0);
    }
}
