//! Override or erasure, the other way round: what the model would say had its
//! residuals really lost a concept. LEACE (Belrose et al. 2023) erases one with a
//! guarantee: no linear probe finds it. Beside an edit, which overrides the old
//! answer and leaves it to be found, it is the contrast that has a proof.
//!
//! The eraser is fitted on the unedited model's residuals after one layer, at one
//! position of labelled prompts, and applied there at every position, with the
//! edits and without them.

mod data;
mod error;
mod examples;
mod file;
mod hook;
pub mod lbfgs;
pub mod leace;
pub mod logistic;
mod probes;
mod read;
#[cfg(test)]
mod tests;
mod words;

pub use data::{
    Accuracy, Both, Class, EraseReport, EraseSpec, Examples, Fresh, Labelled, Neighbour, OwnFact,
    Position, Probed, Reading, Switched,
};
pub use error::EraseError;
pub use examples::OTHER;
pub use file::labelled;
pub use hook::Erasing;

use crate::facts::World;
use crate::model::probe::Probe;
use crate::model::{Decoder, Tokens};
use error::Result;
use examples::Set;
use leace::{Eraser, dependence};
use probes::{Halves, Parts};
use read::Reader;

/// Below this share of what it was, ‖Σ_xz‖ is the rounding of f64.
const ROUNDING: f64 = 1e-9;

/// What the passes need around them.
pub struct Around<'a, P> {
    pub tokens: &'a Tokens,
    pub world: &'a World,
    /// Stops a pass between layers.
    pub brake: P,
    /// Whether to stop, asked where no pass runs.
    pub stop: &'a dyn Fn() -> bool,
    /// Sees how much is done, of how much.
    pub each: &'a mut dyn FnMut(usize, usize),
}

/// Fits an eraser and a probe on residuals of `base`, and shows what erasing does to
/// the fact, its neighbours and plain text on `base` and, where it differs, `edited`.
///
/// # Errors
/// Too few labelled prompts or labels, a layer that is not there, an option out of
/// its range; `Cancelled` where the brake or `stop` says so.
pub fn erase<P: Probe>(
    [base, edited]: [&Decoder; 2],
    spec: &EraseSpec,
    around: &mut Around<P>,
) -> Result<EraseReport> {
    check(spec)?;
    let layer = spec.layer.unwrap_or(base.layers() / 2);
    if layer >= base.layers() {
        return Err(EraseError::NoSuchLayer {
            layer,
            last: base.layers() - 1,
        });
    }
    let set = Set::new(around.tokens, around.world, spec)?;
    let is_edited = edited.first_difference(base).is_some();
    let mut reader = Reader::new(spec, layer, &set, is_edited, around);
    let [fitted, held_out] = reader.residuals(base, &set)?;
    let parts = Parts::new(&set, fitted, held_out);
    let classes = set.classes.len();
    let eraser = Eraser::fit(&parts.fitted, &parts.fitted_labels, classes, spec.fit())?;
    reader.step();
    let erased = parts.erased(&eraser);
    let covariance = Both {
        before: dependence(&parts.fitted, &parts.fitted_labels, classes),
        after: dependence(&erased.fitted, &erased.fitted_labels, classes),
    };
    let view = logistic::View::of(&parts.fitted);
    let fit = |parts: &Parts| parts.probe(classes, &view, spec.l2, &mut || reader.stopped());
    let before = fit(&parts)?;
    let after = fit(&erased)?;
    let halves = Halves::of(&set);
    let fresh = match &halves {
        Some(halves) => Some(Fresh {
            majority: halves.majority(),
            before: halves.accuracy(&parts, spec.l2, &mut || reader.stopped())?,
            after: halves.accuracy(&erased, spec.l2, &mut || reader.stopped())?,
        }),
        None => None,
    };
    reader.step();
    let own_row = match &spec.fact {
        Some(fact) => Some(examples::own_row(reader.tokens(), fact, spec.position)?),
        None => None,
    };
    let hook = Erasing::new(&eraser, layer, base.device())?;
    let mut switched =
        |decoder: &Decoder| reader.switched(decoder, own_row.as_ref(), (&eraser, &hook), &before);
    let on_base = switched(base)?;
    let on_edited = match is_edited {
        true => Some(switched(edited)?),
        false => None,
    };
    let mut report = EraseReport {
        model: String::new(),
        layer,
        position: spec.position,
        relation: set.relation.clone(),
        subjects: set.subjects_of(&set.fitted) + set.subjects_of(&set.held_out),
        fitted_subjects: set.subjects_of(&set.fitted),
        prompts: set.fitted.len() + set.held_out.len(),
        d: base.config.d,
        rank: eraser.rank(),
        singular_values: eraser.kept.clone(),
        dropped: eraser.dropped,
        own_share: eraser.own_share,
        guaranteed: covariance.after <= ROUNDING * covariance.before,
        cross_covariance: covariance,
        majority: parts.majority(&set),
        probe: Both {
            before: parts.probed(&before),
            after: erased.probed(&after),
        },
        fresh,
        fact: spec.fact.clone(),
        base: on_base,
        edited: on_edited,
        classes: set.classes,
        sentence: String::new(),
        warnings: Vec::new(),
    };
    report.warnings = words::warnings(&report);
    report.sentence = words::sentence(&report);
    Ok(report)
}

fn check(spec: &EraseSpec) -> Result<()> {
    let option = |what, value: f64, wanted, fits: bool| match fits {
        true => Ok(()),
        false => Err(EraseError::Option {
            what,
            value,
            wanted,
        }),
    };
    let (t, l2, held) = (spec.tolerance, spec.l2, spec.held_out);
    option("the tolerance", t, "0 or more", t >= 0.0 && t.is_finite())?;
    option("the penalty", l2, "more than 0", l2 > 0.0 && l2.is_finite())?;
    let inside = held > 0.0 && held < 1.0;
    option("the share held out", held, "between 0 and 1", inside)
}
