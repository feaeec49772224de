use super::*;
use crate::hub::{ModelId, Places};
use std::fs;

/// A home with a store of each kind.
struct Home {
    dir: tempfile::TempDir,
    settings: Settings,
}

impl Home {
    fn new() -> Home {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let settings = Settings {
            cache: Some(at("hub")),
            places: Places {
                llama_cpp: Some(at("llama.cpp")),
                ollama: vec![at("ollama")],
                lm_studio: vec![at("lmstudio")],
                folders: vec![at("mine")],
            },
            ..Settings::default()
        };
        Home { dir, settings }
    }

    fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// A model of Ollama's: its name there, and its layers as kind, hex digit
    /// and the size that the manifest says.
    fn pull(&self, name: &str, layers: &[(&str, char, usize)]) {
        let layers: Vec<_> = layers
            .iter()
            .map(|(kind, digit, size)| {
                serde_json::json!({
                    "mediaType": format!("application/vnd.ollama.image.{kind}"),
                    "digest": format!("sha256:{}", digit.to_string().repeat(64)),
                    "size": size,
                })
            })
            .collect();
        let manifest = serde_json::json!({"schemaVersion": 2, "layers": layers});
        self.write(&format!("ollama/manifests/{name}"), &manifest.to_string());
    }

    fn blob(&self, digit: char, content: &str) -> PathBuf {
        let name = digit.to_string().repeat(64);
        self.write(&format!("ollama/blobs/sha256-{name}"), content)
    }

    /// Names, sizes and troubles of one origin.
    fn of(&self, origin: Origin) -> Vec<(String, u64, Option<String>)> {
        let kept = of(&self.settings, origin).into_iter();
        kept.map(|k| (k.name, k.bytes, k.trouble)).collect()
    }

    fn find(&self, name: &str) -> Result<PathBuf> {
        find(&self.settings, &StoreId::parse(name).unwrap())
    }
}

fn row(name: &str, bytes: u64, trouble: Option<&str>) -> (String, u64, Option<String>) {
    (name.into(), bytes, trouble.map(str::to_owned))
}

#[test]
fn a_machine_without_models_has_none() {
    assert!(all(&Home::new().settings).is_empty());
    assert!(all(&Settings::default()).is_empty());
}

#[test]
fn ollamas_names_lead_to_blobs() {
    let home = Home::new();
    let one = home.blob('1', "GGUF1");
    let two = home.blob('2', "GGUF22");
    home.pull(
        "registry.ollama.ai/library/llama3.2/1b",
        &[("license", '9', 3), ("model", '1', 5)],
    );
    home.pull(
        "registry.ollama.ai/library/llama3.2/latest",
        &[("model", '2', 6)],
    );
    home.pull(
        "registry.ollama.ai/ann/tuned/v1",
        &[("model", '1', 5), ("adapter", '2', 6)],
    );
    home.pull(
        "hf.co/org/repo-GGUF/Q4_K_M",
        &[("model", '2', 6), ("projector", '1', 5)],
    );
    assert_eq!(
        home.of(Origin::Ollama),
        [
            row("ollama:ann/tuned:v1", 5, None),
            row("ollama:hf.co/org/repo-GGUF:Q4_K_M", 6, None),
            row("ollama:llama3.2:1b", 5, None),
            row("ollama:llama3.2:latest", 6, None),
        ]
    );
    assert_eq!(home.find("ollama:llama3.2:1b").unwrap(), one);
    assert_eq!(home.find("ollama:llama3.2").unwrap(), two);
    assert_eq!(home.find("ollama:hf.co/org/repo-gguf:q4_k_m").unwrap(), two);
    let left_out: Vec<_> = of(&home.settings, Origin::Ollama)
        .into_iter()
        .map(|k| k.left_out)
        .collect();
    assert_eq!(left_out[0], ["its adapter"]);
    assert_eq!(left_out[1], ["its image projector"]);
    let error = home.find("ollama:lama3.2").unwrap_err().to_string();
    assert!(error.contains("Was it ollama:llama3.2:1b or"), "{error}");
    let error = home.find("ollama:../../etc/passwd").unwrap_err();
    assert!(matches!(error, HubError::NotKept { .. }), "{error}");
}

#[test]
fn what_ollama_has_not_whole_says_why() {
    let home = Home::new();
    home.blob('1', "GGUF");
    let at = |name: &str| format!("registry.ollama.ai/library/{name}/latest");
    home.pull(&at("cloud"), &[("params", '1', 4)]);
    home.pull(&at("cut"), &[("model", '1', 9)]);
    home.pull(&at("gone"), &[("model", '3', 4)]);
    home.pull(&at("mlx"), &[("tensor", '1', 4)]);
    home.pull(&at("odd"), &[("model", '/', 4)]);
    home.write(
        &format!("ollama/manifests/{}", at("torn")),
        "{\"layers\": [",
    );
    home.write(&format!("ollama/manifests/{}", at("void")), "");
    home.write("ollama/manifests/stray", "{}");
    let rows = home.of(Origin::Ollama);
    let expected = [
        ("cloud", "runs on Ollama's servers"),
        ("cut", "damaged: its blob has 4 of 9 bytes"),
        ("gone", "its blob is not there"),
        ("mlx", "MLX"),
        ("odd", "names no blob"),
        ("torn", "its manifest cannot be read"),
        ("void", "its manifest cannot be read"),
    ];
    assert_eq!(rows.len(), expected.len(), "{rows:?}");
    for ((name, _, trouble), (want, words)) in rows.iter().zip(expected) {
        assert_eq!(*name, format!("ollama:{want}:latest"));
        let trouble = trouble.as_deref().unwrap();
        assert!(trouble.contains(words), "{name}: {trouble}");
        let error = home.find(name).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn files_side_by_side_and_in_folders_are_named_by_their_paths() {
    let home = Home::new();
    let llama = home.write("llama.cpp/org_m-GGUF_m-Q4_K_M.gguf", "1234");
    home.write("llama.cpp/org_m-GGUF_m-Q4_K_M.gguf.json", "{}");
    home.write("llama.cpp/org_m-GGUF_m-Q8_0.gguf.downloadInProgress", "12");
    home.write("llama.cpp/mmproj-m-f16.gguf", "1");
    let first = home.write("lmstudio/pub/repo/big-Q8_0-00001-of-00002.gguf", "12");
    home.write("lmstudio/pub/repo/big-Q8_0-00002-of-00002.gguf", "345");
    home.write("lmstudio/pub/repo/part-Q8_0-00002-of-00003.gguf", "1");
    assert_eq!(
        home.of(Origin::LlamaCpp),
        [
            row(
                "llama.cpp:mmproj-m-f16",
                1,
                Some("an image projector (mmproj), not a language model")
            ),
            row("llama.cpp:org_m-GGUF_m-Q4_K_M", 4, None),
        ]
    );
    assert_eq!(
        home.of(Origin::LmStudio),
        [
            row("lmstudio:pub/repo/big-Q8_0", 5, None),
            row(
                "lmstudio:pub/repo/part-Q8_0",
                1,
                Some("only 1 of its 3 shards are here")
            ),
        ]
    );
    assert_eq!(home.find("llama.cpp:org_m-GGUF_m-Q4_K_M").unwrap(), llama);
    assert_eq!(
        home.find("llama.cpp:org_m-GGUF_m-Q4_K_M.gguf").unwrap(),
        llama
    );
    assert_eq!(home.find("lmstudio:pub/repo/big-Q8_0").unwrap(), first);
    let error = home.find("lmstudio:pub/repo/part-Q8_0").unwrap_err();
    assert!(error.to_string().contains("1 of its 3 shards"), "{error}");
}

#[test]
fn folders_of_the_users_own_are_named_by_their_paths() {
    let mut home = Home::new();
    let file = home.write("mine/deep/m.gguf", "12");
    let config = home.write("mine/hf/config.json", "{}");
    let folder = config.parent().unwrap().to_owned();
    let part = row(folder.to_str().unwrap(), 0, Some("not whole"));
    assert_eq!(
        home.of(Origin::Folder),
        [row(file.to_str().unwrap(), 2, None), part]
    );
    home.write("mine/hf/tokenizer.json", "{}");
    home.write("mine/hf/model.safetensors", "123");
    assert_eq!(
        home.of(Origin::Folder)[1],
        row(folder.to_str().unwrap(), 3, None)
    );
    // Named twice, or already another program's: listed once.
    home.settings.places.llama_cpp = Some(home.dir.path().join("mine/deep"));
    home.settings
        .places
        .folders
        .push(home.dir.path().join("mine/hf"));
    let names: Vec<String> = all(&home.settings).into_iter().map(|k| k.name).collect();
    assert_eq!(names, ["llama.cpp:m", folder.to_str().unwrap()]);
}

#[test]
fn the_hubs_cache_has_folders_and_quantisations() {
    let home = Home::new();
    let commit = "a".repeat(40);
    let snapshot = |repo: &str| format!("hub/models--{repo}/snapshots/{commit}");
    for repo in [
        "org--gguf",
        "org--part",
        "org--whole",
        "org--pickled",
        "org--none",
    ] {
        home.write(&format!("hub/models--{repo}/refs/main"), &commit);
    }
    let q4 = home.write(&format!("{}/m-Q4_K_M.gguf", snapshot("org--gguf")), "1234");
    home.write(
        &format!("{}/m-Q8_0.gguf", snapshot("org--gguf")),
        "12345678",
    );
    home.write(&format!("{}/mmproj-F16.gguf", snapshot("org--gguf")), "1");
    home.write(&format!("{}/config.json", snapshot("org--part")), "{}");
    home.write(
        &format!("{}/pytorch_model.bin", snapshot("org--pickled")),
        "12",
    );
    for name in ["config.json", "tokenizer.json", "model.safetensors"] {
        home.write(&format!("{}/{name}", snapshot("org--whole")), "{}");
    }
    home.write("hub/datasets--org--d/refs/main", &commit);
    assert_eq!(
        home.of(Origin::Hub),
        [
            row("org/gguf:Q4_K_M", 4, None),
            row("org/gguf:Q8_0", 8, None),
            row(
                "org/gguf:mmproj-F16.gguf",
                1,
                Some("an image projector (mmproj), not a language model")
            ),
            row(
                "org/part",
                0,
                Some("not whole: `pentimento model fetch org/part` brings the rest")
            ),
            row(
                "org/pickled",
                2,
                Some("pickled weights alone, which can run code when they are read")
            ),
            row("org/whole", 2, None),
        ]
    );
    // Each opens by the name that is listed.
    let id = ModelId::parse("org/gguf:Q4_K_M").unwrap();
    let found = crate::hub::cache::find(&home.settings, &id).unwrap();
    assert_eq!(found.gguf, Some(q4));
}

#[test]
fn a_name_is_told_from_a_model_of_the_hub() {
    for text in ["ollama:llama3.2:1b", "lmstudio:a/b/c", "llama.cpp:x"] {
        assert_eq!(StoreId::parse(text).unwrap().to_string(), text);
        assert!(ModelId::parse(text).is_err(), "{text}");
    }
    for text in ["llama3.2:1b", "org/name:Q4_0", "C:x", "ollama"] {
        assert_eq!(StoreId::parse(text), None, "{text}");
    }
}
