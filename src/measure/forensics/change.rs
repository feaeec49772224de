//! One tensor's change: how large it is, and of what rank.

use super::numbers::Numbers;
use super::spectrum::{Spectrum, Svd, svd};
use super::{Directions, Files, ForensicsError, Keys, Place, Result};
use crate::edit;
use crate::model::ModelError;
use crate::model::config::Config;
use crate::model::weights::down::is_turned;
use faer::Mat;
use rayon::prelude::*;
use safetensors::tensor::TensorView;
use serde::Serialize;
use std::ops::Range;

/// Bands of rows that are read side by side.
const BANDS: usize = 64;
/// Singular directions that are worth more as factors than as a dense change.
const FACTORS: usize = 64;
/// What factors may leave of a change, as a share of ‖W‖: a few times what rounding
/// the weights to f32 leaves (3e-8).
const NOTHING: f64 = 1e-7;

/// A tensor that differs.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Change {
    pub name: String,
    pub shape: Vec<usize>,
    /// The kind of its numbers in each: "F32".
    pub dtypes: [String; 2],
    /// The layer, of an MLP's output matrix.
    pub down_of: Option<usize>,
    /// The layer, of the bias beside such a matrix.
    pub bias_of: Option<usize>,
    /// ‖ΔW‖_F; `None` where the numbers cannot be subtracted.
    pub norm: Option<f64>,
    /// ‖ΔW‖_F / ‖W‖_F, W as BASE has it.
    pub relative_norm: Option<f64>,
    /// Of a matrix alone.
    pub spectrum: Option<Spectrum>,
    /// Of an MLP's output matrix alone.
    pub directions: Option<Directions>,
    pub keys: Option<Keys>,
    /// Why it was not measured.
    pub unmeasured: Option<String>,
    /// The first singular vectors: the output direction `[d]` and the key
    /// direction `[d_k]`, both of length 1. Of an MLP's output matrix alone.
    #[serde(skip)]
    pub first: Option<[Vec<f64>; 2]>,
}

impl Change {
    /// σ₁; 0 where it is not of a matrix.
    pub fn largest(&self) -> f64 {
        let spectrum = self.spectrum.as_ref();
        let first = spectrum.and_then(|s| s.singular_values.first());
        first.copied().unwrap_or(0.0)
    }
}

/// ΔW of a tensor, OTHER less BASE, with what is known on the way.
pub struct Difference {
    /// In the order of the file.
    pub values: Vec<f32>,
    pub rows: usize,
    pub cols: usize,
    norm: f64,
    base_norm: f64,
    /// The largest singular value that rounding is likely to make: that of a matrix
    /// of independent errors of half a step each, where a number's step is the
    /// distance to its neighbour in the coarser of the two files' kinds. It is
    /// ½·(the largest ‖step‖ of a row + the largest of a column).
    pub noise: f64,
}

impl Difference {
    /// Rows `range` in f64.
    pub fn block(&self, range: Range<usize>) -> Mat<f64> {
        let cols = self.cols;
        let rows = &self.values[range.start * cols..range.end * cols];
        Mat::from_fn(range.len(), cols, |i, j| f64::from(rows[i * cols + j]))
    }

    /// ‖ΔW‖_F².
    pub fn energy(&self) -> f64 {
        self.norm * self.norm
    }
}

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
        change.spectrum = Some(Spectrum::of(&svd, &delta));
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

/// OTHER less BASE, or why that has no meaning.
fn subtract(a: &TensorView, b: &TensorView) -> Result<Difference, String> {
    let numbers = |view| Numbers::of(view);
    let (Some(old), Some(new)) = (numbers(a), numbers(b)) else {
        return Err("its numbers are whole, flags or quantised".into());
    };
    let count: usize = a.shape().iter().product();
    let (rows, cols) = match a.shape() {
        [rows, cols] => (*rows, *cols),
        _ => (1, count),
    };
    let mut values = vec![0f32; count];
    let band = rows.div_ceil(BANDS).max(1);
    let bands = values.par_chunks_mut((band * cols).max(1)).enumerate();
    let bands = bands.map(|(n, band_values)| {
        let mut sums = Sums::of(cols);
        for (i, row) in band_values.chunks_mut(cols.max(1)).enumerate() {
            let first = (n * band + i) * cols;
            let steps = row.iter_mut().enumerate().zip(&mut sums.columns);
            let mut of_row = 0.0;
            for ((j, slot), of_column) in steps {
                let (x, y) = (old.at(first + j), new.at(first + j));
                // What f32 cannot hold is infinite in it, and told below.
                *slot = (y - x) as f32;
                let step = old.kind.step(x).max(new.kind.step(y));
                sums.difference += f64::from(*slot).powi(2);
                sums.base += x * x;
                of_row += step * step;
                *of_column += step * step;
            }
            sums.row = sums.row.max(of_row);
        }
        sums
    });
    // In order, so that the figures are the same on every machine.
    let bands: Vec<Sums> = bands.collect();
    let sums = bands.into_iter().fold(Sums::of(cols), Sums::and);
    if !(sums.difference.is_finite() && sums.base.is_finite()) {
        return Err("it holds values that are not finite (NaN or infinity)".into());
    }
    let column = sums.columns.iter().copied().fold(0.0, f64::max);
    Ok(Difference {
        values,
        rows,
        cols,
        norm: sums.difference.sqrt(),
        base_norm: sums.base.sqrt(),
        noise: 0.5 * (sums.row.sqrt() + column.sqrt()),
    })
}

/// Sums of squares over a band of rows.
struct Sums {
    difference: f64,
    base: f64,
    /// Of the steps of one row, the largest.
    row: f64,
    /// Of the steps of each column.
    columns: Vec<f64>,
}

impl Sums {
    fn of(cols: usize) -> Sums {
        Sums {
            difference: 0.0,
            base: 0.0,
            row: 0.0,
            columns: vec![0.0; cols],
        }
    }

    fn and(mut self, other: Sums) -> Sums {
        self.difference += other.difference;
        self.base += other.base;
        self.row = self.row.max(other.row);
        let columns = self.columns.iter_mut().zip(other.columns);
        columns.for_each(|(sum, x)| *sum += x);
        self
    }
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
