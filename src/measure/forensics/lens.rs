//! What a direction in the residual stream says: the logit lens on it alone.

use super::Result;
use super::data::{Directions, Token};
use crate::model::config::{Config, NormKind};
use crate::model::ops;
use crate::model::tokenizer::Tokens;
use crate::model::weights::ending::Ending;
use candle_core::Tensor;

/// Tokens that are told on either side.
const TOLD: usize = 5;

/// Reads `direction` `[d]` through a model's ending. `sign_known`: it points where
/// the change writes.
pub fn read(
    direction: &[f64],
    sign_known: bool,
    ending: &Ending,
    config: &Config,
    tokens: &Tokens,
) -> Result<Directions> {
    let normed = normed(direction, config);
    let row = Tensor::from_vec(normed, (1, config.d), ending.norm.weight.device())
        .and_then(|row| row.broadcast_mul(&ending.norm.weight))
        .and_then(|row| ops::linear(&row, &ending.head, None))
        .and_then(|logits| logits.flatten_all()?.to_vec1::<f32>());
    let logits = row.map_err(crate::model::ModelError::from)?;
    let mut order: Vec<u32> = (0..logits.len().min(tokens.vocab()) as u32).collect();
    let value = |id: &u32| logits[*id as usize];
    order.sort_by(|a, b| value(b).total_cmp(&value(a)));
    let token = |id: &u32| Token {
        id: *id,
        text: tokens.show(*id),
        logit: value(id).into(),
    };
    let mut directions = Directions {
        promotes: order.iter().take(TOLD).map(token).collect(),
        demotes: order.iter().rev().take(TOLD).map(token).collect(),
        sign_known,
    };
    let top = |tokens: &[Token]| tokens.first().map_or(0.0, |token| token.logit.abs());
    if !sign_known && top(&directions.demotes) > top(&directions.promotes) {
        directions.turn();
    }
    Ok(directions)
}

/// The direction as the final norm leaves it, before its weights: of root mean
/// square 1, and of mean 0 where the norm takes the mean away.
fn normed(direction: &[f64], config: &Config) -> Vec<f32> {
    let n = direction.len().max(1) as f64;
    let mean = match config.norm {
        NormKind::Layer => direction.iter().sum::<f64>() / n,
        NormKind::Rms => 0.0,
    };
    let square = direction.iter().map(|x| (x - mean) * (x - mean));
    let scale = (square.sum::<f64>() / n).sqrt().max(f64::MIN_POSITIVE);
    let values = direction.iter().map(|x| ((x - mean) / scale) as f32);
    values.collect()
}
