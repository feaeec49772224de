//! The trained model in Hugging Face's GPT-2 layout: `Conv1D` weights are
//! `[in, out]`, q, k and v are one matrix, the head is the embedding.

use super::checkpoint::write_whole;
use super::error::{Result, TrainError};
use crate::model::weights::{Linear, Norm};
use crate::model::{Config, Decoder};
use candle_core::Tensor;
use half::f16;
use safetensors::tensor::{Dtype, TensorView};
use std::collections::HashMap;
use std::path::Path;

/// Writes `config.json`, `tokenizer.json` and `model.safetensors` (f16).
pub fn export(folder: &Path, decoder: &Decoder, tokenizer: &[u8], init: f64) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(|source| TrainError::Write {
        path: folder.to_owned(),
        source,
    })?;
    let path = folder.join("model.safetensors");
    let tensors = tensors(decoder)?;
    let failed = |e: safetensors::SafeTensorError| TrainError::Damaged {
        path: path.clone(),
        reason: e.to_string(),
    };
    let data: Vec<(String, Vec<usize>, Vec<u8>)> = tensors
        .into_iter()
        .map(|(name, tensor)| {
            let values: Vec<f32> = tensor.flatten_all()?.to_vec1()?;
            let halves = values
                .iter()
                .flat_map(|&x| f16::from_f32(x).to_le_bytes())
                .collect();
            Ok((name, tensor.dims().to_vec(), halves))
        })
        .collect::<Result<_>>()?;
    let views = data
        .iter()
        .map(|(name, shape, data)| Ok((name, TensorView::new(Dtype::F16, shape.clone(), data)?)))
        .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()
        .map_err(failed)?;
    // transformers asks for this line.
    let meta = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    let whole = safetensors::serialize(views, Some(meta)).map_err(failed)?;
    write_whole(&path, &whole)?;
    write_whole(&folder.join("tokenizer.json"), tokenizer)?;
    let config = serde_json::to_string_pretty(&config(&decoder.config, init)).unwrap_or_default();
    write_whole(
        &folder.join("config.json"),
        format!("{config}\n").as_bytes(),
    )
}

fn config(config: &Config, init: f64) -> serde_json::Value {
    serde_json::json!({
        "activation_function": "gelu_new",
        "architectures": ["GPT2LMHeadModel"],
        "attn_pdrop": 0.0,
        "bos_token_id": config.eos,
        "embd_pdrop": 0.0,
        "eos_token_id": config.eos,
        "initializer_range": init,
        "layer_norm_epsilon": config.norm_eps,
        "model_type": "gpt2",
        "n_ctx": config.context,
        "n_embd": config.d,
        "n_head": config.heads,
        "n_inner": config.d_mlp,
        "n_layer": config.layers,
        "n_positions": config.context,
        "resid_pdrop": 0.0,
        "scale_attn_by_inverse_layer_idx": false,
        "scale_attn_weights": true,
        "tie_word_embeddings": true,
        "torch_dtype": "float16",
        "use_cache": true,
        "vocab_size": config.vocab,
    })
}

fn tensors(decoder: &Decoder) -> Result<Vec<(String, Tensor)>> {
    let weights = &decoder.weights;
    let mut out = vec![("transformer.wte.weight".to_owned(), weights.embed.dense()?)];
    if let Some(positions) = &weights.positions {
        out.push(("transformer.wpe.weight".to_owned(), positions.clone()));
    }
    for (layer, block) in weights.blocks.iter().enumerate() {
        let name = |part: &str| format!("transformer.h.{layer}.{part}");
        let norms = [("ln_1", &block.norm_1), ("ln_2", &block.norm_2)];
        for (part, of) in norms {
            if let Some(of) = of {
                norm(&mut out, &name(part), of);
            }
        }
        let qkv = [&block.q, &block.k, &block.v];
        conv1d(&mut out, &name("attn.c_attn"), &qkv)?;
        conv1d(&mut out, &name("attn.c_proj"), &[&block.o])?;
        conv1d(&mut out, &name("mlp.c_fc"), &[&block.up])?;
        conv1d(&mut out, &name("mlp.c_proj"), &[&block.down])?;
    }
    norm(&mut out, "transformer.ln_f", &weights.norm_f);
    Ok(out)
}

fn norm(out: &mut Vec<(String, Tensor)>, name: &str, norm: &Norm) {
    out.push((format!("{name}.weight"), norm.weight.clone()));
    if let Some(bias) = &norm.bias {
        out.push((format!("{name}.bias"), bias.clone()));
    }
}

/// Linear layers `[out, in]` of one input, side by side in one `Conv1D` `[in, Σ out]`.
fn conv1d(out: &mut Vec<(String, Tensor)>, name: &str, parts: &[&Linear]) -> Result<()> {
    let weights = parts.iter().map(|p| p.weight.dense());
    let weights: Vec<Tensor> = weights.collect::<Result<_, _>>()?;
    let joined = Tensor::cat(&weights, 0)?.t()?.contiguous()?;
    out.push((format!("{name}.weight"), joined));
    let biases: Vec<&Tensor> = parts.iter().filter_map(|p| p.bias.as_ref()).collect();
    out.push((format!("{name}.bias"), Tensor::cat(&biases, 0)?));
    Ok(())
}
