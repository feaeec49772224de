//! What is on this machine and can be opened: names at once, then what each
//! model's headers say of it. No weights are read.

use super::gguf::{self, Gguf};
use super::source::Source;
use crate::hub::stores::{self, Kept};
use crate::hub::{Origin, Settings};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A `config.json` takes a few kB; nothing longer is read.
const LONGEST_CONFIG: u64 = 16 << 20;

/// A model of the list.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// What `--model` takes.
    pub name: String,
    /// Who keeps it; `None` for the model inside the binary.
    pub origin: Option<Origin>,
    /// The file, the first of its shards, or the folder.
    pub path: Option<PathBuf>,
    /// On disk, or in the binary.
    pub bytes: u64,
    /// What belongs to it and is left out when it is opened.
    pub left_out: Vec<&'static str>,
    pub facts: Facts,
}

/// What is known of a model.
#[derive(Clone, Debug, PartialEq)]
pub enum Facts {
    /// Its headers have not been read yet.
    Unread,
    Known {
        family: String,
        parameters: u64,
        /// Q4_K_M and the like, or the precision that most numbers have.
        quantisation: String,
    },
    /// Why it cannot be opened.
    Refused(String),
}

/// Everything that opens without a network, Atlas first. No file's content is
/// looked at but Ollama's manifests: this is quick, whatever lies there.
pub fn names(settings: &Settings) -> Vec<Item> {
    let atlas = Item {
        name: Source::Atlas.name(),
        origin: None,
        path: None,
        bytes: Source::Atlas.shape().map_or(0, |shape| shape.bytes),
        left_out: Vec::new(),
        facts: Facts::Unread,
    };
    let kept = stores::all(settings).into_iter().map(Item::from);
    std::iter::once(atlas).chain(kept).collect()
}

impl From<Kept> for Item {
    fn from(kept: Kept) -> Item {
        Item {
            name: kept.name,
            origin: Some(kept.origin),
            path: Some(kept.path),
            bytes: kept.bytes,
            left_out: kept.left_out,
            facts: kept.trouble.map_or(Facts::Unread, Facts::Refused),
        }
    }
}

impl Item {
    /// Reads the headers, unless it is known by now what they say.
    pub fn read(&mut self) {
        if self.facts == Facts::Unread {
            self.facts = self.look().unwrap_or_else(Facts::Refused);
        }
    }

    fn look(&self) -> Result<Facts, String> {
        let source = match &self.path {
            None => Source::Atlas,
            Some(path) if path.is_dir() => {
                let config = path.join("config.json");
                if std::fs::metadata(&config).is_ok_and(|file| file.len() > LONGEST_CONFIG) {
                    return Err("its config.json is too long to be one".into());
                }
                Source::at(path.clone())
            }
            Some(path) => {
                let words = |e: String| e.replace(&path.display().to_string(), "the file");
                return in_gguf(path).map_err(words);
            }
        };
        let shape = source.shape().map_err(|e| e.to_string())?;
        Ok(Facts::Known {
            family: shape.family.into(),
            parameters: shape.parameters,
            quantisation: shape.precision,
        })
    }
}

/// What a GGUF's header says.
fn in_gguf(path: &Path) -> Result<Facts, String> {
    let words = |e: super::ModelError| e.to_string();
    let file = Gguf::open(path).map_err(words)?;
    let said = |key| file.text(key).ok().flatten().unwrap_or_default();
    let other = match (said("general.type"), said("general.architecture")) {
        ("adapter", _) => Some("an adapter: it changes a model and is none"),
        ("mmproj", _) | (_, "clip") => Some("an image projector (mmproj), not a language model"),
        ("imatrix", _) => Some("an importance matrix, not a model"),
        ("vocab", _) => Some("a vocabulary without weights"),
        _ => None,
    };
    if let Some(other) = other {
        return Err(other.into());
    }
    let unread = |t: &&gguf::TensorInfo| !t.kind.is_readable() && !t.kind.is_beside_weights();
    if let Some(tensor) = file.tensors().iter().find(unread) {
        let kind = tensor.kind.name();
        return Err(format!(
            "{kind} is not read here: take Q2_K to Q6_K, Q4_0 to Q8_0 or F16"
        ));
    }
    let config = gguf::config::read(&file).map_err(words)?;
    let tensors = file.tensors().iter();
    Ok(Facts::Known {
        family: config.family.name().into(),
        parameters: tensors.map(|tensor| tensor.count() as u64).sum(),
        quantisation: quantisation(&file),
    })
}

/// The file's own word for its mixture of types, else the type of most numbers.
fn quantisation(file: &Gguf) -> String {
    let said = file.whole("general.file_type").ok().flatten();
    if let Some(name) = said.and_then(mixture) {
        return name.into();
    }
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for tensor in file.tensors() {
        *counts.entry(tensor.kind.name()).or_default() += tensor.count();
    }
    let most = counts.into_iter().max_by_key(|(_, count)| *count);
    most.map(|(name, _)| name).unwrap_or_default()
}

/// llama.cpp's `llama_ftype`.
fn mixture(number: u64) -> Option<&'static str> {
    // It adds this bit where it guessed.
    Some(match number & !1024 {
        0 => "F32",
        1 => "F16",
        2 => "Q4_0",
        3 => "Q4_1",
        7 => "Q8_0",
        8 => "Q5_0",
        9 => "Q5_1",
        10 => "Q2_K",
        11 => "Q3_K_S",
        12 => "Q3_K_M",
        13 => "Q3_K_L",
        14 => "Q4_K_S",
        15 => "Q4_K_M",
        16 => "Q5_K_S",
        17 => "Q5_K_M",
        18 => "Q6_K",
        21 => "Q2_K_S",
        32 => "BF16",
        _ => return None,
    })
}
