//! A GGUF file as it is written: key–values, tensors, then their data.

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

pub const MAGIC: &[u8; 4] = b"GGUF";
/// Of the data where a file does not say.
pub const ALIGNMENT: u64 = 32;
/// GGUF's numbers for kinds of values.
pub const FLOAT32: u32 = 6;
pub const STRING: u32 = 8;
/// GGUF's numbers for kinds of tensors.
pub const TENSOR_F32: u32 = 0;
pub const TENSOR_F16: u32 = 1;

/// Where a tensor's bytes come from. None is held before it is written.
pub enum Data<'a> {
    /// So many bytes, made when they are due.
    Made(u64, Box<dyn Fn() -> io::Result<Vec<u8>> + 'a>),
    /// So many bytes of a file, from this one on.
    Copied { file: PathBuf, at: u64, bytes: u64 },
}

pub struct Tensor<'a> {
    pub name: Vec<u8>,
    /// The fastest dimension first: row-major [n, d_k] is (d_k, n).
    pub dims: Vec<u64>,
    pub kind: u32,
    pub data: Data<'a>,
}

/// A file that is yet to be written.
pub struct GgufFile<'a> {
    version: u32,
    alignment: u64,
    pairs: u64,
    /// The key–values, one after another.
    header: Vec<u8>,
    tensors: Vec<Tensor<'a>>,
}

impl<'a> GgufFile<'a> {
    /// A file of this version whose data begin at multiples of `alignment` bytes.
    pub fn new(version: u32, alignment: u64) -> GgufFile<'a> {
        GgufFile {
            version,
            alignment: alignment.max(1),
            pairs: 0,
            header: Vec::new(),
            tensors: Vec::new(),
        }
    }

    /// A value whose bytes, its kind before them, are there already.
    pub fn raw(&mut self, key: &[u8], value: &[u8]) {
        string(&mut self.header, key);
        self.header.extend(value);
        self.pairs += 1;
    }

    pub fn text(&mut self, key: &str, value: &str) {
        let mut raw = STRING.to_le_bytes().to_vec();
        string(&mut raw, value.as_bytes());
        self.raw(key.as_bytes(), &raw);
    }

    pub fn float(&mut self, key: &str, value: f32) {
        let raw = [FLOAT32.to_le_bytes(), value.to_le_bytes()].concat();
        self.raw(key.as_bytes(), &raw);
    }

    pub fn tensor(&mut self, tensor: Tensor<'a>) {
        self.tensors.push(tensor);
    }

    /// Writes all of it, a tensor at a time.
    pub fn write(&self, to: &mut File) -> io::Result<()> {
        let mut out = BufWriter::with_capacity(1 << 20, to);
        let mut head = MAGIC.to_vec();
        head.extend(self.version.to_le_bytes());
        head.extend((self.tensors.len() as u64).to_le_bytes());
        head.extend(self.pairs.to_le_bytes());
        head.extend(&self.header);
        let mut offset = 0u64;
        for tensor in &self.tensors {
            string(&mut head, &tensor.name);
            head.extend((tensor.dims.len() as u32).to_le_bytes());
            tensor
                .dims
                .iter()
                .for_each(|n| head.extend(n.to_le_bytes()));
            head.extend(tensor.kind.to_le_bytes());
            head.extend(offset.to_le_bytes());
            let (Data::Made(bytes, _) | Data::Copied { bytes, .. }) = tensor.data;
            offset += bytes.next_multiple_of(self.alignment);
        }
        out.write_all(&head)?;
        self.pad(&mut out, head.len() as u64)?;
        for tensor in &self.tensors {
            let bytes = match &tensor.data {
                Data::Made(bytes, make) => {
                    let data = make()?;
                    debug_assert_eq!(data.len() as u64, *bytes);
                    out.write_all(&data)?;
                    *bytes
                }
                Data::Copied { file, at, bytes } => {
                    let mut file = File::open(file)?;
                    file.seek(SeekFrom::Start(*at))?;
                    let copied = io::copy(&mut file.take(*bytes), &mut out)?;
                    if copied != *bytes {
                        return Err(io::Error::other("the model's file became shorter"));
                    }
                    *bytes
                }
            };
            self.pad(&mut out, bytes)?;
        }
        out.flush()
    }

    /// Zeros after so many bytes, up to where the next may begin.
    fn pad(&self, out: &mut impl Write, bytes: u64) -> io::Result<()> {
        let zeros = bytes.next_multiple_of(self.alignment) - bytes;
        io::copy(&mut io::repeat(0).take(zeros), out).map(drop)
    }
}

fn string(out: &mut Vec<u8>, text: &[u8]) {
    out.extend((text.len() as u64).to_le_bytes());
    out.extend(text);
}
