//! GPT-2's names and layout: `Conv1D` weights are `[in, out]`, qkv is fused.

use super::checkpoint::{Checkpoint, Views, transpose};
use super::{Block, Linear, Norm, Weights};
use crate::model::config::Config;
use crate::model::error::Result;
use candle_core::{Device, Tensor};

pub fn load(checkpoint: &Checkpoint, config: &Config, device: &Device) -> Result<Weights> {
    let views = checkpoint.views()?;
    // `GPT2LMHeadModel` saves with the prefix, `GPT2Model` (the hub's gpt2) without.
    let prefix = if views.has("transformer.wte.weight") {
        "transformer."
    } else {
        ""
    };
    let read = Reader {
        views: &views,
        prefix,
        device,
    };
    let (d, v) = (config.d, config.vocab);

    let embed = read.tensor("wte.weight", &[v, d])?;
    let head = match config.tied_head {
        true => embed.clone(),
        false => views.tensor("lm_head.weight", &[v, d], device)?,
    };
    let blocks = (0..config.layers)
        .map(|layer| block(&read, config, layer))
        .collect::<Result<_>>()?;
    Ok(Weights {
        embed,
        positions: Some(read.tensor("wpe.weight", &[config.context, d])?),
        blocks,
        norm_f: read.norm("ln_f", d)?,
        head: Linear {
            weight: head,
            bias: None,
        },
    })
}

fn block(read: &Reader, config: &Config, layer: usize) -> Result<Block> {
    let (d, k) = (config.d, config.d_mlp);
    let at = |name: &str| format!("h.{layer}.{name}");
    let qkv = read.conv1d(&at("attn.c_attn"), d, 3 * d)?;
    let third = |i: usize| -> Result<Linear> {
        let part = |t: &Tensor| t.narrow(0, i * d, d)?.copy();
        Ok(Linear {
            weight: part(&qkv.weight)?,
            bias: qkv.bias.as_ref().map(part).transpose()?,
        })
    };
    Ok(Block {
        norm_1: read.norm(&at("ln_1"), d)?,
        q: third(0)?,
        k: third(1)?,
        v: third(2)?,
        o: read.conv1d(&at("attn.c_proj"), d, d)?,
        norm_2: read.norm(&at("ln_2"), d)?,
        up: read.conv1d(&at("mlp.c_fc"), d, k)?,
        gate: None,
        down: read.conv1d(&at("mlp.c_proj"), k, d)?,
    })
}

struct Reader<'a> {
    views: &'a Views<'a>,
    prefix: &'a str,
    device: &'a Device,
}

impl Reader<'_> {
    fn tensor(&self, name: &str, shape: &[usize]) -> Result<Tensor> {
        self.views
            .tensor(&format!("{}{name}", self.prefix), shape, self.device)
    }

    fn norm(&self, name: &str, d: usize) -> Result<Norm> {
        let weight = self.tensor(&format!("{name}.weight"), &[d])?;
        let bias = Some(self.tensor(&format!("{name}.bias"), &[d])?);
        Ok(Norm { weight, bias })
    }

    /// A `Conv1D` `[input, output]`, turned to `[output, input]`.
    fn conv1d(&self, name: &str, input: usize, output: usize) -> Result<Linear> {
        let stored = self
            .views
            .read(&format!("{}{name}.weight", self.prefix), &[input, output])?;
        let weight = Tensor::from_vec(
            transpose(&stored, input, output),
            (output, input),
            self.device,
        )?;
        let bias = Some(self.tensor(&format!("{name}.bias"), &[output])?);
        Ok(Linear { weight, bias })
    }
}
