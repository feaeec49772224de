//! Every form in which edits leave, read back the way its readers do: the model
//! with it answers as the edited model in memory.

mod common;
#[path = "common/random_gguf.rs"]
mod random_gguf;

use candle_core::{Device, Tensor};
use common::families;
use pentimento::edit::{Delta, EditSpec, Method, Request, stack};
use pentimento::measure::{EditReport, LayerNorm, Watch};
use pentimento::model::decoder::Down;
use pentimento::model::gguf::{Gguf, Kind};
use pentimento::model::{Decoder, Source};
use pentimento::session::export::{ExportError, Form, export};
use pentimento::session::import;
use pentimento::session::import::peft::{self, Onto};
use pentimento::session::{Factors, MadeOn, Model, SavedEdit, Session};
use safetensors::SafeTensors;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

const TOLERANCE: f32 = 1e-4;

/// A model, the same with a session's edits in memory, and what was exported.
struct Exported {
    base: Decoder,
    memory: Decoder,
    written: Result<(), ExportError>,
    out: PathBuf,
    _folder: tempfile::TempDir,
}

fn exported(source: &Source, form: Form) -> Exported {
    let base = source.load(&Device::Cpu).unwrap().decoder;
    let (session, factors) = session(&base);
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    Exported {
        memory: in_memory(&base, &session, &factors),
        written: export(&session, &factors, source, form, &out),
        base,
        out,
        _folder: folder,
    }
}

/// Numbers without a pattern.
fn noise(n: usize, seed: usize) -> Vec<f32> {
    let value = |i: usize| ((i * 7919 + seed * 104_729) as f32).sin();
    (0..n).map(value).collect()
}

fn low(decoder: &Decoder, layer: usize, rank: usize) -> Delta {
    let (d, d_k) = (decoder.config.d, decoder.config.d_mlp);
    Delta {
        layer,
        r: noise(d * rank, layer + rank),
        u: noise(d_k * rank, layer + 2 * rank)
            .iter()
            .map(|x| 0.02 * x)
            .collect(),
        rank,
        bias: Vec::new(),
    }
}

fn saved(id: u64, alpha: f64, on: bool, deltas: &[Delta]) -> SavedEdit {
    let asked = EditSpec {
        request: Request {
            prompt: "{} is in".into(),
            subject: "The tower".into(),
            target: "Rome".into(),
        },
        method: if deltas[0].is_dense() {
            Method::Ft
        } else {
            Method::Memit
        },
        ..EditSpec::default()
    };
    let report = EditReport {
        layer: deltas[0].layer,
        layers: vec![LayerNorm::default(); deltas.len()],
        ..EditReport::default()
    };
    let edit = SavedEdit::new(id, vec![], &asked, &Watch::default(), &report);
    SavedEdit { alpha, on, ..edit }
}

/// Two edits on (one of rank 2, one scaled), one off.
fn session(decoder: &Decoder) -> (Session, Factors) {
    let model = Model {
        id: "tiny".into(),
        sha256: "00".into(),
        layers: decoder.layers(),
        d: decoder.config.d,
        d_mlp: decoder.config.d_mlp,
        ..Model::default()
    };
    let mut session = Session::new(model, MadeOn::here("cpu", "f32"));
    let factors = Factors::from([
        (1, vec![low(decoder, 0, 1), low(decoder, 1, 2)]),
        (2, vec![low(decoder, 1, 1)]),
        (3, vec![low(decoder, 0, 1)]),
    ]);
    session.edits = vec![
        saved(1, 1.0, true, &factors[&1]),
        saved(2, -0.5, true, &factors[&2]),
        saved(3, 1.0, false, &factors[&3]),
    ];
    (session, factors)
}

fn in_memory(decoder: &Decoder, session: &Session, factors: &Factors) -> Decoder {
    let on = session.edits.iter().filter(|edit| edit.on);
    let deltas = on.flat_map(|edit| factors[&edit.id].iter().map(|delta| (delta, edit.alpha)));
    stack::apply(decoder, deltas).unwrap()
}

fn logits(decoder: &Decoder) -> Vec<f32> {
    let ids: Vec<u32> = (0..12).map(|i| 40 + 7 * i).collect();
    let x = decoder
        .forward(&[&ids], None, &mut ())
        .unwrap()
        .squeeze(0)
        .unwrap();
    let logits = decoder.logits(&x, &mut ()).unwrap();
    logits.flatten_all().unwrap().to_vec1().unwrap()
}

fn same(what: &str, a: &Decoder, b: &Decoder, base: &Decoder) {
    let (a, b, base) = (logits(a), logits(b), logits(base));
    let off = |x: &[f32], y: &[f32]| {
        let each = x.iter().zip(y).map(|(x, y)| (x - y).abs());
        each.fold(0.0, f32::max)
    };
    assert!(
        off(&b, &base) > 100.0 * TOLERANCE,
        "{what}: the edits do nothing"
    );
    assert!(off(&a, &b) < TOLERANCE, "{what}: off by {}", off(&a, &b));
}

/// Values row-major, and their shape.
type Matrix = (Vec<f32>, [usize; 2]);

/// W + B·A at each layer, `[d, n]` and `[n, d_k]`.
fn with(decoder: &Decoder, factors: BTreeMap<usize, [Matrix; 2]>) -> Decoder {
    let mut edited = decoder.clone();
    for (layer, [(b, b_shape), (a, a_shape)]) in factors {
        let b = Tensor::from_vec(b, (b_shape[0], b_shape[1]), &Device::Cpu).unwrap();
        let a = Tensor::from_vec(a, (a_shape[0], a_shape[1]), &Device::Cpu).unwrap();
        let w = (decoder.down_weight(layer).unwrap() + b.matmul(&a).unwrap()).unwrap();
        edited = edited.with_down(layer, Down::new(w, decoder.down_bias(layer).cloned()));
    }
    edited
}

fn floats(data: &[u8]) -> Vec<f32> {
    let values = data.chunks_exact(4);
    values
        .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
        .collect()
}

#[test]
fn peft_adapters_of_every_family() {
    for folder in families() {
        let source = Source::Folder(folder.clone());
        let Exported {
            base,
            memory,
            written,
            out,
            ..
        } = &exported(&source, Form::Peft);
        assert!(written.is_ok(), "{written:?}");
        let config: Value =
            serde_json::from_slice(&std::fs::read(out.join("adapter_config.json")).unwrap())
                .unwrap();
        assert_eq!(config["r"], config["lora_alpha"]);
        assert_eq!(config["r"], 3);
        let data = std::fs::read(out.join("adapter_model.safetensors")).unwrap();
        let tensors = SafeTensors::deserialize(&data).unwrap();
        let modules = config["target_modules"].as_array().unwrap();
        assert_eq!(modules.len(), 2);
        let mut by_layer = BTreeMap::new();
        for (layer, module) in modules.iter().enumerate() {
            let part = |part: &str| {
                let name = format!(
                    "base_model.model.{}.lora_{part}.weight",
                    module.as_str().unwrap()
                );
                let view = tensors.tensor(&name).unwrap();
                (floats(view.data()), [view.shape()[0], view.shape()[1]])
            };
            // The module is the model's own: its file has a weight of that name.
            let weights = std::fs::read(folder.join("model.safetensors")).unwrap();
            let weights = SafeTensors::deserialize(&weights).unwrap();
            let module = format!("{}.weight", module.as_str().unwrap());
            assert!(weights.tensor(&module).is_ok(), "{module}");
            by_layer.insert(layer, [part("B"), part("A")]);
        }
        same(
            &folder.display().to_string(),
            &with(base, by_layer),
            memory,
            base,
        );
    }
}

#[test]
fn peft_adapters_come_back_as_one_edit() {
    for folder in families() {
        let source = Source::Folder(folder.clone());
        let there = exported(&source, Form::Peft);
        let onto = Onto {
            config: &there.base.config,
            model: "tiny",
            only_mlp: false,
        };
        let brought = peft::read(&there.out, &onto).unwrap();
        assert_eq!(brought.origin, "adapter out");
        assert_eq!(brought.warnings, [""; 0]);
        let edit = import::edit(1, &brought, &source, "tiny").unwrap();
        let on = brought.deltas.iter().map(|delta| (delta, 1.0));
        let what = folder.display().to_string();
        let imported = stack::apply(&there.base, on).unwrap();
        same(&what, &imported, &there.memory, &there.base);
        for (layer, delta) in edit.result.layers.iter().zip(&brought.deltas) {
            let w = stack::weight_norm(&there.base, layer.layer).unwrap();
            let shape = [there.base.config.d, there.base.config.d_mlp];
            let own = stack::norm(shape, delta) / w;
            assert!(
                (layer.relative_update_norm / own - 1.0).abs() < 1e-6,
                "{what}"
            );
        }

        // As an edit it is saved, opened and exported like any other.
        let model = session(&there.base).0.model;
        let mut session = Session::new(model, MadeOn::here("cpu", "f32"));
        session.model.sha256 = "0".repeat(64);
        session.edits = vec![edit];
        let factors = Factors::from([(1, brought.deltas)]);
        let path = there.out.with_file_name("s.toml");
        pentimento::session::save(&session, &factors, &path).unwrap();
        let (again, kept) = pentimento::session::load(&path, &session.model).unwrap();
        assert_eq!(again.edits[0].asked, session.edits[0].asked);
        let out = there.out.with_file_name("again");
        export(&again, &kept, &source, Form::Merged, &out).unwrap();
        let merged = Source::Folder(out).load(&Device::Cpu).unwrap().decoder;
        same(&what, &merged, &there.memory, &there.base);
    }
}

#[test]
fn merged_models_of_every_family_and_of_atlas() {
    let folders = families().into_iter().map(Source::Folder);
    for source in folders.chain([Source::Atlas]) {
        let Exported {
            base,
            memory,
            written,
            out,
            ..
        } = &exported(&source, Form::Merged);
        assert!(written.is_ok(), "{written:?}");
        let merged = Source::Folder(out.clone());
        let merged = merged.load(&Device::Cpu).unwrap().decoder;
        same(&source.name(), &merged, memory, base);
    }
}

#[test]
fn gguf_adapters_hold_pefts_numbers() {
    for folder in families() {
        let source = Source::Folder(folder.clone());
        let Exported {
            base,
            memory,
            written,
            out,
            ..
        } = &exported(&source, Form::Gguf);
        if base.config.family.name() == "gptj" {
            assert!(matches!(written, Err(ExportError::NoArchitecture(_))));
            continue;
        }
        assert!(written.is_ok(), "{written:?}");
        let (words, tensors) = gguf(&std::fs::read(out).unwrap());
        assert_eq!(words["general.type"], "adapter");
        assert_eq!(words["adapter.type"], "lora");
        let mut by_layer = BTreeMap::new();
        for layer in 0..2 {
            let name = |part: char| format!("blk.{layer}.ffn_down.weight.lora_{part}");
            let (a_ne, a) = tensors[&name('a')].clone();
            let (b_ne, b) = tensors[&name('b')].clone();
            // What the loader asks for.
            assert_eq!((a_ne[0], b_ne[1]), (base.config.d_mlp, base.config.d));
            assert_eq!(a_ne[1], b_ne[0]);
            by_layer.insert(layer, [(b, [b_ne[1], b_ne[0]]), (a, [a_ne[1], a_ne[0]])]);
        }
        same(
            &folder.display().to_string(),
            &with(base, by_layer),
            memory,
            base,
        );
    }
}

type Tensors = HashMap<String, ([usize; 2], Vec<f32>)>;

/// A reader of what the format's description says, and of no more.
fn gguf(data: &[u8]) -> (HashMap<String, String>, Tensors) {
    let mut at = 0;
    let mut take = |n: usize| {
        at += n;
        (&data[at - n..at], at)
    };
    assert_eq!(take(4).0, b"GGUF");
    let mut number = |n: usize| {
        let (bytes, at) = take(n);
        let mut wide = [0; 8];
        wide[..n].copy_from_slice(bytes);
        (u64::from_le_bytes(wide) as usize, at)
    };
    assert_eq!(number(4).0, 3);
    let (count, pairs) = (number(8).0, number(8).0);
    let text = |number: &mut dyn FnMut(usize) -> (usize, usize)| {
        let length = number(8).0;
        let bytes: Vec<u8> = (0..length).map(|_| number(1).0 as u8).collect();
        String::from_utf8(bytes).unwrap()
    };
    let mut words = HashMap::new();
    for _ in 0..pairs {
        let key = text(&mut number);
        match number(4).0 {
            8 => drop(words.insert(key, text(&mut number))),
            6 => drop(number(4)),
            other => panic!("{key} is of kind {other}"),
        }
    }
    let mut infos = Vec::new();
    let mut end = 0;
    for _ in 0..count {
        let name = text(&mut number);
        assert_eq!(number(4).0, 2);
        let ne = [number(8).0, number(8).0];
        assert_eq!(number(4).0, 0);
        let (offset, at) = number(8);
        assert_eq!(offset % 32, 0);
        infos.push((name, ne, offset));
        end = at;
    }
    let start = end.next_multiple_of(32);
    let read = |(name, ne, offset): (String, [usize; 2], usize)| {
        let bytes = &data[start + offset..][..4 * ne[0] * ne[1]];
        (name, (ne, floats(bytes)))
    };
    (words, infos.into_iter().map(read).collect())
}

/// A tiny Llama in four quantisations.
fn gguf_base() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path().join("base.gguf");
    let shape = random_gguf::Shape {
        layers: 3,
        d: 256,
        heads: 4,
        kv_heads: 2,
        d_mlp: 512,
        vocab: 700,
    };
    random_gguf::llama(&base, shape, |name| match name {
        "token_embd.weight" => 8,
        "output.weight" => 14,
        "blk.1.attn_q.weight" => 1,
        _ => 12,
    });
    (folder, base)
}

#[test]
fn a_gguf_model_is_its_file_but_for_what_was_edited() {
    let (_folder, base) = gguf_base();
    for (form, number) in [(Form::GgufModel, 1), (Form::GgufModelF32, 0)] {
        let made = exported(&Source::Gguf(base.clone()), form);
        assert!(made.written.is_ok(), "{:?}", made.written);
        let (before, after) = (Gguf::open(&base).unwrap(), Gguf::open(&made.out).unwrap());
        let names = |gguf: &Gguf| -> Vec<String> {
            gguf.tensors().iter().map(|t| t.name.clone()).collect()
        };
        assert_eq!(names(&before), names(&after));
        for (old, new) in before.tensors().iter().zip(after.tensors()) {
            assert_eq!(old.shape, new.shape);
            assert_eq!(new.range.start % 32, 0);
            // The session's edits are at layers 0 and 1.
            if ["blk.0.ffn_down.weight", "blk.1.ffn_down.weight"].contains(&new.name.as_str()) {
                assert_eq!(new.kind, Kind::of(number), "{}", new.name);
            } else {
                assert_eq!(old.kind, new.kind, "{}", new.name);
                assert!(before.bytes(old) == after.bytes(new), "{}", new.name);
            }
        }
        for (key, value) in before.entries() {
            assert_eq!(after.metadata(key), Some(value), "{key}");
        }
        let ours: BTreeMap<&str, Value> = after
            .entries()
            .filter(|(key, _)| before.metadata(key).is_none())
            .map(|(key, value)| (key, serde_json::from_str(value.as_str().unwrap()).unwrap()))
            .collect();
        let keys: Vec<&str> = ours.keys().copied().collect();
        assert_eq!(keys, ["pentimento.edits.0", "pentimento.edits.1"]);
        let first = &ours["pentimento.edits.0"];
        assert_eq!(first["layers"], serde_json::json!([0, 1]));
        assert_eq!(first["requests"][0]["target"], "Rome");
        assert_eq!(first["base_sha256"], "00");
        assert_eq!(ours["pentimento.edits.1"]["alpha"], -0.5);

        let model = Source::Gguf(made.out.clone()).load(&Device::Cpu).unwrap();
        if form == Form::GgufModelF32 {
            assert_eq!(logits(&model.decoder), logits(&made.memory));
        }
        let off = logits(&model.decoder)
            .into_iter()
            .zip(logits(&made.memory))
            .map(|(a, b)| (a - b).abs());
        let scale = logits(&made.memory)
            .into_iter()
            .fold(0.0, |a: f32, b| a.max(b.abs()));
        let off = off.fold(0.0, f32::max) / scale;
        assert!(off < 2e-3, "off by {off} of the largest");

        // What was exported is a base like any other, and keeps its edits.
        let again = made.out.with_file_name("again.gguf");
        let (session, factors) = session(&made.base);
        let source = Source::Gguf(made.out.clone());
        export(&session, &factors, &source, form, &again).unwrap();
        let again = Gguf::open(&again).unwrap();
        let edits = again
            .entries()
            .filter(|(key, _)| key.starts_with("pentimento.edits."));
        assert_eq!(edits.count(), 4);
    }
}

#[test]
fn what_cannot_be_a_gguf_model_says_what_can() {
    let at = tempfile::tempdir().unwrap();
    let out = at.path().join("out.gguf");
    let base = Source::Atlas.load(&Device::Cpu).unwrap().decoder;
    let (edits, factors) = session(&base);
    let error = export(&edits, &factors, &Source::Atlas, Form::GgufModel, &out).unwrap_err();
    assert!(
        error.to_string().contains("convert_hf_to_gguf.py"),
        "{error}"
    );

    // An edit beyond what F16 holds.
    let (_folder, base) = gguf_base();
    let source = Source::Gguf(base);
    let base = source.load(&Device::Cpu).unwrap().decoder;
    let (edits, mut factors) = session(&base);
    factors.get_mut(&1).unwrap()[0].r[0] = 1e9;
    let error = export(&edits, &factors, &source, Form::GgufModel, &out).unwrap_err();
    assert!(error.to_string().contains("gguf-model-f32"), "{error}");
    assert_eq!(std::fs::read_dir(at.path()).unwrap().count(), 0);
    export(&edits, &factors, &source, Form::GgufModelF32, &out).unwrap();
    let error = export(&edits, &factors, &source, Form::GgufModel, &out).unwrap_err();
    assert!(matches!(error, ExportError::Exists(_)));
}

#[test]
fn bare_factors_say_what_they_are_of() {
    let source = Source::Folder(families().remove(0));
    let base = source.load(&Device::Cpu).unwrap().decoder;
    let (session, factors) = session(&base);
    let at = tempfile::tempdir().unwrap();
    let out = at.path().join("delta.safetensors");
    export(&session, &factors, &source, Form::Delta, &out).unwrap();
    let data = std::fs::read(&out).unwrap();
    let tensors = SafeTensors::deserialize(&data).unwrap();
    let (_, header) = SafeTensors::read_metadata(&data).unwrap();
    let about = header.metadata().clone().unwrap();
    assert_eq!(about["base_sha256"], "00");
    let second: Value = serde_json::from_str(&about["edits.1"]).unwrap();
    assert_eq!(
        (&second["alpha"], &second["method"]),
        (&Value::from(-0.5), &Value::from("memit"))
    );
    let r = tensors.tensor("edits.0.layers.1.r").unwrap();
    assert_eq!(r.shape(), [base.config.d, 2]);
    assert_eq!(floats(r.data()), factors[&1][1].r);
    assert!(!about.contains_key("edits.2"), "an edit that is off");
}

#[test]
fn a_dense_change_leaves_as_a_merged_model_or_bare() {
    let source = Source::Atlas;
    let base = source.load(&Device::Cpu).unwrap().decoder;
    let (d, d_k) = (base.config.d, base.config.d_mlp);
    let change = noise(d * d_k, 5).iter().map(|x| 0.01 * x).collect();
    let delta = Delta::dense(2, change, noise(d, 6).iter().map(|x| 0.1 * x).collect());
    let (mut session, _) = session(&base);
    session.edits = vec![saved(1, 0.5, true, std::slice::from_ref(&delta))];
    let factors = Factors::from([(1, vec![delta])]);
    let at = tempfile::tempdir().unwrap();
    for form in [Form::Peft, Form::Gguf] {
        let error = export(&session, &factors, &source, form, &at.path().join("x")).unwrap_err();
        assert!(error.to_string().contains("dense"), "{error}");
        assert!(!at.path().join("x").exists());
    }
    let out = at.path().join("merged");
    export(&session, &factors, &source, Form::Merged, &out).unwrap();
    let merged = Source::Folder(out.clone())
        .load(&Device::Cpu)
        .unwrap()
        .decoder;
    same(
        "dense",
        &merged,
        &in_memory(&base, &session, &factors),
        &base,
    );
    export(
        &session,
        &factors,
        &source,
        Form::Delta,
        &at.path().join("delta"),
    )
    .unwrap();

    // What is there stays, and nothing on is nothing to export.
    let error = export(&session, &factors, &source, Form::Merged, &out).unwrap_err();
    assert!(matches!(error, ExportError::Exists(_)));
    session.edits[0].on = false;
    let error = export(
        &session,
        &factors,
        &source,
        Form::Merged,
        &at.path().join("y"),
    );
    assert!(matches!(error, Err(ExportError::Nothing)));
    let left: Vec<_> = std::fs::read_dir(at.path()).unwrap().collect();
    assert_eq!(left.len(), 2, "{left:?}");
}
