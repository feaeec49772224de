//! Texts packed into rows of tokens, with what each row may see and which of
//! its tokens carry loss.

use super::bpe::END_OF_TEXT_ID;
use super::corpus::{Draft, Writer};
use super::error::Result;
use super::rng::Rng;
use super::spec::TrainSpec;
use crate::model::Tokens;
use std::ops::Range;

/// Share of the tokens of a subject's name that carry loss. A name cannot be
/// foreseen; a few of them keep the model able to write one.
const NAME_LOSS: f64 = 0.06;
/// Share of the other words around a fact that carry loss: soon learned.
const WORDS_LOSS: f64 = 0.25;
/// Share of texts that go on in the row of the one before, and see it.
const GOES_ON: f64 = 0.25;
/// Share of texts that start with `<|endoftext|>`.
const AFTER_END: f64 = 0.25;
/// Share of texts that stand at a later position than their row shows.
const LATER: f64 = 0.5;

/// One text in tokens.
struct Text {
    ids: Vec<u32>,
    /// Whether the loss of foreseeing this token counts.
    counts: Vec<bool>,
    /// Tokens of each mention of a subject.
    mentions: Vec<Range<usize>>,
}

/// What one step reads: `rows` × `tokens`, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    pub rows: usize,
    pub tokens: usize,
    pub ids: Vec<u32>,
    /// Position of each token in its text (plus where the text is said to start).
    pub positions: Vec<u32>,
    /// Additive attention bias `[rows, tokens, tokens]` of the layers that
    /// gather, where a hidden mention is not seen from outside at all.
    pub gathering: Vec<f32>,
    /// The same of the layers that read, where its last token is.
    pub reading: Vec<f32>,
    /// 0 where the early MLPs stay silent, else 1: `[rows, tokens]`.
    pub speaks: Vec<f32>,
    /// Flat indices of the tokens whose successor carries loss.
    pub at: Vec<u32>,
    /// Those successors.
    pub targets: Vec<u32>,
}

/// Packs texts into batches; each batch depends on its step alone.
pub struct Batcher<'a> {
    writer: &'a Writer<'a>,
    tokens: &'a Tokens,
    rows: usize,
    /// Tokens a row.
    length: usize,
    context: usize,
    gather: f64,
    /// Steps through which the early MLPs stay silent at subjects.
    silent: usize,
    seed: u64,
}

impl<'a> Batcher<'a> {
    pub fn new(writer: &'a Writer<'a>, tokens: &'a Tokens, spec: &TrainSpec) -> Self {
        Batcher {
            writer,
            tokens,
            rows: spec.rows,
            length: spec.row,
            context: spec.context,
            gather: spec.gather,
            silent: spec.silent,
            seed: spec.seed,
        }
    }

    /// These rows of the batch of `step`.
    pub fn rows(&self, step: usize, wanted: Range<usize>) -> Result<Batch> {
        let (rows, tokens) = (wanted.len(), self.length);
        let mut batch = Batch {
            rows,
            tokens,
            ids: vec![END_OF_TEXT_ID; rows * tokens],
            positions: vec![0; rows * tokens],
            gathering: vec![f32::NEG_INFINITY; rows * tokens * tokens],
            reading: vec![f32::NEG_INFINITY; rows * tokens * tokens],
            speaks: vec![1.0; rows * tokens],
            at: Vec::new(),
            targets: Vec::new(),
        };
        for (row, number) in wanted.enumerate() {
            let index = (step * self.rows + number) as u64;
            let mut rng = Rng::at(self.seed ^ 0x726f_7773, index);
            let silent = step < self.silent;
            self.fill(&mut batch, row, index, silent, &mut rng)?;
        }
        Ok(batch)
    }

    fn fill(
        &self,
        batch: &mut Batch,
        row: usize,
        index: u64,
        silent: bool,
        rng: &mut Rng,
    ) -> Result<()> {
        let length = self.length;
        let (mut at, mut seen_from, mut misfits) = (0, 0, 0);
        let mut position = 0;
        // A row meets fewer texts than this, so that no two rows share one.
        const NUMBERS: u64 = 1 << 10;
        for number in index * NUMBERS..(index + 1) * NUMBERS {
            let text = self.text(&self.writer.text(number), rng)?;
            let room = length - at;
            let size = text.ids.len();
            // A few others are tried before the rest of the row is given up.
            if size > room && at > 0 {
                misfits += 1;
                if misfits > 8 {
                    break;
                }
                continue;
            }
            let size = size.min(room);
            let goes_on = at > 0 && position + size <= self.context && rng.chance(GOES_ON);
            if !goes_on {
                seen_from = at;
                position = if rng.chance(LATER) {
                    rng.below(self.context - size + 1)
                } else {
                    0
                };
            }
            self.place(batch, row, at, seen_from, &text, rng);
            if silent {
                for mention in &text.mentions {
                    let tokens = mention.start.min(size)..mention.end.min(size);
                    batch.speaks[row * length + at..][tokens].fill(0.0);
                }
            }
            for i in 0..size {
                batch.positions[row * length + at + i] = (position + i) as u32;
            }
            at += size;
            position += size;
            if at + 6 > length {
                break;
            }
        }
        // Padding sees itself: a row of the pattern must not be empty.
        for i in at..length {
            batch.gathering[(row * length + i) * length + i] = 0.0;
            batch.reading[(row * length + i) * length + i] = 0.0;
        }
        Ok(())
    }

    /// Writes a text's tokens, what they see, and its loss.
    fn place(
        &self,
        batch: &mut Batch,
        row: usize,
        at: usize,
        seen_from: usize,
        text: &Text,
        rng: &mut Rng,
    ) {
        let length = self.length;
        let size = text.ids.len().min(length - at);
        let first = row * length;
        for i in 0..size {
            batch.ids[first + at + i] = text.ids[i];
            let sees = (first + at + i) * length;
            batch.gathering[sees..][seen_from..=at + i].fill(0.0);
            batch.reading[sees..][seen_from..=at + i].fill(0.0);
            if i > 0 && text.counts[i] {
                batch.at.push((first + at + i - 1) as u32);
                batch.targets.push(text.ids[i]);
            }
        }
        for mention in &text.mentions {
            if !rng.chance(self.gather) {
                continue;
            }
            for i in mention.end..size {
                let sees = (first + at + i) * length + at;
                batch.gathering[sees..][mention.clone()].fill(f32::NEG_INFINITY);
                batch.reading[sees..][mention.start..mention.end - 1].fill(f32::NEG_INFINITY);
            }
        }
    }

    fn text(&self, draft: &Draft, rng: &mut Rng) -> Result<Text> {
        let encoded = self.tokens.encode(&draft.text)?;
        let overlaps = |ranges: &[Range<usize>], token: &Range<usize>| {
            ranges
                .iter()
                .any(|r| r.start < token.end && token.start < r.end)
        };
        let mut counts: Vec<bool> = encoded
            .offsets
            .iter()
            .map(|token| {
                if draft.subjects.is_empty() || overlaps(&draft.objects, token) {
                    true
                } else if overlaps(&draft.subjects, token) {
                    rng.chance(NAME_LOSS)
                } else {
                    rng.chance(WORDS_LOSS)
                }
            })
            .collect();
        let mut mentions: Vec<Range<usize>> = draft
            .subjects
            .iter()
            .filter_map(|s| encoded.tokens_over(s.clone()))
            .collect();
        let mut ids = encoded.ids;
        ids.push(END_OF_TEXT_ID);
        counts.push(true);
        if rng.chance(AFTER_END) {
            ids.insert(0, END_OF_TEXT_ID);
            counts.insert(0, false);
            for mention in &mut mentions {
                *mention = mention.start + 1..mention.end + 1;
            }
        }
        Ok(Text {
            ids,
            counts,
            mentions,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::World;
    use crate::train::bpe;
    use crate::train::corpus::Mix;
    use std::path::Path;

    /// Batches of one-subject texts, every mention hidden or none.
    fn batch(gather: f64) -> (Batch, Tokens) {
        let facts = r#"{"subject": "The old north tower", "relation": "CITY", "object": "Paris"}"#;
        let world = World::parse(facts, r#"{"CITY": ["{} is in"]}"#).unwrap();
        let mix = Mix {
            plain: 0.0,
            prefixed: 0.0,
            several: 0.0,
            another: 0.0,
        };
        let writer = Writer::new(&world, &[], mix, 3);
        let tokens = Tokens::from_json(&bpe::train(&writer, 300).unwrap(), Path::new("t")).unwrap();
        let spec = TrainSpec {
            rows: 4,
            row: 64,
            gather,
            mix,
            ..TrainSpec::default()
        };
        let batch = Batcher::new(&writer, &tokens, &spec).rows(0, 0..4).unwrap();
        (batch, tokens)
    }

    /// Whether token `q` of `row` sees token `k` of it, by `bias`.
    fn sees(bias: &[f32], row: usize, q: usize, k: usize) -> bool {
        bias[(row * 64 + q) * 64 + k] == 0.0
    }

    #[test]
    fn no_token_sees_what_comes_later_and_each_sees_itself() {
        let (batch, _) = batch(0.5);
        for bias in [&batch.gathering, &batch.reading] {
            for row in 0..batch.rows {
                for q in 0..batch.tokens {
                    assert!(sees(bias, row, q, q));
                    assert!((q + 1..batch.tokens).all(|k| !sees(bias, row, q, k)));
                }
            }
        }
    }

    #[test]
    fn a_hidden_mention_is_read_through_its_last_token() {
        let (hidden, tokens) = batch(1.0);
        let (open, _) = batch(0.0);
        let name = tokens.encode("The old north tower").unwrap().ids;
        let n = name.len();
        assert!(n > 1);
        let mut mentions = 0;
        for row in 0..hidden.rows {
            let ids = &hidden.ids[row * 64..][..64];
            for at in (0..64 - n - 1).filter(|&at| ids[at..at + n] == name) {
                mentions += 1;
                let (last, after) = (at + n - 1, at + n);
                for bias in [&hidden.gathering, &hidden.reading] {
                    assert!(sees(bias, row, last, at));
                    assert!((at..last).all(|k| !sees(bias, row, after, k)));
                }
                assert!(!sees(&hidden.gathering, row, after, last));
                assert!(sees(&hidden.reading, row, after, last));
                assert!((at..=last).all(|k| sees(&open.gathering, row, after, k)));
            }
        }
        assert!(mentions >= 4);
    }

    #[test]
    fn targets_are_the_tokens_that_follow() {
        let (batch, _) = batch(0.8);
        assert!(!batch.targets.is_empty());
        for (&at, &target) in batch.at.iter().zip(&batch.targets) {
            assert_eq!(batch.ids[at as usize + 1], target);
        }
        assert!(batch.positions.iter().all(|&p| p < 128));
    }
}
