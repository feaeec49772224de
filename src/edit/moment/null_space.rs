//! The directions that the keys of plain text do not use: what AlphaEdit writes in.

use super::SecondMoment;
use crate::edit::error::{EditError, Result};
use crate::edit::hyper::Hyper;
use faer::{Mat, Side};

/// U₂ `[d_k, q]`: what C leaves free.
pub struct NullSpace {
    pub basis: Mat<f64>,
    /// Largest eigenvalue over smallest, as far as f64 tells.
    pub condition: f64,
}

impl NullSpace {
    /// The eigenvectors of C (without a ridge) below `hyper.threshold`.
    pub fn of(moment: &SecondMoment, hyper: &Hyper) -> Result<NullSpace> {
        let d = moment.d_k;
        let c = Mat::from_fn(d, d, |i, j| moment.c[i * d + j]);
        let eigen = c.self_adjoint_eigen(Side::Lower).map_err(|_| {
            let reason = "its eigenvalues cannot be found".into();
            EditError::Moment {
                path: "(C)".into(),
                reason,
            }
        })?;
        let unit = match hyper.relative_threshold {
            true => moment.mean_diagonal(),
            false => 1.0,
        };
        let limit = hyper.threshold * unit;
        // Ascending.
        let values = eigen.S().column_vector();
        let q = (0..d).take_while(|&i| values[i] < limit).count();
        if q == 0 {
            return Err(EditError::NoNullSpace { limit });
        }
        let (smallest, largest) = (values[0], values[d - 1]);
        Ok(NullSpace {
            basis: eigen.U().subcols(0, q).to_owned(),
            condition: largest / smallest.max(f64::EPSILON * largest),
        })
    }
}
