//! Llama's names, which Mistral and Qwen share.

use super::checkpoint::Checkpoint;
use super::reader::Reader;
use super::{Block, Weights};
use crate::model::config::{Config, Family};
use crate::model::device::Place;
use crate::model::error::Result;

pub fn load(checkpoint: &Checkpoint, config: &Config, place: &Place) -> Result<Weights> {
    let views = checkpoint.views()?;
    let read = Reader::new(&views, "model.", place);
    let embed = read.matrix("embed_tokens.weight", config.vocab, config.d)?;
    let head = Reader::new(&views, "", place).head("lm_head", config, &embed)?;
    let blocks = (0..config.layers)
        .map(|layer| block(&read.at(&format!("layers.{layer}")), config))
        .collect::<Result<_>>()?;
    Ok(Weights {
        embed,
        positions: None,
        blocks,
        norm_f: read.norm("norm", config.norm, config.d)?,
        head,
    })
}

fn block(read: &Reader, config: &Config) -> Result<Block> {
    let (d, k, hd) = (config.d, config.d_mlp, config.head_dim);
    let (q, kv) = (config.heads * hd, config.kv_heads * hd);
    let head_norms = match config.head_norms {
        true => Some((
            read.tensor("self_attn.q_norm.weight", &[hd])?,
            read.tensor("self_attn.k_norm.weight", &[hd])?,
        )),
        false => None,
    };
    let biased = config.attention_bias;
    Ok(Block {
        norm_1: read.norm("input_layernorm", config.norm, d)?,
        q: read.linear_as(biased, "self_attn.q_proj", d, q)?,
        k: read.linear_as(biased, "self_attn.k_proj", d, kv)?,
        v: read.linear_as(biased, "self_attn.v_proj", d, kv)?,
        o: read.linear_as(
            biased && config.family != Family::Qwen2,
            "self_attn.o_proj",
            q,
            d,
        )?,
        head_norms,
        norm_2: Some(read.norm("post_attention_layernorm", config.norm, d)?),
        up: read.linear("mlp.up_proj", d, k)?,
        gate: Some(read.linear("mlp.gate_proj", d, k)?),
        down: read.linear("mlp.down_proj", k, d)?,
    })
}
