//! One tensor's change: how large it is, and of what rank.

use super::data::Change;
use super::difference::{Difference, subtract};
use super::spectrum::{Svd, spectrum, svd};
use super::{Files, ForensicsError, Place, Result};
use crate::edit;
use crate::model::ModelError;
use crate::model::config::Config;
use crate::model::weights::down::is_turned;
use faer::Mat;
use safetensors::tensor::TensorView;

/// Singular directions that are worth more as factors than as a dense change.
const FACTORS: usize = 64;
/// What factors may leave of a change, as a share of ‖W‖: a few times what rounding
/// the weights to f32 leaves (3e-8).
const NOTHING: f64 = 1e-7;

/// What differs between two tensors of one shape; `None` where their numbers are
/// the same in another precision.
pub(super) fn between(
    name: &str,
    place: Place,
    a: &TensorView,
    b: &TensorView,
) -> Result<Option<Change>> {
    let mut change = Change {
        name: name.into(),
        shape: a.shape().to_vec(),
        dtypes: [a, b].map(|view| format!("{:?}", view.dtype())),
        ..Change::default()
    };
    match place {
        Place::Down { layer, .. } => change.down_of = Some(layer),
        Place::Bias { layer } => change.bias_of = Some(layer),
        Place::Elsewhere => {}
    }
    let delta = match subtract(a, b) {
        Ok(delta) => delta,
        Err(why) => {
            change.unmeasured = Some(why);
            return Ok(Some(change));
        }
    };
    if delta.norm == 0.0 {
        return Ok(None);
    }
    change.norm = Some(delta.norm);
    change.relative_norm = (delta.base_norm > 0.0).then(|| delta.norm / delta.base_norm);
    if a.shape().len() == 2 {
        let svd = decomposed(name, &delta)?;
        change.spectrum = Some(spectrum(&svd, &delta));
        if let Place::Down { turned, .. } = place {
            let column = |m: &Mat<f64>| (0..m.nrows()).map(|i| m[(i, 0)]).collect::<Vec<f64>>();
            let (left, right) = (column(&svd.u), column(&svd.v));
            // ΔW is `[d, d_k]`; a file that has it turned has the sides exchanged.
            change.first = Some(if turned { [right, left] } else { [left, right] });
        }
    }
    Ok(Some(change))
}

fn decomposed(name: &str, delta: &Difference) -> Result<Svd> {
    svd(delta).ok_or_else(|| ForensicsError::NoSvd { name: name.into() })
}

/// What was done to one layer's MLP output, as an edit has it: OTHER = BASE + this.
/// Small factors where they leave nothing of it, else the change as it is.
pub fn change_of(
    base: &Files,
    other: &Files,
    changes: &[Change],
    layer: usize,
) -> Result<edit::Delta> {
    let (old, new) = (base.views()?, other.views()?);
    let difference = |change: &Change| -> Result<Difference> {
        let name = &change.name;
        let missing = || ModelError::MissingTensor { name: name.clone() };
        let own = |files: &Files, views: &_| files.names(views).remove(name).ok_or_else(missing);
        let (a, b) = (old.view(&own(base, &old)?)?, new.view(&own(other, &new)?)?);
        let taken = subtract(&a, &b).map_err(|reason| ModelError::Unsupported {
            what: format!("taking back the change of `{name}`"),
            hint: reason,
        })?;
        Ok(taken)
    };
    let measured = || changes.iter().filter(|change| change.norm.is_some());
    let bias = measured().find(|change| change.bias_of == Some(layer));
    let bias = bias
        .map(difference)
        .transpose()?
        .map_or(Vec::new(), |d| d.values);
    let config = &base.config;
    let Some(change) = measured().find(|change| change.down_of == Some(layer)) else {
        // A bias moves beside a change of nothing.
        return Ok(edit::Delta {
            layer,
            r: vec![0.0; config.d],
            u: vec![0.0; config.d_mlp],
            rank: 1,
            bias,
        });
    };
    let weight = difference(change)?;
    let turned = is_turned(config.family);
    let svd = decomposed(&change.name, &weight)?;
    let small = svd.rank_within(weight.energy(), NOTHING * weight.base_norm);
    Ok(match small.filter(|&rank| rank <= FACTORS) {
        Some(rank) => factors(layer, &svd, rank, turned, bias),
        None => dense(layer, weight, turned, bias, config),
    })
}

/// The first `rank` singular directions, r = σ·output and u = key.
fn factors(layer: usize, svd: &Svd, rank: usize, turned: bool, bias: Vec<f32>) -> edit::Delta {
    let (left, right) = match turned {
        true => (&svd.v, &svd.u),
        false => (&svd.u, &svd.v),
    };
    let laid = |m: &Mat<f64>, scale: &dyn Fn(usize) -> f64| -> Vec<f32> {
        (0..m.nrows())
            .flat_map(|i| (0..rank).map(move |j| (i, j)))
            .map(|(i, j)| (m[(i, j)] * scale(j)) as f32)
            .collect()
    };
    edit::Delta {
        layer,
        r: laid(left, &|j| svd.sigma[j]),
        u: laid(right, &|_| 1.0),
        rank,
        bias,
    }
}

/// ΔWᵀ `[d_k, d]`, which is how a turned file has it already.
fn dense(
    layer: usize,
    delta: Difference,
    turned: bool,
    bias: Vec<f32>,
    config: &Config,
) -> edit::Delta {
    let change = match turned {
        true => delta.values,
        false => {
            let (d, d_k) = (config.d, config.d_mlp);
            let turned = (0..d_k).flat_map(|k| (0..d).map(move |i| i * d_k + k));
            turned.map(|at| delta.values[at]).collect()
        }
    };
    edit::Delta::dense(layer, change, bias)
}
