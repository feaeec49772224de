//! Where a model comes from: the binary itself, a folder, a GGUF, the hub, or
//! another program's store.

use super::config::Config;
use super::decoder::Decoder;
use super::device::Place;
use super::error::{ModelError, Result};
use super::gguf::{self, Gguf};
use super::tokenizer::Tokens;
use super::weights::Weights;
use super::weights::checkpoint::Checkpoint;
use crate::hub::{ModelId, Settings, StoreId, cache, stores};
use candle_core::{DType, Device};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

const ATLAS_CONFIG: &[u8] = include_bytes!("../../assets/atlas/config.json");
const ATLAS_TOKENIZER: &[u8] = include_bytes!("../../assets/atlas/tokenizer.json");
const ATLAS_WEIGHTS: &[u8] = include_bytes!("../../assets/atlas/model.safetensors");

/// What else a model's folder may hold that its readers want.
const COMPANIONS: [&str; 9] = [
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "model.safetensors.index.json",
];

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The model inside the binary.
    #[default]
    Atlas,
    /// A local folder in Hugging Face layout.
    Folder(PathBuf),
    /// A model of the Hugging Face hub, opened from the cache of its tools.
    Hub(ModelId),
    /// A GGUF: a file, or any of the files of one model.
    Gguf(PathBuf),
    /// A model that another program keeps on this machine.
    Stored(StoreId),
}

impl Source {
    /// What the user typed after `--model`: a folder that is there goes before
    /// a model of the hub, and what could be neither is told as a folder.
    pub fn parse(text: &str) -> Source {
        if text == "atlas" {
            return Source::Atlas;
        }
        let path = Path::new(text);
        if path.is_file() {
            return Source::at(path.to_owned());
        }
        if let Some(id) = StoreId::parse(text) {
            return Source::Stored(id);
        }
        match ModelId::parse(text) {
            Ok(id) if !path.is_dir() => Source::Hub(id),
            _ => Source::at(path.to_owned()),
        }
    }

    /// A model by its place: a GGUF, else a folder in Hugging Face layout.
    pub fn at(path: PathBuf) -> Source {
        let named = path
            .extension()
            .is_some_and(|end| end.eq_ignore_ascii_case("gguf"));
        // Nothing is opened to find out: a pipe would wait.
        if path.is_file() || named && !path.is_dir() {
            Source::Gguf(path)
        } else {
            Source::Folder(path)
        }
    }

    /// The same model by the folder or file it lies in; one of the hub or of a
    /// store that is not whole on this machine is refused.
    pub fn on_disk(&self, settings: &Settings) -> Result<Source> {
        match self {
            Source::Hub(id) => match cache::find(settings, id) {
                Some(found) => Ok(Source::at(found.gguf.unwrap_or(found.folder))),
                None => Err(ModelError::NotFetched { id: id.to_string() }),
            },
            Source::Stored(id) => Ok(Source::at(stores::find(settings, id)?)),
            here => Ok(here.clone()),
        }
    }

    /// The name it is shown and saved under.
    pub fn name(&self) -> String {
        match self {
            Source::Atlas => "atlas".into(),
            Source::Folder(path) | Source::Gguf(path) => {
                let name = path.file_name().map(|n| n.to_string_lossy().into_owned());
                name.unwrap_or_else(|| path.display().to_string())
            }
            Source::Hub(id) => id.to_string(),
            Source::Stored(id) => id.to_string(),
        }
    }

    /// The weights as bytes on disk or in the binary, for hashing.
    pub fn weight_files(&self) -> Result<WeightFiles> {
        match self {
            Source::Atlas => Ok(WeightFiles::Embedded(ATLAS_WEIGHTS)),
            Source::Folder(folder) => Ok(WeightFiles::Files(weight_files(folder)?)),
            Source::Gguf(path) => Ok(WeightFiles::Files(gguf::files(path)?)),
            Source::Hub(_) | Source::Stored(_) => {
                self.on_disk(&Settings::from_env())?.weight_files()
            }
        }
    }

    /// The weights, mapped and not yet read.
    pub fn checkpoint(&self) -> Result<Checkpoint> {
        match self {
            Source::Gguf(path) => return Checkpoint::gguf(path),
            Source::Hub(_) | Source::Stored(_) => {
                return self.on_disk(&Settings::from_env())?.checkpoint();
            }
            Source::Atlas | Source::Folder(_) => {}
        }
        match self.weight_files()? {
            WeightFiles::Embedded(bytes) => Ok(Checkpoint::embedded(bytes)),
            WeightFiles::Files(files) => Checkpoint::open(&files),
        }
    }

    /// What the model's `config.json` says, or a GGUF's settings.
    pub fn config(&self) -> Result<Config> {
        match self {
            Source::Atlas => Config::from_json(ATLAS_CONFIG, Path::new("(embedded)")),
            Source::Folder(folder) => {
                let path = folder.join("config.json");
                Config::from_json(&read(&path)?, &path)
            }
            Source::Gguf(path) => gguf::config::read(&Gguf::open(path)?),
            Source::Hub(_) | Source::Stored(_) => self.on_disk(&Settings::from_env())?.config(),
        }
    }

    /// The files beside the weights that a copy of the model needs: names and
    /// contents.
    pub fn companions(&self) -> Result<Vec<(String, Vec<u8>)>> {
        let folder = match self {
            Source::Atlas => {
                let both = [
                    ("config.json", ATLAS_CONFIG),
                    ("tokenizer.json", ATLAS_TOKENIZER),
                ];
                return Ok(both.map(|(name, bytes)| (name.into(), bytes.into())).into());
            }
            Source::Folder(folder) => folder,
            Source::Hub(_) | Source::Stored(_) => {
                return self.on_disk(&Settings::from_env())?.companions();
            }
            Source::Gguf(path) => {
                return Err(ModelError::Unsupported {
                    what: format!("a folder of safetensors from a GGUF ({})", path.display()),
                    hint: "export with --as gguf-model, which keeps the file's own form".into(),
                });
            }
        };
        let there = COMPANIONS.iter().filter(|name| folder.join(name).is_file());
        there
            .map(|name| Ok(((*name).into(), read(&folder.join(name))?)))
            .collect()
    }

    /// Whether its matrices can stay in the file, quantised, and be used there.
    pub fn may_be_packed(&self) -> bool {
        matches!(self, Source::Gguf(_))
    }

    /// What the model is, from its config and its weights' headers.
    pub fn shape(&self) -> Result<Shape> {
        match self {
            Source::Atlas => shape_of(&self.config()?, &Checkpoint::embedded(ATLAS_WEIGHTS)),
            Source::Folder(folder) => {
                let config = self.config()?;
                shape_of(&config, &Checkpoint::open(&weight_files(folder)?)?)
            }
            Source::Gguf(_) => shape_of(&self.config()?, &self.checkpoint()?),
            Source::Hub(_) | Source::Stored(_) => self.on_disk(&Settings::from_env())?.shape(),
        }
    }

    /// What of the weights does not belong to the text model, in words: the part that
    /// sees pictures.
    pub fn left_out(&self) -> Result<Option<String>> {
        let checkpoint = self.checkpoint()?;
        let views = checkpoint.views()?;
        let names = views.names();
        let seen = |name: &&&str| {
            ["vision_tower.", "multi_modal_projector."]
                .iter()
                .any(|part| name.contains(part))
        };
        let count = names.iter().filter(seen).count();
        Ok((count > 0).then(|| {
            let s = if count == 1 { "" } else { "s" };
            format!("only the text part was opened; {count} tensor{s} of the vision part left out")
        }))
    }

    /// The tokenizer, checked against the config.
    pub fn tokens(&self, config: &Config) -> Result<Tokens> {
        let folder = match self {
            Source::Hub(_) | Source::Stored(_) => {
                return self.on_disk(&Settings::from_env())?.tokens(config);
            }
            Source::Atlas => return Tokens::from_json(ATLAS_TOKENIZER, Path::new("(embedded)")),
            Source::Gguf(path) => {
                let tokens = gguf::tokenizer::read(&Gguf::open(path)?)?;
                tokens.check(config, path)?;
                return Ok(tokens);
            }
            Source::Folder(folder) => folder,
        };
        let path = folder.join("tokenizer.json");
        let has = |name: &str| folder.join(name).is_file();
        let tokens = match has("vocab.json") && has("merges.txt") {
            true if !path.is_file() => Tokens::from_bpe(folder)?,
            _ => Tokens::from_json(&read(&path)?, &path)?,
        };
        tokens.check(config, &path)?;
        Ok(tokens)
    }

    /// Reads config, weights and tokenizer; computes in f32.
    pub fn load(&self, device: &Device) -> Result<Loaded> {
        self.load_at(&Place {
            device: device.clone(),
            dtype: DType::F32,
            packed: false,
        })
    }

    /// The same, with the matrices in the precision of `place`.
    pub fn load_at(&self, place: &Place) -> Result<Loaded> {
        let here = self.on_disk(&Settings::from_env())?;
        let config = here.config()?;
        let tokens = here.tokens(&config)?;
        let mut weights = Weights::from_checkpoint(&here.checkpoint()?, &config, place)?;
        // Packed or not, the answer is the same to the bit; turned, it would not be.
        if config.is_small() && place.device.is_cpu() && !place.packed {
            weights.turn()?;
        }
        Ok(Loaded {
            name: self.name(),
            decoder: Decoder::new(config, weights),
            tokens,
        })
    }
}

/// What a model is, told without reading its weights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    pub family: &'static str,
    pub parameters: u64,
    /// Of the weight files.
    pub bytes: u64,
    /// The precision that most numbers have: `BF16`.
    pub precision: String,
}

fn shape_of(config: &Config, checkpoint: &Checkpoint) -> Result<Shape> {
    let views = checkpoint.views()?;
    Ok(Shape {
        family: config.family.name(),
        parameters: views.count(),
        bytes: checkpoint.bytes(),
        precision: views.precision(),
    })
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
    let names = cache::shards(&read(&index)?).map_err(|reason| ModelError::Weights {
        path: index,
        reason,
    })?;
    Ok(names.into_iter().map(|name| folder.join(name)).collect())
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|source| ModelError::Read {
        path: path.to_owned(),
        source,
    })
}
