//! The tiny models as GGUFs, written as llama.cpp's converter writes them: each opens,
//! cuts texts and answers as the folder that it was made of.

mod common;
#[path = "common/gguf.rs"]
mod gguf;

use candle_core::quantized::GgmlDType;
use candle_core::{DType, Device};
use gguf::{File, Model, Value};
use pentimento::model::device::Place;
use pentimento::model::gguf::Gguf;
use pentimento::model::{Loaded, Source};
use std::path::Path;
use tempfile::TempDir;

/// The architectures that a GGUF can have here.
const KNOWN: [&str; 12] = [
    "gemma2",
    "gemma3",
    "gpt2",
    "gpt_neox",
    "gpt_neox_sequential",
    "llama",
    "llama3_rope",
    "mistral",
    "olmo2",
    "phi3",
    "qwen2",
    "qwen3",
];

/// A golden, with what a GGUF cannot say of its config as llama.cpp takes it.
fn golden(name: &str) -> Model {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens");
    let mut model = Model::read(&folder.join(name));
    let config = model.config.as_object_mut().unwrap();
    match name {
        "gemma2" => drop(config.insert("query_pre_attn_scalar".into(), config["head_dim"].clone())),
        // Every sixth layer looks at everything, and there should be one.
        "gemma3" => {
            config.remove("layer_types");
            config.insert("num_hidden_layers".into(), 6.into());
            let more: Vec<_> = model
                .tensors
                .iter()
                .flat_map(|(name, tensor)| {
                    let copies = [(0, 4), (1, 5)].into_iter();
                    copies.filter_map(move |(from, to)| {
                        let (from, to) = (format!(".layers.{from}."), format!(".layers.{to}."));
                        let there = name.contains(&from);
                        there.then(|| (name.replace(&from, &to), tensor.clone()))
                    })
                })
                .collect();
            model.tensors.extend(more);
        }
        _ => {}
    }
    model
}

/// The model as a folder and as a GGUF.
struct Both {
    name: String,
    folder: Loaded,
    file: Source,
    _kept: TempDir,
}

fn both(name: &str, model: &Model, kind: GgmlDType) -> Both {
    let kept = tempfile::tempdir().unwrap();
    model.write(kept.path());
    let path = kept.path().join("model.gguf");
    std::fs::write(&path, model.gguf(kind).bytes()).unwrap();
    let folder = Source::Folder(kept.path().to_owned());
    Both {
        name: name.into(),
        folder: folder.load(&Device::Cpu).unwrap(),
        file: Source::parse(&path.to_string_lossy()),
        _kept: kept,
    }
}

impl Both {
    fn agree(&self, packed: bool) {
        let name = &self.name;
        let place = Place {
            device: Device::Cpu,
            dtype: DType::F32,
            packed,
        };
        let loaded = self.file.load_at(&place);
        let loaded = loaded.unwrap_or_else(|e| panic!("{name}: {e}"));
        let (ours, theirs) = (&loaded.decoder, &self.folder.decoder);
        assert_eq!(ours.config.context, theirs.config.context, "{name}");
        for text in [
            "The Space Needle is located in the city of Seattle, and it's 605 feet high.",
            "  two  blanks\n\nnaïve 東京 <|endoftext|>1234567",
            "",
        ] {
            let ids = loaded.tokens.encode(text).unwrap().ids;
            assert_eq!(ids, self.folder.tokens.encode(text).unwrap().ids, "{name}");
            assert_eq!(loaded.tokens.decode(&ids), self.folder.tokens.decode(&ids));
        }
        let text = "The Space Needle is located in the city of Seattle, 605 feet high.";
        let ids = self.folder.tokens.encode(text).unwrap().ids;
        // Beyond the windows of eight tokens, and within them.
        for n in [3, ids.len()] {
            let (a, b) = (
                ours.next_token(&ids[..n]).unwrap(),
                theirs.next_token(&ids[..n]).unwrap(),
            );
            assert_eq!(a.len(), b.len());
            let off = a.iter().zip(&b).map(|(a, b)| (a.ln() - b.ln()).abs());
            let off = off.fold(0f32, f32::max);
            assert!(off < 1e-5, "{name}, {n} tokens: log p is off by {off:.1e}");
        }
    }
}

#[test]
fn every_architecture_equals_its_folder() {
    for name in KNOWN {
        let both = both(name, &golden(name), GgmlDType::F32);
        both.agree(false);
        both.agree(true);
    }
}

/// What is rounded is rounded alike; nothing else is.
#[test]
fn halves_and_bytes_equal_the_model_with_those_weights() {
    for (name, kind) in [
        ("llama", GgmlDType::F16),
        ("gpt2", GgmlDType::F16),
        ("gemma3", GgmlDType::F16),
        ("gpt_neox", GgmlDType::Q8_0),
        ("qwen3", GgmlDType::Q8_0),
    ] {
        let both = both(name, &golden(name).rounded(kind), kind);
        both.agree(false);
        both.agree(true);
    }
}

/// Every golden is a GGUF here, or says that it cannot be.
#[test]
fn an_architecture_that_is_not_known_is_refused_by_name() {
    let folders = common::families();
    let names = folders.iter().map(|path| path.file_name().unwrap());
    let others: Vec<_> = names
        .filter(|name| !KNOWN.iter().any(|k| k == name))
        .collect();
    assert_eq!(others, ["gptj"]);
    let mut file = golden("llama").gguf(GgmlDType::F32);
    file.metadata[0].1 = Value::Text("gptj".into());
    let error = refusal(&file).unwrap();
    assert!(
        error.contains("gptj") && error.contains("are known"),
        "{error}"
    );
}

fn refusal(file: &File) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.gguf");
    std::fs::write(&path, file.bytes()).unwrap();
    let refused = Source::Gguf(path).load(&Device::Cpu).err();
    refused.map(|error| error.to_string())
}

/// A setting of the golden Llama replaced, or taken away.
fn damaged(key: &str, value: Option<Value>) -> Option<String> {
    let mut file = golden("llama").gguf(GgmlDType::F32);
    let at = file.metadata.iter().position(|(name, _)| name == key);
    match (at, value) {
        (Some(at), Some(value)) => file.metadata[at].1 = value,
        (Some(at), None) => drop(file.metadata.remove(at)),
        (None, Some(value)) => file.metadata.push((key.into(), value)),
        (None, None) => panic!("there is no {key}"),
    }
    refusal(&file)
}

#[test]
fn what_a_file_lacks_or_contradicts_is_named() {
    let u32s = |n| Some(Value::U32(n));
    for (key, value, words) in [
        ("general.architecture", None, "general.architecture"),
        ("llama.block_count", None, "llama.block_count"),
        ("llama.block_count", u32s(5), "blk.4."),
        ("llama.embedding_length", u32s(52), "token_embd.weight"),
        ("llama.attention.head_count", u32s(0), "head"),
        ("llama.attention.head_count", u32s(5), "head"),
        ("llama.attention.head_count_kv", u32s(3), "head"),
        ("llama.expert_count", u32s(8), "expert"),
        ("llama.rope.freq_base", Some(Value::F32(f32::NAN)), "rope"),
        ("general.alignment", u32s(0), "general.alignment"),
        ("general.alignment", u32s(48), "general.alignment"),
        ("split.count", u32s(3), "one of 3 files"),
        ("tokenizer.ggml.model", None, "tokenizer.ggml.model"),
        (
            "tokenizer.ggml.model",
            Some(Value::Text("llama".into())),
            "tokenizer.ggml.scores",
        ),
        (
            "tokenizer.ggml.pre",
            Some(Value::Text("of tomorrow".into())),
            "of tomorrow",
        ),
        ("tokenizer.ggml.merges", None, "tokenizer.ggml.merges"),
        (
            "tokenizer.ggml.merges",
            Some(Value::Texts(vec!["alone".into()])),
            "alone",
        ),
        ("tokenizer.ggml.tokens", None, "tokenizer.ggml.tokens"),
        (
            "tokenizer.ggml.tokens",
            Some(Value::Texts(vec!["a".into(); 2])),
            "twice",
        ),
        (
            "tokenizer.ggml.token_type",
            Some(Value::I32s(vec![1; 3])),
            "3 kinds of tokens",
        ),
        (
            "tokenizer.ggml.add_eos_token",
            Some(Value::Text("yes".into())),
            "add_eos_token",
        ),
    ] {
        let error = damaged(key, value);
        let named = error.as_ref().is_some_and(|error| error.contains(words));
        assert!(named, "{key}: {error:?} without {words:?}");
    }
}

/// A file of version 3 with so many tensors and settings, and these bytes after that.
fn raw(tensors: u64, settings: u64, rest: &[u8]) -> String {
    let mut bytes = b"GGUF\x03\0\0\0".to_vec();
    bytes.extend(tensors.to_le_bytes());
    bytes.extend(settings.to_le_bytes());
    bytes.extend(rest);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.gguf");
    std::fs::write(&path, bytes).unwrap();
    match Gguf::open(&path) {
        Ok(_) => panic!("it should be refused"),
        Err(error) => error.to_string(),
    }
}

/// A setting `k` of this kind.
fn setting(kind: u32, value: &[u8]) -> Vec<u8> {
    let key = [&1u64.to_le_bytes()[..], b"k", &kind.to_le_bytes()].concat();
    [&key, value].concat()
}

/// An array `k` within arrays, so many deep, of one byte.
fn nested(depth: usize) -> Vec<u8> {
    let one = 1u64.to_le_bytes();
    let inner = [&9u32.to_le_bytes()[..], &one].concat().repeat(depth);
    let last = [&0u32.to_le_bytes()[..], &one, &[7]].concat();
    setting(9, &[inner, last].concat())
}

#[test]
fn lengths_and_kinds_that_cannot_be_are_refused_before_anything_is_held() {
    let huge = u64::MAX.to_le_bytes();
    let cases = [
        (raw(u64::MAX, 0, &[]), "tensors follow"),
        (raw(0, u64::MAX, &[]), "settings follow"),
        (raw(0, 1, &[&huge[..], &[0; 40]].concat()), "bytes of text"),
        (raw(0, 1, &setting(8, &huge)), "bytes of text"),
        (raw(0, 1, &setting(13, &[0; 8])), "unknown kind 13"),
        (raw(0, 1, &setting(4, &[0; 3])), "ends in the middle"),
        (
            raw(
                0,
                1,
                &setting(9, &[&8u32.to_le_bytes()[..], &huge].concat()),
            ),
            "values of an array",
        ),
        (
            raw(
                0,
                1,
                &setting(9, &[&77u32.to_le_bytes()[..], &huge].concat()),
            ),
            "unknown kind 77",
        ),
        (raw(0, 1, &nested(100_000)), "nested"),
        (
            raw(0, 2, &[setting(4, &[0; 4]), setting(4, &[0; 4])].concat()),
            "twice",
        ),
    ];
    for (error, words) in cases {
        assert!(error.contains(words), "{error:?} without {words:?}");
    }
}

/// A tensor of the header: its dimensions, the fastest first, its kind and place.
fn tensor(name: &str, dims: &[u64], kind: u32, offset: u64) -> Vec<u8> {
    let mut out = (name.len() as u64).to_le_bytes().to_vec();
    out.extend(name.as_bytes());
    out.extend((dims.len() as u32).to_le_bytes());
    dims.iter().for_each(|n| out.extend(n.to_le_bytes()));
    out.extend(kind.to_le_bytes());
    out.extend(offset.to_le_bytes());
    out
}

#[test]
fn a_tensor_that_cannot_lie_there_is_refused() {
    let room = vec![0; 512];
    let one = |tensor: Vec<u8>| raw(1, 0, &[tensor, room.clone()].concat());
    let two = |a: Vec<u8>, b: Vec<u8>| raw(2, 0, &[a, b, room.clone()].concat());
    let cases = [
        (one(tensor("a", &[], 0, 0)), "0 dimensions"),
        (one(tensor("a", &[1; 5], 0, 0)), "5 dimensions"),
        (one(tensor("a", &[8, 0], 0, 0)), "which no tensor has"),
        (
            one(tensor("a", &[1 << 40, 1 << 40], 0, 0)),
            "which no tensor has",
        ),
        (one(tensor("a", &[1 << 62, 2], 0, 0)), "lies beyond"),
        (one(tensor("a", &[8], 0, 1 << 20)), "lies beyond"),
        (one(tensor("a", &[8], 0, u64::MAX - 31)), "lies beyond"),
        (one(tensor("a", &[8], 0, 4)), "no multiple of 32"),
        (one(tensor("a", &[33], 8, 0)), "blocks of 32"),
        (
            two(tensor("a", &[16], 0, 0), tensor("a", &[8], 0, 64)),
            "twice",
        ),
        (
            two(tensor("a", &[16], 0, 0), tensor("b", &[8], 0, 32)),
            "overlap",
        ),
    ];
    for (error, words) in cases {
        assert!(error.contains(words), "{error:?} without {words:?}");
    }
}

/// IQ4_XS is named before anything else is looked at.
#[test]
fn a_kind_that_cannot_be_read_is_named() {
    let mut bytes = golden("llama").gguf(GgmlDType::F32).bytes();
    let name = b"blk.0.ffn_down.weight";
    let at = bytes.windows(name.len()).position(|w| w == name).unwrap();
    let kind = at + name.len() + 4 + 2 * 8;
    assert_eq!(bytes[kind..kind + 4], [0; 4]);
    bytes[kind] = 23;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.gguf");
    std::fs::write(&path, bytes).unwrap();
    let error = Source::Gguf(path).load(&Device::Cpu).map(drop).unwrap_err();
    let error = error.to_string();
    assert!(
        error.contains("blk.0.ffn_down.weight") && error.contains("IQ4_XS"),
        "{error}"
    );
}

#[test]
fn files_of_other_versions_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.gguf");
    for (begin, words) in [
        (&b"GGUF\x01\0\0\0"[..], "version 1"),
        (b"GGUF\0\0\0\x03", "big-endian"),
        (b"GGUF\x63\0\0\0", "version 99"),
        (b"GGML\x03\0\0\0", "begin with GGUF"),
        (b"GG", "begin with GGUF"),
    ] {
        std::fs::write(&path, [begin, &[0; 64]].concat()).unwrap();
        let error = Gguf::open(&path).map(drop).unwrap_err().to_string();
        assert!(error.contains(words), "{error:?} without {words:?}");
    }
}
