//! The canonical layout: every family's weights in one form, so that no block
//! ever sees a transposed `Conv1D` or a fused qkv.

pub mod checkpoint;
pub mod down;
pub mod ending;
pub mod gguf;
mod gpt2;
mod gptj;
mod llama;
mod neox;
pub mod number;
mod packed;
mod reader;

use super::config::{Config, Family};
use super::device::Place;
use super::error::Result;
use super::ops::{Affine, Matrix, Weight};
use candle_core::Tensor;
use checkpoint::Checkpoint;

/// y = W x + b, with W `[out, in]` and b `[out]`.
#[derive(Clone)]
pub struct Linear {
    pub weight: Matrix,
    pub bias: Option<Tensor>,
    /// Wᵀ beside W, where it was worth its place ([`Linear::turn`]). Whoever wants
    /// another weight makes another `Linear`.
    turned: Option<Tensor>,
}

impl Linear {
    pub fn new(weight: impl Into<Matrix>, bias: Option<Tensor>) -> Linear {
        Linear {
            weight: weight.into(),
            bias,
            turned: None,
        }
    }

    /// Keeps Wᵀ beside W. A multiplication takes its left side in columns, W for the
    /// gradient and Wᵀ for the answer, and would turn it anew each time: a sixth of
    /// a small model's work. A matrix that is made anew stays as it is.
    pub fn turn(&mut self) -> Result<()> {
        if let Matrix::Dense(weight) = &self.weight {
            self.turned = Some(weight.t()?.contiguous()?);
        }
        Ok(())
    }

    /// Another weight and bias, turned where this one is.
    pub fn with(&self, weight: impl Into<Matrix>, bias: Option<Tensor>) -> Result<Linear> {
        let mut other = Linear::new(weight, bias);
        if self.turned.is_some() {
            other.turn()?;
        }
        Ok(other)
    }

    pub fn affine(&self) -> Affine<'_> {
        Affine {
            weight: match &self.weight {
                Matrix::Dense(weight) => Weight::Dense(weight),
                Matrix::Made(rows) => Weight::Made(rows),
            },
            bias: self.bias.as_ref(),
            turned: self.turned.as_ref(),
        }
    }
}

#[derive(Clone)]
pub struct Norm {
    pub weight: Tensor,
    pub bias: Option<Tensor>,
}

#[derive(Clone)]
pub struct Block {
    /// The norm before attention; a block that norms after its modules has none.
    pub norm_1: Option<Norm>,
    pub q: Linear,
    pub k: Linear,
    pub v: Linear,
    pub o: Linear,
    /// RMS norms of queries and keys: `[head_dim]`, or the width of all heads.
    pub qk_norms: Option<(Tensor, Tensor)>,
    /// The norm between attention and the residual.
    pub post_attn: Option<Norm>,
    /// The norm before the MLP; a parallel block may have `norm_1` alone.
    pub norm_2: Option<Norm>,
    /// The norm between the MLP's last matrix and the residual.
    pub post_mlp: Option<Norm>,
    pub up: Linear,
    /// The gated half of a SwiGLU.
    pub gate: Option<Linear>,
    /// The MLP's last matrix W `[d, d_k]`: what an edit rewrites.
    pub down: Linear,
}

impl Block {
    /// Every matrix that something is multiplied with.
    pub fn linears_mut(&mut self) -> impl Iterator<Item = &mut Linear> {
        let six = [
            &mut self.q,
            &mut self.k,
            &mut self.v,
            &mut self.o,
            &mut self.up,
            &mut self.down,
        ];
        six.into_iter().chain(&mut self.gate)
    }
}

#[derive(Clone)]
pub struct Weights {
    /// `[V, d]`.
    pub embed: Matrix,
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
        place: &Place,
    ) -> Result<Weights> {
        match config.family {
            Family::Gpt2 => gpt2::load(checkpoint, config, place),
            Family::GptJ => gptj::load(checkpoint, config, place),
            Family::NeoX => neox::load(checkpoint, config, place),
            Family::Llama
            | Family::Mistral
            | Family::Qwen2
            | Family::Qwen3
            | Family::Gemma2
            | Family::Gemma3
            | Family::Phi3
            | Family::Olmo2 => llama::load(checkpoint, config, place),
        }
    }

    /// Keeps every matrix turned as well.
    pub fn turn(&mut self) -> Result<()> {
        let blocks = self.blocks.iter_mut().flat_map(Block::linears_mut);
        blocks.chain([&mut self.head]).try_for_each(Linear::turn)
    }

    /// How many numbers they are; a tied head counts once.
    pub fn count(&self) -> usize {
        let linear =
            |l: &Linear| l.weight.elem_count() + l.bias.as_ref().map_or(0, Tensor::elem_count);
        let norm = |n: &Norm| n.weight.elem_count() + n.bias.as_ref().map_or(0, Tensor::elem_count);
        let block = |b: &Block| {
            [&b.q, &b.k, &b.v, &b.o, &b.up, &b.down]
                .into_iter()
                .chain(&b.gate)
                .map(linear)
                .sum::<usize>()
                + [&b.norm_1, &b.post_attn, &b.norm_2, &b.post_mlp]
                    .into_iter()
                    .flatten()
                    .map(norm)
                    .sum::<usize>()
                + b.qk_norms
                    .iter()
                    .map(|(q, k)| q.elem_count() + k.elem_count())
                    .sum::<usize>()
        };
        let tied = self.head.weight.id() == self.embed.id();
        let head = linear(&self.head) - if tied { self.embed.elem_count() } else { 0 };
        self.embed.elem_count()
            + self.positions.as_ref().map_or(0, Tensor::elem_count)
            + self.blocks.iter().map(block).sum::<usize>()
            + norm(&self.norm_f)
            + head
    }
}
