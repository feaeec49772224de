//! Second moments on disk, under names that cannot be confused, and the files
//! that users bring.

use super::{About, SecondMoment};
use crate::edit::error::{EditError, Result};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};

const TENSOR: &str = "second_moment";

/// Everything that C depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheKey {
    /// sha256 of the model's weights, hex.
    pub weights: String,
    pub layer: usize,
    /// sha256 of the text, hex.
    pub text: String,
    pub wanted_tokens: usize,
}

/// A folder of second moments.
#[derive(Clone, Debug)]
pub struct Cache {
    folder: PathBuf,
}

impl Cache {
    pub fn new(folder: impl Into<PathBuf>) -> Cache {
        Cache {
            folder: folder.into(),
        }
    }

    fn path(&self, key: &CacheKey) -> PathBuf {
        let mut hash = Sha256::new();
        for part in [
            "f64",
            &key.weights,
            &key.text,
            &key.layer.to_string(),
            &key.wanted_tokens.to_string(),
        ] {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        let digest: String = hash
            .finalize()
            .iter()
            .take(12)
            .map(|b| format!("{b:02x}"))
            .collect();
        self.folder.join(format!(
            "second-moment-layer{}-{digest}.safetensors",
            key.layer
        ))
    }

    /// Whether there is a file under `key`.
    pub fn holds(&self, key: &CacheKey) -> bool {
        self.path(key).is_file()
    }

    /// What is cached under `key`; a damaged file counts as none.
    pub fn load(&self, key: &CacheKey, d_k: usize) -> Option<SecondMoment> {
        let path = self.path(key);
        path.is_file()
            .then(|| SecondMoment::read(&path, d_k, key.layer).ok())
            .flatten()
    }

    /// Where a collection that was broken off is kept. `keys` are of one text,
    /// one model and one number of tokens.
    pub fn partial(&self, keys: &[CacheKey]) -> PathBuf {
        let mut hash = Sha256::new();
        for key in keys {
            hash.update(self.path(key).to_string_lossy().as_bytes());
        }
        let digest: String = hash.finalize()[..12]
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        self.folder
            .join(format!("second-moment-partial-{digest}.safetensors"))
    }

    pub fn store(&self, key: &CacheKey, moment: &SecondMoment) -> Result<()> {
        moment.write(&self.path(key))
    }
}

impl SecondMoment {
    /// Reads a safetensors file with one tensor `second_moment` `[d_k, d_k]`
    /// and `tokens` in its metadata.
    pub fn read(path: &Path, d_k: usize, layer: usize) -> Result<SecondMoment> {
        let bad = |reason: String| EditError::Moment {
            path: path.to_owned(),
            reason,
        };
        let bytes = std::fs::read(path).map_err(|e| bad(e.to_string()))?;
        let file = SafeTensors::deserialize(&bytes)
            .map_err(|e| bad(format!("it is no safetensors file ({e})")))?;
        let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|e| bad(e.to_string()))?;
        let metadata = header.metadata().clone().unwrap_or_default();
        let tensor = file
            .tensor(TENSOR)
            .map_err(|_| bad(format!("it has no tensor `{TENSOR}`")))?;
        if tensor.shape() != [d_k, d_k] {
            return Err(bad(format!(
                "it is {:?}; this model needs [{d_k}, {d_k}]",
                tensor.shape()
            )));
        }
        let data = tensor.data();
        let c: Vec<f64> = match tensor.dtype() {
            Dtype::F32 => data
                .chunks_exact(4)
                .map(|b| f64::from(f32::from_le_bytes([b[0], b[1], b[2], b[3]])))
                .collect(),
            Dtype::F64 => data
                .chunks_exact(8)
                .map(|b| f64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]))
                .collect(),
            other => {
                return Err(bad(format!(
                    "its tensor is {other:?}; it should be F32 or F64"
                )));
            }
        };
        let tokens = metadata
            .get("tokens")
            .ok_or_else(|| bad("its metadata has no `tokens`".into()))?;
        let tokens = tokens
            .parse()
            .map_err(|_| bad(format!("its `tokens` is {tokens:?}, no whole number")))?;
        let drift = metadata.get("drift").and_then(|d| d.parse().ok());
        SecondMoment::new(
            c,
            d_k,
            About {
                layer,
                tokens,
                drift,
            },
        )
        .map_err(bad)
    }

    /// Writes the same file, atomically.
    pub fn write(&self, path: &Path) -> Result<()> {
        let bad = |reason: String| EditError::Moment {
            path: path.to_owned(),
            reason,
        };
        let data: Vec<u8> = self.c.iter().flat_map(|v| v.to_le_bytes()).collect();
        let view = TensorView::new(Dtype::F64, vec![self.d_k, self.d_k], &data)
            .map_err(|e| bad(e.to_string()))?;
        let mut metadata = HashMap::from([("tokens".to_owned(), self.about.tokens.to_string())]);
        metadata.insert("layer".into(), self.about.layer.to_string());
        if let Some(drift) = self.about.drift {
            metadata.insert("drift".into(), drift.to_string());
        }
        let bytes = safetensors::serialize([(TENSOR, view)], Some(metadata))
            .map_err(|e| bad(e.to_string()))?;
        write(path, &bytes)
    }
}

/// Writes a file so that it is there whole or not at all.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let whole = || {
        std::fs::create_dir_all(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|e| e.error)
    };
    match whole() {
        Ok(_) => Ok(()),
        Err(source) => Err(EditError::NotKept {
            folder: folder.to_owned(),
            source,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment() -> SecondMoment {
        let about = About {
            layer: 3,
            tokens: 77,
            drift: Some(0.25),
        };
        SecondMoment::new(vec![2.0, 0.5, 0.5, 1.0], 2, about).unwrap()
    }

    #[test]
    fn written_and_read_are_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.safetensors");
        moment().write(&path).unwrap();
        assert_eq!(SecondMoment::read(&path, 2, 3).unwrap(), moment());
    }

    #[test]
    fn another_shape_and_damage_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.safetensors");
        moment().write(&path).unwrap();
        let error = SecondMoment::read(&path, 5, 3).unwrap_err().to_string();
        assert!(error.contains("[5, 5]"), "{error}");
        let bytes = std::fs::read(&path).unwrap();
        for length in 0..bytes.len() {
            std::fs::write(&path, &bytes[..length]).unwrap();
            assert!(
                SecondMoment::read(&path, 2, 3).is_err(),
                "{length} bytes were taken for whole"
            );
        }
    }

    #[test]
    fn every_part_of_the_key_makes_another_name() {
        let cache = Cache::new("x");
        let key = CacheKey {
            weights: "a".into(),
            layer: 1,
            text: "b".into(),
            wanted_tokens: 10,
        };
        let others = [
            CacheKey {
                weights: "b".into(),
                ..key.clone()
            },
            CacheKey {
                layer: 2,
                ..key.clone()
            },
            CacheKey {
                text: "c".into(),
                ..key.clone()
            },
            CacheKey {
                wanted_tokens: 11,
                ..key.clone()
            },
        ];
        for other in others {
            assert_ne!(cache.path(&key), cache.path(&other));
        }
    }
}
