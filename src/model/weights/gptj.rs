//! GPT-J's names: one norm a block, attention without biases, a head with one.

use super::checkpoint::Checkpoint;
use super::reader::Reader;
use super::{Block, Weights};
use crate::model::config::Config;
use crate::model::device::Place;
use crate::model::error::Result;

pub fn load(checkpoint: &Checkpoint, config: &Config, place: &Place) -> Result<Weights> {
    let views = checkpoint.views()?;
    let read = Reader::new(&views, "transformer.", place);
    let embed = read.matrix("wte.weight", config.vocab, config.d)?;
    let head = Reader::new(&views, "", place).head("lm_head", config, &embed)?;
    let blocks = (0..config.layers)
        .map(|layer| block(&read.at(&format!("h.{layer}")), config))
        .collect::<Result<_>>()?;
    Ok(Weights {
        embed,
        positions: None,
        blocks,
        norm_f: read.norm("ln_f", config.norm, config.d)?,
        head,
    })
}

fn block(read: &Reader, config: &Config) -> Result<Block> {
    let (d, k) = (config.d, config.d_mlp);
    Ok(Block {
        norm_1: Some(read.norm("ln_1", config.norm, d)?),
        q: read.linear("attn.q_proj", d, d)?,
        k: read.linear("attn.k_proj", d, d)?,
        v: read.linear("attn.v_proj", d, d)?,
        o: read.linear("attn.out_proj", d, d)?,
        qk_norms: None,
        post_attn: None,
        norm_2: None,
        post_mlp: None,
        up: read.biased("mlp.fc_in", d, k)?,
        gate: None,
        down: read.biased("mlp.fc_out", k, d)?,
    })
}
