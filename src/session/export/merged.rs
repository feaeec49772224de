//! The whole model with the edits in it, in its own names and layout: any tool
//! that reads the original reads it. Edited matrices are written in f32 whatever
//! the others are: half precision would swallow small updates.

use super::{Edited, ExportError, On, write};
use crate::edit::{Delta, stack};
use crate::model::config::Config;
use crate::model::source::WeightFiles;
use crate::model::weights::down::{full_name, is_turned};
use crate::model::weights::number;
use crate::model::{Source, mmap};
use crate::session::factors::bytes;
use safetensors::tensor::{Dtype, SafeTensorError, SafeTensors, TensorView};
use std::collections::{BTreeSet, HashMap};
use std::path::Path;

pub fn write_to(
    folder: &Path,
    on: &[On],
    config: &Config,
    source: &Source,
) -> Result<(), ExportError> {
    let edited = super::edited(on);
    for (name, data) in source.companions()? {
        write(&folder.join(name), &data)?;
    }
    let mut found = BTreeSet::new();
    match source.weight_files()? {
        WeightFiles::Embedded(data) => {
            let to = folder.join("model.safetensors");
            found.extend(weights(data, &to, &edited, config)?);
        }
        WeightFiles::Files(files) => {
            for file in files {
                let to = folder.join(file.file_name().unwrap_or_default());
                found.extend(weights(&mmap::map(&file)?, &to, &edited, config)?);
            }
        }
    }
    match edited.keys().find(|layer| !found.contains(layer)) {
        None => Ok(()),
        Some(&layer) => Err(ExportError::NoTensor(config.family.down_module(layer))),
    }
}

/// One file of weights with what is edited in it; the layers that were there.
fn weights(
    data: &[u8],
    to: &Path,
    edited: &Edited,
    config: &Config,
) -> Result<Vec<usize>, ExportError> {
    let encode = |e: SafeTensorError| ExportError::Encode(e.to_string());
    let tensors = SafeTensors::deserialize(data).map_err(encode)?;
    let (_, header) = SafeTensors::read_metadata(data).map_err(encode)?;
    let mut found = Vec::new();
    let mut replaced: HashMap<String, Vec<u8>> = HashMap::new();
    for (&layer, deltas) in edited {
        let weight = format!("{}.weight", config.family.down_module(layer));
        let names = tensors.names();
        let there = |name: &&&str| full_name(config.family, name) == weight;
        let Some(name) = (names.iter().find(there)).and_then(|name| name.strip_suffix(".weight"))
        else {
            continue;
        };
        found.push(layer);
        let read = |part: &str| -> Result<Vec<f64>, ExportError> {
            let name = format!("{name}.{part}");
            let gone = || ExportError::NoTensor(name.clone());
            let view = tensors.tensor(&name).map_err(|_| gone())?;
            let values: Vec<f32> = number::read(&view).map_err(|_| gone())?;
            Ok(values.into_iter().map(f64::from).collect())
        };
        let weight = changed(read("weight")?, deltas, config);
        replaced.insert(format!("{name}.weight"), bytes(&weight));
        if deltas.iter().any(|(delta, _)| !delta.bias.is_empty()) {
            let mut bias = read("bias")?;
            stack::add_bias(&mut bias, deltas);
            let bias: Vec<f32> = bias.into_iter().map(|x| x as f32).collect();
            replaced.insert(format!("{name}.bias"), bytes(&bias));
        }
    }
    let views = tensors
        .iter()
        .map(|(name, view)| match replaced.get(name) {
            None => Ok((name, view)),
            Some(new) => {
                let view = TensorView::new(Dtype::F32, view.shape().to_vec(), new);
                view.map(|view| (name, view))
            }
        })
        .collect::<Result<Vec<_>, _>>()
        .map_err(encode)?;
    let failed = |source| ExportError::Write {
        path: to.to_owned(),
        source,
    };
    safetensors::serialize_to_file(views, header.metadata().clone(), to).map_err(|e| match e {
        SafeTensorError::IoError(source) => failed(source),
        other => encode(other),
    })?;
    // safetensors makes a file that nobody else may read; its neighbour is as
    // the user's files are.
    let like = std::fs::metadata(to.with_file_name("config.json")).map_err(failed)?;
    std::fs::set_permissions(to, like.permissions()).map_err(failed)?;
    Ok(found)
}

/// W₀ + Σ α ΔW, in the order in which the file has it.
fn changed(weight: Vec<f64>, deltas: &[(&Delta, f64)], config: &Config) -> Vec<f32> {
    let (d, d_k) = (config.d, config.d_mlp);
    let mut change = vec![0.0; d * d_k];
    stack::add(&mut change, [d, d_k], deltas);
    let transposed = is_turned(config.family);
    let at = |i: usize| match transposed {
        true => change[i % d * d_k + i / d],
        false => change[i],
    };
    let sum = weight.iter().enumerate().map(|(i, w)| (w + at(i)) as f32);
    sum.collect()
}
