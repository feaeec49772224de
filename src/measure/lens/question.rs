//! Which tokens are looked for, and after what.

use super::error::{LensError, Result};
use super::read::Residuals;
use super::{LensSpec, failed};
use crate::edit::context::target_ids;
use crate::model::probe::Probe;
use crate::model::sample::argmax;
use crate::model::{Decoder, ModelError, Tokens};

/// A prompt as the lens sees it.
pub struct Question {
    /// With the answers' common beginning, `[T]`.
    pub ids: Vec<u32>,
    /// How many of them are that.
    pub forced: usize,
    /// `None`: the unedited model's own.
    pub old: Option<u32>,
    pub new: u32,
}

impl Question {
    pub fn new(decoder: &Decoder, tokens: &Tokens, spec: &LensSpec) -> Result<Question> {
        if spec.prompt.trim().is_empty() {
            return Err(ModelError::EmptyPrompt.into());
        }
        let answer = |text: &str, which| match text.trim().is_empty() {
            true => Err(LensError::EmptyAnswer { which }),
            false => Ok(target_ids(tokens, text)?),
        };
        let new = answer(&spec.new, "new")?;
        let old = match &spec.old {
            Some(old) => Some(answer(old, "old")?),
            None => None,
        };
        let mut ids = tokens.encode(&spec.prompt)?.ids;
        let mut forced = 0;
        if let Some(old) = &old {
            forced = differ_at(old, &new).ok_or_else(|| alike(spec, old, &new))?;
            ids.extend(&new[..forced]);
        }
        decoder.check_length(ids.len())?;
        Ok(Question {
            ids,
            forced,
            old: old.map(|old| old[forced]),
            new: new[forced],
        })
    }
}

/// The token that the unedited model says by itself after the prompt.
pub fn own_answer<P: Probe>(base: &Decoder, residuals: &Residuals, probe: &mut P) -> Result<u32> {
    let logits = base.logits(&residuals.output()?, probe)?;
    let logits = logits.flatten_all().and_then(|logits| logits.to_vec1());
    Ok(argmax(&logits.map_err(failed)?))
}

/// The first place at which both have a token, and not the same.
fn differ_at(old: &[u32], new: &[u32]) -> Option<usize> {
    old.iter().zip(new).position(|(a, b)| a != b)
}

fn alike(spec: &LensSpec, old: &[u32], new: &[u32]) -> LensError {
    let [old_text, new_text] =
        [spec.old.as_deref().unwrap_or_default(), &spec.new].map(|text| text.trim().to_owned());
    match old.len().cmp(&new.len()) {
        std::cmp::Ordering::Equal => LensError::Same { answer: new_text },
        std::cmp::Ordering::Less => LensError::Begins {
            short: old_text,
            long: new_text,
        },
        std::cmp::Ordering::Greater => LensError::Begins {
            short: new_text,
            long: old_text,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_told_apart_by_the_first_token_that_differs() {
        assert_eq!(differ_at(&[1], &[2, 3]), Some(0));
        assert_eq!(differ_at(&[7, 8, 1], &[7, 8, 2, 9]), Some(2));
        assert_eq!(differ_at(&[7, 8], &[7, 8, 2]), None);
        let spec = |old: &str, new: &str| LensSpec {
            old: Some(old.into()),
            new: new.into(),
            ..LensSpec::default()
        };
        let words = alike(&spec("York", " York City"), &[1], &[1, 2]).to_string();
        assert!(
            words.starts_with("\"York City\" begins with \"York\""),
            "{words}"
        );
        let words = alike(&spec("York City", "York"), &[1, 2], &[1]).to_string();
        assert!(
            words.starts_with("\"York City\" begins with \"York\""),
            "{words}"
        );
        let same = alike(&spec("York", " York"), &[1], &[1]);
        assert!(matches!(same, LensError::Same { .. }));
    }
}
