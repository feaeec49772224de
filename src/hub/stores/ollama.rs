//! Ollama's store: a manifest for each name, which lists the blobs that it is
//! made of.
//!
//! ```text
//! manifests/registry.ollama.ai/library/llama3.2/1b   → the layers, as JSON
//! manifests/HOST/NAMESPACE/NAME/TAG
//! blobs/sha256-HEX                                   the GGUF, without an ending
//! ```

use super::{Kept, Origin};
use serde::Deserialize;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// A manifest is a few kB; more than this is none.
const LONGEST: u64 = 1 << 20;
/// Manifests that are read of one store.
const MOST: usize = 5_000;
/// The host and namespace that Ollama leaves unsaid.
const HOME: (&str, &str) = ("registry.ollama.ai", "library");

#[derive(Deserialize)]
struct Manifest {
    #[serde(default)]
    layers: Vec<Layer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Layer {
    media_type: String,
    digest: String,
    #[serde(default)]
    size: u64,
}

pub(super) fn kept(roots: &[PathBuf]) -> Vec<Kept> {
    let mut kept: Vec<Kept> = roots.iter().flat_map(|root| in_store(root)).collect();
    kept.sort_by(|a, b| a.name.cmp(&b.name));
    kept.dedup_by(|a, b| a.name == b.name);
    kept
}

fn in_store(root: &Path) -> Vec<Kept> {
    let mut kept = Vec::new();
    for (host, at) in entries(&root.join("manifests")) {
        for (namespace, at) in entries(&at) {
            for (name, at) in entries(&at) {
                for (tag, at) in entries(&at) {
                    if kept.len() == MOST {
                        return kept;
                    }
                    let name = format!("ollama:{}:{tag}", said(&host, &namespace, &name));
                    kept.push(one(root, name, &at));
                }
            }
        }
    }
    kept
}

/// A name as Ollama says it.
fn said(host: &str, namespace: &str, name: &str) -> String {
    match (host == HOME.0, namespace == HOME.1) {
        (true, true) => name.to_owned(),
        (true, false) => format!("{namespace}/{name}"),
        (false, _) => format!("{host}/{namespace}/{name}"),
    }
}

fn entries(folder: &Path) -> Vec<(String, PathBuf)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let named = entries.filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        (!name.starts_with('.')).then(|| (name, entry.path()))
    });
    named.take(MOST).collect()
}

/// The model of one manifest.
fn one(root: &Path, name: String, manifest: &Path) -> Kept {
    let mut kept = Kept {
        origin: Origin::Ollama,
        name,
        path: manifest.to_owned(),
        bytes: 0,
        trouble: None,
        left_out: Vec::new(),
    };
    let manifest = match read(manifest) {
        Ok(manifest) => manifest,
        Err(reason) => {
            kept.trouble = Some(reason);
            return kept;
        }
    };
    let kinds = |kind: &'static str| {
        let media = format!("application/vnd.ollama.image.{kind}");
        let layers = manifest.layers.iter();
        layers.filter(move |layer| layer.media_type == media)
    };
    for (kind, words) in [
        ("projector", "its image projector"),
        ("adapter", "its adapter"),
    ] {
        if kinds(kind).next().is_some() {
            kept.left_out.push(words);
        }
    }
    let Some(layer) = kinds("model").next() else {
        let tensors = kinds("tensor").next().is_some();
        kept.trouble = Some(match tensors {
            true => "kept as single tensors for MLX, not as a GGUF".into(),
            false => "it has no weights here: it runs on Ollama's servers".into(),
        });
        return kept;
    };
    match blob(root, layer) {
        Ok(path) => (kept.path, kept.bytes) = (path, layer.size),
        Err(reason) => kept.trouble = Some(reason),
    }
    kept
}

fn read(path: &Path) -> Result<Manifest, String> {
    let words = |e: &dyn std::fmt::Display| format!("its manifest cannot be read: {e}");
    if !path.is_file() {
        return Err(words(&"it is not a file"));
    }
    let mut text = Vec::new();
    let file = File::open(path).map_err(|e| words(&e))?;
    let length = file.take(LONGEST).read_to_end(&mut text);
    length.map_err(|e| words(&e))?;
    serde_json::from_slice(&text).map_err(|e| words(&e))
}

/// The file that a layer names, whole.
fn blob(root: &Path, layer: &Layer) -> Result<PathBuf, String> {
    let digest = layer.digest.strip_prefix("sha256:");
    let hex = |digest: &&str| digest.len() == 64 && digest.bytes().all(|b| b.is_ascii_hexdigit());
    let digest = digest.filter(hex).ok_or("its manifest names no blob")?;
    let path = root.join("blobs").join(format!("sha256-{digest}"));
    match fs::metadata(&path) {
        Ok(file) if !file.is_file() => Err("its blob is not a file".into()),
        Ok(file) if layer.size > 0 && file.len() != layer.size => Err(format!(
            "damaged: its blob has {} of {} bytes. Pull it again",
            file.len(),
            layer.size
        )),
        Ok(_) => Ok(path),
        Err(_) => Err("its blob is not there: pull it again".into()),
    }
}
