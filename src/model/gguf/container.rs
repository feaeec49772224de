//! A GGUF file, its header read and every length in it checked against the file.
//!
//! Layout: <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>, versions 2 and 3.

use super::cursor::{Cursor, Read};
use super::kind::Kind;
use super::shards;
use super::value::{Array, Value};
use crate::model::error::{ModelError, Result};
use crate::model::mmap;
use crate::model::weights::number::Number;
use memmap2::Mmap;
use rayon::prelude::*;
use std::collections::HashMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Numbers that one task dequantises; their f32 fit in a core's nearest cache.
const CHUNK: usize = 1 << 12;
/// Dimensions of a tensor at most, as ggml has it.
const MOST_DIMS: u32 = 4;

/// What the header says of a tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct TensorInfo {
    pub name: String,
    /// Row-major: the slowest dimension first (ggml's `ne`, reversed).
    pub shape: Vec<usize>,
    pub kind: Kind,
    /// Which of the files it lies in.
    pub shard: usize,
    /// Its bytes there. Of a kind that cannot be read here: empty.
    pub range: Range<usize>,
}

impl TensorInfo {
    /// Numbers in it.
    pub fn count(&self) -> usize {
        self.shape.iter().product()
    }
}

/// A GGUF of one file or several. The files stay mapped while it lives; nothing of
/// their tensors is read before it is asked for.
pub struct Gguf {
    files: Vec<(PathBuf, Mmap)>,
    metadata: HashMap<String, Value>,
    tensors: Vec<TensorInfo>,
    by_name: HashMap<String, usize>,
}

impl Gguf {
    /// Opens a file; of several (`…-00001-of-00003.gguf`), any opens all.
    pub fn open(path: &Path) -> Result<Gguf> {
        let mut files = Vec::new();
        let mut gguf = Gguf {
            files: Vec::new(),
            metadata: HashMap::new(),
            tensors: Vec::new(),
            by_name: HashMap::new(),
        };
        let paths = shards::files(path)?;
        let several = paths.len();
        for (n, path) in paths.into_iter().enumerate() {
            let map = mmap::map(&path)?;
            let bad = |reason: String| ModelError::Gguf {
                path: path.clone(),
                reason,
            };
            let header = Header::read(&map, n).map_err(bad)?;
            shards::check(&header.metadata, n, several).map_err(bad)?;
            for tensor in header.tensors {
                let at = gguf.tensors.len();
                if gguf.by_name.insert(tensor.name.clone(), at).is_some() {
                    return Err(bad(format!("it has the tensor `{}` twice", tensor.name)));
                }
                gguf.tensors.push(tensor);
            }
            // The first file has the model's settings, the others what numbers them.
            if n == 0 {
                gguf.metadata = header.metadata;
            }
            files.push((path, map));
        }
        gguf.files = files;
        Ok(gguf)
    }

    /// The file, or the first of several.
    pub fn path(&self) -> &Path {
        self.files.first().map_or(Path::new(""), |(path, _)| path)
    }

    /// Bytes of all files.
    pub fn file_bytes(&self) -> u64 {
        self.files.iter().map(|(_, map)| map.len() as u64).sum()
    }

    pub fn metadata(&self, key: &str) -> Option<&Value> {
        self.metadata.get(key)
    }

    /// Every key and its value, in no order.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.metadata
            .iter()
            .map(|(key, value)| (key.as_str(), value))
    }

    /// `metadata[key]`, if it is there; refuses one that `read` cannot take.
    pub fn typed<'a, T>(
        &'a self,
        key: &str,
        kind: &str,
        read: impl Fn(&'a Value) -> Option<T>,
    ) -> Result<Option<T>> {
        let Some(value) = self.metadata(key) else {
            return Ok(None);
        };
        read(value)
            .map(Some)
            .ok_or_else(|| self.bad(format!("`{key}` should be {kind}")))
    }

    pub fn text(&self, key: &str) -> Result<Option<&str>> {
        self.typed(key, "a string", Value::as_str)
    }

    pub fn whole(&self, key: &str) -> Result<Option<u64>> {
        self.typed(key, "a whole number", Value::as_u64)
    }

    pub fn number(&self, key: &str) -> Result<Option<f64>> {
        self.typed(key, "a finite number", |value| {
            value.as_f64().filter(|x| x.is_finite())
        })
    }

    pub fn flag(&self, key: &str) -> Result<Option<bool>> {
        self.typed(key, "true or false", Value::as_bool)
    }

    pub fn array(&self, key: &str) -> Result<Option<&Array>> {
        self.typed(key, "an array", Value::as_array)
    }

    /// An error that names the file.
    pub fn bad(&self, reason: String) -> ModelError {
        ModelError::Gguf {
            path: self.path().to_owned(),
            reason,
        }
    }

    pub fn tensors(&self) -> &[TensorInfo] {
        &self.tensors
    }

    pub fn tensor(&self, name: &str) -> Option<&TensorInfo> {
        self.by_name.get(name).map(|&at| &self.tensors[at])
    }

    /// A tensor's bytes where they lie.
    pub fn bytes(&self, tensor: &TensorInfo) -> &[u8] {
        self.files
            .get(tensor.shard)
            .and_then(|(_, map)| map.get(tensor.range.clone()))
            .unwrap_or_default()
    }

    /// Refuses a file that keeps weights in a kind that cannot be read here, by name
    /// and before any weight is read.
    pub fn check_kinds(&self) -> Result<()> {
        let unread = |t: &&TensorInfo| !t.kind.is_readable() && !t.kind.is_beside_weights();
        let Some(tensor) = self.tensors.iter().find(unread) else {
            return Ok(());
        };
        Err(ModelError::Unsupported {
            what: format!(
                "{}: the tensor `{}` is {}, which",
                self.path().display(),
                tensor.name,
                tensor.kind.name()
            ),
            hint: "take a file in F32, F16, BF16, Q8_0, Q4_0 to Q5_1 or Q2_K to Q6_K".into(),
        })
    }

    /// A matrix that can be read, its shape checked.
    pub fn matrix(&self, name: &str, shape: [usize; 2]) -> Result<&TensorInfo> {
        self.readable(name, &shape)
    }

    fn readable(&self, name: &str, shape: &[usize]) -> Result<&TensorInfo> {
        let tensor = self
            .tensor(name)
            .ok_or_else(|| ModelError::MissingTensor { name: name.into() })?;
        if tensor.shape != shape {
            return Err(ModelError::Shape {
                name: name.into(),
                got: tensor.shape.clone(),
                want: shape.to_vec(),
            });
        }
        if !tensor.kind.is_readable() {
            return Err(ModelError::Unsupported {
                what: format!("the tensor `{name}` in {}", tensor.kind.name()),
                hint: "take a file of another quantisation".into(),
            });
        }
        Ok(tensor)
    }

    /// A tensor's values, dequantised, its shape checked and every value finite.
    /// Nothing but the result is made.
    pub fn read<T: Number>(&self, name: &str, shape: &[usize]) -> Result<Vec<T>> {
        let tensor = self.readable(name, shape)?;
        let (numbers, size) = tensor.kind.block();
        let bytes = self.bytes(tensor);
        let mut values = vec![T::default(); bytes.len() / size * numbers];
        values
            .par_chunks_mut(CHUNK)
            .zip(bytes.par_chunks(CHUNK / numbers * size))
            .try_for_each(|(to, bytes)| {
                let wide = &mut [0.0; CHUNK][..to.len()];
                tensor.kind.dequantise(bytes, wide);
                if !wide.iter().all(|x| x.is_finite()) {
                    return Err(ModelError::NotFinite { name: name.into() });
                }
                if T::round(wide, to) {
                    Ok(())
                } else {
                    Err(ModelError::BeyondF16 { name: name.into() })
                }
            })?;
        // Read once: the file's pages need not stay beside the copy.
        self.release();
        Ok(values)
    }

    /// Lets the system take back the pages of one tensor.
    pub fn put_away(&self, tensor: &TensorInfo) {
        if let Some((_, map)) = self.files.get(tensor.shard) {
            mmap::release_part(map, tensor.range.clone());
        }
    }

    /// Lets the system take back the pages of what was read.
    pub fn release(&self) {
        self.files.iter().for_each(|(_, map)| mmap::release(map));
    }
}

/// What stands before a file's tensors.
struct Header {
    metadata: HashMap<String, Value>,
    tensors: Vec<TensorInfo>,
}

impl Header {
    fn read(bytes: &[u8], shard: usize) -> Read<Header> {
        let mut from = Cursor::new(bytes);
        if from.take(4).ok() != Some(shards::MAGIC) {
            return Err("it does not begin with GGUF".into());
        }
        match from.u32()? {
            2 | 3 => {}
            1 => return Err("it is of version 1; convert the model again".into()),
            version if version.swap_bytes() < 16 => {
                return Err("it is big-endian; convert the model again".into());
            }
            version => return Err(format!("it is of version {version}; 2 and 3 are known")),
        }
        // A name's length, dimensions, a size, the kind, the offset; a key and a value.
        let tensors = from.count("tensors", 8 + 4 + 8 + 4 + 8)?;
        let entries = from.count("settings", 8 + 4 + 1)?;
        let mut metadata = HashMap::new();
        for _ in 0..entries {
            let key = from.text()?;
            let value = Value::read(&mut from).map_err(|reason| format!("`{key}`: {reason}"))?;
            if metadata.contains_key(&key) {
                return Err(format!("it has the setting `{key}` twice"));
            }
            metadata.insert(key, value);
        }
        let alignment = match metadata.get("general.alignment") {
            None => 32,
            Some(value) => (value.as_u64())
                .filter(|n| n.is_power_of_two() && (8..=1 << 20).contains(n))
                .ok_or("`general.alignment` should be a power of two from 8 to 1048576")?,
        } as usize;
        let mut tensors = (0..tensors)
            .map(|_| tensor(&mut from, shard))
            .collect::<Read<Vec<_>>>()?;
        let data = from.at().next_multiple_of(alignment);
        for tensor in &mut tensors {
            place(tensor, data, alignment, bytes.len())
                .map_err(|reason| format!("the tensor `{}` {reason}", tensor.name))?;
        }
        let mut order: Vec<&TensorInfo> = tensors.iter().collect();
        order.sort_by_key(|tensor| (tensor.range.start, tensor.range.end));
        for pair in order.windows(2) {
            if pair[1].range.start < pair[0].range.end {
                let (a, b) = (&pair[0].name, &pair[1].name);
                return Err(format!("the tensors `{a}` and `{b}` overlap"));
            }
        }
        Ok(Header { metadata, tensors })
    }
}

/// A tensor of the header; its range is still an offset.
fn tensor(from: &mut Cursor, shard: usize) -> Read<TensorInfo> {
    let name = from.text()?;
    let dims = from.u32()?;
    if !(1..=MOST_DIMS).contains(&dims) {
        return Err(format!(
            "the tensor `{name}` has {dims} dimensions; it should be 1 to {MOST_DIMS}"
        ));
    }
    let mut shape = Vec::new();
    for _ in 0..dims {
        let n = usize::try_from(from.u64()?).unwrap_or(usize::MAX);
        shape.push(n);
    }
    shape.reverse();
    let kind = Kind::of(from.u32()?);
    let offset = usize::try_from(from.u64()?).unwrap_or(usize::MAX);
    Ok(TensorInfo {
        name,
        shape,
        kind,
        shard,
        range: offset..offset,
    })
}

/// Where the tensor lies in a file of `len` bytes whose data begin at `data`.
fn place(tensor: &mut TensorInfo, data: usize, alignment: usize, len: usize) -> Read<()> {
    let count = (tensor.shape.iter()).try_fold(1usize, |all, &n| all.checked_mul(n));
    let count = count
        .filter(|n| *n > 0)
        .ok_or_else(|| format!("has the shape {:?}, which no tensor has", tensor.shape))?;
    let (numbers, size) = tensor.kind.block();
    let row = tensor.shape.last().copied().unwrap_or(0);
    if !row.is_multiple_of(numbers) {
        return Err(format!(
            "has rows of {row} numbers; {} keeps blocks of {numbers}",
            tensor.kind.name()
        ));
    }
    let offset = tensor.range.start;
    if !offset.is_multiple_of(alignment) {
        return Err(format!(
            "begins at {offset}, which is no multiple of {alignment}"
        ));
    }
    let begin = data.checked_add(offset);
    let end = (count / numbers)
        .checked_mul(size)
        .and_then(|bytes| begin?.checked_add(bytes));
    match (begin, end) {
        (Some(begin), Some(end)) if end <= len && begin < len => {
            tensor.range = begin..end;
            Ok(())
        }
        _ => Err(format!("lies beyond the file's {len} bytes")),
    }
}
