//! Bounded scores and logits (Gemma 2 §2).

use candle_core::{Result, Tensor};

/// c·tanh(x/c), elementwise; `x` itself without a cap.
pub fn soft_cap(x: Tensor, cap: Option<f64>) -> Result<Tensor> {
    match cap {
        Some(cap) => (x / cap)?.tanh()? * cap,
        None => Ok(x),
    }
}
