//! A GGUF's settings in the words of a `config.json`, which the families read.
//!
//! What llama.cpp knows of an architecture and does not write into the file
//! (`llama-model.cpp`) is added here.

use super::container::Gguf;
use crate::model::config::{Config, Position, Scaling};
use crate::model::error::{ModelError, Result};
use serde_json::{Map, Value as Json, json};

/// What Llama 3 slows its turns by, pair by pair.
const DIVISORS: &str = "rope_freqs.weight";

const KNOWN: &str = "llama, qwen2, qwen3, gemma2, gemma3, phi3, olmo2, gpt2 and gptneox are known";

/// What the model is.
///
/// # Errors
/// Where a setting is missing, makes no sense, or asks for what is not done here.
pub fn read(gguf: &Gguf) -> Result<Config> {
    gguf.check_kinds()?;
    let words = Words::of(gguf)?;
    let json = match words.architecture {
        "llama" | "qwen2" | "qwen3" => llama(&words)?,
        "phi3" => phi3(&words)?,
        "olmo2" => olmo2(&words)?,
        "gemma2" | "gemma3" => gemma(&words)?,
        "gpt2" => gpt2(&words)?,
        "gptneox" => gptneox(&words)?,
        other => {
            return Err(ModelError::Unsupported {
                what: format!("the architecture {other:?}"),
                hint: KNOWN.into(),
            });
        }
    };
    let json = Json::Object(json).to_string();
    let mut config = Config::from_json(json.as_bytes(), gguf.path())?;
    if let Position::Rotary(rotary) = &mut config.position
        && gguf.tensor(DIVISORS).is_some()
    {
        let divisors: Vec<f32> = gguf.read(DIVISORS, &[rotary.width / 2])?;
        if divisors.iter().any(|x| *x <= 0.0) {
            return Err(gguf.bad(format!("`{DIVISORS}` should be above zero throughout")));
        }
        rotary.scaling = Scaling::Divisors(divisors.into());
    }
    Ok(config)
}

/// The settings of one architecture, by their last names.
struct Words<'a> {
    gguf: &'a Gguf,
    architecture: &'a str,
}

type Object = Map<String, Json>;

impl<'a> Words<'a> {
    fn of(gguf: &'a Gguf) -> Result<Words<'a>> {
        let architecture = gguf
            .text("general.architecture")?
            .ok_or_else(|| gguf.bad("it names no `general.architecture`".into()))?;
        Ok(Words { gguf, architecture })
    }

    fn key(&self, name: &str) -> String {
        format!("{}.{name}", self.architecture)
    }

    fn whole(&self, name: &str) -> Result<u64> {
        let key = self.key(name);
        (self.gguf.whole(&key)?).ok_or_else(|| self.gguf.bad(format!("`{key}` is missing")))
    }

    fn whole_or(&self, name: &str, default: u64) -> Result<u64> {
        Ok(self.gguf.whole(&self.key(name))?.unwrap_or(default))
    }

    fn number(&self, name: &str) -> Result<Option<f64>> {
        self.gguf.number(&self.key(name))
    }

    /// Rows of the embedding, whatever the vocabulary says: some are padded.
    fn vocab(&self) -> Result<u64> {
        let embed = self.gguf.tensor("token_embd.weight");
        let embed = embed.ok_or_else(|| ModelError::MissingTensor {
            name: "token_embd.weight".into(),
        })?;
        Ok(embed.shape[0] as u64)
    }

    /// What all have.
    fn common(&self, model_type: &str) -> Result<Object> {
        let mut json = Object::new();
        json.insert("model_type".into(), model_type.into());
        json.insert("vocab_size".into(), self.vocab()?.into());
        let tied = self.gguf.tensor("output.weight").is_none();
        json.insert("tie_word_embeddings".into(), tied.into());
        if let Some(eos) = self.gguf.whole("tokenizer.ggml.eos_token_id")? {
            json.insert("eos_token_id".into(), eos.into());
        }
        // Refused where the families are read.
        json.insert(
            "num_local_experts".into(),
            self.whole_or("expert_count", 0)?.into(),
        );
        if let Some(scaling) = self.scaling()? {
            json.insert("rope_scaling".into(), scaling);
        }
        Ok(json)
    }

    fn scaling(&self) -> Result<Option<Json>> {
        let key = self.key("rope.scaling.type");
        let old = self.number("rope.scale_linear")?;
        let factor = self.number("rope.scaling.factor")?.or(old).unwrap_or(1.0);
        Ok(match self.gguf.text(&key)? {
            Some("none") => None,
            // llama.cpp's default kind.
            None | Some("linear") if factor == 1.0 || factor == 0.0 => None,
            kind => Some(json!({"rope_type": kind.unwrap_or("linear"), "factor": factor})),
        })
    }

    /// The width of a head, of which keys and values have one.
    fn head_dim(&self, d: u64, heads: u64) -> Result<u64> {
        let head = self.whole_or("attention.key_length", d / heads.max(1))?;
        let value = self.whole_or("attention.value_length", head)?;
        if value == head {
            return Ok(head);
        }
        Err(ModelError::Unsupported {
            what: format!("a model with keys of {head} and values of {value} numbers"),
            hint: "both should have one width".into(),
        })
    }

    /// The share of a head that turns.
    fn share(&self, head: u64) -> Result<f64> {
        Ok(self.whole_or("rope.dimension_count", head)? as f64 / head.max(1) as f64)
    }
}

/// Adds `more` to an object.
fn with(mut json: Object, more: Json) -> Object {
    if let Json::Object(more) = more {
        json.extend(more.into_iter().filter(|(_, value)| !value.is_null()));
    }
    json
}

fn llama(words: &Words) -> Result<Object> {
    let d = words.whole("embedding_length")?;
    let heads = words.whole("attention.head_count")?;
    let head = words.head_dim(d, heads)?;
    Ok(with(
        words.common(words.architecture)?,
        json!({
            "hidden_size": d,
            "num_hidden_layers": words.whole("block_count")?,
            "num_attention_heads": heads,
            "num_key_value_heads": words.whole_or("attention.head_count_kv", heads)?,
            "head_dim": head,
            "intermediate_size": words.whole("feed_forward_length")?,
            "max_position_embeddings": words.whole("context_length")?,
            "rms_norm_eps": words.number("attention.layer_norm_rms_epsilon")?,
            "rope_theta": words.number("rope.freq_base")?,
            "partial_rotary_factor": words.share(head)?,
        }),
    ))
}

fn phi3(words: &Words) -> Result<Object> {
    for name in ["rope_factors_long.weight", "rope_factors_short.weight"] {
        if words.gguf.tensor(name).is_some() {
            return Err(ModelError::Unsupported {
                what: format!("the rotary scaling \"longrope\" (`{name}`)"),
                hint: "take the model of the short context".into(),
            });
        }
    }
    // The file may name a window that the model was not trained to look beyond;
    // llama.cpp does not look at it.
    let window = words.gguf.whole(&words.key("attention.sliding_window"))?;
    Ok(with(
        llama(words)?,
        json!({ "sliding_window": window.unwrap_or(0) }),
    ))
}

fn olmo2(words: &Words) -> Result<Object> {
    let key = words.key("attention.sliding_window");
    if words.gguf.whole(&key)?.is_some_and(|window| window > 0) {
        return Err(ModelError::Unsupported {
            what: format!("OLMo 3, whose layers look at a window (`{key}`)"),
            hint: KNOWN.into(),
        });
    }
    llama(words)
}

/// Gemma 2 and 3. Every second layer of Gemma 2, five of six of Gemma 3, are local:
/// the families' default, too. So are Gemma 2's caps.
fn gemma(words: &Words) -> Result<Object> {
    let third = words.architecture == "gemma3";
    let (d, layers) = (
        words.whole("embedding_length")?,
        words.whole("block_count")?,
    );
    let heads = words.whole("attention.head_count")?;
    // Of the 27-billion models alone, queries are scaled by another width than a head's.
    let large = layers == if third { 62 } else { 46 };
    let scalar = if large {
        d / heads.max(1)
    } else {
        words.head_dim(d, heads)?
    };
    let local = words.number("rope.freq_base_swa")?.unwrap_or(1e4);
    Ok(with(
        llama(words)?,
        json!({
            "model_type": if third { "gemma3_text" } else { "gemma2" },
            "query_pre_attn_scalar": scalar,
            "sliding_window": words.whole("attention.sliding_window")?,
            "attn_logit_softcapping": words.number("attn_logit_softcapping")?,
            "final_logit_softcapping": words.number("final_logit_softcapping")?,
            "rope_local_base_freq": third.then_some(local),
        }),
    ))
}

fn gpt2(words: &Words) -> Result<Object> {
    Ok(with(
        words.common("gpt2")?,
        json!({
            "n_embd": words.whole("embedding_length")?,
            "n_layer": words.whole("block_count")?,
            "n_head": words.whole("attention.head_count")?,
            "n_inner": words.whole("feed_forward_length")?,
            "n_positions": words.whole("context_length")?,
            "layer_norm_epsilon": words.number("attention.layer_norm_epsilon")?,
        }),
    ))
}

fn gptneox(words: &Words) -> Result<Object> {
    let d = words.whole("embedding_length")?;
    let heads = words.whole("attention.head_count")?;
    let parallel = words.gguf.flag(&words.key("use_parallel_residual"))?;
    Ok(with(
        words.common("gpt_neox")?,
        json!({
            "hidden_size": d,
            "num_hidden_layers": words.whole("block_count")?,
            "num_attention_heads": heads,
            "intermediate_size": words.whole("feed_forward_length")?,
            "max_position_embeddings": words.whole("context_length")?,
            "layer_norm_eps": words.number("attention.layer_norm_epsilon")?,
            "rotary_emb_base": words.number("rope.freq_base")?,
            "rotary_pct": words.share(words.head_dim(d, heads)?)?,
            "use_parallel_residual": parallel,
        }),
    ))
}
