//! The whole model as the GGUF file it came as: what was not edited byte for byte,
//! the edited matrices in F16 or F32, and the edits among the metadata.

use super::gguf_file::{Data, GgufFile, TENSOR_F16, TENSOR_F32, Tensor};
use super::gguf_scan::{Info, Scan, is_gguf, scan};
use super::{Edited, ExportError, On, about};
use crate::edit::{Delta, stack};
use crate::model::Source;
use crate::model::config::Config;
use crate::model::source::WeightFiles;
use crate::model::weights::checkpoint::Checkpoint;
use crate::model::weights::down;
use crate::session::factors::bytes;
use crate::session::schema::Session;
use half::f16;
use half::slice::HalfFloatSliceExt;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Before each edit's number among the metadata's keys.
const EDITS: &str = "pentimento.edits.";

/// A model's files, and what is edited in them.
pub struct Model<'a> {
    on: &'a [On<'a>],
    config: &'a Config,
    edited: Edited<'a>,
    /// The file, or its shards in order.
    shards: Vec<(PathBuf, Scan)>,
    checkpoint: Checkpoint,
    /// Whether edited matrices are F32.
    wide: bool,
}

impl<'a> Model<'a> {
    pub fn open(
        on: &'a [On<'a>],
        config: &'a Config,
        source: &Source,
        wide: bool,
    ) -> Result<Model<'a>, ExportError> {
        let files = match source.weight_files()? {
            WeightFiles::Files(files) if files.iter().all(|file| is_gguf(file)) => files,
            _ => return Err(ExportError::NotGguf),
        };
        let shards = files.into_iter().map(|path| {
            let scanned = scan(&path)?;
            Ok((path, scanned))
        });
        Ok(Model {
            on,
            config,
            edited: super::edited(on),
            shards: shards.collect::<Result<_, ExportError>>()?,
            checkpoint: source.checkpoint()?,
            wide,
        })
    }

    /// The file that is to be written. Shards become one.
    pub fn file(&self, session: &Session) -> Result<GgufFile<'_>, ExportError> {
        let Some((_, first)) = self.shards.first() else {
            return Err(ExportError::NotGguf);
        };
        let mut file = GgufFile::new(first.version, first.alignment);
        for (key, raw) in &first.pairs {
            if !key.starts_with(b"split.") {
                file.raw(key, raw);
            }
        }
        // What was exported before, and is the base now, keeps its own edits.
        let before = first.pairs.iter().filter_map(|(key, _)| edit_number(key));
        let before = before.max().map_or(0, |last| last + 1);
        for (n, on) in (before..).zip(self.on) {
            let mut about = about(on);
            about["base_sha256"] = session.model.sha256.clone().into();
            about["layers"] = on.deltas.iter().map(|delta| delta.layer).collect();
            file.text(&format!("{EDITS}{n}"), &about.to_string());
        }
        let names = |layer: &usize| format!("blk.{layer}.ffn_down.weight");
        let has = |name: &str| {
            let mut infos = self.shards.iter().flat_map(|(_, shard)| &shard.tensors);
            infos.any(|info| info.name == name.as_bytes())
        };
        if let Some(name) = self.edited.keys().map(names).find(|name| !has(name)) {
            return Err(ExportError::NoTensor(name));
        }
        for (path, shard) in &self.shards {
            for info in &shard.tensors {
                file.tensor(self.tensor(path, info)?);
            }
        }
        Ok(file)
    }

    fn tensor<'b>(&'b self, path: &'b Path, info: &'b Info) -> Result<Tensor<'b>, ExportError> {
        let (kind, data) = match self.change(info) {
            None => {
                let (file, at, bytes) = (path.to_owned(), info.at, info.bytes);
                (info.kind, Data::Copied { file, at, bytes })
            }
            Some((layer, Part::Weight, deltas)) => {
                let want = [self.config.d_mlp as u64, self.config.d as u64];
                if info.dims != want {
                    return Err(copy(path, format!("{} has another shape", shown(info))));
                }
                let (kind, size) = if self.wide {
                    (TENSOR_F32, 4)
                } else {
                    (TENSOR_F16, 2)
                };
                let make = move || self.weight(layer, deltas).map_err(io::Error::other);
                (kind, Data::Made(size * want[0] * want[1], Box::new(make)))
            }
            Some((_, Part::Bias, deltas)) => {
                let bytes = 4 * self.config.d as u64;
                if info.kind != TENSOR_F32 || info.dims != [self.config.d as u64] {
                    return Err(copy(path, format!("{} is no bias in F32", shown(info))));
                }
                (
                    TENSOR_F32,
                    Data::Made(bytes, Box::new(move || bias(path, info, deltas))),
                )
            }
        };
        Ok(Tensor {
            name: info.name.clone(),
            dims: info.dims.clone(),
            kind,
            data,
        })
    }

    /// What is edited in this tensor, if anything is.
    fn change(&self, info: &Info) -> Option<(usize, Part, &[Scaled<'a>])> {
        let name = std::str::from_utf8(&info.name).ok()?;
        let (layer, part) = name.strip_prefix("blk.")?.split_once(".ffn_down.")?;
        let layer = layer.parse().ok()?;
        let deltas = self.edited.get(&layer)?.as_slice();
        match part {
            "weight" => Some((layer, Part::Weight, deltas)),
            "bias" if deltas.iter().any(|(delta, _)| !delta.bias.is_empty()) => {
                Some((layer, Part::Bias, deltas))
            }
            _ => None,
        }
    }

    /// W₀ + Σ α ΔW of `layer` as the file is to have it: summed in f64, rounded once.
    fn weight(&self, layer: usize, deltas: &[(&Delta, f64)]) -> Result<Vec<u8>, ExportError> {
        let views = self.checkpoint.views()?;
        let start = down::weight(&views, self.config, layer)?;
        let mut sum: Vec<f64> = start.into_iter().map(f64::from).collect();
        stack::add(&mut sum, [self.config.d, self.config.d_mlp], deltas);
        if self.wide {
            let sum: Vec<f32> = sum.into_iter().map(|x| x as f32).collect();
            return Ok(bytes(&sum));
        }
        let sum: Vec<f16> = sum.into_iter().map(f16::from_f64).collect();
        if !sum.iter().all(|x| x.is_finite()) {
            return Err(ExportError::BeyondF16(layer));
        }
        let bits: &[u16] = sum.as_slice().reinterpret_cast();
        Ok(bits.iter().flat_map(|bits| bits.to_le_bytes()).collect())
    }
}

/// A change and its α.
type Scaled<'a> = (&'a Delta, f64);

enum Part {
    Weight,
    Bias,
}

/// b₀ + Σ α Δb.
fn bias(path: &Path, info: &Info, deltas: &[(&Delta, f64)]) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(info.at))?;
    let mut sum = Vec::new();
    for _ in 0..info.dims.iter().product() {
        let mut number = [0; 4];
        file.read_exact(&mut number)?;
        sum.push(f64::from(f32::from_le_bytes(number)));
    }
    stack::add_bias(&mut sum, deltas);
    let sum: Vec<f32> = sum.into_iter().map(|x| x as f32).collect();
    Ok(bytes(&sum))
}

/// N of `pentimento.edits.N`.
fn edit_number(key: &[u8]) -> Option<u64> {
    let key = std::str::from_utf8(key).ok()?;
    key.strip_prefix(EDITS)?.parse().ok()
}

fn shown(info: &Info) -> String {
    String::from_utf8_lossy(&info.name).escape_debug().collect()
}

fn copy(path: &Path, reason: String) -> ExportError {
    ExportError::Copy {
        path: path.to_owned(),
        reason,
    }
}
