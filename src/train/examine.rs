//! What a trained model remembers, and where the name of a subject turns into
//! what is known of it: recall by relation, and causal traces averaged over
//! facts. Small and direct; the tracing that users see lies a floor above.

mod gathering;
mod recall;

pub use gathering::{Gathering, Kind, Place, gathering};
pub use recall::{Recall, Tally, recall};

use crate::facts::{Fact, World};
use crate::model::{Encoded, Tokens};
use crate::train::error::Result;
use std::ops::Range;

/// A fact put as a prompt, with the first token of its object.
pub(crate) struct Question {
    pub encoded: Encoded,
    /// Tokens of the subject.
    pub subject: Range<usize>,
    pub answer: u32,
}

impl Question {
    /// None where a token is missing, as in an empty object.
    pub fn new(tokens: &Tokens, fact: &Fact, wording: &str) -> Result<Option<Question>> {
        let prompt = wording.replacen("{}", &fact.subject, 1);
        let begin = wording.find("{}").unwrap_or(0);
        let encoded = tokens.encode(&prompt)?;
        let subject = encoded.tokens_over(begin..begin + fact.subject.len());
        let answer = tokens
            .encode_bare(&format!(" {}", fact.object))?
            .first()
            .copied();
        Ok(subject.zip(answer).map(|(subject, answer)| Question {
            encoded,
            subject,
            answer,
        }))
    }
}

/// Standard deviation of the embeddings of all subjects' tokens, each subject
/// tokenised alone (ALGORITHMS §1.1).
pub(crate) fn embedding_deviation(
    decoder: &crate::model::Decoder,
    tokens: &Tokens,
    world: &World,
) -> Result<f64> {
    let mut ids = Vec::new();
    for subject in world.subjects() {
        ids.extend(tokens.encode(subject)?.ids);
    }
    let rows: Vec<f32> = decoder.embed_tokens(&[&ids])?.flatten_all()?.to_vec1()?;
    let n = rows.len() as f64;
    let mean = rows.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
    let square = rows
        .iter()
        .map(|&x| (f64::from(x) - mean).powi(2))
        .sum::<f64>();
    Ok((square / (n - 1.0).max(1.0)).sqrt())
}
