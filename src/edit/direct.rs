//! The minimal method some write first: no gradient, no second moment.
//!
//! It points the residual at the target's row of the output head and takes the
//! bare key as its direction. Offered so that users can see why it leaks.

use super::context::{norm, read_at_subject};
use super::error::{EditError, Result};
use super::rome::rank_one;
use super::task::{Made, Rewrite, Task};
use crate::model::probe::Point;
use candle_core::DType;

/// s: the length of the push, in residual norms.
const PUSH: f64 = 5.0;

/// v* = v + s·‖h‖·ŵ with u = k/‖k‖, so r = s·‖h‖·ŵ/‖k‖.
pub struct Direct;

impl Rewrite for Direct {
    fn rewrite(&self, task: &mut Task) -> Result<Made> {
        let layer = task.last_layer();
        let (decoder, context) = (task.decoder, &task.facts[0]);
        let points = [Point::MlpKey, Point::ResidPost];
        let rows = &context.rows[..1];
        let read = read_at_subject(decoder, rows, layer, &points, &mut task.probe)?;
        let (key, resid) = (&read[0][0], &read[1][0]);
        let head = &decoder.weights.head.weight;
        let row = head.rows(&context.target[..1])?.squeeze(0)?;
        let w: Vec<f64> = row.to_dtype(DType::F64)?.to_vec1()?;
        let length = norm(key);
        if length == 0.0 || norm(&w) == 0.0 {
            return Err(EditError::NoDirection(0.0));
        }
        let scale = PUSH * norm(resid) / norm(&w) / length;
        let r: Vec<f64> = w.iter().map(|x| x * scale).collect();
        let u: Vec<f64> = key.iter().map(|x| x / length).collect();
        Ok(Made {
            deltas: vec![rank_one(layer, &r, &u)],
            values: Vec::new(),
            division_factor: Some(length),
        })
    }
}
