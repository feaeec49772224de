//! The cache's layout, which all tools of the hub share:
//!
//! ```text
//! models--ORG--NAME/refs/main                    the commit that `main` was
//! models--ORG--NAME/blobs/HASH                   a file's content
//! models--ORG--NAME/snapshots/COMMIT/config.json → ../../blobs/HASH
//! ```

use super::gguf;
use super::name::ModelId;
use super::settings::Settings;
use super::walk::walk;
use std::path::{Path, PathBuf};

/// The folder of one model.
#[derive(Clone, Debug)]
pub struct Repo {
    pub folder: PathBuf,
}

impl Repo {
    /// `None` where there is no cache.
    pub fn of(settings: &Settings, id: &ModelId) -> Option<Repo> {
        let name = format!("models--{}", id.repo.replace('/', "--"));
        Some(Repo {
            folder: settings.cache.as_ref()?.join(name),
        })
    }

    /// The content under a hash that the hub names.
    pub fn blob(&self, hash: &str) -> PathBuf {
        self.folder.join("blobs").join(hash)
    }

    pub fn snapshot(&self, commit: &str) -> PathBuf {
        self.folder.join("snapshots").join(commit)
    }

    /// The file that says which commit a branch or tag was when last seen.
    pub fn reference(&self, revision: &str) -> PathBuf {
        self.folder.join("refs").join(revision)
    }

    /// The commit that `revision` is known to be, if it is known.
    pub fn commit(&self, revision: &str) -> Option<String> {
        if is_commit(revision) {
            return Some(revision.to_owned());
        }
        let text = std::fs::read_to_string(self.reference(revision)).ok()?;
        let commit = text.trim();
        is_commit(commit).then(|| commit.to_owned())
    }
}

/// 40 hexadecimal digits.
pub fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// A model in the cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    pub folder: PathBuf,
    pub commit: String,
    /// The GGUF that is meant, its first shard if it has several; `None` for a
    /// model in Hugging Face layout.
    pub gguf: Option<PathBuf>,
}

/// A model that is whole on this machine.
pub fn find(settings: &Settings, id: &ModelId) -> Option<Snapshot> {
    let repo = Repo::of(settings, id)?;
    let commit = repo.commit(id.revision())?;
    let folder = repo.snapshot(&commit);
    if id.gguf.is_none() && is_whole(&folder) {
        return Some(Snapshot {
            folder,
            commit,
            gguf: None,
        });
    }
    let files = walk(&folder, 1).files;
    let there = files.iter().filter(|file| file.trouble.is_none());
    let names: Vec<&str> = there.map(|file| file.name.as_str()).collect();
    let first = gguf::choose(&names, id.gguf.as_deref())?;
    gguf::parts(&names, first).ok()?;
    Some(Snapshot {
        gguf: Some(folder.join(first)),
        folder,
        commit,
    })
}

/// Whether a folder holds a config, a tokenizer and every file of its weights.
pub fn is_whole(folder: &Path) -> bool {
    let has = |name: &str| folder.join(name).is_file();
    let tokenizer = has("tokenizer.json") || (has("vocab.json") && has("merges.txt"));
    let weights = has("model.safetensors")
        || std::fs::read(folder.join("model.safetensors.index.json"))
            .is_ok_and(|bytes| shards(&bytes).is_ok_and(|all| all.iter().all(|shard| has(shard))));
    has("config.json") && tokenizer && weights
}

/// The weight files that an index names, each once.
///
/// # Errors
/// Why it is no index; one that names a file outside its folder is none.
pub fn shards(index: &[u8]) -> Result<Vec<String>, String> {
    let json: serde_json::Value = serde_json::from_slice(index).map_err(|e| e.to_string())?;
    let map = json.get("weight_map").and_then(|m| m.as_object());
    let map = map.ok_or("it has no `weight_map`")?;
    let mut names: Vec<String> = map
        .values()
        .map(|name| name.as_str().map(str::to_owned))
        .collect::<Option<_>>()
        .ok_or("its `weight_map` should give a file's name for each tensor")?;
    names.sort_unstable();
    names.dedup();
    let inside =
        |name: &&String| !name.is_empty() && !name.contains(['/', '\\']) && !name.starts_with("..");
    match names.iter().find(|name| !inside(name)) {
        Some(name) => Err(format!("shard {name:?} lies outside the folder")),
        None if names.is_empty() => Err("its `weight_map` names no file".into()),
        None => Ok(names),
    }
}

/// Every model that the cache has files of.
pub fn repositories(settings: &Settings) -> Vec<ModelId> {
    let folders = settings
        .cache
        .as_ref()
        .and_then(|cache| std::fs::read_dir(cache).ok());
    let mut found: Vec<ModelId> = folders
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let repo = name.strip_prefix("models--")?.replacen("--", "/", 1);
            ModelId::parse(&repo).ok()
        })
        .collect();
    found.sort_by(|a, b| a.repo.cmp(&b.repo));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_may_not_leave_its_folder() {
        let index = |name: &str| format!("{{\"weight_map\": {{\"a\": \"{name}\"}}}}");
        assert_eq!(
            shards(index("m-1.safetensors").as_bytes()).unwrap(),
            ["m-1.safetensors"]
        );
        for name in ["../m", "/etc/passwd", "", "a/b", ".."] {
            assert!(shards(index(name).as_bytes()).is_err(), "{name:?}");
        }
        assert!(shards(b"{}").is_err());
    }

    #[test]
    fn half_a_model_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let settings = Settings {
            cache: Some(dir.path().to_owned()),
            ..Settings::default()
        };
        let id = ModelId::parse("org/name").unwrap();
        let repo = Repo::of(&settings, &id).unwrap();
        let commit = "a".repeat(40);
        let folder = repo.snapshot(&commit);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::create_dir_all(repo.folder.join("refs")).unwrap();
        std::fs::write(repo.reference("main"), &commit).unwrap();
        for name in ["config.json", "tokenizer.json"] {
            std::fs::write(folder.join(name), "{}").unwrap();
            assert_eq!(find(&settings, &id), None);
        }
        let index = r#"{"weight_map": {"a": "m-1", "b": "m-2"}}"#;
        std::fs::write(folder.join("model.safetensors.index.json"), index).unwrap();
        std::fs::write(folder.join("m-1"), "").unwrap();
        assert_eq!(find(&settings, &id), None);
        std::fs::write(folder.join("m-2"), "").unwrap();
        let whole = Snapshot {
            folder: folder.clone(),
            commit,
            gguf: None,
        };
        assert_eq!(find(&settings, &id), Some(whole));
        assert_eq!(repositories(&settings), std::slice::from_ref(&id));

        // A GGUF beside it is opened by its quantisation.
        let by = |tag: &str| ModelId {
            gguf: Some(tag.into()),
            ..id.clone()
        };
        std::fs::create_dir_all(folder.join("q")).unwrap();
        std::fs::write(folder.join("q/m-Q4_0-00001-of-00002.gguf"), "").unwrap();
        std::fs::write(folder.join("m-Q8_0.gguf"), "").unwrap();
        assert_eq!(find(&settings, &by("Q4_0")), None, "a shard is missing");
        std::fs::write(folder.join("q/m-Q4_0-00002-of-00002.gguf"), "").unwrap();
        let found = |tag| find(&settings, &by(tag)).and_then(|s| s.gguf);
        assert_eq!(
            found("Q4_0"),
            Some(folder.join("q/m-Q4_0-00001-of-00002.gguf"))
        );
        assert_eq!(found("q8_0"), Some(folder.join("m-Q8_0.gguf")));
        assert_eq!(found("Q2_K"), None);
    }
}
