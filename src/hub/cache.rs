//! The cache's layout, which all tools of the hub share:
//!
//! ```text
//! models--ORG--NAME/refs/main                    the commit that `main` was
//! models--ORG--NAME/blobs/HASH                   a file's content
//! models--ORG--NAME/snapshots/COMMIT/config.json → ../../blobs/HASH
//! ```

use super::name::ModelId;
use super::settings::Settings;
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

/// The folder and commit of a model that is whole on this machine.
pub fn find(settings: &Settings, id: &ModelId) -> Option<(PathBuf, String)> {
    let repo = Repo::of(settings, id)?;
    let commit = repo.commit(id.revision())?;
    let folder = repo.snapshot(&commit);
    is_whole(&folder).then_some((folder, commit))
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

/// Every whole model in the cache, by the name that opens it.
pub fn all(settings: &Settings) -> Vec<(ModelId, PathBuf)> {
    let folders = settings
        .cache
        .as_ref()
        .and_then(|cache| std::fs::read_dir(cache).ok());
    let mut found: Vec<(ModelId, PathBuf)> = folders
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let repo = name.strip_prefix("models--")?.replacen("--", "/", 1);
            let id = ModelId::parse(&repo).ok()?;
            find(settings, &id).map(|(folder, _)| (id, folder))
        })
        .collect();
    found.sort_by(|a, b| a.0.repo.cmp(&b.0.repo));
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
        assert!(all(&settings).is_empty());
        std::fs::write(folder.join("m-2"), "").unwrap();
        assert_eq!(find(&settings, &id), Some((folder.clone(), commit)));
        assert_eq!(all(&settings), [(id, folder)]);
    }
}
