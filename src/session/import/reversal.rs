//! What was done to a model, taken back: an edit on OTHER that leaves BASE.

use super::Brought;
use crate::edit::Delta;
use crate::measure::forensics::{Comparison, Files, ForensicsError, change_of};

/// Why nothing was taken back.
#[derive(Debug, thiserror::Error)]
pub enum ReversalError {
    #[error(
        "no MLP output matrix differs, and an edit changes nothing else: there is nothing to take back"
    )]
    Nothing,
    #[error(transparent)]
    Forensics(#[from] ForensicsError),
}

/// −ΔW and −Δb of every MLP output that differs. Changes elsewhere stay, and are
/// told as a warning.
pub fn reversal(base: &Files, other: &Files, found: &Comparison) -> Result<Brought, ReversalError> {
    let layers = found.layers();
    if layers.is_empty() {
        return Err(ReversalError::Nothing);
    }
    let deltas = layers
        .into_iter()
        .map(|layer| Ok(negated(change_of(base, other, &found.changes, layer)?)))
        .collect::<Result<_, ForensicsError>>()?;
    let measured = found.changes.iter().filter(|change| change.norm.is_some());
    let reached = measured.filter(|c| c.down_of.or(c.bias_of).is_some());
    let left = found.changes.len() - reached.count()
        + found.reshaped.len()
        + found.only_base.len()
        + found.only_other.len();
    let warnings = match left {
        0 => Vec::new(),
        left => vec![format!(
            "{} beside the MLPs' output matrices and will stay: the model does not become \
             {} by this",
            if left == 1 {
                "1 tensor differs".into()
            } else {
                format!("{left} tensors differ")
            },
            found.base
        )],
    };
    Ok(Brought {
        origin: format!("back to {}", found.base),
        deltas,
        warnings,
    })
}

fn negated(mut delta: Delta) -> Delta {
    // Of factors one side turns; a dense change is all in `u`.
    let side = match delta.is_dense() {
        true => &mut delta.u,
        false => &mut delta.r,
    };
    let values = side.iter_mut().chain(&mut delta.bias);
    values.for_each(|x| *x = -*x);
    delta
}
