//! What distinguishes one model from another, as data.
//!
//! Each family's `config.json` is read into one [`Config`]; whatever a config
//! asks for that the decoder does not do is refused by name, never ignored.

use super::error::{ModelError, Result};
use serde_json::Value;
use std::path::Path;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    Gpt2,
}

impl Family {
    pub fn name(self) -> &'static str {
        match self {
            Family::Gpt2 => "gpt2",
        }
    }
}

/// How a token's position enters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Position {
    /// A learned table `[context, d]`, added to the token embedding.
    Learned,
}

/// How attention and MLP share the residual stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Residual {
    /// The MLP reads what attention wrote.
    Sequential,
    /// Both read the block's input. `one_norm`: through the same norm.
    Parallel { one_norm: bool },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NormKind {
    Layer,
    Rms,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// The tanh approximation, GPT-2's `gelu_new`.
    GeluTanh,
    /// The exact form.
    GeluErf,
    Silu,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    pub family: Family,
    pub vocab: usize,
    /// Residual width d.
    pub d: usize,
    pub layers: usize,
    pub heads: usize,
    /// Heads of keys and values (fewer than `heads` where queries are grouped).
    pub kv_heads: usize,
    pub head_dim: usize,
    /// Inner MLP width d_k.
    pub d_mlp: usize,
    /// Longest prompt, in tokens.
    pub context: usize,
    pub norm: NormKind,
    pub norm_eps: f64,
    pub activation: Activation,
    pub position: Position,
    pub residual: Residual,
    /// The output head is the embedding matrix.
    pub tied_head: bool,
    /// `<|endoftext|>` or its like.
    pub eos: Option<u32>,
}

impl Config {
    /// Reads a Hugging Face `config.json`.
    pub fn from_json(bytes: &[u8], path: &Path) -> Result<Config> {
        let bad = |reason: String| ModelError::Config {
            path: path.to_owned(),
            reason,
        };
        let json: Value = serde_json::from_slice(bytes).map_err(|e| bad(e.to_string()))?;
        let fields = Fields { json: &json, path };
        if json.get("quantization_config").is_some() {
            return Err(unsupported(
                "a quantised checkpoint",
                "an edit needs the weights themselves; use the f32, f16 or bf16 original",
            ));
        }
        let config = match json.get("model_type").and_then(Value::as_str) {
            Some("gpt2") => gpt2(&fields)?,
            Some(other) => {
                return Err(unsupported(
                    &format!("the model family {other:?}"),
                    "this version opens GPT-2 models (`model_type` \"gpt2\")",
                ));
            }
            None => return Err(bad("it names no `model_type`".into())),
        };
        config.check().map_err(bad)?;
        Ok(config)
    }

    /// Refuses sizes that no model has, before anything is allocated for them.
    fn check(&self) -> std::result::Result<(), String> {
        let limits = [
            ("vocabulary", self.vocab, 1 << 22),
            ("width", self.d, 1 << 17),
            ("layers", self.layers, 1 << 12),
            ("heads", self.heads, 1 << 12),
            ("inner width", self.d_mlp, 1 << 20),
            ("context", self.context, 1 << 24),
        ];
        for (name, value, limit) in limits {
            if value == 0 || value > limit {
                return Err(format!(
                    "{name} is {value}; it should lie between 1 and {limit}"
                ));
            }
        }
        if !self.heads.is_multiple_of(self.kv_heads.max(1)) {
            return Err(format!(
                "{} heads do not share {} key heads evenly",
                self.heads, self.kv_heads
            ));
        }
        Ok(())
    }

    /// Number of weights, with a tied head counted once.
    pub fn parameters(&self) -> usize {
        let (d, k, q) = (self.d, self.d_mlp, self.heads * self.head_dim);
        let kv = self.kv_heads * self.head_dim;
        let attention = d * q + 2 * d * kv + q * d + q + 2 * kv + d;
        let block = attention + 2 * d * k + k + d + 4 * d;
        let embeddings = self.vocab * d * if self.tied_head { 1 } else { 2 };
        embeddings + self.context * d + self.layers * block + 2 * d
    }
}

fn gpt2(f: &Fields) -> Result<Config> {
    let d = f.size("n_embd")?;
    let heads = f.size("n_head")?;
    if heads == 0 || d % heads != 0 {
        return Err(f.bad(format!(
            "`n_embd` {d} is not a multiple of `n_head` {heads}"
        )));
    }
    if f.flag("scale_attn_by_inverse_layer_idx", false)? {
        return Err(unsupported(
            "`scale_attn_by_inverse_layer_idx`",
            "set it to false or use another checkpoint",
        ));
    }
    if !f.flag("scale_attn_weights", true)? {
        return Err(unsupported(
            "`scale_attn_weights: false`",
            "set it to true or use another checkpoint",
        ));
    }
    if f.flag("add_cross_attention", false)? {
        return Err(unsupported(
            "`add_cross_attention`",
            "use a decoder-only checkpoint",
        ));
    }
    let activation = match f.text("activation_function")?.as_deref() {
        None | Some("gelu_new" | "gelu_pytorch_tanh") => Activation::GeluTanh,
        Some("gelu") => Activation::GeluErf,
        Some(other) => {
            return Err(unsupported(
                &format!("the activation {other:?}"),
                "GPT-2 models use \"gelu_new\" or \"gelu\"",
            ));
        }
    };
    Ok(Config {
        family: Family::Gpt2,
        vocab: f.size("vocab_size")?,
        d,
        layers: f.size("n_layer")?,
        heads,
        kv_heads: heads,
        head_dim: d / heads,
        d_mlp: f.size_or("n_inner", 4 * d)?,
        context: f.size("n_positions")?,
        norm: NormKind::Layer,
        norm_eps: f.number_or("layer_norm_epsilon", 1e-5)?,
        activation,
        position: Position::Learned,
        residual: Residual::Sequential,
        tied_head: f.flag("tie_word_embeddings", true)?,
        eos: f.size_or("eos_token_id", usize::MAX)?.try_into().ok(),
    })
}

fn unsupported(what: &str, hint: &str) -> ModelError {
    ModelError::Unsupported {
        what: what.into(),
        hint: hint.into(),
    }
}

/// Typed access to a config's fields, with the field's name in every error.
struct Fields<'a> {
    json: &'a Value,
    path: &'a Path,
}

impl Fields<'_> {
    fn bad(&self, reason: String) -> ModelError {
        ModelError::Config {
            path: self.path.to_owned(),
            reason,
        }
    }

    fn get<T>(
        &self,
        name: &str,
        kind: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<Option<T>> {
        match self.json.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => match read(value) {
                Some(v) => Ok(Some(v)),
                None => Err(self.bad(format!("`{name}` should be {kind}, it is {value}"))),
            },
        }
    }

    fn size(&self, name: &str) -> Result<usize> {
        let value = self.get(name, "a whole number", |v| v.as_u64())?;
        value
            .map(|v| v as usize)
            .ok_or_else(|| self.bad(format!("`{name}` is missing")))
    }

    fn size_or(&self, name: &str, default: usize) -> Result<usize> {
        Ok(self
            .get(name, "a whole number", |v| v.as_u64())?
            .map_or(default, |v| v as usize))
    }

    fn number_or(&self, name: &str, default: f64) -> Result<f64> {
        Ok(self
            .get(name, "a number", Value::as_f64)?
            .unwrap_or(default))
    }

    fn flag(&self, name: &str, default: bool) -> Result<bool> {
        Ok(self
            .get(name, "true or false", Value::as_bool)?
            .unwrap_or(default))
    }

    fn text(&self, name: &str) -> Result<Option<String>> {
        self.get(name, "a string", |v| v.as_str().map(str::to_owned))
    }
}
