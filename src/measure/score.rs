//! How likely an answer is after a prompt, many prompts at a time.

use crate::edit::context::{pad_right, target_ids};
use crate::edit::error::Result;
use crate::model::probe::Probe;
use crate::model::sample::argmax;
use crate::model::{Decoder, Past, Span, Tokens};
use candle_core::Tensor;

/// Tokens of one forward pass.
const BATCH_TOKENS: usize = 2048;

/// A prompt and the answers whose probability is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    pub prompt: Vec<u32>,
    pub answers: Vec<Vec<u32>>,
}

impl Ask {
    pub fn new(tokens: &Tokens, prompt: &str, answers: &[&str]) -> Result<Ask> {
        let answers = answers
            .iter()
            .map(|answer| target_ids(tokens, answer))
            .collect::<Result<_>>()?;
        Ok(Ask {
            prompt: tokens.encode(prompt)?.ids,
            answers,
        })
    }
}

/// What the model says after one prompt.
#[derive(Clone, Debug, PartialEq)]
pub struct Scored {
    /// log p of each answer: the mean over its tokens, teacher forced, so that
    /// e to it is the geometric mean used everywhere in Pentimento.
    pub log_p: Vec<f64>,
    /// Whether every token of the answer is the model's own first choice.
    pub exact: Vec<bool>,
    /// The likeliest next token, and its probability.
    pub top: (u32, f64),
}

/// Scores `asks` in their order; `each` sees every one as it is known.
pub fn score<P: Probe>(
    decoder: &Decoder,
    asks: &[Ask],
    probe: &mut P,
    mut each: impl FnMut(usize, &Scored),
) -> Result<Vec<Scored>> {
    let mut scored = Vec::with_capacity(asks.len());
    let mut from = 0;
    while from < asks.len() {
        let (mut to, mut rows, mut width) = (from, 0, 0);
        while to < asks.len() {
            let longest = asks[to].answers.iter().map(Vec::len).max().unwrap_or(1);
            let (rows_then, width_then) = (
                rows + asks[to].answers.len().max(1),
                width.max(asks[to].prompt.len() + longest - 1),
            );
            if to > from && rows_then * width_then > BATCH_TOKENS {
                break;
            }
            (rows, width, to) = (rows_then, width_then, to + 1);
        }
        for one in batch(decoder, &asks[from..to], probe)? {
            each(scored.len(), &one);
            scored.push(one);
        }
        from = to;
    }
    Ok(scored)
}

fn batch<P: Probe>(decoder: &Decoder, asks: &[Ask], probe: &mut P) -> Result<Vec<Scored>> {
    // A row an answer (at least one a prompt): the prompt with all but the answer's last token.
    let mut rows = Vec::new();
    for ask in asks {
        decoder.check_length(ask.prompt.len())?;
        if ask.answers.is_empty() {
            rows.push(ask.prompt.clone());
        }
        for answer in &ask.answers {
            rows.push([&ask.prompt[..], &answer[..answer.len() - 1]].concat());
        }
    }
    let lengths: Vec<usize> = rows.iter().map(Vec::len).collect();
    let padded = pad_right(&rows);
    let refs: Vec<&[u32]> = padded.iter().map(Vec::as_slice).collect();
    let width = refs[0].len();
    decoder.check_length(width)?;
    let span = Span::whole(width, decoder.device())?;
    let x = decoder.embed(&refs, &span, probe)?;
    let x = decoder.run_layers(x, 0..decoder.layers(), &span, None::<&mut Past>, probe)?;

    // Logits only where an answer's token is predicted.
    let mut wanted = Vec::new();
    let mut row = 0;
    for ask in asks {
        for _ in 0..ask.answers.len().max(1) {
            wanted.extend((ask.prompt.len() - 1..lengths[row]).map(|t| (row * width + t) as u32));
            row += 1;
        }
    }
    let count = wanted.len();
    let wanted = Tensor::from_vec(wanted, count, decoder.device())?;
    let x = x
        .reshape((rows.len() * width, decoder.config.d))?
        .index_select(&wanted, 0)?;
    let log_probs: Vec<Vec<f32>> = decoder.log_probs(&x)?.to_vec2()?;

    let mut next = log_probs.iter();
    let scored = asks.iter().map(|ask| {
        let mut one = Scored {
            log_p: Vec::new(),
            exact: Vec::new(),
            top: (0, 0.0),
        };
        let rows: &[Vec<u32>] = if ask.answers.is_empty() {
            &[Vec::new()]
        } else {
            &ask.answers
        };
        for (i, answer) in rows.iter().enumerate() {
            let (mut sum, mut exact) = (0.0, true);
            for (j, log_probs) in next.by_ref().take(answer.len().max(1)).enumerate() {
                let top = argmax(log_probs);
                if i == 0 && j == 0 {
                    one.top = (top, f64::from(log_probs[top as usize]).exp());
                }
                if let Some(&token) = answer.get(j) {
                    sum += f64::from(log_probs[token as usize]);
                    exact &= token == top;
                }
            }
            if !answer.is_empty() {
                one.log_p.push(sum / answer.len() as f64);
                one.exact.push(exact);
            }
        }
        one
    });
    Ok(scored.collect())
}
