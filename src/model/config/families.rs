//! Each family's `config.json`, read into the one [`Config`].

use super::fields::Fields;
use super::rotary::Rotary;
use super::{
    Activation, Attention, Config, Family, Local, NormKind, NormPlace, Position, QkNorm, Residual,
    unsupported,
};
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
        Some("gemma2") => gemma(f, Family::Gemma2),
        Some("gemma3_text") => gemma(f, Family::Gemma3),
        // 4B and more: the text part of a model that also sees pictures.
        Some("gemma3") => match f.json.get("text_config") {
            Some(json) if json.is_object() => {
                let path = f.path;
                gemma(&Fields { json, path }, Family::Gemma3)
            }
            _ => Err(f.bad("`text_config` is missing".into())),
        },
        Some("phi3") => llama(f, Family::Phi3),
        Some("olmo2") => llama(f, Family::Olmo2),
        Some(other) => Err(unsupported(
            &format!("the model family {other:?}"),
            "gpt2, gptj, gpt_neox, llama, mistral, qwen2, qwen3, gemma2, gemma3, phi3 and olmo2 are known",
        )),
        None => Err(f.bad("it names no `model_type`".into())),
    }
}

fn gpt2(f: &Fields) -> Result<Config> {
    let d = f.size("n_embd")?;
    let heads = f.size("n_head")?;
    let head_dim = f.part(("n_embd", d), ("n_head", heads))?;
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
        head_dim,
        d_mlp: f.size_or("n_inner", 4 * d)?,
        context: f.size("n_positions")?,
        norm: NormKind::Layer,
        norm_place: NormPlace::Before,
        norm_eps: f.number_or("layer_norm_epsilon", 1e-5)?,
        activation: f.activation("activation_function", Activation::GeluTanh)?,
        position: Position::Learned,
        residual: Residual::Sequential,
        attention_bias: true,
        attention: Attention::plain(head_dim),
        embed_scale: 1.0,
        logit_cap: None,
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
        norm_place: NormPlace::Before,
        norm_eps: f.number_or("layer_norm_epsilon", 1e-5)?,
        activation: f.activation("activation_function", Activation::GeluTanh)?,
        position: Position::Rotary(rotary),
        residual: Residual::Parallel { one_norm: true },
        attention_bias: false,
        attention: Attention::plain(head_dim),
        embed_scale: 1.0,
        logit_cap: None,
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
        norm_place: NormPlace::Before,
        norm_eps: f.number_or("layer_norm_eps", 1e-5)?,
        activation: f.activation("hidden_act", Activation::GeluErf)?,
        position: Position::Rotary(rotary),
        residual: match f.flag("use_parallel_residual", true)? {
            true => Residual::Parallel { one_norm: false },
            false => Residual::Sequential,
        },
        attention_bias: f.flag("attention_bias", true)?,
        attention: Attention::plain(head_dim),
        embed_scale: 1.0,
        logit_cap: None,
        tied_head: f.flag("tie_word_embeddings", false)?,
        eos: f.eos(),
    })
}

/// Llama and those that are built like it.
fn llama(f: &Fields, family: Family) -> Result<Config> {
    let d = f.size("hidden_size")?;
    let heads = f.size("num_attention_heads")?;
    let layers = f.size("num_hidden_layers")?;
    // What transformers takes where a config is silent.
    let kv_heads = match family {
        Family::Mistral => 8,
        Family::Qwen2 | Family::Qwen3 => 32,
        _ => heads,
    };
    let eps = if matches!(family, Family::Phi3 | Family::Olmo2) {
        1e-5
    } else {
        1e-6
    };
    let head_dim = match (f.size_or("head_dim", 0)?, family) {
        (0, Family::Qwen3) => 128,
        (0, _) => f.part(("hidden_size", d), ("num_attention_heads", heads))?,
        (given, _) => given,
    };
    Ok(Config {
        family,
        vocab: f.size("vocab_size")?,
        d,
        layers,
        heads,
        kv_heads: f.size_or("num_key_value_heads", kv_heads)?,
        head_dim,
        d_mlp: f.size("intermediate_size")?,
        context: f.size("max_position_embeddings")?,
        norm: NormKind::Rms,
        norm_place: if family == Family::Olmo2 {
            NormPlace::After
        } else {
            NormPlace::Before
        },
        norm_eps: f.number_or("rms_norm_eps", eps)?,
        activation: f.activation("hidden_act", Activation::Silu)?,
        position: Position::Rotary(Rotary::read(f, head_dim)?),
        residual: Residual::Sequential,
        attention_bias: family == Family::Qwen2 || f.flag("attention_bias", false)?,
        attention: Attention {
            qk_norm: match family {
                Family::Qwen3 => QkNorm::Head,
                Family::Olmo2 => QkNorm::Full,
                _ => QkNorm::None,
            },
            local: local(f, family, layers)?,
            ..Attention::plain(head_dim)
        },
        embed_scale: 1.0,
        logit_cap: None,
        tied_head: f.flag("tie_word_embeddings", false)?,
        eos: f.eos(),
    })
}

/// Gemma 2, and the text part of Gemma 3. The configs of Gemma 3's larger models
/// leave out whatever is transformers' default.
fn gemma(f: &Fields, family: Family) -> Result<Config> {
    f.only("use_bidirectional_attention", false)?;
    let d = f.size_or("hidden_size", 2304)?;
    let layers = f.size_or("num_hidden_layers", 26)?;
    let head_dim = f.size_or("head_dim", 256)?;
    let second = family == Family::Gemma2;
    let cap = |name, default: f64| -> Result<Option<f64>> {
        if f.json.get(name).is_none() {
            return Ok(second.then_some(default));
        }
        f.get(name, "a number or null", Value::as_f64)
    };
    let (rotary, own) = if second {
        (Rotary::read(f, head_dim)?, None)
    } else {
        let (whole, local) = Rotary::read_two(f, head_dim)?;
        (whole, Some(local))
    };
    let local = local(f, family, layers)?.map(|local| Local {
        rotary: own,
        ..local
    });
    Ok(Config {
        family,
        vocab: f.size_or("vocab_size", if second { 256_000 } else { 262_208 })?,
        d,
        layers,
        heads: f.size_or("num_attention_heads", 8)?,
        kv_heads: f.size_or("num_key_value_heads", 4)?,
        head_dim,
        d_mlp: f.size_or("intermediate_size", 9216)?,
        context: f.size_or(
            "max_position_embeddings",
            if second { 8192 } else { 131_072 },
        )?,
        norm: NormKind::Rms,
        norm_place: NormPlace::Around,
        norm_eps: f.number_or("rms_norm_eps", 1e-6)?,
        activation: f.activation("hidden_activation", Activation::GeluTanh)?,
        position: Position::Rotary(rotary),
        residual: Residual::Sequential,
        attention_bias: f.flag("attention_bias", false)?,
        attention: Attention {
            scale: f.number_or("query_pre_attn_scalar", 256.0)?.powf(-0.5),
            cap: cap("attn_logit_softcapping", 50.0)?,
            qk_norm: if second { QkNorm::None } else { QkNorm::Head },
            local,
        },
        embed_scale: (d as f64).sqrt(),
        logit_cap: cap("final_logit_softcapping", 30.0)?,
        tied_head: f.flag("tie_word_embeddings", true)?,
        eos: f.eos(),
    })
}

/// The layers that attend to a window: those that `layer_types` names, or what
/// transformers takes where a config does not list them.
fn local(f: &Fields, family: Family, layers: usize) -> Result<Option<Local>> {
    let silent = f.json.get("sliding_window").is_none();
    let default = match family {
        Family::Qwen2 | Family::Qwen3 if !f.flag("use_sliding_window", false)? => return Ok(None),
        Family::Mistral | Family::Qwen2 | Family::Qwen3 | Family::Gemma2 | Family::Gemma3 => 4096,
        Family::Phi3 => 0,
        _ => return Ok(None),
    };
    let window = f.size_or("sliding_window", if silent { default } else { 0 })?;
    if window == 0 {
        return Ok(None);
    }
    let listed = |value: &Value| -> Option<Vec<bool>> {
        let kind = |v: &Value| match v.as_str() {
            Some("sliding_attention") => Some(true),
            Some("full_attention") => Some(false),
            _ => None,
        };
        let kinds = value.as_array()?.iter().map(kind);
        kinds
            .collect::<Option<Vec<_>>>()
            .filter(|k| k.len() == layers)
    };
    let kind = "a list of \"full_attention\" and \"sliding_attention\", one a layer";
    let listed = f.get("layer_types", kind, listed)?;
    let pattern = |default| -> Result<usize> {
        let old = f.size_or("_sliding_window_pattern", default)?;
        Ok(f.size_or("sliding_window_pattern", old)?.max(1))
    };
    let (every, first) = match family {
        Family::Gemma2 => (pattern(2)?, 0),
        Family::Gemma3 => (pattern(6)?, 0),
        Family::Qwen2 | Family::Qwen3 => (usize::MAX, f.size_or("max_window_layers", 28)?),
        _ => (usize::MAX, 0),
    };
    // Every so manieth layer sees the whole prompt, and so do the first ones.
    let silent = || (0..layers).map(|layer| layer >= first && (layer + 1) % every != 0);
    let layers = listed.unwrap_or_else(|| silent().collect());
    Ok(layers.contains(&true).then_some(Local {
        window,
        layers,
        rotary: None,
    }))
}
