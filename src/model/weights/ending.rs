//! The end of a model, where residuals become logits, without the rest of it.

use super::checkpoint::Checkpoint;
use super::reader::Reader;
use super::{Norm, llama};
use crate::model::config::{Config, Family};
use crate::model::device::Place;
use crate::model::error::Result;
use candle_core::Tensor;

/// The final norm, and the head `[V, d]`.
pub struct Ending {
    pub norm: Norm,
    pub head: Tensor,
}

impl Ending {
    /// Reads two tensors, or three; the layers stay on disk.
    pub fn from_checkpoint(
        checkpoint: &Checkpoint,
        config: &Config,
        place: &Place,
    ) -> Result<Ending> {
        let views = checkpoint.views()?;
        let (prefix, embed, norm, head) = match config.family {
            // The hub's gpt2 was saved without the first part of its names.
            Family::Gpt2 if !views.has("transformer.wte.weight") => ("", "wte", "ln_f", "lm_head"),
            Family::Gpt2 | Family::GptJ => ("transformer.", "wte", "ln_f", "lm_head"),
            Family::NeoX => ("gpt_neox.", "embed_in", "final_layer_norm", "embed_out"),
            _ => (llama::prefixes(&views).0, "embed_tokens", "norm", "lm_head"),
        };
        let read = Reader::new(&views, prefix, place);
        let matrix = |read: &Reader, name: &str| {
            read.matrix(&format!("{name}.weight"), config.vocab, config.d)
        };
        Ok(Ending {
            norm: llama::norm(&read, norm, config)?,
            head: match config.tied_head {
                true => matrix(&read, embed)?,
                false => matrix(&Reader::new(&views, llama::prefixes(&views).1, place), head)?,
            }
            .dense()?,
        })
    }
}
