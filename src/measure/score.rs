//! How likely an answer is after a prompt, many prompts at a time.

use crate::edit::context::{pad_right, target_ids};
use crate::edit::error::Result;
use crate::model::probe::Probe;
use crate::model::sample::argmax;
use crate::model::{Decoder, Past, Span, Tokens};
use candle_core::Tensor;
use std::ops::Range;

/// Tokens of one forward pass.
pub(super) const BATCH_TOKENS: usize = 2048;

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
///
/// ```
/// use candle_core::Device;
/// use pentimento::measure::score::{Ask, score};
/// use pentimento::model::Source;
///
/// let model = Source::Atlas.load(&Device::Cpu)?;
/// let answers = ["Seattle", "Paris"];
/// let ask = Ask::new(&model.tokens, "The Space Needle is located in", &answers)?;
/// let scored = score(&model.decoder, &[ask], &mut (), |_, _| ())?;
/// assert!(scored[0].exact[0] && scored[0].log_p[0] > scored[0].log_p[1]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn score<P: Probe>(
    decoder: &Decoder,
    asks: &[Ask],
    probe: &mut P,
    mut each: impl FnMut(usize, &Scored),
) -> Result<Vec<Scored>> {
    let mut scored = Vec::with_capacity(asks.len());
    let mut left = asks;
    while !left.is_empty() {
        let (now, later) = left.split_at(Pass::takes(left, BATCH_TOKENS));
        let pass = Pass::new(decoder, now)?;
        let x = pass.enter(decoder, probe)?;
        let x = pass.run(decoder, x, 0..decoder.layers(), probe)?;
        for one in pass.read(decoder, now, &x)? {
            each(scored.len(), &one);
            scored.push(one);
        }
        left = later;
    }
    Ok(scored)
}

/// Some asks as the rows of one forward pass.
pub(super) struct Pass {
    /// The prompt with all but an answer's last token, padded on the right to one
    /// length; answers that begin alike share a row, as all of one token do.
    rows: Vec<Vec<u32>>,
    span: Span,
    /// Rows of the flattened residual at which a token of an answer is predicted.
    wanted: Tensor,
}

impl Pass {
    /// How many of `asks` fit into a pass of at most `most` tokens: one at least.
    pub fn takes(asks: &[Ask], most: usize) -> usize {
        let (mut count, mut rows, mut width) = (0, 0, 0);
        for ask in asks {
            let longest = ask.answers.iter().map(Vec::len).max().unwrap_or(1);
            rows += forced(ask).0.len();
            width = width.max(ask.prompt.len() + longest - 1);
            if count > 0 && rows * width > most {
                break;
            }
            count += 1;
        }
        count
    }

    pub fn new(decoder: &Decoder, asks: &[Ask]) -> Result<Pass> {
        let mut rows = Vec::new();
        // Of each token that is predicted: its row, and where in it.
        let mut places = Vec::new();
        for ask in asks {
            decoder.check_length(ask.prompt.len())?;
            let (given, row_of) = forced(ask);
            let last = ask.prompt.len() - 1;
            for (i, row) in row_of.iter().enumerate() {
                let tokens = ask.answers.get(i).map_or(1, Vec::len);
                places.extend((0..tokens).map(|t| (rows.len() + row, last + t)));
            }
            rows.extend(given.iter().map(|given| [&ask.prompt[..], given].concat()));
        }
        let rows = pad_right(&rows);
        let width = rows.first().map_or(0, Vec::len);
        decoder.check_length(width)?;
        let wanted = places.iter().map(|(row, at)| (row * width + at) as u32);
        let wanted: Vec<u32> = wanted.collect();
        let count = wanted.len();
        Ok(Pass {
            span: Span::whole(width, decoder.device())?,
            wanted: Tensor::from_vec(wanted, count, decoder.device())?,
            rows,
        })
    }

    /// Tokens of the pass, pads included.
    pub fn tokens(&self) -> usize {
        self.rows.len() * self.span.rows
    }

    /// The residual that enters layer 0.
    pub fn enter<P: Probe>(&self, decoder: &Decoder, probe: &mut P) -> Result<Tensor> {
        let refs: Vec<&[u32]> = self.rows.iter().map(Vec::as_slice).collect();
        Ok(decoder.embed(&refs, &self.span, probe)?)
    }

    /// Takes the residual through `layers`.
    pub fn run<P: Probe>(
        &self,
        decoder: &Decoder,
        x: Tensor,
        layers: Range<usize>,
        probe: &mut P,
    ) -> Result<Tensor> {
        Ok(decoder.run_layers(x, layers, &self.span, None::<&mut Past>, probe)?)
    }

    /// What the last residual says of each of `asks`, those of the pass. Logits
    /// are computed only where an answer's token is predicted.
    pub fn read(&self, decoder: &Decoder, asks: &[Ask], x: &Tensor) -> Result<Vec<Scored>> {
        let x = x
            .reshape((self.tokens(), decoder.config.d))?
            .index_select(&self.wanted, 0)?;
        let log_probs: Vec<Vec<f32>> = decoder.log_probs(&x)?.to_vec2()?;
        let mut next = log_probs.iter();
        Ok(asks.iter().map(|ask| scored(ask, &mut next)).collect())
    }
}

/// What has to stand after a prompt, and which of these each answer goes by:
/// the answers without their last tokens, one for all that begin it.
fn forced(ask: &Ask) -> (Vec<&[u32]>, Vec<usize>) {
    let mut given: Vec<&[u32]> = Vec::new();
    let mut row_of = Vec::with_capacity(ask.answers.len().max(1));
    for answer in &ask.answers {
        let own = &answer[..answer.len().saturating_sub(1)];
        let row = (given.iter()).position(|other| other.starts_with(own) || own.starts_with(other));
        let row = row.unwrap_or(given.len());
        match given.get_mut(row) {
            Some(other) if other.len() < own.len() => *other = own,
            Some(_) => {}
            None => given.push(own),
        }
        row_of.push(row);
    }
    if row_of.is_empty() {
        given.push(&[]);
        row_of.push(0);
    }
    (given, row_of)
}

/// One ask from its rows of log-probabilities, the next ones.
fn scored<'a>(ask: &Ask, next: &mut impl Iterator<Item = &'a Vec<f32>>) -> Scored {
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_that_begin_alike_share_a_row() {
        let ask = |answers: &[&[u32]]| Ask {
            prompt: vec![9],
            answers: answers.iter().map(|a| a.to_vec()).collect(),
        };
        let rows = |answers: &[&[u32]]| {
            let ask = ask(answers);
            let (given, of) = forced(&ask);
            (given.iter().map(|g| g.to_vec()).collect::<Vec<_>>(), of)
        };
        assert_eq!(rows(&[]), (vec![vec![]], vec![0]));
        assert_eq!(rows(&[&[1], &[2]]), (vec![vec![]], vec![0, 0]));
        let (long, short): (&[u32], &[u32]) = (&[1, 2, 3], &[1, 5]);
        assert_eq!(
            rows(&[long, short, &[7]]),
            (vec![vec![1, 2]], vec![0, 0, 0])
        );
        assert_eq!(rows(&[short, long]), (vec![vec![1, 2]], vec![0, 0]));
        assert_eq!(
            rows(&[&[4, 4], long]),
            (vec![vec![4], vec![1, 2]], vec![0, 1])
        );
    }
}
