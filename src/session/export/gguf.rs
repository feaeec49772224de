//! A LoRA adapter as llama.cpp reads it. Written directly: the usual converter
//! transposes GPT-2's `c_proj`, and what it writes cannot be loaded.

use super::{ExportError, On, low_rank};
use crate::model::config::{Config, Family};
use crate::session::factors::bytes;

const MAGIC: &[u8; 4] = b"GGUF";
const VERSION: u32 = 3;
/// Of every tensor's data, and of where the data begin.
const ALIGNMENT: usize = 32;
/// GGUF's numbers for kinds of values and of tensors.
const FLOAT32: u32 = 6;
const STRING: u32 = 8;
const TENSOR_F32: u32 = 0;

pub fn file(on: &[On], config: &Config) -> Result<Vec<u8>, ExportError> {
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
    let layers = low_rank::layers(on, config)?;
    let mut infos = Vec::new();
    let mut data = Vec::new();
    for (layer, low) in &layers {
        let name = |part: char| format!("blk.{layer}.ffn_down.weight.lora_{part}");
        // The fastest dimension comes first: row-major [n, d_k] is (d_k, n).
        let a = (name('a'), [config.d_mlp, low.rank], &low.u);
        let b = (name('b'), [low.rank, config.d], &low.r);
        for (name, dims, values) in [a, b] {
            string(&mut infos, &name);
            number(&mut infos, 2);
            dims.iter().for_each(|&n| wide(&mut infos, n));
            number(&mut infos, TENSOR_F32);
            wide(&mut infos, data.len());
            data.extend(bytes(values));
            pad(&mut data);
        }
    }
    let mut out = MAGIC.to_vec();
    number(&mut out, VERSION);
    wide(&mut out, 2 * layers.len());
    let words = [
        ("general.type", "adapter"),
        ("general.architecture", architecture),
        ("adapter.type", "lora"),
    ];
    wide(&mut out, words.len() + 1);
    for (key, value) in words {
        string(&mut out, key);
        number(&mut out, STRING);
        string(&mut out, value);
    }
    string(&mut out, "adapter.lora.alpha");
    number(&mut out, FLOAT32);
    // 0: the user's scale alone counts.
    out.extend(0f32.to_le_bytes());
    out.extend(infos);
    pad(&mut out);
    out.extend(data);
    Ok(out)
}

fn number(out: &mut Vec<u8>, n: u32) {
    out.extend(n.to_le_bytes());
}

fn wide(out: &mut Vec<u8>, n: usize) {
    out.extend((n as u64).to_le_bytes());
}

fn string(out: &mut Vec<u8>, text: &str) {
    wide(out, text.len());
    out.extend(text.as_bytes());
}

fn pad(out: &mut Vec<u8>) {
    out.resize(out.len().next_multiple_of(ALIGNMENT), 0);
}
