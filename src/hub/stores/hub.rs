//! The cache of the hub's tools, which llama.cpp shares by now: whole models in
//! Hugging Face layout, and GGUF files, each by its quantisation.

use super::{Kept, Origin, models};
use crate::hub::cache::{self, Repo};
use crate::hub::gguf;
use crate::hub::settings::Settings;
use crate::hub::walk::{File, walk};
use std::path::Path;

pub(super) fn kept(settings: &Settings) -> Vec<Kept> {
    let mut kept = Vec::new();
    for id in cache::repositories(settings) {
        let repo = Repo::of(settings, &id);
        let folder = repo.and_then(|repo| Some(repo.snapshot(&repo.commit(id.revision())?)));
        let Some(folder) = folder.filter(|folder| folder.is_dir()) else {
            continue;
        };
        let files = walk(&folder, 1).files;
        if cache::is_whole(&folder) || files.is_empty() {
            let trouble = incomplete(&folder).map(|reason| match reason {
                PART => format!("{PART}: `pentimento model fetch {id}` brings the rest"),
                other => other.to_owned(),
            });
            kept.push(Kept {
                origin: Origin::Hub,
                name: id.repo.clone(),
                bytes: weights(&folder),
                path: folder,
                trouble,
                left_out: Vec::new(),
            });
        }
        kept.extend(quantised(&id.repo, files));
    }
    kept
}

/// The GGUF files of a repository.
fn quantised(repo: &str, files: Vec<File>) -> Vec<Kept> {
    let paths: Vec<String> = files.iter().map(|file| file.name.clone()).collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let tags = gguf::variants(&paths);
    let name = |first: &str| {
        let tag = tags.iter().find(|(_, path)| *path == first);
        format!("{repo}:{}", tag.map_or(first, |(tag, _)| tag))
    };
    models(files.into_iter(), Origin::Hub, name)
}

const PART: &str = "not whole";

/// What a folder in Hugging Face layout lacks of a model; `None` where it is whole.
pub(super) fn incomplete(folder: &Path) -> Option<&'static str> {
    if cache::is_whole(folder) {
        return None;
    }
    let pickled = folder.join("pytorch_model.bin").exists()
        || folder.join("pytorch_model.bin.index.json").exists();
    Some(match pickled {
        true => "pickled weights alone, which can run code when they are read",
        false => PART,
    })
}

/// Bytes of the weight files in a folder.
pub(super) fn weights(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let weights = entries.filter(|entry| {
        let name = entry.file_name();
        let name = Path::new(&name).extension();
        name.is_some_and(|ending| ending == "safetensors" || ending == "bin")
    });
    let sizes = weights.filter_map(|entry| std::fs::metadata(entry.path()).ok());
    sizes.map(|file| file.len()).sum()
}
