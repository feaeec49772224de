//! A collection that was broken off, on disk, so that nothing is counted twice
//! or lost. One file holds all its layers: they were read in one pass.

use super::Collection;
use super::collect::Sum;
use crate::edit::error::{EditError, Result};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use std::collections::HashMap;
use std::path::Path;

/// Keeps what was counted, atomically.
pub fn save(collection: &Collection, path: &Path) -> Result<()> {
    let bad = |reason: String| EditError::Moment {
        path: path.to_owned(),
        reason,
    };
    let bytes =
        |values: &[f64]| -> Vec<u8> { values.iter().flat_map(|v| v.to_le_bytes()).collect() };
    let mut tensors: Vec<(String, Vec<usize>, Vec<u8>)> = Vec::new();
    for (layer, sum) in collection.layers.iter().zip(&collection.sums) {
        let d = sum.d_k;
        for (n, half) in sum.halves.iter().enumerate() {
            tensors.push((format!("{layer}.half.{n}"), vec![d, d], bytes(half)));
        }
        let shape = vec![sum.witnesses.len() / d.max(1), d];
        tensors.push((format!("{layer}.witnesses"), shape, bytes(&sum.witnesses)));
        let counts = sum.tokens.map(|t| t as f64);
        tensors.push((format!("{layer}.tokens"), vec![2], bytes(&counts)));
    }
    let views = tensors
        .iter()
        .map(|(name, shape, data)| {
            let view = TensorView::new(Dtype::F64, shape.clone(), data);
            view.map(|view| (name.as_str(), view))
                .map_err(|e| bad(e.to_string()))
        })
        .collect::<Result<Vec<_>>>()?;
    let counts = [
        ("tokens", collection.tokens),
        ("read", collection.read),
        ("half", collection.half),
    ];
    let metadata: HashMap<String, String> = counts
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_string()))
        .collect();
    let bytes = safetensors::serialize(views, Some(metadata)).map_err(|e| bad(e.to_string()))?;
    super::cache::write(path, &bytes)
}

/// What was kept for exactly these layers; anything else counts as nothing.
pub fn load(path: &Path, d_k: usize, layers: &[usize]) -> Option<Collection> {
    let bytes = std::fs::read(path).ok()?;
    let file = SafeTensors::deserialize(&bytes).ok()?;
    let (_, header) = SafeTensors::read_metadata(&bytes).ok()?;
    let metadata = header.metadata().clone()?;
    let count = |name: &str| metadata.get(name)?.parse::<usize>().ok();
    let numbers = |name: String, size: usize| -> Option<Vec<f64>> {
        let data = file.tensor(&name).ok()?;
        let length = data.data().len();
        let right = data.dtype() == Dtype::F64 && size > 0 && length.is_multiple_of(8 * size);
        let number =
            |b: &[u8]| f64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]);
        let values: Vec<f64> = data.data().chunks_exact(8).map(number).collect();
        (right && values.iter().all(|v| v.is_finite())).then_some(values)
    };
    let sums = layers
        .iter()
        .map(|layer| {
            let tokens = numbers(format!("{layer}.tokens"), 2)?;
            let exactly = |name: String, size: usize| {
                numbers(name, size).filter(|values| values.len() == size)
            };
            Some(Sum {
                d_k,
                halves: [
                    exactly(format!("{layer}.half.0"), d_k * d_k)?,
                    exactly(format!("{layer}.half.1"), d_k * d_k)?,
                ],
                tokens: [*tokens.first()? as usize, *tokens.get(1)? as usize],
                witnesses: numbers(format!("{layer}.witnesses"), d_k)?,
            })
        })
        .collect::<Option<Vec<_>>>()?;
    Some(Collection {
        layers: layers.to_vec(),
        sums,
        tokens: count("tokens")?,
        read: count("read")?,
        half: count("half").filter(|half| *half < 2)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Source;
    use candle_core::Device;
    use std::cell::Cell;

    #[test]
    fn broken_off_and_gone_on_with_is_the_same() {
        let model = Source::Atlas.load(&Device::Cpu).unwrap();
        let decoder = &model.decoder;
        // Some of them empty, as blank paragraphs are.
        let text =
            || (0..60u32).map(|i| (0..i % 50).map(|j| (i * j) % 900 + 1).collect::<Vec<u32>>());
        let mut whole = Collection::new(decoder, &[1, 2]).unwrap();
        whole.run(decoder, text(), 1400, &mut (), |_| ()).unwrap();
        let whole = whole.finish().unwrap();

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("partial");
        // Stopped in its second batch.
        let stop = std::sync::atomic::AtomicBool::new(false);
        let seen = Cell::new(0);
        let mut first = Collection::new(decoder, &[1, 2]).unwrap();
        let result = first.run(
            decoder,
            text(),
            1400,
            &mut crate::model::Brake::new(&stop),
            |p| {
                seen.set(p.tokens);
                stop.store(true, std::sync::atomic::Ordering::Relaxed);
            },
        );
        assert!(result.unwrap_err().is_cancelled());
        assert!(seen.get() > 0 && seen.get() < 1400 && first.tokens() == seen.get());
        save(&first, &path).unwrap();
        assert!(load(&path, decoder.config.d_mlp, &[1]).is_some_and(|c| c.tokens() == seen.get()));
        assert!(load(&path, decoder.config.d_mlp, &[1, 3]).is_none());
        assert!(load(&path, 7, &[1, 2]).is_none());
        let mut second = load(&path, decoder.config.d_mlp, &[1, 2]).unwrap();
        second.run(decoder, text(), 1400, &mut (), |_| ()).unwrap();
        assert_eq!(second.finish().unwrap(), whole);
    }
}
