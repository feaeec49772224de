//! A LoRA adapter as llama.cpp reads it. Written directly: the usual converter
//! transposes GPT-2's `c_proj`, and what it writes cannot be loaded.

use super::gguf_file::{ALIGNMENT, Data, GgufFile, TENSOR_F32, Tensor};
use super::{ExportError, On, low_rank};
use crate::model::config::{Config, Family};
use crate::session::factors::bytes;

const VERSION: u32 = 3;

pub fn file(on: &[On], config: &Config) -> Result<GgufFile<'static>, ExportError> {
    let architecture = match config.family {
        Family::Gpt2 => "gpt2",
        Family::NeoX => "gptneox",
        Family::Llama | Family::Mistral => "llama",
        Family::Qwen2 => "qwen2",
        Family::Qwen3 => "qwen3",
        Family::Gemma2 => "gemma2",
        Family::Gemma3 => "gemma3",
        Family::Phi3 => "phi3",
        Family::Olmo2 => "olmo2",
        Family::GptJ => return Err(ExportError::NoArchitecture("GPT-J")),
    };
    let mut file = GgufFile::new(VERSION, ALIGNMENT);
    file.text("general.type", "adapter");
    file.text("general.architecture", architecture);
    file.text("adapter.type", "lora");
    // 0: the user's scale alone counts.
    file.float("adapter.lora.alpha", 0.0);
    for (layer, low) in low_rank::layers(on, config)? {
        let a = ('a', [config.d_mlp, low.rank], bytes(&low.u));
        let b = ('b', [low.rank, config.d], bytes(&low.r));
        for (part, dims, data) in [a, b] {
            let name = format!("blk.{layer}.ffn_down.weight.lora_{part}");
            file.tensor(Tensor {
                name: name.into_bytes(),
                dims: dims.map(|n| n as u64).to_vec(),
                kind: TENSOR_F32,
                data: Data::Made(data.len() as u64, Box::new(move || Ok(data.clone()))),
            });
        }
    }
    Ok(file)
}
