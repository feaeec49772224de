//! Safetensors files as a hub repository holds them: one, or several shards.

use super::number::{self, Flaw, Number};
use crate::model::error::{ModelError, Result};
use crate::model::mmap;
use memmap2::Mmap;
use safetensors::tensor::{SafeTensors, TensorView};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

enum Bytes {
    Embedded(&'static [u8]),
    Mapped(Mmap),
}

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        match self {
            Bytes::Embedded(bytes) => bytes,
            Bytes::Mapped(map) => map,
        }
    }
}

/// The bytes of a checkpoint, before anything is converted.
pub struct Checkpoint {
    shards: Vec<(PathBuf, Bytes)>,
}

impl Checkpoint {
    pub fn embedded(bytes: &'static [u8]) -> Checkpoint {
        Checkpoint {
            shards: vec![(PathBuf::from("(embedded)"), Bytes::Embedded(bytes))],
        }
    }

    pub fn open(files: &[PathBuf]) -> Result<Checkpoint> {
        let shards = files
            .iter()
            .map(|f| Ok((f.clone(), Bytes::Mapped(mmap::map(f)?))))
            .collect::<Result<_>>()?;
        Ok(Checkpoint { shards })
    }

    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.shards
            .iter()
            .map(|(_, b)| b.as_ref().len() as u64)
            .sum()
    }

    /// Parses the headers; the views borrow from the checkpoint.
    pub fn views(&self) -> Result<Views<'_>> {
        let shards = self
            .shards
            .iter()
            .map(|(path, bytes)| {
                let parsed =
                    SafeTensors::deserialize(bytes.as_ref()).map_err(|e| ModelError::Weights {
                        path: path.clone(),
                        reason: e.to_string(),
                    })?;
                Ok((path.as_path(), parsed))
            })
            .collect::<Result<_>>()?;
        Ok(Views {
            shards,
            bytes: &self.shards,
        })
    }
}

pub struct Views<'a> {
    shards: Vec<(&'a Path, SafeTensors<'a>)>,
    bytes: &'a [(PathBuf, Bytes)],
}

impl Views<'_> {
    /// Numbers in all tensors.
    pub fn count(&self) -> u64 {
        let tensors = self.shards.iter().flat_map(|(_, s)| s.iter());
        tensors
            .map(|(_, t)| t.shape().iter().product::<usize>() as u64)
            .sum()
    }

    /// The type that most numbers have; empty without any.
    pub fn precision(&self) -> String {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for (_, tensor) in self.shards.iter().flat_map(|(_, s)| s.iter()) {
            let numbers = tensor.shape().iter().product::<usize>();
            *counts.entry(format!("{:?}", tensor.dtype())).or_default() += numbers;
        }
        let most = counts.into_iter().max_by_key(|(_, numbers)| *numbers);
        most.map(|(name, _)| name).unwrap_or_default()
    }

    pub fn has(&self, name: &str) -> bool {
        self.shards.iter().any(|(_, s)| s.tensor(name).is_ok())
    }

    /// Every tensor's name.
    pub fn names(&self) -> Vec<&str> {
        self.shards.iter().flat_map(|(_, s)| s.names()).collect()
    }

    /// A tensor where it lies.
    pub fn view(&self, name: &str) -> Result<TensorView<'_>> {
        Ok(self.find(name)?.1)
    }

    /// Lets the system take back the pages of what was read.
    pub fn release(&self) {
        for (_, bytes) in self.bytes {
            if let Bytes::Mapped(map) = bytes {
                mmap::release(map);
            }
        }
    }

    fn find(&self, name: &str) -> Result<(&Path, TensorView<'_>)> {
        self.shards
            .iter()
            .find_map(|(path, s)| s.tensor(name).ok().map(|view| (*path, view)))
            .ok_or_else(|| ModelError::MissingTensor { name: name.into() })
    }

    /// A tensor's values, its shape checked and every value finite. Whatever the
    /// file's precision and the one asked for, nothing but the result is made:
    /// a model in half precision is never in memory in f32, not even in parts.
    pub fn read<T: Number>(&self, name: &str, shape: &[usize]) -> Result<Vec<T>> {
        self.values(name, shape, number::read)
    }

    /// The same of a `[rows, cols]` matrix, as `[cols, rows]`.
    pub fn read_turned<T: Number>(&self, name: &str, shape: [usize; 2]) -> Result<Vec<T>> {
        self.values(name, &shape, |view| number::read_turned(view, shape))
    }

    fn values<T>(
        &self,
        name: &str,
        shape: &[usize],
        read: impl Fn(&TensorView) -> Result<Vec<T>, Flaw>,
    ) -> Result<Vec<T>> {
        let (path, view) = self.find(name)?;
        if view.shape() != shape {
            return Err(ModelError::Shape {
                name: name.into(),
                got: view.shape().to_vec(),
                want: shape.to_vec(),
            });
        }
        let values = read(&view).map_err(|flaw| match flaw {
            Flaw::Kind => ModelError::Weights {
                path: path.to_owned(),
                reason: format!(
                    "tensor `{name}` is {:?}; F32, F16 and BF16 can be edited",
                    view.dtype()
                ),
            },
            Flaw::NotFinite => ModelError::NotFinite { name: name.into() },
            Flaw::TooLarge => ModelError::BeyondF16 { name: name.into() },
        })?;
        // Read once: the file's pages need not stay beside the copy.
        self.release();
        Ok(values)
    }
}
