//! What was seen of the open model and is still true: nothing here is computed
//! twice. Each entry knows for itself which weights it is of.

use super::spec::EditId;
use crate::edit::overlap::Keys;
use crate::measure::probes::Probes;
use crate::measure::rescore::Rescore;
use std::cell::Cell;
use std::collections::BTreeMap;

/// Taken out while a job works on it and put back after, whatever the job came
/// to: a cancelled one has done part of the work.
#[derive(Default)]
pub struct Kept {
    /// The probes that were watched last.
    pub probes: Cell<Option<Probes>>,
    /// The facts of the edits in the stack.
    pub facts: Cell<Option<Facts>>,
    /// ‖W₀‖ of the layers, from the first.
    pub norms: Cell<Vec<f64>>,
    /// Keys of an edit at a layer, in the metric of C or plain.
    pub keys: BTreeMap<KeysOf, Keys>,
    /// The templates that were written last.
    pub templates: Vec<(Written, Vec<String>)>,
}

/// The edits of a layer in order, by the numbers of their making, with the bits
/// of their α.
pub type Recipe = Vec<(u64, u64)>;

/// What templates depend on.
#[derive(Clone, Debug, PartialEq)]
pub struct Written {
    /// The weights that wrote them.
    pub on: BTreeMap<usize, Recipe>,
    pub seed: u32,
    /// MEMIT's few, instead of ROME's twenty.
    pub few: bool,
}

/// The edit as it was made, the layer, and whether C was known.
pub type KeysOf = (Made, usize, bool);

/// An edit by its id and the number of its making: one that is made again has
/// other factors under the same id.
pub type Made = (EditId, u64);

/// What each edit should have made the model say.
pub struct Facts {
    pub edits: Vec<Made>,
    /// Edit by edit, so many asks each.
    pub counts: Vec<usize>,
    pub asks: Rescore,
}

/// What is in `cell` while `work` is at it.
pub fn with<T, R>(cell: &Cell<Option<T>>, value: T, work: impl FnOnce(&mut T) -> R) -> R {
    let mut value = value;
    let result = work(&mut value);
    cell.set(Some(value));
    result
}
