//! Each family's `config.json`, read into the one [`Config`].

use super::fields::Fields;
use super::rotary::Rotary;
use super::{Activation, Config, Family, NormKind, Position, Residual, unsupported};
use crate::model::error::Result;
use serde_json::Value;

pub(super) fn read(f: &Fields) -> Result<Config> {
    match f.json.get("model_type").and_then(Value::as_str) {
        Some("gpt2") => gpt2(f),
        Some("gptj") => gptj(f),
        Some("gpt_neox") => gpt_neox(f),
        Some("llama") => llama(f, Family::Llama),
        Some("mistral") => llama(f, Family::Mistral),
        Some("qwen2") => llama(f, Family::Qwen2),
        Some("qwen3") => llama(f, Family::Qwen3),
        Some(other) => Err(unsupported(
            &format!("the model family {other:?}"),
            "gpt2, gptj, gpt_neox, llama, mistral, qwen2 and qwen3 are known",
        )),
        None => Err(f.bad("it names no `model_type`".into())),
    }
}

fn gpt2(f: &Fields) -> Result<Config> {
    let d = f.size("n_embd")?;
    let heads = f.size("n_head")?;
    f.only("scale_attn_by_inverse_layer_idx", false)?;
    f.only("scale_attn_weights", true)?;
    f.only("add_cross_attention", false)?;
    Ok(Config {
        family: Family::Gpt2,
        vocab: f.size("vocab_size")?,
        d,
        layers: f.size("n_layer")?,
        heads,
        kv_heads: heads,
        head_dim: f.part(("n_embd", d), ("n_head", heads))?,
        d_mlp: f.size_or("n_inner", 4 * d)?,
        context: f.size("n_positions")?,
        norm: NormKind::Layer,
        norm_eps: f.number_or("layer_norm_epsilon", 1e-5)?,
        activation: f.activation("activation_function", Activation::GeluTanh)?,
        position: Position::Learned,
        residual: Residual::Sequential,
        attention_bias: true,
        head_norms: false,
        tied_head: f.flag("tie_word_embeddings", true)?,
        eos: f.eos(),
    })
}

fn gptj(f: &Fields) -> Result<Config> {
    let d = f.size("n_embd")?;
    let heads = f.size("n_head")?;
    let head_dim = f.part(("n_embd", d), ("n_head", heads))?;
    let rotary = Rotary {
        width: f.size("rotary_dim")?,
        interleaved: true,
        ..Rotary::read(f, head_dim)?
    };
    Ok(Config {
        family: Family::GptJ,
        vocab: f.size("vocab_size")?,
        d,
        layers: f.size("n_layer")?,
        heads,
        kv_heads: heads,
        head_dim,
        d_mlp: f.size_or("n_inner", 4 * d)?,
        context: f.size("n_positions")?,
        norm: NormKind::Layer,
        norm_eps: f.number_or("layer_norm_epsilon", 1e-5)?,
        activation: f.activation("activation_function", Activation::GeluTanh)?,
        position: Position::Rotary(rotary),
        residual: Residual::Parallel { one_norm: true },
        attention_bias: false,
        head_norms: false,
        tied_head: f.flag("tie_word_embeddings", false)?,
        eos: f.eos(),
    })
}

fn gpt_neox(f: &Fields) -> Result<Config> {
    let d = f.size("hidden_size")?;
    let heads = f.size("num_attention_heads")?;
    let head_dim = f.part(("hidden_size", d), ("num_attention_heads", heads))?;
    // The share is 0.25 where a config does not say (transformers' default).
    let mut rotary = Rotary::read(f, head_dim)?;
    let named = |v: &Value| v.get("partial_rotary_factor").is_some();
    if !(named(f.json)
        || f.json.get("rotary_pct").is_some()
        || f.json.get("rope_parameters").is_some_and(named))
    {
        rotary.width /= 4;
    }
    Ok(Config {
        family: Family::NeoX,
        vocab: f.size("vocab_size")?,
        d,
        layers: f.size("num_hidden_layers")?,
        heads,
        kv_heads: heads,
        head_dim,
        d_mlp: f.size("intermediate_size")?,
        context: f.size("max_position_embeddings")?,
        norm: NormKind::Layer,
        norm_eps: f.number_or("layer_norm_eps", 1e-5)?,
        activation: f.activation("hidden_act", Activation::GeluErf)?,
        position: Position::Rotary(rotary),
        residual: match f.flag("use_parallel_residual", true)? {
            true => Residual::Parallel { one_norm: false },
            false => Residual::Sequential,
        },
        attention_bias: f.flag("attention_bias", true)?,
        head_norms: false,
        tied_head: f.flag("tie_word_embeddings", false)?,
        eos: f.eos(),
    })
}

/// Llama and those that are built like it.
fn llama(f: &Fields, family: Family) -> Result<Config> {
    let d = f.size("hidden_size")?;
    let heads = f.size("num_attention_heads")?;
    // What transformers takes where a config is silent.
    let kv_heads = match family {
        Family::Mistral => 8,
        Family::Qwen2 | Family::Qwen3 => 32,
        _ => heads,
    };
    let head_dim = match (f.size_or("head_dim", 0)?, family) {
        (0, Family::Qwen3) => 128,
        (0, _) => f.part(("hidden_size", d), ("num_attention_heads", heads))?,
        (given, _) => given,
    };
    let context = f.size("max_position_embeddings")?;
    Ok(Config {
        family,
        vocab: f.size("vocab_size")?,
        d,
        layers: f.size("num_hidden_layers")?,
        heads,
        kv_heads: f.size_or("num_key_value_heads", kv_heads)?,
        head_dim,
        d_mlp: f.size("intermediate_size")?,
        context: window(f, family)?.map_or(context, |window| window.min(context)),
        norm: NormKind::Rms,
        norm_eps: f.number_or("rms_norm_eps", 1e-6)?,
        activation: f.activation("hidden_act", Activation::Silu)?,
        position: Position::Rotary(Rotary::read(f, head_dim)?),
        residual: Residual::Sequential,
        attention_bias: family == Family::Qwen2 || f.flag("attention_bias", false)?,
        head_norms: family == Family::Qwen3,
        tied_head: f.flag("tie_word_embeddings", false)?,
        eos: f.eos(),
    })
}

/// How far back attention reaches, where that is limited. Within the window a
/// sliding model is a plain one: it only limits the prompt.
fn window(f: &Fields, family: Family) -> Result<Option<usize>> {
    let default = match family {
        Family::Llama => return Ok(None),
        // Mistral's default is a window, unless its config says null.
        Family::Mistral => f.json.get("sliding_window").is_none(),
        _ if !f.flag("use_sliding_window", false)? => return Ok(None),
        _ => true,
    };
    Ok(match f.size_or("sliding_window", 0)? {
        0 if default => Some(4096),
        0 => None,
        given => Some(given),
    })
}
