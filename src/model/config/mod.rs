//! What distinguishes one model from another, as data.
//!
//! Each family's `config.json` is read into one [`Config`]; whatever a config
//! asks for that the decoder does not do is refused by name, never ignored.

mod families;
mod fields;
mod rotary;

use super::error::{ModelError, Result};
pub use super::ops::Activation;
use fields::Fields;
pub use rotary::{Rotary, Scaling};
use serde_json::Value;
use std::path::Path;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    Gpt2,
    GptJ,
    /// GPT-NeoX, and with it Pythia.
    NeoX,
    Llama,
    Mistral,
    Qwen2,
    Qwen3,
    Gemma2,
    Gemma3,
    Phi3,
    Olmo2,
}

impl Family {
    pub fn name(self) -> &'static str {
        match self {
            Family::Gpt2 => "gpt2",
            Family::GptJ => "gptj",
            Family::NeoX => "gpt_neox",
            Family::Llama => "llama",
            Family::Mistral => "mistral",
            Family::Qwen2 => "qwen2",
            Family::Qwen3 => "qwen3",
            Family::Gemma2 => "gemma2",
            Family::Gemma3 => "gemma3",
            Family::Phi3 => "phi3",
            Family::Olmo2 => "olmo2",
        }
    }

    /// The module of the MLP's last matrix in the family's own names, as
    /// `transformers` has them.
    pub fn down_module(self, layer: usize) -> String {
        match self {
            Family::Gpt2 => format!("transformer.h.{layer}.mlp.c_proj"),
            Family::GptJ => format!("transformer.h.{layer}.mlp.fc_out"),
            Family::NeoX => format!("gpt_neox.layers.{layer}.mlp.dense_4h_to_h"),
            Family::Llama
            | Family::Mistral
            | Family::Qwen2
            | Family::Qwen3
            | Family::Gemma2
            | Family::Gemma3
            | Family::Phi3
            | Family::Olmo2 => format!("model.layers.{layer}.mlp.down_proj"),
        }
    }
}

/// How a token's position enters.
#[derive(Clone, Debug, PartialEq)]
pub enum Position {
    /// A learned table `[context, d]`, added to the token embedding.
    Learned,
    /// Queries and keys are turned by their position.
    Rotary(Rotary),
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

/// Where a sequential block norms: before a module reads the residual, after the
/// module and before the residual takes what it wrote, or both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NormPlace {
    Before,
    /// Gemma 2 and 3.
    Around,
    /// OLMo 2.
    After,
}

/// The RMS norms that queries and keys go through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QkNorm {
    None,
    /// Over each head, with one weight `[head_dim]` for all of them.
    Head,
    /// Over all heads at once, with a weight of the whole width.
    Full,
}

/// How attention scores its keys, and how far back it looks.
#[derive(Clone, Debug, PartialEq)]
pub struct Attention {
    /// Factor of q·k: 1/√head_dim in most families.
    pub scale: f64,
    /// Scores are bounded by c·tanh(score/c).
    pub cap: Option<f64>,
    pub qk_norm: QkNorm,
    /// The layers that attend to a window alone.
    pub local: Option<Local>,
}

impl Attention {
    /// Scaled dot products over the whole prompt.
    pub fn plain(head_dim: usize) -> Attention {
        Attention {
            scale: 1.0 / (head_dim as f64).sqrt(),
            cap: None,
            qk_norm: QkNorm::None,
            local: None,
        }
    }

    /// What `layer` has of its own, where it is a local one.
    pub fn local_at(&self, layer: usize) -> Option<&Local> {
        let local = self.local.as_ref()?;
        local.layers.get(layer).copied()?.then_some(local)
    }
}

/// Layers whose tokens see only the `window` last positions, their own included.
#[derive(Clone, Debug, PartialEq)]
pub struct Local {
    pub window: usize,
    /// One entry a layer.
    pub layers: Vec<bool>,
    /// Their own rotation, where it is not the other layers'.
    pub rotary: Option<Rotary>,
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
    pub norm_place: NormPlace,
    pub norm_eps: f64,
    pub activation: Activation,
    pub position: Position,
    pub residual: Residual,
    /// Attention's projections have biases (Qwen2's all but the last).
    pub attention_bias: bool,
    pub attention: Attention,
    /// The token embedding is multiplied by this: √d in the Gemma families.
    pub embed_scale: f64,
    /// Logits are bounded by c·tanh(logit/c).
    pub logit_cap: Option<f64>,
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
        refuse_what_no_family_has(&json)?;
        let config = families::read(&fields)?;
        config.check().map_err(bad)?;
        Ok(config)
    }

    /// Does a layer's MLP stay in a core's cache (in f32, 2 MB a matrix)? Then what is
    /// computed with it is over sooner than it could be shared out.
    pub fn is_small(&self) -> bool {
        self.d * self.d_mlp <= 1 << 19
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
            ("key heads", self.kv_heads, 1 << 12),
            ("head width", self.head_dim, 1 << 12),
        ];
        for (name, value, limit) in limits {
            if value == 0 || value > limit {
                return Err(format!(
                    "{name} is {value}; it should lie between 1 and {limit}"
                ));
            }
        }
        if !self.heads.is_multiple_of(self.kv_heads) {
            return Err(format!(
                "{} heads do not share {} key heads evenly",
                self.heads, self.kv_heads
            ));
        }
        let local = self.attention.local.as_ref();
        if local.is_some_and(|local| local.window == 0 || local.layers.len() != self.layers) {
            return Err(format!(
                "local attention needs a window of 1 or more and a kind for each of the {} layers",
                self.layers
            ));
        }
        let positive = |x: f64| x.is_finite() && x > 0.0;
        let caps = [self.attention.cap, self.logit_cap];
        if !positive(self.attention.scale)
            || !positive(self.embed_scale)
            || !caps.into_iter().flatten().all(positive)
        {
            return Err("scales and soft caps should be positive numbers".into());
        }
        let own = local.and_then(|local| local.rotary.as_ref());
        let main = match &self.position {
            Position::Learned => None,
            Position::Rotary(rotary) => Some(rotary),
        };
        (main.into_iter().chain(own)).try_for_each(|rotary| rotary.check(self.head_dim))
    }
}

/// What no family here has, refused by name before any weight is read.
fn refuse_what_no_family_has(json: &Value) -> Result<()> {
    if json
        .get("quantization_config")
        .is_some_and(|q| !q.is_null())
    {
        return Err(unsupported(
            "a quantised checkpoint",
            "an edit needs the weights themselves; use the f32, f16 or bf16 original",
        ));
    }
    let experts = ["num_local_experts", "num_experts", "n_routed_experts"];
    let number = |name: &str| json.get(name).and_then(Value::as_u64);
    if let Some(name) = (experts.iter()).find(|name| number(name).is_some_and(|n| n > 1)) {
        return Err(unsupported(
            &format!("a mixture of experts (`{name}`)"),
            "a fact has no one matrix there; use a dense model of the family",
        ));
    }
    Ok(())
}

fn unsupported(what: &str, hint: &str) -> ModelError {
    ModelError::Unsupported {
        what: what.into(),
        hint: hint.into(),
    }
}
