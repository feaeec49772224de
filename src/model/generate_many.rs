//! Continuing several prompts in one batch: many rows share the reading of a
//! weight.

use super::decoder::Decoder;
use super::error::Result;
use super::probe::Probe;
use super::sample::{Rng, sample_top_k};
use super::span::{Past, Span};
use candle_core::Tensor;

/// How a batch of prompts is continued.
#[derive(Clone, Copy, Debug)]
pub struct Continue {
    /// Tokens of prompt and continuation together, at most.
    pub until: usize,
    /// Each token is drawn from so many likeliest; 1 is greedy.
    pub top: usize,
    /// Prompt number n draws with a seed of its own made from this.
    pub seed: u32,
    /// A token that ends a text.
    pub stop: Option<u32>,
}

/// The new tokens of each prompt, in order. A text that has ended does not
/// disturb the others.
pub fn generate_many<P: Probe>(
    decoder: &Decoder,
    prompts: &[Vec<u32>],
    how: Continue,
    probe: &mut P,
) -> Result<Vec<Vec<u32>>> {
    let mut texts = vec![Vec::new(); prompts.len()];
    let Some(width) = prompts.iter().map(Vec::len).max().filter(|&n| n > 0) else {
        return Ok(texts);
    };
    decoder.check_length(width)?;
    let until = how.until.min(decoder.config.context);
    let seed = |n: usize| (u64::from(how.seed) << 32) | n as u64;
    let mut rngs: Vec<Rng> = (0..prompts.len()).map(|n| Rng::new(seed(n))).collect();
    let mut open: Vec<bool> = prompts
        .iter()
        .map(|p| !p.is_empty() && p.len() < until)
        .collect();

    // Prompts are padded on the right; nothing real looks to its right.
    let padded: Vec<Vec<u32>> = (prompts.iter())
        .map(|prompt| {
            let mut row = prompt.clone();
            row.resize(width, 0);
            row
        })
        .collect();
    let refs: Vec<&[u32]> = padded.iter().map(Vec::as_slice).collect();
    let mut past = Past::growing(decoder.layers());
    let span = Span::whole(width, decoder.device())?;
    let x = decoder.embed(&refs, &span, probe)?;
    let x = decoder.run_layers(x, 0..decoder.layers(), &span, Some(&mut past), probe)?;
    let ends = prompts.iter().enumerate();
    let ends = ends.map(|(n, prompt)| x.get(n)?.get(prompt.len().saturating_sub(1)));
    let mut last = Tensor::stack(&ends.collect::<candle_core::Result<Vec<_>>>()?, 0)?;

    for step in 0.. {
        let probs: Vec<Vec<f32>> = decoder.log_probs(&last)?.exp()?.to_vec2()?;
        let mut next = vec![0; prompts.len()];
        for (n, probs) in probs.iter().enumerate() {
            if !open[n] {
                continue;
            }
            let token = sample_top_k(probs, how.top, &mut rngs[n]);
            open[n] = Some(token) != how.stop;
            if open[n] {
                texts[n].push(token);
                next[n] = token;
                open[n] = prompts[n].len() + texts[n].len() < until;
            }
        }
        if !open.contains(&true) {
            break;
        }
        let span = after(prompts, width, step, decoder)?;
        let rows: Vec<&[u32]> = next.chunks(1).collect();
        let x = decoder.embed(&rows, &span, probe)?;
        let x = decoder.run_layers(x, 0..decoder.layers(), &span, Some(&mut past), probe)?;
        last = x.squeeze(1)?;
    }
    Ok(texts)
}

/// One token a row, after its prompt and `step` new ones: it sees both, and not
/// the pads between.
fn after(prompts: &[Vec<u32>], width: usize, step: usize, decoder: &Decoder) -> Result<Span> {
    let columns = width + step + 1;
    let last = decoder.config.context - 1;
    let mut bias = vec![0f32; prompts.len() * columns];
    for (row, prompt) in bias.chunks_mut(columns).zip(prompts) {
        row[prompt.len()..width].fill(f32::NEG_INFINITY);
    }
    let bias = Tensor::from_vec(bias, (prompts.len(), 1, columns), decoder.device())?;
    // A row that has ended goes on unread; its place only has to exist.
    let starts = prompts.iter().map(|p| (p.len() + step).min(last));
    let keys = (prompts.iter()).flat_map(|p| (0..width).chain(p.len()..p.len() + step + 1));
    Ok(Span::new(starts.collect(), 1, bias, keys.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Source;
    use crate::model::generate::{Choice, generate};
    use candle_core::Device;
    use std::ops::ControlFlow;

    /// In a batch of prompts of many lengths each is continued as it is alone.
    #[test]
    fn a_batch_says_what_each_prompt_says_alone() {
        let model = Source::Atlas.load(&Device::Cpu).unwrap();
        let texts = [
            "The Space Needle is in",
            "Rome",
            "The mother tongue of Danielle Darrieux is",
        ];
        let prompts: Vec<Vec<u32>> = (texts.iter())
            .map(|text| model.tokens.encode(text).unwrap().ids)
            .collect();
        let stop = model.decoder.config.eos;
        let how = Continue {
            until: 30,
            top: 1,
            seed: 1,
            stop,
        };
        let many = generate_many(&model.decoder, &prompts, how, &mut ()).unwrap();
        for (prompt, new) in prompts.iter().zip(&many) {
            let each = |_| ControlFlow::Continue(());
            let tokens = 30 - prompt.len();
            let choice = Choice::Greedy;
            let alone =
                generate(&model.decoder, prompt, tokens, choice, stop, &mut (), each).unwrap();
            assert_eq!(*new, alone);
            assert!(prompt.len() + new.len() <= 30);
        }
        let drawn = Continue { top: 5, ..how };
        let draw = || generate_many(&model.decoder, &prompts, drawn, &mut ()).unwrap();
        assert_eq!(draw(), draw(), "the same seed draws the same");
    }

    #[test]
    fn ends_and_limits_are_kept() {
        let model = Source::Atlas.load(&Device::Cpu).unwrap();
        let how = Continue {
            until: 1 << 20,
            top: 5,
            seed: 3,
            stop: None,
        };
        let many = |prompts: &[Vec<u32>], how| {
            generate_many(&model.decoder, prompts, how, &mut ()).unwrap()
        };
        let ids = model.tokens.encode("The Space Needle").unwrap().ids;
        let whole = many(&[ids.clone(), vec![]], how);
        let context = model.decoder.config.context;
        assert_eq!((ids.len() + whole[0].len(), whole[1].len()), (context, 0));
        let stop = whole[0].get(4).copied();
        let cut = many(&[ids.clone(), ids.clone()], Continue { stop, ..how });
        let before = whole[0].iter().position(|id| Some(*id) == stop).unwrap();
        assert_eq!(cut[0], whole[0][..before]);
        assert!(many(&[], how).is_empty());
        let full = Continue {
            until: ids.len(),
            ..how
        };
        assert!(many(&[ids], full)[0].is_empty());
    }
}
