//! The parts of a GGUF file where they lie, to be copied as they are: whatever a
//! value or a tensor means, its bytes need not be understood to be kept.

use super::ExportError;
use super::gguf_file::{ALIGNMENT, MAGIC};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

/// Arrays in arrays; no file known has any.
const DEPTH: usize = 4;
/// Dimensions that a tensor may have.
const DIMS: u32 = 8;
const ARRAY: u32 = 9;

pub struct Scan {
    pub version: u32,
    pub alignment: u64,
    /// Keys, and their values with their kinds before them.
    pub pairs: Vec<(Vec<u8>, Vec<u8>)>,
    pub tensors: Vec<Info>,
}

pub struct Info {
    pub name: Vec<u8>,
    pub dims: Vec<u64>,
    pub kind: u32,
    /// Its first byte in the file, and how many there are up to the next tensor.
    pub at: u64,
    pub bytes: u64,
}

/// Whether a file of weights is in this format.
pub fn is_gguf(path: &Path) -> bool {
    let mut magic = [0; 4];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut magic));
    read.is_ok() && &magic == MAGIC
}

/// Reads the header; the data stay on the disk.
pub fn scan(path: &Path) -> Result<Scan, ExportError> {
    let open = || {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        let file = BufReader::new(file);
        Ok(Reader {
            file,
            length,
            at: 0,
        })
    };
    let scanned = open().map_err(|e: std::io::Error| e.to_string());
    scanned
        .and_then(|mut file| file.scan())
        .map_err(|reason| ExportError::Copy {
            path: path.to_owned(),
            reason,
        })
}

struct Reader {
    file: BufReader<File>,
    length: u64,
    at: u64,
}

type Parsed<T> = Result<T, String>;

impl Reader {
    fn scan(&mut self) -> Parsed<Scan> {
        if self.take(4)? != MAGIC {
            return Err("it is no GGUF file".into());
        }
        let version = self.number()?;
        match version {
            2 | 3 => {}
            1 => return Err("it is GGUF of version 1: convert it anew".into()),
            other if matches!(other.swap_bytes(), 1..=3) => {
                return Err("it is in big-endian order: convert it anew for this machine".into());
            }
            other => return Err(format!("its GGUF version is {other}; 2 and 3 are known")),
        }
        let (tensors, pairs) = (self.wide()?, self.wide()?);
        let mut scan = Scan {
            version,
            alignment: ALIGNMENT,
            pairs: Vec::new(),
            tensors: Vec::new(),
        };
        for _ in 0..pairs {
            let key = self.string()?;
            let mut raw = Vec::new();
            let kind = self.kept(&mut raw, 4)?;
            self.value(le(&kind) as u32, DEPTH, &mut raw)?;
            if key == b"general.alignment" {
                scan.alignment = le(raw.get(4..).unwrap_or_default());
            }
            scan.pairs.push((key, raw));
        }
        if !scan.alignment.is_power_of_two() || scan.alignment > 1 << 20 {
            return Err(format!("its alignment is {}", scan.alignment));
        }
        for _ in 0..tensors {
            let name = self.string()?;
            let dims = self.number()?;
            if dims > DIMS {
                return Err(format!("a tensor has {dims} dimensions"));
            }
            let dims = (0..dims).map(|_| self.wide()).collect::<Parsed<_>>()?;
            let (kind, at) = (self.number()?, self.wide()?);
            scan.tensors.push(Info {
                name,
                dims,
                kind,
                at,
                bytes: 0,
            });
        }
        self.place(&mut scan)?;
        Ok(scan)
    }

    /// Offsets as places in the file, and each tensor's bytes: up to the next one's.
    fn place(&self, scan: &mut Scan) -> Parsed<()> {
        let start = self.at.next_multiple_of(scan.alignment);
        for info in &mut scan.tensors {
            let at = start.checked_add(info.at).filter(|&at| at <= self.length);
            info.at = at.ok_or("a tensor lies behind its end")?;
        }
        let mut begins: Vec<u64> = scan.tensors.iter().map(|info| info.at).collect();
        begins.push(self.length);
        begins.sort_unstable();
        begins.dedup();
        // A tensor without numbers begins where the one after it does.
        for info in scan
            .tensors
            .iter_mut()
            .filter(|info| !info.dims.contains(&0))
        {
            let next = begins.partition_point(|&at| at <= info.at);
            info.bytes = begins.get(next).map_or(0, |next| next - info.at);
        }
        Ok(())
    }

    /// Copies a value of this kind to `raw`.
    fn value(&mut self, kind: u32, depth: usize, raw: &mut Vec<u8>) -> Parsed<()> {
        if let Some(size) = size(kind) {
            return self.kept(raw, size).map(drop);
        }
        let not_known = || format!("it holds a value of kind {kind}, which is not known");
        match kind {
            super::gguf_file::STRING => {
                let length = le(&self.kept(raw, 8)?);
                self.kept(raw, length).map(drop)
            }
            ARRAY if depth > 0 => {
                let kind = le(&self.kept(raw, 4)?) as u32;
                let count = le(&self.kept(raw, 8)?);
                if let Some(size) = size(kind) {
                    return self.kept(raw, count.saturating_mul(size)).map(drop);
                }
                (0..count).try_for_each(|_| self.value(kind, depth - 1, raw))
            }
            _ => Err(not_known()),
        }
    }

    /// Reads so many bytes and copies them to `raw`.
    fn kept(&mut self, raw: &mut Vec<u8>, bytes: u64) -> Parsed<Vec<u8>> {
        let read = self.take(bytes)?;
        raw.extend(&read);
        Ok(read)
    }

    fn string(&mut self) -> Parsed<Vec<u8>> {
        let length = self.wide()?;
        self.take(length)
    }

    fn number(&mut self) -> Parsed<u32> {
        Ok(le(&self.take(4)?) as u32)
    }

    fn wide(&mut self) -> Parsed<u64> {
        Ok(le(&self.take(8)?))
    }

    fn take(&mut self, bytes: u64) -> Parsed<Vec<u8>> {
        if bytes > self.length - self.at {
            return Err("it was cut short".into());
        }
        let mut taken = vec![0; bytes as usize];
        self.file
            .read_exact(&mut taken)
            .map_err(|e| e.to_string())?;
        self.at += bytes;
        Ok(taken)
    }
}

/// Bytes of a value, where all of its kind have as many.
fn size(kind: u32) -> Option<u64> {
    match kind {
        0 | 1 | 7 => Some(1),
        2 | 3 => Some(2),
        4..=6 => Some(4),
        10..=12 => Some(8),
        _ => None,
    }
}

/// Up to eight bytes, the lowest first.
fn le(bytes: &[u8]) -> u64 {
    let wide = bytes.iter().take(8).rev();
    wide.fold(0, |number, &byte| number << 8 | u64::from(byte))
}

#[cfg(test)]
mod tests {
    use super::super::gguf_file::{Data, GgufFile, TENSOR_F32, Tensor};
    use super::*;

    /// A file with a value of every kind, and tensors of kinds that nobody knows.
    fn sample(version: u32, alignment: u64) -> Vec<u8> {
        let mut file = GgufFile::new(version, alignment);
        for kind in [0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12u32] {
            let mut raw = kind.to_le_bytes().to_vec();
            raw.extend(vec![1; size(kind).unwrap() as usize]);
            file.raw(format!("kind.{kind}").as_bytes(), &raw);
        }
        let array = |kind: u32, count: u64, items: &[u8]| {
            let head = [ARRAY.to_le_bytes(), kind.to_le_bytes()].concat();
            [&head, &count.to_le_bytes()[..], items].concat()
        };
        let word = |text: &str| [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat();
        file.text("general.name", "größer\u{0}");
        file.raw(b"numbers", &array(2, 3, &[1; 6]));
        file.raw(b"words", &array(8, 2, &[word("one"), word("")].concat()));
        let inner = array(0, 2, &[7, 8]);
        file.raw(b"nested", &array(ARRAY, 1, &inner[4..]));
        let alignment = (alignment as u32).to_le_bytes();
        let raw = [4u32.to_le_bytes(), alignment].concat();
        file.raw(b"general.alignment", &raw);
        for (n, bytes) in [(0u8, 0), (1, 5), (2, 32), (3, 100), (4, 144)] {
            file.tensor(Tensor {
                name: format!("blk.{n}.any").into_bytes(),
                dims: vec![bytes, 1],
                kind: [TENSOR_F32, 14, 99][usize::from(n) % 3],
                data: Data::Made(bytes, Box::new(move || Ok(vec![n; bytes as usize]))),
            });
        }
        written(&file)
    }

    fn written(file: &GgufFile) -> Vec<u8> {
        let mut out = tempfile::NamedTempFile::new().unwrap();
        file.write(out.as_file_mut()).unwrap();
        std::fs::read(out.path()).unwrap()
    }

    fn on_disk(data: &[u8]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), data).unwrap();
        file
    }

    #[test]
    fn a_file_that_is_copied_part_by_part_is_the_same_file() {
        for (version, alignment) in [(3, 32), (2, 64), (3, 1)] {
            let data = sample(version, alignment);
            let file = on_disk(&data);
            let scanned = scan(file.path()).unwrap();
            assert_eq!((scanned.version, scanned.alignment), (version, alignment));
            let mut copy = GgufFile::new(scanned.version, scanned.alignment);
            for (key, raw) in &scanned.pairs {
                copy.raw(key, raw);
            }
            for info in scanned.tensors {
                assert_eq!(info.at % alignment, 0);
                let (file, at, bytes) = (file.path().to_owned(), info.at, info.bytes);
                copy.tensor(Tensor {
                    name: info.name,
                    dims: info.dims,
                    kind: info.kind,
                    data: Data::Copied { file, at, bytes },
                });
            }
            assert!(written(&copy) == data);
        }
    }

    #[test]
    fn a_file_cut_anywhere_in_its_header_is_refused() {
        let data = sample(3, 32);
        let whole = scan(on_disk(&data).path()).unwrap();
        let header = whole.tensors[0].at as usize;
        for length in 0..header - 32 {
            let error = scan(on_disk(&data[..length]).path()).err().unwrap();
            assert!(error.to_string().contains("cut short"), "{length}: {error}");
        }
    }

    #[test]
    fn what_cannot_be_copied_is_refused_by_name() {
        let data = sample(3, 32);
        let refused = |at: usize, bytes: &[u8]| {
            let mut data = data.clone();
            data[at..at + bytes.len()].copy_from_slice(bytes);
            let file = on_disk(&data);
            scan(file.path()).err().unwrap().to_string()
        };
        assert!(refused(0, b"GGML").contains("no GGUF"));
        assert!(refused(4, &1u32.to_le_bytes()).contains("version 1"));
        assert!(refused(4, &3u32.to_be_bytes()).contains("big-endian"));
        assert!(refused(4, &9u32.to_le_bytes()).contains("version is 9"));
        // Counts and lengths that no file holds are no reason to take memory.
        for at in [8, 16, 24] {
            let error = refused(at, &u64::MAX.to_le_bytes());
            assert!(error.contains("cut short"), "{error}");
        }
        let kind = 24 + 8 + "kind.0".len();
        assert!(refused(kind, &13u32.to_le_bytes()).contains("kind 13"));
    }
}
