//! A GGUF's tensors by the names and in the layout that transformers has, so that
//! each family has one loader.
//!
//! What llama.cpp's converter changed (`convert_hf_to_gguf.py`) is undone here: Llama's
//! rows of queries and keys are back in the order of halves, NeoX's qkv is fused head by
//! head, Gemma's norms are w and not 1 + w.

use super::number::Number;
use super::packed::Packed;
use crate::model::error::{ModelError, Result};
use crate::model::gguf::container::{Gguf, TensorInfo};
use crate::model::ops::Matrix;
use std::path::Path;
use std::sync::Arc;

/// What was done to a tensor on its way into the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    None,
    /// Each of so many heads has its rows as pairs (2i, 2i + 1); transformers has them
    /// as (i, i + width/2).
    Paired {
        heads: usize,
    },
    /// Rows are [(q, k, v), heads, width]; transformers has [heads, (q, k, v), width].
    Parted {
        heads: usize,
    },
    /// 1 was added.
    Plus1,
    /// A matrix is [out, in]; transformers' `Conv1D` has [in, out].
    Turned,
}

/// A GGUF that answers to transformers' names.
pub struct Named {
    pub gguf: Arc<Gguf>,
    heads: usize,
    kv_heads: usize,
}

impl Named {
    /// Opens it; refuses one in kinds of numbers that cannot be read.
    pub fn open(path: &Path) -> Result<Named> {
        let gguf = Gguf::open(path)?;
        gguf.check_kinds()?;
        let architecture = gguf.text("general.architecture")?.unwrap_or_default();
        let count = |name: &str| -> Result<Option<usize>> {
            let n = gguf.whole(&format!("{architecture}.attention.{name}"))?;
            Ok(n.and_then(|n| n.try_into().ok()))
        };
        let heads = count("head_count")?.unwrap_or(0);
        Ok(Named {
            heads,
            kv_heads: count("head_count_kv")?.unwrap_or(heads),
            gguf: Arc::new(gguf),
        })
    }

    pub fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// The tensor that transformers calls `name`, and what was done to it.
    pub fn find(&self, name: &str) -> Option<(&TensorInfo, Change)> {
        let architecture = self.gguf.metadata("general.architecture")?.as_str()?;
        let (own, change) = self.own_name(architecture, name)?;
        Some((self.gguf.tensor(&own)?, change))
    }

    /// llama.cpp's name for it.
    fn own_name(&self, architecture: &str, name: &str) -> Option<(String, Change)> {
        let gemma = architecture.starts_with("gemma");
        let (stem, end) = name.rsplit_once('.')?;
        let norm = if gemma && end == "weight" {
            Change::Plus1
        } else {
            Change::None
        };
        let (layer, part) = layer_of(stem);
        let Some(layer) = layer else {
            let (own, change) = match part {
                "embed_tokens" | "embed_in" | "wte" => ("token_embd", Change::None),
                "wpe" => ("position_embd", Change::None),
                "norm" | "final_layer_norm" | "ln_f" => ("output_norm", norm),
                "lm_head" | "embed_out" => ("output", Change::None),
                _ => return None,
            };
            return Some((format!("{own}.{end}"), change));
        };
        let paired = |heads: usize| match architecture {
            "llama" => Change::Paired { heads },
            _ => Change::None,
        };
        let conv1d = if end == "weight" {
            Change::Turned
        } else {
            Change::None
        };
        // The norm after attention is the MLP's own, unless that has one more.
        let after_attn = match architecture {
            "gemma2" | "gemma3" | "olmo2" => "post_attention_norm",
            _ => "ffn_norm",
        };
        let (own, change) = match part {
            "input_layernorm" => ("attn_norm", norm),
            "post_attention_layernorm" => (after_attn, norm),
            "pre_feedforward_layernorm" => ("ffn_norm", norm),
            "post_feedforward_layernorm" => ("post_ffw_norm", norm),
            "self_attn.q_proj" => ("attn_q", paired(self.heads)),
            "self_attn.k_proj" => ("attn_k", paired(self.kv_heads)),
            "self_attn.v_proj" => ("attn_v", Change::None),
            "self_attn.qkv_proj" => ("attn_qkv", Change::None),
            "self_attn.o_proj" | "attention.dense" => ("attn_output", Change::None),
            "self_attn.q_norm" => ("attn_q_norm", norm),
            "self_attn.k_norm" => ("attn_k_norm", norm),
            "mlp.gate_proj" => ("ffn_gate", Change::None),
            "mlp.up_proj" | "mlp.gate_up_proj" | "mlp.dense_h_to_4h" => ("ffn_up", Change::None),
            "mlp.down_proj" | "mlp.dense_4h_to_h" => ("ffn_down", Change::None),
            "attention.query_key_value" => ("attn_qkv", Change::Parted { heads: self.heads }),
            "ln_1" => ("attn_norm", Change::None),
            "ln_2" => ("ffn_norm", Change::None),
            "attn.c_attn" => ("attn_qkv", conv1d),
            "attn.c_proj" => ("attn_output", conv1d),
            "mlp.c_fc" => ("ffn_up", conv1d),
            "mlp.c_proj" => ("ffn_down", conv1d),
            _ => return None,
        };
        Some((format!("blk.{layer}.{own}.{end}"), change))
    }

    /// A tensor's values in transformers' layout, its shape checked.
    pub fn read<T: Number>(&self, name: &str, shape: &[usize]) -> Result<Vec<T>> {
        let (own, change) = self.needed(name)?;
        match change {
            Change::None => self.gguf.read(own, shape),
            Change::Turned => {
                let &[rows, cols] = shape else {
                    return self.gguf.read(own, shape);
                };
                Ok(turned(&self.gguf.read(own, &[cols, rows])?, [cols, rows]))
            }
            Change::Plus1 => {
                let mut values: Vec<f32> = self.gguf.read(own, shape)?;
                values.iter_mut().for_each(|x| *x -= 1.0);
                let mut out = vec![T::default(); values.len()];
                if T::round(&values, &mut out) {
                    Ok(out)
                } else {
                    Err(ModelError::BeyondF16 { name: own.into() })
                }
            }
            Change::Paired { .. } | Change::Parted { .. } => {
                let order = self.order(own, shape[0], change)?;
                Ok(gathered(&self.gguf.read(own, shape)?, shape, &order))
            }
        }
    }

    /// A matrix `[out, in]` that stays in the file, whatever transformers calls it
    /// and whichever way it has it.
    pub fn made(&self, name: &str, [out, inner]: [usize; 2]) -> Result<Matrix> {
        let (own, change) = self.needed(name)?;
        let tensor = self.gguf.matrix(own, [out, inner])?;
        let made = Matrix::Made(Arc::new(Packed::new(self.gguf.clone(), tensor.clone())));
        match change {
            Change::Paired { .. } | Change::Parted { .. } => {
                Ok(made.arranged(self.order(own, out, change)?)?)
            }
            Change::None | Change::Turned | Change::Plus1 => Ok(made),
        }
    }

    /// Which of a tensor's rows is row 0, 1, … in transformers' order.
    fn order(&self, name: &str, rows: usize, change: Change) -> Result<Vec<u32>> {
        let from = |row: usize| match change {
            // Row i of a head's first half was its row 2i, of its second 2i + 1.
            Change::Paired { heads } => {
                let width = rows / heads;
                let (head, i, half) = (row / width, row % width, width / 2);
                head * width + i % half * 2 + i / half
            }
            Change::Parted { heads } => {
                let width = rows / (3 * heads);
                let (head, part, i) = (row / (3 * width), row / width % 3, row % width);
                (part * heads + head) * width + i
            }
            _ => row,
        };
        // So many parts, all alike.
        let (heads, parts) = match change {
            Change::Paired { heads } => (heads, heads.saturating_mul(2)),
            Change::Parted { heads } => (heads, heads.saturating_mul(3)),
            _ => (1, 1),
        };
        if parts == 0 || rows == 0 || !rows.is_multiple_of(parts) {
            return Err(self.gguf.bad(format!(
                "`{name}` has {rows} rows, which {heads} heads do not share"
            )));
        }
        Ok((0..rows).map(|row| from(row) as u32).collect())
    }

    /// The same of a `[rows, cols]` matrix, as `[cols, rows]`.
    pub fn read_turned<T: Number>(&self, name: &str, [rows, cols]: [usize; 2]) -> Result<Vec<T>> {
        match self.needed(name)? {
            (own, Change::Turned) => self.gguf.read(own, &[cols, rows]),
            _ => Ok(turned(&self.read(name, &[rows, cols])?, [rows, cols])),
        }
    }

    fn needed(&self, name: &str) -> Result<(&str, Change)> {
        let found = self
            .find(name)
            .map(|(info, change)| (info.name.as_str(), change));
        found.ok_or_else(|| {
            let architecture = self.gguf.metadata("general.architecture");
            let architecture = architecture.and_then(|v| v.as_str()).unwrap_or_default();
            let own = self.own_name(architecture, name);
            ModelError::MissingTensor {
                name: own.map_or(name.into(), |(own, _)| own),
            }
        })
    }
}

/// `model.layers.3.mlp.up_proj` as 3 and what follows; of a name without a layer, its
/// last part.
fn layer_of(stem: &str) -> (Option<usize>, &str) {
    let places = stem.match_indices('.').map(|(at, _)| at);
    for at in places {
        let (number, rest) = stem[at + 1..].split_once('.').unwrap_or_default();
        if let Ok(layer) = number.parse() {
            return (Some(layer), rest);
        }
    }
    (None, stem.rsplit('.').next().unwrap_or(stem))
}

/// `[rows, cols]` as `[cols, rows]`.
fn turned<T: Number>(values: &[T], [rows, cols]: [usize; 2]) -> Vec<T> {
    let mut out = vec![T::default(); rows * cols];
    for (r, row) in values.chunks_exact(cols.max(1)).enumerate() {
        row.iter()
            .enumerate()
            .for_each(|(c, &x)| out[c * rows + r] = x);
    }
    out
}

/// Row `r` of what comes out is row `order[r]`.
fn gathered<T: Number>(values: &[T], shape: &[usize], order: &[u32]) -> Vec<T> {
    let width: usize = shape[1..].iter().product();
    let mut out = Vec::with_capacity(values.len());
    for &row in order {
        out.extend_from_slice(&values[row as usize * width..][..width]);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_found_in_names() {
        assert_eq!(
            layer_of("model.layers.12.mlp.up_proj"),
            (Some(12), "mlp.up_proj")
        );
        assert_eq!(layer_of("transformer.h.0.ln_1"), (Some(0), "ln_1"));
        assert_eq!(layer_of("model.norm"), (None, "norm"));
        assert_eq!(layer_of("lm_head"), (None, "lm_head"));
    }

    #[test]
    fn rows_come_back_in_order() {
        assert_eq!(
            turned(&[1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0], [2, 3]),
            [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]
        );
        assert_eq!(
            gathered(&[1.0f32, 2.0, 3.0, 4.0], &[2, 2], &[1, 0]),
            [3.0, 4.0, 1.0, 2.0]
        );
    }
}
