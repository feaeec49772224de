//! A run's whole state in one file, so that it can go on exactly.

use super::adam::{Adam, write};
use super::error::{Result, TrainError};
use super::init::Param;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use std::collections::HashMap;
use std::io::Write;
use std::path::Path;

const STEP: &str = "step";
const RUN: &str = "run";

/// Writes weights and moments, f32, with the number of steps done and a
/// description of the run. The file appears whole or not at all.
pub fn save(path: &Path, params: &[Param], adam: &Adam, step: usize, run: &str) -> Result<()> {
    let mut tensors: Vec<(String, Vec<usize>, Vec<u8>)> = Vec::new();
    for (param, moments) in params.iter().zip(&adam.moments) {
        let values: Vec<f32> = param.var.as_tensor().flatten_all()?.to_vec1()?;
        let shape = param.var.dims().to_vec();
        for (kind, values) in [
            ("w", &values),
            ("m", &moments.first),
            ("v", &moments.second),
        ] {
            tensors.push((
                format!("{kind}.{}", param.name),
                shape.clone(),
                bytes(values),
            ));
        }
    }
    let meta = HashMap::from([
        (STEP.to_owned(), step.to_string()),
        (RUN.to_owned(), run.to_owned()),
    ]);
    let damaged = |e: safetensors::SafeTensorError| TrainError::Damaged {
        path: path.to_owned(),
        reason: e.to_string(),
    };
    let views = tensors
        .iter()
        .map(|(name, shape, data)| Ok((name, TensorView::new(Dtype::F32, shape.clone(), data)?)))
        .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()
        .map_err(damaged)?;
    let whole = safetensors::serialize(views, Some(meta)).map_err(damaged)?;
    write_whole(path, &whole)
}

/// Reads a checkpoint into `params` and `adam`; the number of steps done, or
/// None where there is no file. `run` must be the description it was saved with.
pub fn load(path: &Path, params: &[Param], adam: &mut Adam, run: &str) -> Result<Option<usize>> {
    let whole = match std::fs::read(path) {
        Ok(whole) => whole,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            return Err(TrainError::Read {
                path: path.to_owned(),
                source,
            });
        }
    };
    let damaged = |reason: String| TrainError::Damaged {
        path: path.to_owned(),
        reason,
    };
    let (_, meta) = SafeTensors::read_metadata(&whole).map_err(|e| damaged(e.to_string()))?;
    let meta = meta.metadata().clone().unwrap_or_default();
    if meta.get(RUN).map(String::as_str) != Some(run) {
        let what = difference(meta.get(RUN).map_or("", String::as_str), run);
        return Err(TrainError::OtherRun {
            path: path.to_owned(),
            what,
        });
    }
    let step = meta.get(STEP).and_then(|s| s.parse().ok());
    let step = step.ok_or_else(|| damaged("it does not say how many steps were done".into()))?;
    let tensors = SafeTensors::deserialize(&whole).map_err(|e| damaged(e.to_string()))?;
    for (param, moments) in params.iter().zip(&mut adam.moments) {
        let read = |kind: &str| -> Result<Vec<f32>> {
            let name = format!("{kind}.{}", param.name);
            let view = tensors.tensor(&name).map_err(|e| damaged(e.to_string()))?;
            if view.dtype() != Dtype::F32 || view.shape() != param.var.dims() {
                return Err(damaged(format!("tensor {name} has another form")));
            }
            Ok(view
                .data()
                .as_chunks::<4>()
                .0
                .iter()
                .map(|b| f32::from_le_bytes(*b))
                .collect())
        };
        write(&param.var, read("w")?)?;
        moments.first = read("m")?;
        moments.second = read("v")?;
    }
    Ok(Some(step))
}

/// The first lines in which two descriptions differ, for a message.
fn difference(old: &str, new: &str) -> String {
    let differing = old.lines().zip(new.lines()).find(|(a, b)| a != b);
    match differing {
        Some((a, b)) => {
            let bare = |line: &str| line.trim().trim_end_matches(',').to_owned();
            format!("{} there, {} here", bare(a), bare(b))
        }
        None => "of another kind".into(),
    }
}

fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|x| x.to_le_bytes()).collect()
}

/// Writes beside the target and renames: a reader never meets half a file.
pub fn write_whole(path: &Path, data: &[u8]) -> Result<()> {
    let failed = |source| TrainError::Write {
        path: path.to_owned(),
        source,
    };
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    file.write_all(data).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(path).map_err(|e| failed(e.error))?;
    Ok(())
}
