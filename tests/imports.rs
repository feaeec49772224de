//! Adapters that are damaged, foreign or of another kind: each its own error that
//! says what to do, and never a panic. That whole ones come back is tests/exports.rs.

use pentimento::edit::Delta;
use pentimento::model::config::Family;
use pentimento::model::{Config, Source};
use pentimento::session::import::peft::{self, Onto};
use pentimento::session::import::{Brought, ImportError};
use proptest::prelude::*;
use safetensors::tensor::{Dtype, TensorView};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const RANK: usize = 2;

fn model() -> Config {
    Source::Atlas.config().unwrap()
}

fn noise(n: usize, seed: usize) -> Vec<f32> {
    (0..n).map(|i| ((i + seed) as f32).sin()).collect()
}

/// Name, shape, kind and bytes of a tensor.
type Raw = (String, Vec<usize>, Dtype, Vec<u8>);

fn f32s(name: &str, shape: &[usize], values: &[f32]) -> Raw {
    let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    (name.into(), shape.to_vec(), Dtype::F32, bytes)
}

fn prefix(layer: usize) -> String {
    format!("base_model.model.{}", Family::Gpt2.down_module(layer))
}

/// The factors of two layers of Atlas.
fn factors() -> Vec<Raw> {
    let (d, d_k) = (model().d, model().d_mlp);
    let of = |layer: usize| {
        let name = |part: char| format!("{}.lora_{part}.weight", prefix(layer));
        [
            f32s(&name('A'), &[RANK, d_k], &noise(RANK * d_k, layer)),
            f32s(&name('B'), &[d, RANK], &noise(d * RANK, layer + 7)),
        ]
    };
    [of(1), of(4)].concat()
}

fn config() -> Value {
    json!({"peft_type": "LORA", "r": RANK, "lora_alpha": 3 * RANK, "base_model_name_or_path": "atlas"})
}

fn write(folder: &Path, config: &Value, tensors: &[Raw]) {
    fs::write(folder.join("adapter_config.json"), config.to_string()).unwrap();
    let views = tensors.iter().map(|(name, shape, dtype, bytes)| {
        let view = TensorView::new(*dtype, shape.clone(), bytes).unwrap();
        (name.clone(), view)
    });
    let path = folder.join("adapter_model.safetensors");
    safetensors::serialize_to_file(views.collect::<Vec<_>>(), None, &path).unwrap();
}

fn read(folder: &Path, only_mlp: bool) -> Result<Brought, ImportError> {
    let config = model();
    let onto = Onto {
        config: &config,
        model: "atlas",
        only_mlp,
    };
    peft::read(folder, &onto)
}

fn adapter(config: &Value, tensors: &[Raw]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), config, tensors);
    folder
}

fn words(config: &Value, tensors: &[Raw]) -> String {
    match read(adapter(config, tensors).path(), false) {
        Ok(_) => panic!("it was imported"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn factors_are_scaled_and_turned_into_ours() {
    let brought = read(adapter(&config(), &factors()).path(), false).unwrap();
    let layers: Vec<usize> = brought.deltas.iter().map(|delta| delta.layer).collect();
    assert_eq!((layers, brought.warnings), (vec![1, 4], vec![]));
    let (d, d_k) = (model().d, model().d_mlp);
    let Delta { r, u, rank, .. } = &brought.deltas[0];
    assert_eq!((*rank, r.len(), u.len()), (RANK, d * RANK, d_k * RANK));
    let (a, b) = (noise(RANK * d_k, 1), noise(d * RANK, 8));
    assert_eq!(r[3], 3.0 * b[3]);
    assert_eq!((u[2 * 5], u[2 * 5 + 1]), (a[5], a[d_k + 5]));
}

#[test]
fn every_way_to_name_a_module_is_known() {
    let plain = read(adapter(&config(), &factors()).path(), false).unwrap();
    for (from, to) in [
        ("base_model.model.", ""),
        ("base_model.model.transformer.", "base_model.model."),
        (".weight", ".default.weight"),
    ] {
        let mut tensors = factors();
        for (name, ..) in &mut tensors {
            *name = name.replace(from, to);
        }
        let other = read(adapter(&config(), &tensors).path(), false).unwrap();
        assert_eq!(other.deltas, plain.deltas, "{to:?}");
    }
    let both = [factors(), factors()].concat();
    let both: Vec<Raw> = (both.into_iter().enumerate())
        .map(|(i, (name, shape, dtype, bytes))| {
            let name = if i < 4 {
                name
            } else {
                name.replace("base_model.model.", "")
            };
            (name, shape, dtype, bytes)
        })
        .collect();
    assert!(words(&config(), &both).contains("twice"));
}

#[test]
fn half_precision_is_read() {
    let tensors = factors().into_iter().map(|(name, shape, _, bytes)| {
        let halves = bytes.chunks_exact(4).flat_map(|b| [b[2], b[3]]).collect();
        (name, shape, Dtype::BF16, halves)
    });
    let brought = read(
        adapter(&config(), &tensors.collect::<Vec<_>>()).path(),
        false,
    )
    .unwrap();
    assert_eq!(brought.deltas.len(), 2);
}

#[test]
fn what_else_an_adapter_changes_is_named() {
    let mut tensors = factors();
    for module in ["attn.c_attn", "attn.c_proj", "mlp.c_fc"] {
        let name = format!("base_model.model.transformer.h.0.{module}.lora_A.weight");
        tensors.push(f32s(&name, &[1, 2], &[0.0, 0.0]));
    }
    tensors.push(f32s(
        "base_model.model.transformer.wte.lora_embedding_A",
        &[1],
        &[0.0],
    ));
    let error = words(&config(), &tensors);
    for word in [
        "transformer.h.0.attn.c_attn",
        "and 1 more",
        "--only-mlp",
        "transformer.h.N.mlp.c_proj",
    ] {
        assert!(error.contains(word), "{word}: {error}");
    }
    let folder = adapter(&config(), &tensors);
    let brought = read(folder.path(), true).unwrap();
    assert_eq!(brought.deltas.len(), 2);
    assert!(
        brought.warnings[0].contains("attn.c_attn"),
        "{:?}",
        brought.warnings
    );
    let none = words(&config(), &[]);
    assert!(none.contains("no LoRA factors"), "{none}");
}

#[test]
fn another_models_adapter_is_told_by_its_shapes_and_layers() {
    let mut wide = factors();
    wide[0].1 = vec![1, RANK * model().d_mlp];
    assert!(words(&config(), &wide).contains("another model"));
    let mut tall = factors();
    tall[1].1.reverse();
    assert!(words(&config(), &tall).contains("has shape"));
    let mut deep = factors();
    deep[0].0 = deep[0].0.replace(".1.", ".99.");
    assert!(words(&config(), &deep).contains("h.99."));
    let mut ranks = config();
    ranks["r"] = json!(16);
    assert!(words(&ranks, &factors()).contains("16"));
    let half = words(&config(), &factors()[1..]);
    assert!(half.contains("no lora_A"), "{half}");

    // Its name alone is no reason to refuse it.
    let mut named = config();
    named["base_model_name_or_path"] = json!("org/other\u{1b}[2J");
    let brought = read(adapter(&named, &factors()).path(), false).unwrap();
    assert!(
        brought.warnings[0].contains("org/other\\u{1b}"),
        "{:?}",
        brought.warnings
    );
    named["base_model_name_or_path"] = json!("someone/Atlas");
    assert_eq!(
        read(adapter(&named, &factors()).path(), false)
            .unwrap()
            .warnings,
        [""; 0]
    );
}

#[test]
fn values_that_cannot_be_added_are_refused() {
    let mut nan = factors();
    nan[2].3[4..8].copy_from_slice(&f32::NAN.to_le_bytes());
    assert!(words(&config(), &nan).contains("not finite"));
    let mut huge = config();
    huge["lora_alpha"] = json!(1e300);
    assert!(words(&huge, &factors()).contains("not finite"));
    let mut eight_bit = factors();
    eight_bit[0].2 = Dtype::I8;
    eight_bit[0].3.truncate(RANK * model().d_mlp);
    assert!(words(&config(), &eight_bit).contains("quantised"));
}

#[test]
fn files_that_are_missing_cut_or_no_files_are_named() {
    let nowhere = read(&PathBuf::from("/no/such/adapter"), false).unwrap_err();
    assert!(matches!(nowhere, ImportError::NotAFolder(_)), "{nowhere}");
    let folder = adapter(&config(), &factors());
    let weights = folder.path().join("adapter_model.safetensors");
    let whole = fs::read(&weights).unwrap();
    for length in [0, 4, 100, whole.len() / 2, whole.len() - 1] {
        fs::write(&weights, &whole[..length]).unwrap();
        let error = read(folder.path(), false).unwrap_err().to_string();
        assert!(error.contains("adapter_model.safetensors"), "{error}");
    }
    fs::remove_file(&weights).unwrap();
    let error = read(folder.path(), false).unwrap_err().to_string();
    assert!(error.contains("adapter_model.safetensors"), "{error}");
    fs::write(folder.path().join("adapter_model.bin"), "x").unwrap();
    let error = read(folder.path(), false).unwrap_err();
    assert!(matches!(error, ImportError::Pickle(_)), "{error}");
    fs::create_dir(&weights).unwrap();
    let error = read(folder.path(), false).unwrap_err().to_string();
    assert!(error.contains("plain file"), "{error}");
    fs::remove_file(folder.path().join("adapter_config.json")).unwrap();
    let error = read(folder.path(), false).unwrap_err().to_string();
    assert!(error.contains("adapter_config.json"), "{error}");
}

/// A config whose fields hold anything.
fn strange() -> impl Strategy<Value = Value> {
    let names = [
        "peft_type",
        "r",
        "lora_alpha",
        "rank_pattern",
        "alpha_pattern",
        "use_rslora",
        "bias",
        "use_dora",
        "modules_to_save",
        "init_lora_weights",
        "base_model_name_or_path",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (0u64..9).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
        prop::collection::vec(0u8..9, 0..3).prop_map(Value::from),
        (".{0,12}", any::<i32>()).prop_map(|(pattern, n)| json!({pattern: n})),
    ];
    let change = (prop::sample::select(names.to_vec()), leaf);
    prop::collection::vec(change, 0..4).prop_map(|changes| {
        let mut config = config();
        for (name, value) in changes {
            config[name] = value;
        }
        config
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_config_panics(config in strange()) {
        let _ = read(adapter(&config, &factors()[..2]).path(), false);
    }

    #[test]
    fn no_bytes_panic(
        config in prop::collection::vec(any::<u8>(), 0..200),
        weights in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let folder = adapter(&self::config(), &factors()[..2]);
        fs::write(folder.path().join("adapter_model.safetensors"), weights).unwrap();
        let _ = read(folder.path(), false);
        fs::write(folder.path().join("adapter_config.json"), config).unwrap();
        let _ = read(folder.path(), false);
    }

    /// Any byte of the weights' header changed, any length cut.
    #[test]
    fn no_header_panics(at in 0usize..500, to in any::<u8>(), cut in prop::option::of(0usize..900)) {
        let folder = adapter(&config(), &factors()[..2]);
        let path = folder.path().join("adapter_model.safetensors");
        let mut bytes = fs::read(&path).unwrap();
        bytes[at] = to;
        bytes.truncate(cut.unwrap_or(bytes.len()));
        fs::write(&path, bytes).unwrap();
        let _ = read(folder.path(), true);
    }
}
