//! Edits on top of one another: W = W₀ + Σ αᵢ ΔWᵢ, always from the pristine W₀.
//!
//! ```
//! use candle_core::Device;
//! use pentimento::edit::{Delta, stack};
//! use pentimento::model::Source;
//!
//! let model = Source::Atlas.load(&Device::Cpu)?;
//! let (d, d_k) = (model.decoder.config.d, model.decoder.config.d_mlp);
//! // A rank-one change of layer 1: r uᵀ.
//! let delta = Delta {
//!     layer: 1,
//!     rank: 1,
//!     r: vec![0.02; d],
//!     u: vec![0.02; d_k],
//!     ..Delta::default()
//! };
//! let ids = model.tokens.encode("The Space Needle is located in")?.ids;
//! let before = model.decoder.next_token(&ids)?;
//! let edited = stack::apply(&model.decoder, [(&delta, 1.0)])?;
//! assert_ne!(edited.next_token(&ids)?, before);
//! // At α = 0 it is the pristine model, bit for bit.
//! let off = stack::apply(&edited, [(&delta, 0.0)])?;
//! assert_eq!(off.next_token(&ids)?, before);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use super::error::{EditError, Result};
use super::spec::Delta;
use crate::model::Decoder;
use crate::model::decoder::Down;
use candle_core::{DType, Device, Tensor};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// What an edit may be scaled by: nothing of it at 0, as it was made at 1;
/// below 0 it pushes the other way.
pub const ALPHA: RangeInclusive<f64> = -1.0..=2.0;

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
        .map(|(layer, deltas)| Ok((layer, edited(&decoder.weights.blocks[layer].down, &deltas)?)))
        .collect::<Result<_>>()?;
    Ok(decoder.with_edited(edited))
}

/// What stands at `layer` of the pristine `decoder` with these changes of it.
pub fn at(decoder: &Decoder, layer: usize, deltas: &[(&Delta, f64)]) -> Result<Down> {
    deltas
        .iter()
        .try_for_each(|(delta, _)| check(decoder, delta))?;
    edited(&decoder.weights.blocks[layer].down, deltas)
}

/// W₀ + Σ α ΔW and its bias, summed in f64 and rounded to f32 once, whatever the
/// precision of W₀: half precision would swallow small updates.
fn edited(start: &Down, deltas: &[(&Delta, f64)]) -> Result<Down> {
    let (d, d_k) = start.weight.dims2()?;
    let mut w: Vec<f64> = start
        .weight
        .dense()?
        .to_dtype(DType::F64)?
        .flatten_all()?
        .to_vec1()?;
    add(&mut w, [d, d_k], deltas);
    let weight = as_f32(w, &[d, d_k], start.weight.device())?;
    let moved = deltas.iter().any(|(delta, _)| !delta.bias.is_empty());
    let bias = match (&start.bias, moved) {
        (Some(bias), true) => {
            let mut sum: Vec<f64> = bias.to_dtype(DType::F64)?.to_vec1()?;
            add_bias(&mut sum, deltas);
            Some(as_f32(sum, &[d], bias.device())?)
        }
        (bias, _) => bias.clone(),
    };
    Ok(start.with(weight, bias)?)
}

/// w += Σ α ΔW, with w `[d, d_k]` row-major.
pub fn add(w: &mut [f64], [d, d_k]: [usize; 2], deltas: &[(&Delta, f64)]) {
    for (delta, alpha) in deltas {
        w.par_chunks_exact_mut(d_k)
            .enumerate()
            .for_each(|(i, row)| add_row(row, delta, i, d, *alpha));
    }
}

/// b += Σ α Δb, with b `[d]`.
pub fn add_bias(bias: &mut [f64], deltas: &[(&Delta, f64)]) {
    for (delta, alpha) in deltas {
        let added = bias.iter_mut().zip(&delta.bias);
        added.for_each(|(b, x)| *b += alpha * f64::from(*x));
    }
}

/// Adds row `i` of α ΔW.
fn add_row(row: &mut [f64], delta: &Delta, i: usize, d: usize, alpha: f64) {
    if delta.is_dense() {
        let column = delta.u.iter().skip(i).step_by(d);
        row.iter_mut()
            .zip(column)
            .for_each(|(w, x)| *w += alpha * f64::from(*x));
        return;
    }
    let m = delta.rank;
    for (j, r) in delta.r[i * m..(i + 1) * m].iter().enumerate() {
        let scaled = alpha * f64::from(*r);
        for (w, u) in row.iter_mut().zip(delta.u.iter().skip(j).step_by(m)) {
            *w += scaled * f64::from(*u);
        }
    }
}

fn as_f32(values: Vec<f64>, shape: &[usize], device: &Device) -> Result<Tensor> {
    let sum = Tensor::from_vec(values, shape, &Device::Cpu)?;
    Ok(sum.to_dtype(DType::F32)?.to_device(device)?)
}

/// `decoder` as it is with one more change on top.
pub fn on_top(decoder: &Decoder, delta: &Delta) -> Result<Decoder> {
    check(decoder, delta)?;
    let down = edited(decoder.down(delta.layer), &[(delta, 1.0)])?;
    Ok(decoder.with_down(delta.layer, down))
}

/// ‖ΔW‖_F.
pub fn norm([d, d_k]: [usize; 2], delta: &Delta) -> f64 {
    let rows = (0..d).into_par_iter().map(|i| {
        let mut row = vec![0.0; d_k];
        add_row(&mut row, delta, i, d, 1.0);
        row.iter().map(|x| x * x).sum::<f64>()
    });
    rows.collect::<Vec<_>>().iter().sum::<f64>().sqrt()
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
    let (want_r, want_u) = match delta.is_dense() {
        true => (0, d * d_k),
        false => (d * delta.rank, d_k * delta.rank),
    };
    let no_bias = decoder.down_bias(delta.layer).is_none();
    let bias_fits = delta.bias.is_empty() || (delta.bias.len() == d && !no_bias);
    if delta.r.len() != want_r || delta.u.len() != want_u || !bias_fits {
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
    frobenius(&decoder.weights.blocks[layer].down.weight.dense()?)
}

/// ‖W‖_F as it stands, and ‖W − W₀‖_F.
pub fn norms_now(decoder: &Decoder, layer: usize) -> Result<(f64, f64)> {
    let now = decoder.down_weight(layer)?.to_dtype(DType::F64)?;
    let start = decoder.weights.blocks[layer]
        .down
        .weight
        .dense()?
        .to_dtype(DType::F64)?;
    Ok((frobenius(&now)?, frobenius(&(now - start)?)?))
}

fn frobenius(w: &Tensor) -> Result<f64> {
    let w = w.to_dtype(DType::F64)?;
    Ok(w.sqr()?.sum_all()?.to_scalar::<f64>()?.sqrt())
}
