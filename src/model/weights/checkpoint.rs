//! Safetensors files as a hub repository holds them: one, or several shards. A GGUF
//! is read through the same names ([`super::gguf`]).

use super::gguf::Named;
use super::number::{self, Flaw, Number};
use crate::model::error::{ModelError, Result};
use crate::model::mmap;
use crate::model::ops::Matrix;
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
pub struct Checkpoint(Held);

enum Held {
    Safetensors(Vec<(PathBuf, Bytes)>),
    Gguf(Box<Named>),
}

impl Checkpoint {
    pub fn embedded(bytes: &'static [u8]) -> Checkpoint {
        let shard = (PathBuf::from("(embedded)"), Bytes::Embedded(bytes));
        Checkpoint(Held::Safetensors(vec![shard]))
    }

    /// A GGUF; any of its files opens all.
    pub fn gguf(path: &Path) -> Result<Checkpoint> {
        Ok(Checkpoint(Held::Gguf(Box::new(Named::open(path)?))))
    }

    pub fn open(files: &[PathBuf]) -> Result<Checkpoint> {
        let shards = files
            .iter()
            .map(|f| Ok((f.clone(), Bytes::Mapped(mmap::map(f)?))))
            .collect::<Result<_>>()?;
        Ok(Checkpoint(Held::Safetensors(shards)))
    }

    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        match &self.0 {
            Held::Safetensors(shards) => {
                (shards.iter()).map(|(_, b)| b.as_ref().len() as u64).sum()
            }
            Held::Gguf(named) => named.gguf.file_bytes(),
        }
    }

    /// Parses the headers; the views borrow from the checkpoint.
    pub fn views(&self) -> Result<Views<'_>> {
        let held = match &self.0 {
            Held::Safetensors(shards) => shards,
            Held::Gguf(named) => return Ok(Views(Seen::Gguf(named))),
        };
        let shards = held
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
        Ok(Views(Seen::Safetensors {
            shards,
            bytes: held,
        }))
    }
}

/// A checkpoint's tensors by the names that transformers gives them.
pub struct Views<'a>(Seen<'a>);

enum Seen<'a> {
    Safetensors {
        shards: Vec<(&'a Path, SafeTensors<'a>)>,
        bytes: &'a [(PathBuf, Bytes)],
    },
    Gguf(&'a Named),
}

impl Views<'_> {
    /// Numbers in all tensors.
    pub fn count(&self) -> u64 {
        let count = |shape: &[usize]| shape.iter().product::<usize>() as u64;
        match &self.0 {
            Seen::Safetensors { shards, .. } => (shards.iter())
                .flat_map(|(_, s)| s.iter())
                .map(|(_, t)| count(t.shape()))
                .sum(),
            Seen::Gguf(named) => (named.gguf.tensors().iter()).map(|t| count(&t.shape)).sum(),
        }
    }

    /// The type that most numbers have; empty without any.
    pub fn precision(&self) -> String {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        let mut add = |kind: String, shape: &[usize]| {
            *counts.entry(kind).or_default() += shape.iter().product::<usize>();
        };
        match &self.0 {
            Seen::Safetensors { shards, .. } => (shards.iter())
                .flat_map(|(_, s)| s.iter())
                .for_each(|(_, t)| add(format!("{:?}", t.dtype()), t.shape())),
            Seen::Gguf(named) => {
                (named.gguf.tensors().iter()).for_each(|t| add(t.kind.name(), &t.shape))
            }
        }
        let most = counts.into_iter().max_by_key(|(_, numbers)| *numbers);
        most.map(|(name, _)| name).unwrap_or_default()
    }

    pub fn has(&self, name: &str) -> bool {
        match &self.0 {
            Seen::Safetensors { shards, .. } => shards.iter().any(|(_, s)| s.tensor(name).is_ok()),
            Seen::Gguf(named) => named.has(name),
        }
    }

    /// Every tensor's name.
    pub fn names(&self) -> Vec<&str> {
        match &self.0 {
            Seen::Safetensors { shards, .. } => {
                shards.iter().flat_map(|(_, s)| s.names()).collect()
            }
            Seen::Gguf(named) => (named.gguf.tensors().iter())
                .map(|t| t.name.as_str())
                .collect(),
        }
    }

    /// A tensor where it lies.
    pub fn view(&self, name: &str) -> Result<TensorView<'_>> {
        Ok(self.find(name)?.1)
    }

    /// Lets the system take back the pages of what was read.
    pub fn release(&self) {
        let Seen::Safetensors { bytes, .. } = &self.0 else {
            return;
        };
        for (_, bytes) in *bytes {
            if let Bytes::Mapped(map) = bytes {
                mmap::release(map);
            }
        }
    }

    fn find(&self, name: &str) -> Result<(&Path, TensorView<'_>)> {
        match &self.0 {
            Seen::Safetensors { shards, .. } => shards
                .iter()
                .find_map(|(path, s)| s.tensor(name).ok().map(|view| (*path, view)))
                .ok_or_else(|| ModelError::MissingTensor { name: name.into() }),
            Seen::Gguf(named) => Err(ModelError::Unsupported {
                what: format!(
                    "comparing the tensors of a GGUF ({})",
                    named.gguf.path().display()
                ),
                hint: "compare the models as folders with safetensors".into(),
            }),
        }
    }

    /// A tensor's values, its shape checked and every value finite. Whatever the
    /// file's precision and the one asked for, nothing but the result is made:
    /// a model in half precision is never in memory in f32, not even in parts.
    pub fn read<T: Number>(&self, name: &str, shape: &[usize]) -> Result<Vec<T>> {
        if let Seen::Gguf(named) = &self.0 {
            return named.read(name, shape);
        }
        self.values(name, shape, number::read)
    }

    /// The same of a `[rows, cols]` matrix, as `[cols, rows]`.
    pub fn read_turned<T: Number>(&self, name: &str, shape: [usize; 2]) -> Result<Vec<T>> {
        if let Seen::Gguf(named) = &self.0 {
            return named.read_turned(name, shape);
        }
        self.values(name, &shape, |view| number::read_turned(view, shape))
    }

    /// A matrix `[out, in]` that stays where it lies; `None` where the files have none
    /// that could.
    pub fn made(&self, name: &str, shape: [usize; 2]) -> Result<Option<Matrix>> {
        match &self.0 {
            Seen::Gguf(named) => named.made(name, shape).map(Some),
            Seen::Safetensors { .. } => Ok(None),
        }
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
