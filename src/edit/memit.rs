//! MEMIT (Meng et al. 2023) and EMMET (Gupta et al. 2024): many facts in one
//! change, a layer at a time (ALGORITHMS §4).
//!
//! With keys K `[d_k, n]` and what the block output lacks, R `[d, n]`, MEMIT's
//! least-squares update is ΔW = R·[(λC + KKᵀ)⁻¹K]ᵀ (eq. 14). By the push-through
//! identity (λC + KKᵀ)⁻¹K = C⁻¹K(λI + KᵀC⁻¹K)⁻¹: one factor of C serves any
//! number of facts, and what is left to solve is n × n. EMMET's equality
//! constraints give the same with wλ_e in the place of λ, at one layer.

use super::error::{EditError, Result};
use super::recall::{keys, residuals, written};
use super::spec::Delta;
use super::task::{Made, Rewrite, Task};
use super::{stack, value};
use crate::model::Decoder;
use crate::model::probe::{Point, Site};
use faer::linalg::solvers::Solve;
use faer::{Mat, Side};

pub struct Memit {
    /// One fact alone is written exactly, whatever λ: EMMET's constraint needs
    /// softening only among several (ALGORITHMS §4).
    pub one_is_exact: bool,
}

impl Rewrite for Memit {
    fn rewrite(&self, task: &mut Task) -> Result<Made> {
        spread(task, |task, n, keys, lack| {
            let solved = task.factor(n)?.solve_many(keys)?;
            let lambda = match self.one_is_exact && keys.ncols() == 1 {
                true => 0.0,
                false => task.hyper.lambda,
            };
            let gram = keys.transpose() * &solved;
            let gram = Mat::from_fn(gram.nrows(), gram.ncols(), |i, j| {
                // Symmetric but for rounding.
                0.5 * (gram[(i, j)] + gram[(j, i)]) + if i == j { lambda } else { 0.0 }
            });
            let llt = gram.llt(Side::Lower).map_err(|_| EditError::AlikeKeys)?;
            let r = llt.solve(lack.transpose()).transpose().to_owned();
            Ok((r, solved))
        })
    }
}

/// z of every fact at the last of the layers, then each layer's share of what
/// is lacking, from the first layer to the last. `update` gives r and u of a
/// layer from its number among them, K and R.
pub(super) fn spread(
    task: &mut Task,
    update: impl Fn(&Task, usize, &Mat<f64>, &Mat<f64>) -> Result<(Mat<f64>, Mat<f64>)>,
) -> Result<Made> {
    if (task.layers.iter()).any(|&layer| task.decoder.norms_values(layer)) {
        return each_its_own(task, update);
    }
    let last = task.last_layer();
    let site = Site::new(last, Point::ResidPost);
    let (decoder, facts, hyper) = (task.decoder, task.facts, task.hyper);
    let values = value::optimise(decoder, facts, site, hyper, &mut task.probe, &mut task.each)?;
    let d = decoder.config.d;
    let z: Vec<Vec<f64>> = values.iter().map(value::Value::v_star).collect();
    layer_by_layer(task, values, update, |task, decoder, n, _| {
        let h = residuals(decoder, facts, last, &mut task.probe)?;
        let left = (task.layers.len() - n) as f64;
        Ok(Mat::from_fn(d, facts.len(), |i, j| {
            (z[j][i] - h[(i, j)]) / left
        }))
    })
}

/// [`spread`] where a norm stands between W and the residual. What layers write does
/// not add up there, since the norm fixes its length, and eq. 14's shares (Z − H)/(m − i)
/// would reach nothing. So a δ is sought at W's output of every layer, all together, and
/// each layer is then written to its own value: R = V* − (W K + b), with K and W K read
/// where the layers below have been written. With λ → 0, W K + b becomes V* exactly.
fn each_its_own(
    task: &mut Task,
    update: impl Fn(&Task, usize, &Mat<f64>, &Mat<f64>) -> Result<(Mat<f64>, Mat<f64>)>,
) -> Result<Made> {
    let (decoder, facts, hyper) = (task.decoder, task.facts, task.hyper);
    let sites = task
        .layers
        .iter()
        .map(|&layer| Site::new(layer, Point::MlpOut));
    let sites: Vec<Site> = sites.collect();
    if task.layers.len() > 1 && task.last_layer() + 1 == decoder.layers() {
        return Err(EditError::LastLayer(task.last_layer()));
    }
    let values = value::optimise_at(
        decoder,
        facts,
        &sites,
        hyper,
        &mut task.probe,
        &mut task.each,
    )?;
    let d = decoder.config.d;
    let v_star: Vec<Vec<f64>> = values.iter().map(value::Value::v_star).collect();
    layer_by_layer(task, values, update, |task, decoder, n, k| {
        let written = written(decoder, task.layers[n], k)?;
        Ok(Mat::from_fn(d, facts.len(), |i, j| {
            v_star[j][n * d + i] - written[(i, j)]
        }))
    })
}

/// Rewrites the layers one after the other, each on the weights that the ones below have
/// become. `lack` gives R from those weights, the layer's number among them and K.
fn layer_by_layer(
    task: &mut Task,
    values: Vec<value::Value>,
    update: impl Fn(&Task, usize, &Mat<f64>, &Mat<f64>) -> Result<(Mat<f64>, Mat<f64>)>,
    lack: impl Fn(&mut Task, &Decoder, usize, &Mat<f64>) -> Result<Mat<f64>>,
) -> Result<Made> {
    let mut decoder: Decoder = task.decoder.clone();
    let mut deltas = Vec::with_capacity(task.layers.len());
    for (n, &layer) in task.layers.iter().enumerate() {
        let k = keys(&decoder, task.facts, layer, &mut task.probe)?;
        let lack = lack(task, &decoder, n, &k)?;
        let (r, u) = update(task, n, &k, &lack)?;
        let delta = change(layer, &r, &u);
        decoder = stack::on_top(&decoder, &delta)?;
        deltas.push(delta);
    }
    Ok(Made {
        deltas,
        values,
        division_factor: None,
    })
}

/// r uᵀ as it is kept: by its factors, or whole where that is less.
pub(super) fn change(layer: usize, r: &Mat<f64>, u: &Mat<f64>) -> Delta {
    let (d, d_k, rank) = (r.nrows(), u.nrows(), r.ncols());
    if rank * (d + d_k) > d * d_k {
        let whole = u * r.transpose();
        return Delta::dense(layer, row_major(&whole), Vec::new());
    }
    Delta {
        layer,
        r: row_major(r),
        u: row_major(u),
        rank,
        bias: Vec::new(),
    }
}

fn row_major(m: &Mat<f64>) -> Vec<f32> {
    let entries = (0..m.nrows()).flat_map(|i| (0..m.ncols()).map(move |j| (i, j)));
    entries.map(|at| m[at] as f32).collect()
}
