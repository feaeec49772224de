//! Where a model comes from: the binary itself, or a folder.

use super::config::Config;
use super::decoder::Decoder;
use super::error::{ModelError, Result};
use super::tokenizer::Tokens;
use super::weights::Weights;
use super::weights::checkpoint::Checkpoint;
use candle_core::Device;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

const ATLAS_CONFIG: &[u8] = include_bytes!("../../assets/atlas/config.json");
const ATLAS_TOKENIZER: &[u8] = include_bytes!("../../assets/atlas/tokenizer.json");
const ATLAS_WEIGHTS: &[u8] = include_bytes!("../../assets/atlas/model.safetensors");

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The model inside the binary.
    #[default]
    Atlas,
    /// A local folder in Hugging Face layout.
    Folder(PathBuf),
}

impl Source {
    /// What the user typed after `--model`.
    pub fn parse(text: &str) -> Source {
        match text {
            "atlas" => Source::Atlas,
            folder => Source::Folder(PathBuf::from(folder)),
        }
    }

    /// The name it is shown and saved under.
    pub fn name(&self) -> String {
        match self {
            Source::Atlas => "atlas".into(),
            Source::Folder(path) => {
                let name = path.file_name().map(|n| n.to_string_lossy().into_owned());
                name.unwrap_or_else(|| path.display().to_string())
            }
        }
    }

    /// The weights as bytes on disk or in the binary, for hashing.
    pub fn weight_files(&self) -> Result<WeightFiles> {
        match self {
            Source::Atlas => Ok(WeightFiles::Embedded(ATLAS_WEIGHTS)),
            Source::Folder(folder) => Ok(WeightFiles::Files(weight_files(folder)?)),
        }
    }

    /// Reads config, weights and tokenizer.
    pub fn load(&self, device: &Device) -> Result<Loaded> {
        let (config, tokenizer, checkpoint) = match self {
            Source::Atlas => {
                let name = Path::new("(embedded)");
                let config = Config::from_json(ATLAS_CONFIG, name)?;
                (
                    config,
                    Tokens::from_json(ATLAS_TOKENIZER, name)?,
                    Checkpoint::embedded(ATLAS_WEIGHTS),
                )
            }
            Source::Folder(folder) => {
                let path = folder.join("config.json");
                let config = Config::from_json(&read(&path)?, &path)?;
                let path = folder.join("tokenizer.json");
                let tokenizer = Tokens::from_json(&read(&path)?, &path)?;
                (config, tokenizer, Checkpoint::open(&weight_files(folder)?)?)
            }
        };
        let weights = Weights::from_checkpoint(&checkpoint, &config, device)?;
        Ok(Loaded {
            name: self.name(),
            decoder: Decoder::new(config, weights),
            tokens: tokenizer,
        })
    }
}

/// The weight bytes behind a model.
pub enum WeightFiles {
    Embedded(&'static [u8]),
    Files(Vec<PathBuf>),
}

/// A model and its tokenizer.
#[derive(Clone)]
pub struct Loaded {
    pub name: String,
    pub decoder: Decoder,
    pub tokens: Tokens,
}

/// `model.safetensors`, or the shards that its index names.
fn weight_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let single = folder.join("model.safetensors");
    if single.is_file() {
        return Ok(vec![single]);
    }
    let index = folder.join("model.safetensors.index.json");
    if !index.is_file() {
        if folder.join("pytorch_model.bin").is_file() {
            return Err(ModelError::Unsupported {
                what: format!(
                    "{} (a pickle, which can run code when it is read)",
                    folder.join("pytorch_model.bin").display()
                ),
                hint: "convert it to model.safetensors".into(),
            });
        }
        return Err(ModelError::Read {
            path: single,
            source: std::io::Error::new(
                std::io::ErrorKind::NotFound,
                "no such file; a model folder holds config.json, tokenizer.json and model.safetensors",
            ),
        });
    }
    let bad = |reason: String| ModelError::Weights {
        path: index.clone(),
        reason,
    };
    let json: serde_json::Value =
        serde_json::from_slice(&read(&index)?).map_err(|e| bad(e.to_string()))?;
    let map = json
        .get("weight_map")
        .and_then(|m| m.as_object())
        .ok_or_else(|| bad("it has no `weight_map`".into()))?;
    let mut names: Vec<&str> = map.values().filter_map(|v| v.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names
        .into_iter()
        .map(|name| match Path::new(name).components().count() {
            1 if !name.starts_with("..") => Ok(folder.join(name)),
            _ => Err(bad(format!("shard {name:?} lies outside the folder"))),
        })
        .collect()
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|source| ModelError::Read {
        path: path.to_owned(),
        source,
    })
}
