//! Silences the early MLPs at chosen tokens of a training row.

use crate::model::ModelError;
use crate::model::probe::{Point, Probe, Site};
use candle_core::Tensor;

/// Dropout of whole MLPs: what those of the layers before `before` write is
/// multiplied by `speaks` `[rows, tokens, 1]`, which holds 0 and 1.
pub struct Silence {
    pub before: usize,
    pub speaks: Tensor,
}

impl Probe for Silence {
    fn visit(&mut self, site: Site, x: Tensor) -> Result<Tensor, ModelError> {
        if site.point == Point::MlpOut && site.layer < self.before {
            return Ok(x.broadcast_mul(&self.speaks)?);
        }
        Ok(x)
    }
}
