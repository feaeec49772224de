//! Edits on top of one another: W = W₀ + Σ αᵢ rᵢ uᵢᵀ, always from the pristine W₀.

use super::error::{EditError, Result};
use super::spec::Delta;
use crate::model::Decoder;
use candle_core::{DType, Tensor};
use std::collections::BTreeMap;

/// `decoder` with these deltas, each scaled by its α, in the place of whatever
/// edits it had. Without deltas, or with every α at 0, it is the pristine
/// model bit for bit.
pub fn apply<'a>(
    decoder: &Decoder,
    deltas: impl IntoIterator<Item = (&'a Delta, f64)>,
) -> Result<Decoder> {
    let mut by_layer: BTreeMap<usize, Vec<(&Delta, f64)>> = BTreeMap::new();
    for (delta, alpha) in deltas {
        check(decoder, delta)?;
        if alpha != 0.0 {
            by_layer
                .entry(delta.layer)
                .or_default()
                .push((delta, alpha));
        }
    }
    let edited = by_layer
        .into_iter()
        .map(|(layer, deltas)| Ok((layer, edited_weight(decoder, layer, &deltas)?)))
        .collect::<Result<_>>()?;
    Ok(decoder.with_edited(edited))
}

/// W₀ + Σ α r uᵀ, summed in f64 and rounded to the model's dtype once.
fn edited_weight(decoder: &Decoder, layer: usize, deltas: &[(&Delta, f64)]) -> Result<Tensor> {
    let pristine = &decoder.weights.blocks[layer].down.weight;
    let (d, d_k) = pristine.dims2()?;
    let mut w: Vec<f64> = pristine.to_dtype(DType::F64)?.flatten_all()?.to_vec1()?;
    for (delta, alpha) in deltas {
        let m = delta.rank;
        for (i, row) in w.chunks_exact_mut(d_k).enumerate() {
            for (j, r) in delta.r[i * m..(i + 1) * m].iter().enumerate() {
                let scaled = alpha * f64::from(*r);
                for (w, u) in row.iter_mut().zip(delta.u.iter().skip(j).step_by(m)) {
                    *w += scaled * f64::from(*u);
                }
            }
        }
    }
    let w = Tensor::from_vec(w, (d, d_k), &candle_core::Device::Cpu)?.to_dtype(pristine.dtype())?;
    Ok(w.to_device(pristine.device())?)
}

/// Refuses factors that were made for another shape of model.
pub fn check(decoder: &Decoder, delta: &Delta) -> Result<()> {
    let (d, d_k, last) = (decoder.config.d, decoder.config.d_mlp, decoder.layers() - 1);
    if delta.layer > last {
        return Err(EditError::NoSuchLayer {
            layer: delta.layer,
            last,
        });
    }
    let (want_r, want_u) = (d * delta.rank, d_k * delta.rank);
    if delta.r.len() != want_r || delta.u.len() != want_u || delta.rank == 0 {
        let (r, u) = (delta.r.len(), delta.u.len());
        return Err(EditError::DeltaShape {
            layer: delta.layer,
            r,
            u,
            want_r,
            want_u,
        });
    }
    Ok(())
}

/// ‖W₀‖_F of a layer's last MLP matrix.
pub fn weight_norm(decoder: &Decoder, layer: usize) -> Result<f64> {
    let w = decoder.weights.blocks[layer]
        .down
        .weight
        .to_dtype(DType::F64)?;
    Ok(w.sqr()?.sum_all()?.to_scalar::<f64>()?.sqrt())
}
