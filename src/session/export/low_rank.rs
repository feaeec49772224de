//! All edits of a layer as one pair of factors, their scales folded in.

use super::{ExportError, On};
use crate::model::config::Config;
use std::collections::BTreeMap;

/// ΔW = r uᵀ of one layer.
pub struct LowRank {
    /// `[d, n]`, row-major.
    pub r: Vec<f32>,
    /// `[n, d_k]`, row-major: uᵀ.
    pub u: Vec<f32>,
    pub rank: usize,
}

/// One column of r `[d]` and of u `[d_k]`, in the order of the edits.
type Column = (Vec<f32>, Vec<f32>);

/// By layer, every layer padded with zeros to one rank: some readers know one
/// rank an adapter.
pub fn layers(on: &[On], config: &Config) -> Result<BTreeMap<usize, LowRank>, ExportError> {
    let (d, d_k) = (config.d, config.d_mlp);
    let mut columns: BTreeMap<usize, Vec<Column>> = BTreeMap::new();
    for On { edit, deltas } in on {
        for delta in *deltas {
            if delta.is_dense() || !delta.bias.is_empty() {
                return Err(ExportError::Dense {
                    id: edit.id,
                    method: edit.asked.method.name().into(),
                });
            }
            let m = delta.rank;
            let of = columns.entry(delta.layer).or_default();
            for j in 0..m {
                let r = delta.r.iter().skip(j).step_by(m);
                let r = r.map(|&x| (edit.alpha * f64::from(x)) as f32);
                let u = delta.u.iter().skip(j).step_by(m).copied();
                of.push((r.collect(), u.collect()));
            }
        }
    }
    let rank = columns.values().map(Vec::len).max().unwrap_or(0);
    let joined = columns.into_iter().map(|(layer, columns)| {
        let (mut r, mut u) = (vec![0.0; d * rank], Vec::with_capacity(rank * d_k));
        for (j, (column, row)) in columns.into_iter().enumerate() {
            for (i, x) in column.into_iter().enumerate() {
                r[i * rank + j] = x;
            }
            u.extend(row);
        }
        u.resize(rank * d_k, 0.0);
        (layer, LowRank { r, u, rank })
    });
    Ok(joined.collect())
}
