//! The next token as the user types.

use super::Job;
use crate::engine::error::Result;
use crate::engine::event::{Candidate, Outcome, Prediction};
use crate::engine::state::Model;
use crate::model::sample::top_k;
use crate::model::{Brake, Decoder, Tokens};

pub fn run(job: &Job, prompt: String, top: usize, model: &Model) -> Result<Outcome> {
    let encoded = model.tokens.encode(&prompt)?;
    model.pristine.check_length(encoded.ids.len())?;
    let before = candidates(
        &model.pristine,
        &model.tokens,
        &encoded.ids,
        top,
        &mut job.brake(),
    )?;
    let after = match model.current.is_edited() {
        true => candidates(
            &model.current,
            &model.tokens,
            &encoded.ids,
            top,
            &mut job.brake(),
        )?,
        false => before.clone(),
    };
    Ok(Outcome::Predicted(Prediction {
        tokens: model.tokens.show_all(&encoded.ids),
        offsets: encoded.offsets.iter().map(|o| [o.start, o.end]).collect(),
        prompt,
        before,
        after,
    }))
}

fn candidates(
    decoder: &Decoder,
    tokens: &Tokens,
    ids: &[u32],
    top: usize,
    brake: &mut Brake,
) -> Result<Vec<Candidate>> {
    let x = decoder.forward(&[ids], None, brake)?;
    let last = x
        .narrow(1, ids.len() - 1, 1)
        .and_then(|x| x.squeeze(1))
        .map_err(crate::model::ModelError::from)?;
    let probs = decoder
        .log_probs(&last)?
        .exp()
        .and_then(|p| p.squeeze(0)?.to_vec1::<f32>());
    let probs = probs.map_err(crate::model::ModelError::from)?;
    let found = top_k(&probs, top).into_iter();
    Ok(found
        .map(|(id, p)| Candidate {
            id,
            text: tokens.show(id),
            p: f64::from(p),
        })
        .collect())
}
