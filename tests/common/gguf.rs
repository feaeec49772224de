//! The tiny models of `tests/goldens/` as GGUFs: what llama.cpp's converter
//! (`convert_hf_to_gguf.py`) makes of them, written without the program's own code.
//! Each test program takes a part of it.
#![allow(dead_code)]

use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{DType, Device, Tensor};
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// A value of the metadata.
pub enum Value {
    U32(u32),
    F32(f32),
    Bool(bool),
    Text(String),
    I32s(Vec<i32>),
    F32s(Vec<f32>),
    Texts(Vec<String>),
}

/// A GGUF before it is bytes.
#[derive(Default)]
pub struct File {
    pub metadata: Vec<(String, Value)>,
    /// Name, kind of numbers, values: the slowest dimension first.
    pub tensors: Vec<(String, GgmlDType, Tensor)>,
}

const ALIGNMENT: usize = 32;
/// Tokens of every golden.
const VOCABULARY: usize = 512;

impl File {
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = b"GGUF".to_vec();
        out.extend(3u32.to_le_bytes());
        out.extend((self.tensors.len() as u64).to_le_bytes());
        out.extend((self.metadata.len() as u64).to_le_bytes());
        for (key, value) in &self.metadata {
            text(&mut out, key);
            value.write(&mut out);
        }
        let mut data = Vec::new();
        for (name, kind, tensor) in &self.tensors {
            let quantised = QTensor::quantize(tensor, *kind).expect("whole blocks");
            text(&mut out, name);
            out.extend((tensor.rank() as u32).to_le_bytes());
            for n in tensor.dims().iter().rev() {
                out.extend((*n as u64).to_le_bytes());
            }
            out.extend(number(*kind).to_le_bytes());
            out.extend((data.len() as u64).to_le_bytes());
            data.extend_from_slice(&quantised.data().expect("on the CPU"));
            data.resize(data.len().next_multiple_of(ALIGNMENT), 0);
        }
        out.resize(out.len().next_multiple_of(ALIGNMENT), 0);
        out.extend(data);
        out
    }

    /// Bytes of the tensors, which stand at the end.
    pub fn data_bytes(&self) -> usize {
        let bytes = |(_, kind, tensor): &(String, GgmlDType, Tensor)| {
            let bytes = tensor.elem_count() / kind.block_size() * kind.type_size();
            bytes.next_multiple_of(ALIGNMENT)
        };
        self.tensors.iter().map(bytes).sum()
    }

    /// Gives it a vocabulary of SentencePiece's: special tokens, bytes, letters, and
    /// what pairs of letters make.
    pub fn use_pieces(&mut self) {
        let letters = "▁etaoinshr".chars().map(String::from);
        let letters: Vec<String> = letters.collect();
        let pairs = letters
            .iter()
            .flat_map(|a| letters.iter().map(move |b| format!("{a}{b}")));
        let mut pieces: Vec<(String, i32)> =
            vec![("<unk>".into(), 2), ("<s>".into(), 3), ("</s>".into(), 3)];
        pieces.extend((0..=255).map(|byte| (format!("<0x{byte:02X}>"), 6)));
        pieces.extend(letters.iter().cloned().chain(pairs).map(|text| (text, 1)));
        let more = pieces.len()..VOCABULARY;
        pieces.extend(more.map(|n| (format!("<unused{n}>"), 4)));
        self.metadata
            .retain(|(key, _)| !key.starts_with("tokenizer."));
        let scores = (0..pieces.len()).map(|n| -(n as f32)).collect();
        let (texts, kinds) = pieces.into_iter().unzip();
        self.set("tokenizer.ggml.model", Value::Text("llama".into()));
        self.set("tokenizer.ggml.tokens", Value::Texts(texts));
        self.set("tokenizer.ggml.scores", Value::F32s(scores));
        self.set("tokenizer.ggml.token_type", Value::I32s(kinds));
        self.set("tokenizer.ggml.bos_token_id", Value::U32(1));
        self.set("tokenizer.ggml.eos_token_id", Value::U32(2));
        self.set("tokenizer.ggml.unknown_token_id", Value::U32(0));
        self.set("tokenizer.ggml.add_bos_token", Value::Bool(true));
    }

    fn set(&mut self, key: impl Into<String>, value: Value) {
        self.metadata.push((key.into(), value));
    }
}

impl Value {
    fn write(&self, out: &mut Vec<u8>) {
        let mut kind = |n: u32| out.extend(n.to_le_bytes());
        match self {
            Value::U32(_) => kind(4),
            Value::F32(_) => kind(6),
            Value::Bool(_) => kind(7),
            Value::Text(_) => kind(8),
            Value::I32s(_) => [9, 5].into_iter().for_each(kind),
            Value::F32s(_) => [9, 6].into_iter().for_each(kind),
            Value::Texts(_) => [9, 8].into_iter().for_each(kind),
        }
        match self {
            Value::U32(n) => out.extend(n.to_le_bytes()),
            Value::F32(x) => out.extend(x.to_le_bytes()),
            Value::Bool(flag) => out.push(u8::from(*flag)),
            Value::Text(words) => text(out, words),
            Value::I32s(all) => {
                out.extend((all.len() as u64).to_le_bytes());
                all.iter().for_each(|n| out.extend(n.to_le_bytes()));
            }
            Value::F32s(all) => {
                out.extend((all.len() as u64).to_le_bytes());
                all.iter().for_each(|x| out.extend(x.to_le_bytes()));
            }
            Value::Texts(all) => {
                out.extend((all.len() as u64).to_le_bytes());
                all.iter().for_each(|words| text(out, words));
            }
        }
    }
}

fn text(out: &mut Vec<u8>, words: &str) {
    out.extend((words.len() as u64).to_le_bytes());
    out.extend(words.as_bytes());
}

/// ggml's number of a kind.
fn number(kind: GgmlDType) -> u32 {
    match kind {
        GgmlDType::F32 => 0,
        GgmlDType::F16 => 1,
        GgmlDType::Q8_0 => 8,
        other => panic!("{other:?} is not written here"),
    }
}

/// A tiny model in Hugging Face layout.
pub struct Model {
    pub config: Json,
    pub tokenizer: Json,
    pub tensors: BTreeMap<String, Tensor>,
}

impl Model {
    pub fn read(folder: &Path) -> Model {
        let json = |name: &str| {
            let bytes = std::fs::read(folder.join(name)).expect("a golden");
            serde_json::from_slice(&bytes).expect("JSON")
        };
        let path = folder.join("model.safetensors");
        let tensors = candle_core::safetensors::load(path, &Device::Cpu).expect("a golden");
        Model {
            config: json("config.json"),
            tokenizer: json("tokenizer.json"),
            tensors: tensors.into_iter().collect(),
        }
    }

    pub fn write(&self, folder: &Path) {
        let json = |name: &str, value: &Json| {
            std::fs::write(folder.join(name), value.to_string()).expect("room for it");
        };
        json("config.json", &self.config);
        json("tokenizer.json", &self.tokenizer);
        let tensors: HashMap<&str, Tensor> = self
            .tensors
            .iter()
            .map(|(k, t)| (k.as_str(), t.clone()))
            .collect();
        candle_core::safetensors::save(&tensors, folder.join("model.safetensors"))
            .expect("room for it");
    }

    /// The same with every matrix rounded as `kind` rounds it, where its rows allow.
    pub fn rounded(mut self, kind: GgmlDType) -> Model {
        for tensor in self.tensors.values_mut() {
            let kind = kind_of(tensor, kind);
            let quantised = QTensor::quantize(tensor, kind).expect("whole blocks");
            *tensor = quantised.dequantize(&Device::Cpu).expect("on the CPU");
        }
        self
    }

    /// A whole number of the config, by any of its names.
    fn whole(&self, names: &[&str]) -> Option<u32> {
        let found = names.iter().find_map(|name| self.config[*name].as_u64());
        found.map(|n| n as u32)
    }

    fn number(&self, names: &[&str]) -> Option<f32> {
        let found = names.iter().find_map(|name| self.config[*name].as_f64());
        found.map(|x| x as f32)
    }

    /// As llama.cpp's converter writes it, its matrices in `kind` where their rows allow.
    pub fn gguf(&self, kind: GgmlDType) -> File {
        let family = self.config["model_type"].as_str().expect("a family");
        let architecture = match family {
            "mistral" => "llama",
            "gemma3_text" => "gemma3",
            "gpt_neox" => "gptneox",
            other => other,
        };
        let mut file = File::default();
        let set = |file: &mut File, key: &str, value| {
            file.set(format!("{architecture}.{key}"), value);
        };
        file.set("general.architecture", Value::Text(architecture.into()));
        let d = self.whole(&["hidden_size", "n_embd"]).expect("a width");
        let heads = (self.whole(&["num_attention_heads", "n_head"])).expect("heads");
        let head = self.whole(&["head_dim"]).unwrap_or(d / heads);
        let wholes = [
            ("block_count", self.whole(&["num_hidden_layers", "n_layer"])),
            (
                "context_length",
                self.whole(&["max_position_embeddings", "n_positions"]),
            ),
            ("embedding_length", Some(d)),
            (
                "feed_forward_length",
                self.whole(&["intermediate_size"]).or(Some(4 * d)),
            ),
            ("attention.head_count", Some(heads)),
            (
                "attention.head_count_kv",
                self.whole(&["num_key_value_heads"]),
            ),
            ("attention.key_length", self.whole(&["head_dim"])),
            ("attention.value_length", self.whole(&["head_dim"])),
        ];
        for (key, value) in wholes {
            if let Some(n) = value {
                set(&mut file, key, Value::U32(n));
            }
        }
        let floats = [
            ("attention.layer_norm_rms_epsilon", "rms_norm_eps"),
            ("attention.layer_norm_epsilon", "layer_norm_eps"),
            ("attention.layer_norm_epsilon", "layer_norm_epsilon"),
            ("rope.freq_base", "rope_theta"),
            ("attn_logit_softcapping", "attn_logit_softcapping"),
            ("final_logit_softcapping", "final_logit_softcapping"),
        ];
        for (key, name) in floats {
            if let Some(x) = self.number(&[name]) {
                set(&mut file, key, Value::F32(x));
            }
        }
        let share = self.number(&["partial_rotary_factor", "rotary_pct"]);
        if family != "gpt2" {
            let turned = (head as f32 * share.unwrap_or(1.0)) as u32;
            set(&mut file, "rope.dimension_count", Value::U32(turned));
        }
        match family {
            "gemma2" | "gemma3_text" | "phi3" => {
                let window = self.whole(&["sliding_window"]).unwrap_or(0);
                set(&mut file, "attention.sliding_window", Value::U32(window));
            }
            "gpt_neox" => {
                let parallel = self.config["use_parallel_residual"].as_bool();
                let parallel = Value::Bool(parallel.expect("it says so"));
                set(&mut file, "use_parallel_residual", parallel);
            }
            _ => {}
        }
        self.vocabulary(&mut file);
        if self.config["rope_scaling"]["rope_type"] == "llama3" {
            let divisors = llama3(&self.config, head as usize);
            let divisors = Tensor::new(divisors, &Device::Cpu).expect("a vector");
            file.tensors
                .push(("rope_freqs.weight".into(), GgmlDType::F32, divisors));
        }
        let kv_heads = self.whole(&["num_key_value_heads"]).unwrap_or(heads);
        for (name, tensor) in &self.tensors {
            let tensor = changed(
                architecture,
                name,
                tensor,
                [heads as usize, kv_heads as usize],
            );
            let kind = kind_of(&tensor, kind);
            file.tensors
                .push((renamed(architecture, name), kind, tensor));
        }
        file
    }

    fn vocabulary(&self, file: &mut File) {
        let vocab = self.tokenizer["model"]["vocab"]
            .as_object()
            .expect("a vocabulary");
        let mut tokens = vec![String::new(); vocab.len()];
        for (token, id) in vocab {
            tokens[id.as_u64().expect("an id") as usize] = token.clone();
        }
        let added = self.tokenizer["added_tokens"].as_array().expect("a list");
        let special = |id: usize| added.iter().any(|token| token["id"] == json!(id));
        let kinds = (0..tokens.len()).map(|id| if special(id) { 3 } else { 1 });
        let kinds = kinds.collect();
        let merges = self.tokenizer["model"]["merges"]
            .as_array()
            .expect("a list");
        let words = |part: &Json| part.as_str().expect("a word").to_owned();
        let merges = merges
            .iter()
            .map(|pair| words(&pair[0]) + " " + &words(&pair[1]));
        file.set("tokenizer.ggml.model", Value::Text("gpt2".into()));
        file.set("tokenizer.ggml.pre", Value::Text("gpt-2".into()));
        file.set("tokenizer.ggml.tokens", Value::Texts(tokens));
        file.set("tokenizer.ggml.token_type", Value::I32s(kinds));
        file.set("tokenizer.ggml.merges", Value::Texts(merges.collect()));
        file.set("tokenizer.ggml.bos_token_id", Value::U32(0));
        file.set("tokenizer.ggml.eos_token_id", Value::U32(0));
        file.set("tokenizer.ggml.add_bos_token", Value::Bool(false));
    }
}

/// Norms, biases and short rows stay in F32.
fn kind_of(tensor: &Tensor, kind: GgmlDType) -> GgmlDType {
    let row = *tensor.dims().last().expect("no number alone");
    if tensor.rank() == 2 && row.is_multiple_of(kind.block_size()) {
        kind
    } else {
        GgmlDType::F32
    }
}

/// What Llama 3 divides its frequencies by (`LlamaModel.generate_extra_tensors`).
fn llama3(config: &Json, head: usize) -> Vec<f32> {
    let number = |at: &str| config.pointer(at).and_then(Json::as_f64).expect("a number");
    let base = number("/rope_theta");
    let factor = number("/rope_scaling/factor");
    let low = number("/rope_scaling/low_freq_factor");
    let high = number("/rope_scaling/high_freq_factor");
    let old = number("/rope_scaling/original_max_position_embeddings");
    let divisor = |i: usize| {
        let length = 2.0 * std::f64::consts::PI * base.powf(2.0 * i as f64 / head as f64);
        if length < old / high {
            1.0
        } else if length > old / low {
            factor
        } else {
            let smooth = (old / length - low) / (high - low);
            1.0 / ((1.0 - smooth) / factor + smooth)
        }
    };
    (0..head / 2).map(|i| divisor(i) as f32).collect()
}

/// What the converter does to a tensor.
fn changed(
    architecture: &str,
    name: &str,
    tensor: &Tensor,
    [heads, kv_heads]: [usize; 2],
) -> Tensor {
    let dims = tensor.dims().to_vec();
    let rest: usize = dims[1..].iter().product();
    // Rows are `[a, b, width]`; two of these dimensions change places.
    let swapped = |[a, b]: [usize; 2], at: usize| {
        let shape = vec![a, b, dims[0] / a / b, rest];
        let parted = tensor.reshape(shape).expect("whole parts");
        let turned = parted.transpose(at, at + 1).expect("four dimensions");
        turned
            .contiguous()
            .and_then(|t| t.reshape(dims.clone()))
            .expect("as many numbers")
    };
    let changed = match architecture {
        "llama" if name.ends_with("q_proj.weight") => swapped([heads, 2], 1),
        "llama" if name.ends_with("k_proj.weight") => swapped([kv_heads, 2], 1),
        "gptneox" if name.contains("query_key_value") => swapped([heads, 3], 0),
        "gemma2" | "gemma3" if name.ends_with("norm.weight") => {
            tensor.affine(1.0, 1.0).expect("numbers")
        }
        "gpt2" if dims.len() == 2 && name.contains(".h.") => tensor.t().expect("a matrix"),
        _ => tensor.clone(),
    };
    let changed = changed.to_dtype(DType::F32).expect("floats");
    changed.contiguous().expect("room for it")
}

/// llama.cpp's name (`gguf-py/gguf/tensor_mapping.py`).
fn renamed(architecture: &str, name: &str) -> String {
    let (stem, end) = name.rsplit_once('.').expect("a weight or a bias");
    let parts: Vec<&str> = stem.split('.').collect();
    let layer = parts.iter().position(|part| part.parse::<usize>().is_ok());
    let Some(at) = layer else {
        let own = match *parts.last().expect("a name") {
            "embed_tokens" | "embed_in" | "wte" => "token_embd",
            "wpe" => "position_embd",
            "norm" | "final_layer_norm" | "ln_f" => "output_norm",
            "lm_head" | "embed_out" => "output",
            other => panic!("{other} has no name in a GGUF"),
        };
        return format!("{own}.{end}");
    };
    let two_norms = ["gemma2", "gemma3", "olmo2"].contains(&architecture);
    let own = match parts[at + 1..].join(".").as_str() {
        "input_layernorm" | "ln_1" => "attn_norm",
        "post_attention_layernorm" if two_norms => "post_attention_norm",
        "post_attention_layernorm" | "pre_feedforward_layernorm" | "ln_2" => "ffn_norm",
        "post_feedforward_layernorm" => "post_ffw_norm",
        "self_attn.q_proj" => "attn_q",
        "self_attn.k_proj" => "attn_k",
        "self_attn.v_proj" => "attn_v",
        "self_attn.q_norm" => "attn_q_norm",
        "self_attn.k_norm" => "attn_k_norm",
        "self_attn.qkv_proj" | "attention.query_key_value" | "attn.c_attn" => "attn_qkv",
        "self_attn.o_proj" | "attention.dense" | "attn.c_proj" => "attn_output",
        "mlp.gate_proj" => "ffn_gate",
        "mlp.up_proj" | "mlp.gate_up_proj" | "mlp.dense_h_to_4h" | "mlp.c_fc" => "ffn_up",
        "mlp.down_proj" | "mlp.dense_4h_to_h" | "mlp.c_proj" => "ffn_down",
        other => panic!("{other} has no name in a GGUF"),
    };
    format!("blk.{}.{own}.{end}", parts[at])
}
