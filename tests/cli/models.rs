//! What `model list` shows of a machine with models of every kind, and that
//! each opens by the name that is listed.

use crate::{pentimento, text};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A GGUF's header and zeros for its tensors.
#[derive(Default)]
struct Tiny {
    entries: Vec<u8>,
    count: u64,
}

impl Tiny {
    fn llama() -> Tiny {
        let sizes = [
            ("embedding_length", 8),
            ("block_count", 1),
            ("attention.head_count", 2),
            ("feed_forward_length", 16),
            ("context_length", 32),
        ];
        let start = Tiny::default().text("general.architecture", "llama");
        let all = sizes.iter().fold(start, |tiny, (key, value)| {
            tiny.whole(&format!("llama.{key}"), *value)
        });
        all.whole("general.file_type", 7)
    }

    fn key(&mut self, key: &str, kind: u32) {
        self.count += 1;
        self.entries.extend((key.len() as u64).to_le_bytes());
        self.entries.extend(key.as_bytes());
        self.entries.extend(kind.to_le_bytes());
    }

    fn text(mut self, key: &str, value: &str) -> Tiny {
        self.key(key, 8);
        self.entries.extend((value.len() as u64).to_le_bytes());
        self.entries.extend(value.as_bytes());
        self
    }

    fn whole(mut self, key: &str, value: u32) -> Tiny {
        self.key(key, 4);
        self.entries.extend(value.to_le_bytes());
        self
    }

    /// The file, with an embedding `[10, 8]` of ggml's `kind`.
    fn bytes(&self, kind: u32) -> Vec<u8> {
        let mut file = b"GGUF\x03\0\0\0".to_vec();
        file.extend(1u64.to_le_bytes());
        file.extend(self.count.to_le_bytes());
        file.extend(&self.entries);
        let name = "token_embd.weight";
        file.extend((name.len() as u64).to_le_bytes());
        file.extend(name.as_bytes());
        file.extend(2u32.to_le_bytes());
        // A row of a whole block, whatever the kind.
        for n in [256u64, 10] {
            file.extend(n.to_le_bytes());
        }
        file.extend(kind.to_le_bytes());
        file.extend(0u64.to_le_bytes());
        file.resize(file.len().next_multiple_of(32) + 10 * 256 * 4, 0);
        file
    }
}

const F32: u32 = 0;
const IQ4_XS: u32 = 23;

/// A home of its own with something in every store.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Home {
        let home = Home(tempfile::tempdir().unwrap());
        let llama = Tiny::llama().bytes(F32);
        home.ollama("tiny", "1b", '1', &llama);
        let rare = Tiny::default().text("general.architecture", "mamba");
        home.ollama("rare", "latest", '2', &rare.bytes(F32));
        home.write(".cache/llama.cpp/org_tiny-GGUF_tiny-Q8_0.gguf", &llama);
        home.write(".lmstudio/models/pub/tiny-GGUF/tiny-Q8_0.gguf", &llama);
        let iq = Tiny::llama().bytes(IQ4_XS);
        home.write(".lmstudio/models/pub/tiny-GGUF/tiny-IQ4_XS.gguf", &iq);
        let adapter = Tiny::llama().text("general.type", "adapter");
        home.write("mine/lora.gguf", &adapter.bytes(F32));
        home.write("mine/torn.gguf", &llama[..40]);
        home.write("mine/whole.gguf", &llama);
        let folders = format!("[models]\nfolders = [{:?}]\n", home.path("mine"));
        home.write("config/pentimento/config.toml", folders.as_bytes());
        home
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, content: &[u8]) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn ollama(&self, name: &str, tag: &str, digit: char, content: &[u8]) {
        let digest = digit.to_string().repeat(64);
        self.write(&format!(".ollama/models/blobs/sha256-{digest}"), content);
        let manifest = serde_json::json!({"layers": [{
            "mediaType": "application/vnd.ollama.image.model",
            "digest": format!("sha256:{digest}"),
            "size": content.len(),
        }]});
        let place = format!(".ollama/models/manifests/registry.ollama.ai/library/{name}/{tag}");
        self.write(&place, manifest.to_string().as_bytes());
    }

    fn pentimento(&self, arguments: &[&str]) -> Command {
        let mut command = pentimento(arguments);
        command
            .env("HOME", self.0.path())
            .env("XDG_CACHE_HOME", self.path(".cache"))
            .env("XDG_CONFIG_HOME", self.path("config"))
            .env_remove("OLLAMA_MODELS")
            .env_remove("LLAMA_CACHE")
            .env_remove("HF_HOME")
            .env_remove("HF_HUB_CACHE");
        command
    }

    fn listed(&self) -> Vec<Value> {
        let output = self.pentimento(&["model", "list", "--json"]).output();
        serde_json::from_slice(&output.unwrap().stdout).unwrap()
    }
}

#[test]
fn every_store_is_listed_with_what_its_headers_say() {
    let home = Home::new();
    let mine = |name: &str| home.path("mine").join(name).display().to_string();
    let (lora, torn, whole) = (mine("lora.gguf"), mine("torn.gguf"), mine("whole.gguf"));
    let expected: [(&str, &str, Option<&str>); 9] = [
        ("atlas", "", None),
        ("llama.cpp:org_tiny-GGUF_tiny-Q8_0", "llama-cpp", None),
        ("ollama:rare:latest", "ollama", Some("mamba")),
        ("ollama:tiny:1b", "ollama", None),
        (
            "lmstudio:pub/tiny-GGUF/tiny-IQ4_XS",
            "lm-studio",
            Some("IQ4_XS"),
        ),
        ("lmstudio:pub/tiny-GGUF/tiny-Q8_0", "lm-studio", None),
        (&lora, "folder", Some("an adapter")),
        (&torn, "folder", Some("damaged")),
        (&whole, "folder", None),
    ];
    let listed = home.listed();
    // Whoever runs this may have Ollama as a service.
    let listed: Vec<&Value> = listed
        .iter()
        .filter(|line| {
            let path = line["path"].as_str().unwrap_or_default();
            !path.starts_with("/usr/share")
        })
        .collect();
    assert_eq!(listed.len(), expected.len(), "{listed:#?}");
    for (line, (name, source, refused)) in listed.iter().zip(expected) {
        assert_eq!(line["model"], name);
        assert_eq!(line["source"].as_str().unwrap_or_default(), source);
        match refused {
            None if name == "atlas" => assert_eq!(line["family"], "gpt2"),
            None => {
                assert_eq!(line["family"], "llama", "{line}");
                assert_eq!(line["parameters"], 2560);
                assert_eq!(line["quantisation"], "Q8_0");
            }
            Some(words) => {
                let error = line["error"].as_str().unwrap();
                assert!(error.contains(words), "{name}: {error}");
            }
        }
    }
    let table = home.pentimento(&["model", "list"]).output().unwrap();
    let table = text(&table.stdout);
    for part in ["Ollama\n", "LM Studio\n", "  ollama:tiny:1b ", " Q8_0 "] {
        assert!(table.contains(part), "{table}");
    }
}

#[test]
fn a_name_that_is_not_there_is_answered_with_one_that_is() {
    let home = Home::new();
    let words = |name: &str| {
        let output = home.pentimento(&["model", "info", "-m", name]).output();
        let output = output.unwrap();
        assert!(!output.status.success());
        text(&output.stderr)
    };
    let error = words("ollama:tinny:1b");
    assert!(error.contains("Was it ollama:tiny:1b?"), "{error}");
    // One that is listed as refused says why.
    let error = words("ollama:rare");
    assert!(error.contains("mamba"), "{error}");
}

#[test]
fn folders_of_the_config_begin_somewhere() {
    let home = Home::new();
    home.write(
        "config/pentimento/config.toml",
        b"[models]\nfolders = [\"mine\"]\n",
    );
    let output = home.pentimento(&["model", "list"]).output().unwrap();
    let error = text(&output.stderr);
    assert!(
        error.contains("line 2") && error.contains("begin with /"),
        "{error}"
    );
    assert!(Path::new(&home.path("mine")).is_dir());
}
