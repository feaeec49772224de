//! GPT-NeoX's and Pythia's names: qkv is fused, head by head.

use super::checkpoint::Checkpoint;
use super::reader::Reader;
use super::{Block, Linear, Weights};
use crate::model::config::Config;
use crate::model::device::Place;
use crate::model::error::Result;
use candle_core::Tensor;

pub fn load(checkpoint: &Checkpoint, config: &Config, place: &Place) -> Result<Weights> {
    let views = checkpoint.views()?;
    let read = Reader::new(&views, "gpt_neox.", place);
    let embed = read.matrix("embed_in.weight", config.vocab, config.d)?;
    let head = Reader::new(&views, "", place).head("embed_out", config, &embed)?;
    let blocks = (0..config.layers)
        .map(|layer| block(&read.at(&format!("layers.{layer}")), config))
        .collect::<Result<_>>()?;
    Ok(Weights {
        embed,
        positions: None,
        blocks,
        norm_f: read.norm("final_layer_norm", config.norm, config.d)?,
        head,
    })
}

fn block(read: &Reader, config: &Config) -> Result<Block> {
    let (d, k) = (config.d, config.d_mlp);
    let biased = config.attention_bias;
    let qkv = read.linear_as(biased, "attention.query_key_value", d, 3 * d)?;
    // Rows are [heads, (q, k, v), head_dim].
    let third = |i: usize| -> Result<Linear> {
        let part = |t: &Tensor| -> Result<Tensor> {
            let mut shape = vec![config.heads, 3, config.head_dim];
            shape.extend(&t.dims()[1..]);
            let rows = t.reshape(shape)?.narrow(1, i, 1)?.contiguous()?;
            Ok(rows.reshape([&[d], &t.dims()[1..]].concat())?)
        };
        Ok(Linear::new(
            part(&qkv.weight.dense()?)?,
            qkv.bias.as_ref().map(part).transpose()?,
        ))
    };
    Ok(Block {
        norm_1: Some(read.norm("input_layernorm", config.norm, d)?),
        q: third(0)?,
        k: third(1)?,
        v: third(2)?,
        o: read.linear_as(biased, "attention.dense", d, d)?,
        qk_norms: None,
        post_attn: None,
        norm_2: Some(read.norm("post_attention_layernorm", config.norm, d)?),
        post_mlp: None,
        up: read.biased("mlp.dense_h_to_4h", d, k)?,
        gate: None,
        down: read.biased("mlp.dense_4h_to_h", k, d)?,
    })
}
