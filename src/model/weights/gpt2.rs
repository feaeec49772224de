//! GPT-2's names and layout: `Conv1D` weights are `[in, out]`, qkv is fused.

use super::checkpoint::Checkpoint;
use super::reader::Reader;
use super::{Block, Linear, Weights};
use crate::model::config::Config;
use crate::model::device::Place;
use crate::model::error::Result;
use candle_core::Tensor;

pub fn load(checkpoint: &Checkpoint, config: &Config, place: &Place) -> Result<Weights> {
    let views = checkpoint.views()?;
    // `GPT2LMHeadModel` saves with the prefix, `GPT2Model` (the hub's gpt2) without.
    let prefix = match views.has("transformer.wte.weight") {
        true => "transformer.",
        false => "",
    };
    let read = Reader::new(&views, prefix, place);
    let d = config.d;
    let embed = read.matrix("wte.weight", config.vocab, d)?;
    let head = Reader::new(&views, "", place).head("lm_head", config, &embed)?;
    let blocks = (0..config.layers)
        .map(|layer| block(&read.at(&format!("h.{layer}")), config))
        .collect::<Result<_>>()?;
    Ok(Weights {
        embed,
        positions: Some(read.tensor("wpe.weight", &[config.context, d])?),
        blocks,
        norm_f: read.norm("ln_f", config.norm, d)?,
        head,
    })
}

fn block(read: &Reader, config: &Config) -> Result<Block> {
    let (d, k) = (config.d, config.d_mlp);
    let qkv = read.conv1d("attn.c_attn", d, 3 * d)?;
    let third = |i: usize| -> Result<Linear> {
        // A view: the three share what was one tensor. (`copy` would keep all of it thrice.)
        let part = |t: &Tensor| t.narrow(0, i * d, d);
        Ok(Linear::new(
            qkv.weight.part(i * d..(i + 1) * d)?,
            qkv.bias.as_ref().map(part).transpose()?,
        ))
    };
    Ok(Block {
        norm_1: Some(read.norm("ln_1", config.norm, d)?),
        q: third(0)?,
        k: third(1)?,
        v: third(2)?,
        o: read.conv1d("attn.c_proj", d, d)?,
        qk_norms: None,
        post_attn: None,
        norm_2: Some(read.norm("ln_2", config.norm, d)?),
        post_mlp: None,
        up: read.conv1d("mlp.c_fc", d, k)?,
        gate: None,
        down: read.conv1d("mlp.c_proj", k, d)?,
    })
}
