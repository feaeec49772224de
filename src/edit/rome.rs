//! ROME (Meng et al. 2022, §3.1) and r-ROME (Gupta et al. 2024).
//!
//! A fact is a key k (what the MLP's last matrix sees at the subject's last
//! token) mapped to a value. The smallest change, in the metric of C = E[k kᵀ],
//! that maps k to v* is ΔW = r uᵀ with u = C⁻¹k̄ / ‖C⁻¹k̄‖ (eq. 2).

use super::context::{Context, dot, mean, norm, read_at_subject};
use super::error::{EditError, Result};
use super::moment::Factor;
use super::spec::Delta;
use super::task::{Made, Rewrite, Task};
use super::value::{self, Value};
use crate::model::Decoder;
use crate::model::probe::{Point, Probe, Site};

/// Keys and values at the subject's last token, read from the current weights.
#[derive(Clone, Debug)]
pub struct Recalled {
    /// k̄: mean key over contexts, `[d_k]`.
    pub mean_key: Vec<f64>,
    /// ō: mean value over contexts, `[d]`.
    pub mean_value: Vec<f64>,
    /// k_p: the bare prompt's key, `[d_k]`.
    pub key: Vec<f64>,
    /// o_p: the bare prompt's value, `[d]`.
    pub value: Vec<f64>,
}

impl Recalled {
    pub fn read<P: Probe>(
        decoder: &Decoder,
        context: &Context,
        layer: usize,
        probe: &mut P,
    ) -> Result<Recalled> {
        let points = [Point::MlpKey, Point::MlpOut];
        let read = read_at_subject(decoder, &context.rows, layer, &points, probe)?;
        let [keys, values] = read.as_slice() else {
            return Err(EditError::NoTemplates);
        };
        Ok(Recalled {
            mean_key: mean(keys),
            mean_value: mean(values),
            key: keys[0].clone(),
            value: values[0].clone(),
        })
    }
}

/// ROME divides by the bare prompt's key; r-ROME uses the mean key and mean
/// value everywhere, which is what keeps it from wrecking the model.
pub struct Rome {
    /// r-ROME.
    pub one_key: bool,
}

impl Rewrite for Rome {
    fn rewrite(&self, task: &mut Task) -> Result<Made> {
        let layer = task.last_layer();
        let (decoder, facts, hyper) = (task.decoder, task.facts, task.hyper);
        let recalled = Recalled::read(decoder, &facts[0], layer, &mut task.probe)?;
        let site = Site::new(layer, Point::MlpOut);
        let values = value::optimise(decoder, facts, site, hyper, &mut task.probe, &mut task.each)?;
        let factor = task.factor(task.layers.len() - 1)?;
        let (delta, division_factor) = self.update(layer, &recalled, &values[0], factor)?;
        Ok(Made {
            deltas: vec![delta],
            values,
            division_factor: Some(division_factor),
        })
    }
}

impl Rome {
    /// ΔW = r uᵀ that takes the key to v*, and the division factor k·u.
    pub fn update(
        &self,
        layer: usize,
        recalled: &Recalled,
        value: &Value,
        factor: &Factor,
    ) -> Result<(Delta, f64)> {
        let solved = factor.solve(&recalled.mean_key)?;
        let length = norm(&solved);
        let u: Vec<f64> = solved.iter().map(|x| x / length).collect();
        let (key, old) = match self.one_key {
            true => (&recalled.mean_key, &recalled.mean_value),
            false => (&recalled.key, &recalled.value),
        };
        let division_factor = dot(key, &u);
        let orthogonal = division_factor.abs() <= 1e-9 * norm(key);
        if orthogonal || !division_factor.is_finite() {
            return Err(EditError::NoDirection(division_factor));
        }
        let v_star = value.v_star();
        let r: Vec<f64> = v_star
            .iter()
            .zip(old)
            .map(|(v, o)| (v - o) / division_factor)
            .collect();
        Ok((rank_one(layer, &r, &u), division_factor))
    }
}

pub(super) fn rank_one(layer: usize, r: &[f64], u: &[f64]) -> Delta {
    let to_f32 = |v: &[f64]| v.iter().map(|&x| x as f32).collect();
    Delta {
        layer,
        r: to_f32(r),
        u: to_f32(u),
        rank: 1,
        bias: Vec::new(),
    }
}
