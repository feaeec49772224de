//! Every model that is kept on this machine, and the name that opens it: in the
//! caches of the hub and of llama.cpp, in Ollama's store, in LM Studio's
//! folders, and in folders of the user's own.
//!
//! What is said here comes from names and sizes; no model is opened.

mod hub;
mod ollama;

use super::error::{HubError, Result};
use super::gguf;
use super::near::near;
use super::settings::Settings;
use super::walk::{self, File};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

/// Levels of folders below a folder of the user's own.
const DEPTH: usize = 4;

/// Who keeps a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// The cache of the Hugging Face hub's tools.
    Hub,
    LlamaCpp,
    Ollama,
    LmStudio,
    /// A folder named in `config.toml`.
    Folder,
}

impl Origin {
    pub const ALL: [Origin; 5] = [
        Origin::Hub,
        Origin::LlamaCpp,
        Origin::Ollama,
        Origin::LmStudio,
        Origin::Folder,
    ];

    /// What stands before the colon of a name; the hub's models and files go
    /// without.
    pub fn prefix(self) -> Option<&'static str> {
        match self {
            Origin::LlamaCpp => Some("llama.cpp"),
            Origin::Ollama => Some("ollama"),
            Origin::LmStudio => Some("lmstudio"),
            Origin::Hub | Origin::Folder => None,
        }
    }

    /// As it is shown.
    pub fn title(self) -> &'static str {
        match self {
            Origin::Hub => "Hugging Face",
            Origin::LlamaCpp => "llama.cpp",
            Origin::Ollama => "Ollama",
            Origin::LmStudio => "LM Studio",
            Origin::Folder => "folder",
        }
    }
}

/// A model in another program's store: `ollama:llama3.2:1b`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StoreId {
    pub origin: Origin,
    /// Without the prefix.
    pub name: String,
}

impl StoreId {
    /// `None` for what begins with no store's prefix. The name is compared
    /// with what is there and never becomes a path.
    pub fn parse(text: &str) -> Option<StoreId> {
        let (prefix, name) = text.split_once(':')?;
        let mut all = Origin::ALL.into_iter();
        let origin = all.find(|origin| origin.prefix() == Some(prefix))?;
        Some(StoreId {
            origin,
            name: name.to_owned(),
        })
    }
}

impl fmt::Display for StoreId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix = self.origin.prefix().unwrap_or_default();
        write!(f, "{prefix}:{}", self.name)
    }
}

/// A model on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    pub origin: Origin,
    /// What opens it.
    pub name: String,
    /// The GGUF file, the first of its shards, or the folder in Hugging Face
    /// layout.
    pub path: PathBuf,
    /// On disk.
    pub bytes: u64,
    /// Why it cannot be opened, as far as names and sizes say.
    pub trouble: Option<String>,
    /// What belongs to it and is left out when it is opened.
    pub left_out: Vec<&'static str>,
}

/// Every model there is, by origin and name.
pub fn all(settings: &Settings) -> Vec<Kept> {
    let mut seen = BTreeSet::new();
    let kept = Origin::ALL.into_iter().flat_map(|o| of(settings, o));
    // A folder of the user's own may be, or lie in, another one.
    kept.filter(|kept| {
        let real = std::fs::canonicalize(&kept.path).unwrap_or_else(|_| kept.path.clone());
        let new = seen.insert(real);
        new || kept.origin != Origin::Folder
    })
    .collect()
}

/// Those of one origin.
pub fn of(settings: &Settings, origin: Origin) -> Vec<Kept> {
    let places = &settings.places;
    match origin {
        Origin::Hub => hub::kept(settings),
        Origin::LlamaCpp => {
            let files = places.llama_cpp.iter().map(|root| walk::walk(root, 0));
            named(origin, files.flat_map(|found| found.files))
        }
        Origin::LmStudio => {
            let files = places.lm_studio.iter().map(|root| walk::walk(root, 2));
            named(origin, files.flat_map(|found| found.files))
        }
        Origin::Ollama => ollama::kept(&places.ollama),
        Origin::Folder => places.folders.iter().flat_map(|f| in_folder(f)).collect(),
    }
}

/// The file behind a name.
///
/// # Errors
/// A name that nothing has, with names near it; a model that is not whole.
pub fn find(settings: &Settings, id: &StoreId) -> Result<PathBuf> {
    let kept = of(settings, id.origin);
    let text = id.to_string();
    let asked = gguf::stem(&text).unwrap_or(&text);
    let latest = format!("{asked}:latest");
    let found = kept
        .iter()
        .find(|k| k.name == text)
        .or_else(|| kept.iter().find(|k| k.name.eq_ignore_ascii_case(asked)))
        .or_else(|| kept.iter().find(|k| k.name.eq_ignore_ascii_case(&latest)));
    let Some(found) = found else {
        let names = kept.iter().map(|k| k.name.as_str());
        let prefix = text.len() - id.name.len();
        // The prefix is the same in all of them and says nothing.
        let near = near(&id.name, names.filter_map(|name| name.get(prefix..)));
        let near = near.iter().map(|name| format!("{}{name}", &text[..prefix]));
        return Err(HubError::NotKept {
            hint: meant(&near.collect::<Vec<_>>()),
            name: text,
        });
    };
    match &found.trouble {
        Some(reason) => Err(HubError::NotOpened {
            name: text,
            reason: reason.clone(),
        }),
        None => Ok(found.path.clone()),
    }
}

/// A question after names that are near; nothing where none are.
pub fn meant(near: &[String]) -> String {
    match near {
        [] => String::new(),
        names => format!("Was it {}? ", names.join(" or ")),
    }
}

/// The models of a store that names them by their files.
fn named(origin: Origin, files: impl Iterator<Item = File>) -> Vec<Kept> {
    let prefix = origin.prefix().unwrap_or_default();
    models(files, origin, |file| {
        format!("{prefix}:{}", gguf::title(file))
    })
}

/// Files as models: shards are one. `name` gets the first file's name.
fn models(
    files: impl Iterator<Item = File>,
    origin: Origin,
    name: impl Fn(&str) -> String,
) -> Vec<Kept> {
    let mut groups: BTreeMap<(String, u32), Vec<File>> = BTreeMap::new();
    for file in files {
        let of = gguf::shard(&file.name).map_or(0, |shard| shard.of);
        let title = gguf::title(&file.name).to_owned();
        groups.entry((title, of)).or_default().push(file);
    }
    let models = groups.into_iter().filter_map(|((_, of), files)| {
        let first = files.first()?;
        let reason = files.iter().find_map(|file| file.trouble);
        let reason = reason.or(gguf::beside(&first.name)).map(str::to_owned);
        let missing = (of as usize > files.len())
            .then(|| format!("only {} of its {of} shards are here", files.len()));
        Some(Kept {
            origin,
            name: name(&first.name),
            path: first.path.clone(),
            bytes: files.iter().map(|file| file.bytes).sum(),
            trouble: reason.or(missing),
            left_out: Vec::new(),
        })
    });
    models.collect()
}

/// What lies in a folder of the user's own, named by its path.
fn in_folder(root: &Path) -> Vec<Kept> {
    let Some(start) = root.to_str() else {
        return Vec::new();
    };
    let walk::Found { files, folders } = walk::walk(root, DEPTH);
    let start = start.trim_end_matches('/');
    let mut kept = models(files.into_iter(), Origin::Folder, |file| {
        format!("{start}/{file}")
    });
    kept.extend(folders.into_iter().filter_map(|folder| {
        Some(Kept {
            origin: Origin::Folder,
            name: folder.to_str()?.to_owned(),
            bytes: hub::weights(&folder),
            trouble: hub::incomplete(&folder).map(str::to_owned),
            path: folder,
            left_out: Vec::new(),
        })
    }));
    kept.sort_by(|a, b| a.name.cmp(&b.name));
    kept
}

#[cfg(test)]
mod tests;
