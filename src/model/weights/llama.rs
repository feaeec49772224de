//! Llama's names, which most later families share.

use super::checkpoint::{Checkpoint, Views};
use super::reader::Reader;
use super::{Block, Linear, Norm, Weights};
use crate::model::config::{Config, Family, NormPlace, QkNorm};
use crate::model::device::Place;
use crate::model::error::Result;
use candle_core::Tensor;

pub fn load(checkpoint: &Checkpoint, config: &Config, place: &Place) -> Result<Weights> {
    let views = checkpoint.views()?;
    let (prefix, outer) = prefixes(&views);
    let read = Reader::new(&views, prefix, place);
    let embed = read.matrix("embed_tokens.weight", config.vocab, config.d)?;
    let head = Reader::new(&views, outer, place).head("lm_head", config, &embed)?;
    let blocks = (0..config.layers)
        .map(|layer| block(&read.at(&format!("layers.{layer}")), config))
        .collect::<Result<_>>()?;
    Ok(Weights {
        embed,
        positions: None,
        blocks,
        norm_f: norm(&read, "norm", config)?,
        head,
    })
}

/// What stands before the names of the decoder and of the head. A model that also
/// sees pictures keeps its text part further in; where, changed with transformers 4.52.
pub fn prefixes(views: &Views) -> (&'static str, &'static str) {
    let known = [
        ("language_model.model.", "language_model."),
        ("model.language_model.", ""),
    ];
    let there = |(prefix, _): &(&str, &str)| views.has(&format!("{prefix}norm.weight"));
    known.into_iter().find(there).unwrap_or(("model.", ""))
}

/// An RMS norm. Gemma's multiplies by 1 + w (Gemma report §2; `Gemma2RMSNorm`).
pub fn norm(read: &Reader, name: &str, config: &Config) -> Result<Norm> {
    let Norm { weight, bias } = read.norm(name, config.norm, config.d)?;
    Ok(Norm {
        weight: offset(weight, config)?,
        bias,
    })
}

fn offset(weight: Tensor, config: &Config) -> Result<Tensor> {
    if matches!(config.family, Family::Gemma2 | Family::Gemma3) {
        return Ok((weight + 1.0)?);
    }
    Ok(weight)
}

fn block(read: &Reader, config: &Config) -> Result<Block> {
    let (d, hd) = (config.d, config.head_dim);
    let (q, kv) = (config.heads * hd, config.kv_heads * hd);
    let widths = match config.attention.qk_norm {
        QkNorm::None => None,
        QkNorm::Head => Some((hd, hd)),
        QkNorm::Full => Some((q, kv)),
    };
    let qk_norm = |name: &str, width: usize| {
        offset(
            read.tensor(&format!("self_attn.{name}.weight"), &[width])?,
            config,
        )
    };
    let qk_norms = match widths {
        Some((q, k)) => Some((qk_norm("q_norm", q)?, qk_norm("k_norm", k)?)),
        None => None,
    };
    let norm = |name: &str| norm(read, name, config).map(Some);
    let (input, after_attn) = ("input_layernorm", "post_attention_layernorm");
    let (before_mlp, after_mlp) = ("pre_feedforward_layernorm", "post_feedforward_layernorm");
    let (norm_1, post_attn, norm_2, post_mlp) = match config.norm_place {
        // Named for where it stands, the norm after attention is the MLP's own here.
        NormPlace::Before => (norm(input)?, None, norm(after_attn)?, None),
        NormPlace::Around => (
            norm(input)?,
            norm(after_attn)?,
            norm(before_mlp)?,
            norm(after_mlp)?,
        ),
        NormPlace::After => (None, norm(after_attn)?, None, norm(after_mlp)?),
    };
    let biased = config.attention_bias;
    let [q, k, v] = match config.family {
        Family::Phi3 => {
            let fused = read.linear("self_attn.qkv_proj", d, q + 2 * kv)?;
            [(0, q), (q, kv), (q + kv, kv)].map(|(first, rows)| part(&fused, first, rows))
        }
        _ => [("q", q), ("k", kv), ("v", kv)]
            .map(|(name, rows)| read.linear_as(biased, &format!("self_attn.{name}_proj"), d, rows)),
    };
    let [gate, up] = match config.family {
        Family::Phi3 => {
            let fused = read.linear("mlp.gate_up_proj", d, 2 * config.d_mlp)?;
            [0, config.d_mlp].map(|first| part(&fused, first, config.d_mlp))
        }
        _ => ["gate", "up"].map(|name| read.linear(&format!("mlp.{name}_proj"), d, config.d_mlp)),
    };
    Ok(Block {
        norm_1,
        q: q?,
        k: k?,
        v: v?,
        o: read.linear_as(
            biased && config.family != Family::Qwen2,
            "self_attn.o_proj",
            config.heads * hd,
            d,
        )?,
        qk_norms,
        post_attn,
        norm_2,
        up: up?,
        gate: Some(gate?),
        down: read.linear("mlp.down_proj", config.d_mlp, d)?,
        post_mlp,
    })
}

/// Some rows of a fused matrix: a view, so that the parts share what was one tensor.
fn part(fused: &Linear, first: usize, rows: usize) -> Result<Linear> {
    let bias = fused.bias.as_ref().map(|b| b.narrow(0, first, rows));
    Ok(Linear::new(
        fused.weight.part(first..first + rows)?,
        bias.transpose()?,
    ))
}
