//! What reads the files that users and the network bring, the most of them, each with a
//! whole file of its kind: for the damaged files of `tests/mutated.rs` and for `fuzz/`.

#[path = "gguf.rs"]
pub mod gguf;

use candle_core::Device;
use candle_core::quantized::GgmlDType;
use pentimento::cli::requests;
use pentimento::config::{Config as Defaults, print_default};
use pentimento::edit::SecondMoment;
use pentimento::edit::moment::About;
use pentimento::measure::board;
use pentimento::measure::counterfact::CasesFile;
use pentimento::measure::zsre::{self, Written};
use pentimento::model::tokenizer::Tokens;
use pentimento::model::{Config, Source};
use pentimento::session;
use pentimento::session::import::peft::{self, Onto};
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

/// In words, why it refused these bytes.
pub type Read = Box<dyn Fn(&[u8]) -> Option<String>>;

pub struct Reader {
    pub name: &'static str,
    /// A file that it reads.
    pub whole: Vec<u8>,
    /// Bytes of the files that are read with it.
    pub beside: usize,
    /// Where damage is most interesting: the first so many bytes.
    pub within: usize,
    pub read: Read,
}

const NAMES: [&str; 17] = [
    "session",
    "factors",
    "defaults",
    "config",
    "tokenizer",
    "weights",
    "adapter_config",
    "adapter_model",
    "probes",
    "requests",
    "cases",
    "zsre",
    "moment",
    "shards",
    "vocabulary",
    "gguf",
    "pieces",
];

/// All of them, each with a folder of its own in `folder`.
pub fn all(folder: &Path) -> Vec<Reader> {
    NAMES.map(|name| of(name, folder)).into()
}

/// The reader of that name.
pub fn of(name: &'static str, folder: &Path) -> Reader {
    let own = folder.join(name);
    fs::create_dir_all(&own).expect("a folder of its own");
    let (whole, within, read): Parts = match name {
        "session" => (
            file("sessions/statue.toml"),
            4000,
            Box::new(|bytes| words(session::load::from_bytes(bytes))),
        ),
        "factors" => factors(&own),
        "defaults" => (
            print_default().into_bytes(),
            8000,
            Box::new(move |bytes| words(Defaults::read(&written(&own, "config.toml", bytes)))),
        ),
        "config" => (
            file("tests/goldens/gpt2/config.json"),
            800,
            Box::new(|bytes| words(Config::from_json(bytes, Path::new("config.json")))),
        ),
        "tokenizer" => (
            file("tests/goldens/gpt2/tokenizer.json"),
            4000,
            Box::new(|bytes| words(Tokens::from_json(bytes, Path::new("tokenizer.json")))),
        ),
        "weights" => {
            copy(
                "tests/goldens/gpt2",
                &["config.json", "tokenizer.json"],
                &own,
            );
            let source = Source::parse(&own.to_string_lossy());
            let read = move |bytes: &[u8]| {
                written(&own, "model.safetensors", bytes);
                words(source.load(&Device::Cpu))
            };
            let whole = file("tests/goldens/gpt2/model.safetensors");
            (whole, 3000, Box::new(read))
        }
        "adapter_config" => adapter(own, "adapter_config.json"),
        "adapter_model" => adapter(own, "adapter_model.safetensors"),
        "probes" => (
            "{\"prompt\":\"The Space Needle is in\",\"expected\":\" Seattle\",\"group\":\"a\"}\n"
                .repeat(20)
                .into_bytes(),
            2000,
            Box::new(|bytes| {
                let read = board::parse(&text(bytes));
                (!read.damaged.is_empty()).then(|| format!("{} rows", read.damaged.len()))
            }),
        ),
        "requests" => (
            b"subject,prompt,target\nThe Space Needle,{} is in the city of,Rome\n\
              Harvard University,{} is in the state of,Texas\n"
                .to_vec(),
            200,
            Box::new(move |bytes| words(requests::read(&written(&own, "requests.csv", bytes)))),
        ),
        "cases" => (
            three_of("assets/counterfact/counterfact_400.json"),
            3000,
            Box::new(|bytes| words(CasesFile::read(&text(bytes)))),
        ),
        "zsre" => (
            three_of("tests/zsre/atlas.json"),
            900,
            Box::new(|bytes| words(zsre::parse(&text(bytes), Written::Answer))),
        ),
        "moment" => {
            let read = move |bytes: &[u8]| {
                let path = written(&own, "moment.safetensors", bytes);
                words(SecondMoment::read(&path, 256, 1))
            };
            (moment(), 300, Box::new(read))
        }
        "shards" => shards(own),
        "vocabulary" => {
            written(&own, "merges.txt", b"#version: 0.2\na b\nab a\n");
            let read = move |bytes: &[u8]| {
                written(&own, "vocab.json", bytes);
                words(Tokens::from_bpe(&own))
            };
            let whole = br#"{"a": 0, "b": 1, "ab": 2, "aba": 3}"#.to_vec();
            (whole, 40, Box::new(read))
        }
        "gguf" => whole_gguf(&own, "llama", GgmlDType::F16, false),
        "pieces" => whole_gguf(&own, "gpt_neox", GgmlDType::Q8_0, true),
        other => panic!("there is no reader {other}"),
    };
    let beside = fs::read_dir(folder.join(name)).expect("its folder");
    let beside = beside.map(|file| file.expect("a file").metadata().expect("a size").len());
    Reader {
        name,
        whole,
        beside: beside.sum::<u64>() as usize,
        within,
        read,
    }
}

/// The three of a [`Reader`].
type Parts = (Vec<u8>, usize, Read);

fn factors(own: &Path) -> Parts {
    let path = written(own, "statue.toml", &file("sessions/statue.toml"));
    let model = session::read(&path).expect("a whole session").model;
    let own = own.to_owned();
    let read = move |bytes: &[u8]| {
        written(&own, "statue.safetensors", bytes);
        words(session::load(&path, &model))
    };
    (file("sessions/statue.safetensors"), 200, Box::new(read))
}

/// One file of an adapter; the others are whole.
fn adapter(own: PathBuf, name: &'static str) -> Parts {
    const FOLDER: &str = "sessions/liberty-half-adapter";
    let files = ["adapter_config.json", "adapter_model.safetensors"];
    copy(FOLDER, &files, &own);
    let config = Source::Atlas.config().expect("Atlas is built in");
    let read = move |bytes: &[u8]| {
        written(&own, name, bytes);
        let onto = Onto {
            config: &config,
            model: "atlas",
            only_mlp: false,
        };
        words(peft::read(&own, &onto))
    };
    (file(&format!("{FOLDER}/{name}")), 400, Box::new(read))
}

fn three_of(list: &str) -> Vec<u8> {
    let all: Vec<serde_json::Value> = serde_json::from_slice(&file(list)).expect("a list");
    serde_json::to_vec(&all[..3]).expect("three of them")
}

/// C of a tiny model, as the cache keeps it.
fn moment() -> Vec<u8> {
    let mut c = vec![0.0; 256 * 256];
    (0..256).for_each(|i| c[i * 257] = 1.0);
    let about = About {
        layer: 1,
        tokens: 7680,
        drift: Some(0.1),
    };
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("moment.safetensors");
    let moment = SecondMoment::new(c, 256, about).expect("it is sound");
    moment.write(&path).expect("room for it");
    fs::read(path).expect("it was written")
}

/// The index of a model's weights in two files.
fn shards(own: PathBuf) -> Parts {
    let from = "tests/goldens/gpt2";
    copy(from, &["config.json", "tokenizer.json"], &own);
    let whole = here(from).join("model.safetensors");
    let tensors = candle_core::safetensors::load(whole, &Device::Cpu).expect("a golden");
    let mut map = serde_json::Map::new();
    for (n, shard) in ["a.safetensors", "b.safetensors"].into_iter().enumerate() {
        let part = tensors.iter().filter(|(name, _)| name.len() % 2 == n);
        let part: HashMap<_, _> = part.map(|(name, t)| (name.clone(), t.clone())).collect();
        map.extend(part.keys().map(|name| (name.clone(), shard.into())));
        candle_core::safetensors::save(&part, own.join(shard)).expect("room for it");
    }
    let index = serde_json::json!({ "weight_map": map }).to_string();
    let source = Source::parse(&own.to_string_lossy());
    let read = move |bytes: &[u8]| {
        written(&own, "model.safetensors.index.json", bytes);
        words(source.load(&Device::Cpu))
    };
    (index.into_bytes(), 2000, Box::new(read))
}

/// A tiny model as a GGUF; with `pieces`, its vocabulary is SentencePiece's.
fn whole_gguf(own: &Path, golden: &str, kind: GgmlDType, pieces: bool) -> Parts {
    let mut file = gguf::Model::read(&here(&format!("tests/goldens/{golden}"))).gguf(kind);
    if pieces {
        file.use_pieces();
    }
    let (whole, path) = (file.bytes(), own.join("model.gguf"));
    let header = whole.len() - file.data_bytes();
    let read = move |bytes: &[u8]| {
        fs::write(&path, bytes).expect("room for it");
        words(Source::Gguf(path.clone()).load(&Device::Cpu))
    };
    (whole, header, Box::new(read))
}

fn here(path: &str) -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    // `fuzz/` is a package of its own beside these files.
    let root = if own.ends_with("fuzz") {
        own.join("..")
    } else {
        own.to_owned()
    };
    root.join(path)
}

fn file(path: &str) -> Vec<u8> {
    fs::read(here(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn copy(from: &str, names: &[&str], to: &Path) {
    for name in names {
        fs::copy(here(from).join(name), to.join(name)).expect("a copy");
    }
}

fn written(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, bytes).expect("room for it");
    path
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn words<T, E: std::fmt::Display>(read: Result<T, E>) -> Option<String> {
    read.err().map(|error| error.to_string())
}
