//! The canonical layout: every family's weights in one form, so that no block
//! ever sees a transposed `Conv1D` or a fused qkv.

pub mod checkpoint;
mod gpt2;

use super::config::{Config, Family};
use super::error::Result;
use candle_core::{Device, Tensor};
use checkpoint::Checkpoint;

/// y = W x + b, with W `[out, in]` and b `[out]`.
#[derive(Clone)]
pub struct Linear {
    pub weight: Tensor,
    pub bias: Option<Tensor>,
}

#[derive(Clone)]
pub struct Norm {
    pub weight: Tensor,
    pub bias: Option<Tensor>,
}

#[derive(Clone)]
pub struct Block {
    pub norm_1: Norm,
    pub q: Linear,
    pub k: Linear,
    pub v: Linear,
    pub o: Linear,
    /// The norm before the MLP (unused where a parallel block has one norm).
    pub norm_2: Norm,
    pub up: Linear,
    /// The gated half of a SwiGLU.
    pub gate: Option<Linear>,
    /// The MLP's last matrix W `[d, d_k]`: what an edit rewrites.
    pub down: Linear,
}

#[derive(Clone)]
pub struct Weights {
    /// `[V, d]`.
    pub embed: Tensor,
    /// `[context, d]`, for learned positions.
    pub positions: Option<Tensor>,
    pub blocks: Vec<Block>,
    pub norm_f: Norm,
    /// `[V, d]`; shares the embedding's storage where the head is tied.
    pub head: Linear,
}

impl Weights {
    /// Reads a checkpoint in its family's own names and layout.
    pub fn from_checkpoint(
        checkpoint: &Checkpoint,
        config: &Config,
        device: &Device,
    ) -> Result<Weights> {
        match config.family {
            Family::Gpt2 => gpt2::load(checkpoint, config, device),
        }
    }
}
