//! What is on this machine and can be opened: names at once, then what each
//! model's headers say of it. No weights are read.

use super::source::Source;
use crate::hub::stores::{self, Kept};
use crate::hub::{Origin, Settings};
use std::path::PathBuf;

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
            Some(path) => {
                let config = path.join("config.json");
                if std::fs::metadata(&config).is_ok_and(|file| file.len() > LONGEST_CONFIG) {
                    return Err("its config.json is too long to be one".into());
                }
                Source::at(path.clone())
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
