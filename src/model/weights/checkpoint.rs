//! Safetensors files as a hub repository holds them: one, or several shards.

use crate::model::error::{ModelError, Result};
use crate::model::mmap;
use half::{bf16, f16};
use memmap2::Mmap;
use rayon::prelude::*;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
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

    /// Lets the system take back the pages under a tensor that was read.
    pub fn release(&self, view: &TensorView) {
        for (_, bytes) in self.bytes {
            if let Bytes::Mapped(map) = bytes {
                mmap::release(map, view.data());
            }
        }
    }

    fn find(&self, name: &str) -> Result<(&Path, TensorView<'_>)> {
        self.shards
            .iter()
            .find_map(|(path, s)| s.tensor(name).ok().map(|view| (*path, view)))
            .ok_or_else(|| ModelError::MissingTensor { name: name.into() })
    }

    /// A tensor's values in f32, its shape checked and every value finite.
    pub fn read(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let (path, view) = self.find(name)?;
        if view.shape() != shape {
            return Err(ModelError::Shape {
                name: name.into(),
                got: view.shape().to_vec(),
                want: shape.to_vec(),
            });
        }
        let values = to_f32(&view).ok_or_else(|| ModelError::Weights {
            path: path.to_owned(),
            reason: format!(
                "tensor `{name}` is {:?}; F32, F16 and BF16 can be edited",
                view.dtype()
            ),
        })?;
        if !values.par_iter().all(|v| v.is_finite()) {
            return Err(ModelError::NotFinite { name: name.into() });
        }
        // Read once: the file's pages need not stay beside the copy.
        self.release(&view);
        Ok(values)
    }
}

/// A tensor's values, of the kinds that can be edited.
pub fn to_f32(view: &TensorView) -> Option<Vec<f32>> {
    let data = view.data();
    Some(match view.dtype() {
        Dtype::F32 => data
            .par_chunks_exact(4)
            .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            .collect(),
        Dtype::F16 => data
            .par_chunks_exact(2)
            .map(|b| f16::from_le_bytes([b[0], b[1]]).to_f32())
            .collect(),
        Dtype::BF16 => data
            .par_chunks_exact(2)
            .map(|b| bf16::from_le_bytes([b[0], b[1]]).to_f32())
            .collect(),
        _ => return None,
    })
}

/// `[rows, cols]` row-major to `[cols, rows]`.
pub fn transpose(values: &[f32], rows: usize, cols: usize) -> Vec<f32> {
    const TILE: usize = 32;
    let mut out = vec![0f32; rows * cols];
    out.par_chunks_mut(rows * TILE)
        .enumerate()
        .for_each(|(band, out)| {
            for (c, out) in out.chunks_mut(rows).enumerate() {
                let c = band * TILE + c;
                for (r, slot) in out.iter_mut().enumerate() {
                    *slot = values[r * cols + c];
                }
            }
        });
    out
}
