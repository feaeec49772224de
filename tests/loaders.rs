//! Opening what is damaged, foreign or half there: each its own error that
//! names the file and what to do, and never a panic.

mod common;

use candle_core::Device;
use common::families;
use pentimento::model::{Config, ModelError, Source};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

fn golden(family: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/goldens")
        .join(family)
}

/// A copy of a golden's model that may be spoilt.
fn copy(family: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in ["config.json", "tokenizer.json", "model.safetensors"] {
        fs::copy(golden(family).join(file), folder.path().join(file)).unwrap();
    }
    folder
}

fn error(folder: &TempDir) -> String {
    match Source::Folder(folder.path().to_owned()).load(&Device::Cpu) {
        Ok(_) => panic!("it opened"),
        Err(error) => error.to_string(),
    }
}

fn config(family: &str, change: impl Fn(&mut Value)) -> Result<Config, ModelError> {
    let path = golden(family).join("config.json");
    let mut json: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    change(&mut json);
    Config::from_json(json.to_string().as_bytes(), &path)
}

/// The model's weights in two shards with an index.
fn in_shards(folder: &TempDir) {
    let whole = folder.path().join("model.safetensors");
    let tensors = candle_core::safetensors::load(&whole, &Device::Cpu).unwrap();
    fs::remove_file(whole).unwrap();
    let mut map = serde_json::Map::new();
    for (n, name) in ["model-1.safetensors", "model-2.safetensors"]
        .iter()
        .enumerate()
    {
        let part: std::collections::HashMap<_, _> = tensors
            .iter()
            .filter(|(tensor, _)| tensor.len() % 2 == n)
            .map(|(t, v)| (t.clone(), v.clone()))
            .collect();
        map.extend(part.keys().map(|t| (t.clone(), json!(name))));
        candle_core::safetensors::save(&part, folder.path().join(name)).unwrap();
    }
    write_index(folder, &json!({"weight_map": map}));
}

fn write_index(folder: &TempDir, index: &Value) {
    let path = folder.path().join("model.safetensors.index.json");
    fs::write(path, index.to_string()).unwrap();
}

#[test]
fn shards_are_one_model() {
    let folder = copy("llama");
    in_shards(&folder);
    let sharded = Source::Folder(folder.path().to_owned())
        .load(&Device::Cpu)
        .unwrap();
    let whole = Source::Folder(golden("llama")).load(&Device::Cpu).unwrap();
    let p = |loaded: &pentimento::model::Loaded| loaded.decoder.next_token(&[5, 6, 7]).unwrap();
    assert_eq!(p(&sharded), p(&whole));
}

#[test]
fn a_missing_shard_is_named() {
    let folder = copy("llama");
    in_shards(&folder);
    fs::remove_file(folder.path().join("model-2.safetensors")).unwrap();
    assert!(error(&folder).contains("model-2.safetensors"));
}

#[test]
fn a_shard_cut_short_is_named() {
    let folder = copy("llama");
    in_shards(&folder);
    let path = folder.path().join("model-1.safetensors");
    let bytes = fs::read(&path).unwrap();
    for length in [0, 4, 100, bytes.len() / 2, bytes.len() - 1] {
        fs::write(&path, &bytes[..length]).unwrap();
        let error = error(&folder);
        assert!(error.contains("model-1.safetensors"), "{length}: {error}");
    }
}

#[test]
fn an_index_cannot_leave_its_folder() {
    let folder = copy("llama");
    in_shards(&folder);
    for name in ["../model.safetensors", "/etc/passwd", "a/b.safetensors", ""] {
        write_index(&folder, &json!({"weight_map": {"x": name}}));
        let error = error(&folder);
        assert!(error.contains("index.json"), "{name:?}: {error}");
    }
    write_index(&folder, &json!({"weight": 1}));
    assert!(error(&folder).contains("weight_map"));
}

#[test]
fn another_models_weights_are_told_by_their_shape() {
    let folder = copy("llama");
    fs::copy(
        golden("qwen3").join("model.safetensors"),
        folder.path().join("model.safetensors"),
    )
    .unwrap();
    let error = error(&folder);
    assert!(error.contains("of one model"), "{error}");
}

#[test]
fn weights_that_hold_nan_are_refused_by_tensor() {
    let folder = copy("llama");
    let path = folder.path().join("model.safetensors");
    let mut bytes = fs::read(&path).unwrap();
    let end = bytes.len();
    bytes[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    fs::write(&path, bytes).unwrap();
    let error = error(&folder);
    assert!(error.contains("not finite"), "{error}");
}

#[test]
fn a_tokenizer_larger_than_the_embedding_is_refused() {
    let folder = copy("gpt2");
    let tokens =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tokenizers/gpt_neox/tokenizer.json");
    fs::copy(tokens, folder.path().join("tokenizer.json")).unwrap();
    let error = error(&folder);
    assert!(
        error.contains("tokenizer.json") && error.contains("embedding"),
        "{error}"
    );
}

#[test]
fn pickles_are_refused_with_the_way_out() {
    let folder = copy("gpt2");
    fs::rename(
        folder.path().join("model.safetensors"),
        folder.path().join("pytorch_model.bin"),
    )
    .unwrap();
    let error = error(&folder);
    assert!(
        error.contains("pytorch_model.bin") && error.contains("safetensors"),
        "{error}"
    );
}

/// A bias as much as a matrix: without it another model would open, and say nothing.
#[test]
fn a_tensor_that_is_lost_is_missed_by_name() {
    for path in families() {
        let family = path.file_name().unwrap().to_str().unwrap();
        let folder = copy(family);
        let whole = folder.path().join("model.safetensors");
        let tensors = candle_core::safetensors::load(&whole, &Device::Cpu).unwrap();
        for lost in tensors.keys() {
            // All layers are read by the same lines.
            if [".1.", ".2."].iter().any(|layer| lost.contains(layer)) {
                continue;
            }
            let mut rest = tensors.clone();
            rest.remove(lost);
            candle_core::safetensors::save(&rest, &whole).unwrap();
            let error = error(&folder);
            // GPT-2's have two forms of names; without the embedding it is not told which.
            let name = lost.trim_start_matches("transformer.");
            assert!(error.contains(name), "{family} without {lost}: {error}");
        }
    }
}

#[test]
fn every_needed_field_is_asked_for_by_name() {
    let needed = [
        ("gpt2", "n_embd"),
        ("gptj", "rotary_dim"),
        ("gpt_neox", "intermediate_size"),
        ("llama", "hidden_size"),
        ("mistral", "num_attention_heads"),
        ("qwen2", "num_hidden_layers"),
        ("qwen3", "max_position_embeddings"),
    ];
    for (family, field) in needed {
        let missing = config(family, |json| {
            json.as_object_mut().unwrap().remove(field);
        });
        let words = missing.unwrap_err().to_string();
        assert!(
            words.contains(field) && words.contains("config.json"),
            "{words}"
        );
        let wrong = config(family, |json| json[field] = json!("many"));
        assert!(wrong.unwrap_err().to_string().contains(field));
    }
}

#[test]
fn what_is_not_supported_is_refused_by_name() {
    let asked: [(&str, &str, Value, &str); 8] = [
        (
            "llama",
            "quantization_config",
            json!({"bits": 4}),
            "quantised",
        ),
        ("llama", "num_local_experts", json!(8), "mixture of experts"),
        ("llama", "hidden_act", json!("relu2"), "relu2"),
        (
            "llama",
            "rope_scaling",
            json!({"rope_type": "yarn", "factor": 4.0}),
            "yarn",
        ),
        ("llama", "model_type", json!("mixtral"), "mixtral"),
        (
            "gpt2",
            "scale_attn_by_inverse_layer_idx",
            json!(true),
            "scale_attn_by_inverse_layer_idx",
        ),
        ("gptj", "rotary_dim", json!(7), "7 rotary"),
        ("llama", "num_key_value_heads", json!(3), "3 key heads"),
    ];
    for (family, field, value, words) in asked {
        let error = config(family, |json| json[field] = value.clone())
            .unwrap_err()
            .to_string();
        assert!(error.contains(words), "{field}: {error}");
    }
}

#[test]
fn windows_are_of_the_layers_that_transformers_gives_them() {
    let local = |family: &str, change: fn(&mut Value)| {
        let whole = config(family, |_| ()).unwrap().context;
        let config = config(family, change).unwrap();
        assert_eq!(config.context, whole, "a window limits no prompt");
        let local = config.attention.local;
        local.map(|local| (local.window, local.layers))
    };
    let all = |window| Some((window, vec![true; 4]));
    assert_eq!(
        local("mistral", |json| json["sliding_window"] = json!(7)),
        all(7)
    );
    assert_eq!(
        local("mistral", |json| json["sliding_window"] = json!(null)),
        None
    );
    let silent = |json: &mut Value| {
        json.as_object_mut().unwrap().remove("sliding_window");
    };
    assert_eq!(local("mistral", silent), all(4096));
    assert_eq!(local("phi3", silent), None);
    assert_eq!(
        local("phi3", |json| json["sliding_window"] = json!(5)),
        all(5)
    );
    assert_eq!(
        local("qwen2", |json| json["use_sliding_window"] = json!(false)),
        None
    );
    let late = |json: &mut Value| {
        json.as_object_mut().unwrap().remove("layer_types");
        json["use_sliding_window"] = json!(true);
        json["sliding_window"] = json!(6);
        json["max_window_layers"] = json!(3);
    };
    let last = Some((6, vec![false, false, false, true]));
    assert_eq!(local("qwen2", late), last);
    let listed = |json: &mut Value| {
        let types = ["full_attention", "sliding_attention"];
        json["layer_types"] = json!([types[1], types[0], types[0], types[1]]);
    };
    let outer = Some((8, vec![true, false, false, true]));
    assert_eq!(local("gemma2", listed), outer);
    let unlisted = |json: &mut Value| {
        json.as_object_mut().unwrap().remove("layer_types");
    };
    assert_eq!(
        local("gemma2", unlisted),
        Some((8, vec![true, false, true, false]))
    );
    // Every sixth layer is global, and there are four.
    assert_eq!(local("gemma3", unlisted), all(8));
    let pattern = |json: &mut Value| {
        json.as_object_mut().unwrap().remove("layer_types");
        json["sliding_window_pattern"] = json!(3);
    };
    assert_eq!(
        local("gemma3", pattern),
        Some((8, vec![true, true, false, true]))
    );
}

/// Both places in which the text part has been kept.
#[test]
fn the_text_part_of_a_model_that_sees_pictures_opens() {
    let text = Source::Folder(golden("gemma3")).load(&Device::Cpu).unwrap();
    let ids = text.tokens.encode("The tower is in").unwrap().ids;
    for (inner, head) in [
        ("language_model.model.", "language_model.lm_head.weight"),
        ("model.language_model.", "lm_head.weight"),
    ] {
        let folder = copy("gemma3");
        let weights = folder.path().join("model.safetensors");
        let tensors = candle_core::safetensors::load(&weights, &Device::Cpu).unwrap();
        let mut all: std::collections::HashMap<_, _> = tensors
            .into_iter()
            .map(|(name, tensor)| (name.replace("model.", inner), tensor))
            .collect();
        // A head of its own is found where its model keeps it.
        let embed = all[&format!("{inner}embed_tokens.weight")].clone();
        all.insert(head.into(), embed.clone());
        all.insert("vision_tower.patch.weight".into(), embed);
        candle_core::safetensors::save(&all, &weights).unwrap();
        let path = folder.path().join("config.json");
        let mut json: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        json["tie_word_embeddings"] = json!(false);
        let json = json!({"model_type": "gemma3", "text_config": json, "vision_config": {}});
        fs::write(&path, json.to_string()).unwrap();
        let source = Source::Folder(folder.path().to_owned());
        let opened = source.load(&Device::Cpu).unwrap();
        let [got, want] = [&opened, &text].map(|m| m.decoder.next_token(&ids).unwrap());
        assert_eq!(got, want, "{inner}");
        let words = source.open().unwrap().left_out().unwrap().unwrap();
        assert!(words.contains("1 tensor"), "{words}");
    }
    assert_eq!(
        Source::Folder(golden("gemma3"))
            .open()
            .unwrap()
            .left_out()
            .unwrap(),
        None
    );
}

#[test]
fn gemma_3_of_many_modalities_is_read_for_its_text() {
    let text = config("gemma3", |_| ()).unwrap();
    let nested = config("gemma3", |json| {
        let text = json.clone();
        *json = json!({"model_type": "gemma3", "text_config": text, "vision_config": {}});
    });
    assert_eq!(nested.unwrap(), text);
    let bare = config("gemma3", |json| *json = json!({"model_type": "gemma3"}));
    assert!(bare.unwrap_err().to_string().contains("text_config"));
    // What transformers 5 writes.
    let renewed = config("gemma3", |json| {
        let fields = json.as_object_mut().unwrap();
        fields.remove("rope_theta");
        fields.remove("rope_local_base_freq");
        json["rope_parameters"] = json!({
            "full_attention": {"rope_type": "default", "rope_theta": 1_000_000.0},
            "sliding_attention": {"rope_type": "default", "rope_theta": 10_000.0},
        });
    });
    assert_eq!(renewed.unwrap(), text);
}

/// A config whose fields hold anything.
fn strange() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (0u64..64).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z0-9_]{0,8}".prop_map(Value::from),
        prop::collection::vec(0u8..9, 0..3).prop_map(Value::from),
        Just(json!({"rope_type": "llama3", "factor": 0.0, "low_freq_factor": -1})),
    ];
    let families = [
        "gpt2", "gptj", "gpt_neox", "llama", "mistral", "qwen2", "qwen3", "gemma2", "gemma3",
        "phi3", "olmo2",
    ];
    (
        prop::sample::select(families.to_vec()),
        prop::collection::vec((any::<prop::sample::Index>(), leaf), 0..4),
    )
        .prop_map(|(family, changes)| {
            let path = golden(family).join("config.json");
            let mut json: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
            let names: Vec<String> = json.as_object().unwrap().keys().cloned().collect();
            for (at, value) in changes {
                json[at.get(&names)] = value;
            }
            json
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_config_panics(json in strange()) {
        let _ = Config::from_json(json.to_string().as_bytes(), Path::new("config.json"));
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Config::from_json(&bytes, Path::new("config.json"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Any byte of the weights' header changed, any length cut.
    #[test]
    fn no_header_panics(at in 0usize..4000, to in any::<u8>(), cut in prop::option::of(0usize..6000)) {
        let folder = copy("llama");
        let path = folder.path().join("model.safetensors");
        let mut bytes = fs::read(&path).unwrap();
        bytes[at] = to;
        bytes.truncate(cut.unwrap_or(bytes.len()));
        fs::write(&path, bytes).unwrap();
        let _ = Source::Folder(folder.path().to_owned()).load(&Device::Cpu);
    }
}
