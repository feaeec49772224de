//! What was seen of the open model and is still true: nothing here is computed
//! twice. Each entry knows for itself which weights it is of.

use super::spec::EditId;
use crate::edit::overlap::Keys;
use crate::measure::Probe;
use crate::measure::probes::Probes;
use crate::measure::rescore::Rescore;
use std::collections::BTreeMap;
use std::mem::take;
use std::sync::{Mutex, PoisonError};

/// Taken out while a job works on it and put back after, whatever the job came
/// to: a cancelled one has done part of the work.
#[derive(Default)]
pub struct Kept {
    /// The probes that were watched last.
    pub probes: Place<Option<Probes>>,
    /// What some probes said of the stacks they were asked on.
    pub past: Past,
    /// The facts of the edits in the stack.
    pub facts: Place<Option<Facts>>,
    /// ‖W₀‖ of the layers, from the first.
    pub norms: Place<Vec<f64>>,
    /// Keys of an edit at a layer, in the metric of C or plain.
    pub keys: BTreeMap<KeysOf, Keys>,
    /// The templates that were written last.
    pub templates: Vec<(Written, Vec<String>)>,
}

/// Where something is taken out of and put back.
#[derive(Default)]
pub struct Place<T>(Mutex<T>);

impl<T: Default> Place<T> {
    /// Leaves nothing.
    pub fn take(&self) -> T {
        take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn set(&self, value: T) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = value;
    }
}

/// The edits of a layer in order, by the numbers of their making, with the bits
/// of their α.
pub type Recipe = Vec<(u64, u64)>;

/// What the same probes said on one stack after another: p(expected) by what the
/// edited layers were made of.
#[derive(Default)]
pub struct Past {
    probes: Vec<Probe>,
    said: Vec<(Recipes, Vec<f64>)>,
}

/// What the edited layers of some weights are made of.
pub type Recipes = BTreeMap<usize, Recipe>;

impl Past {
    /// Stacks that are remembered; the oldest goes first.
    const MOST: usize = 64;

    /// What `probes` said of these weights, if they were the ones asked last.
    pub fn of(&self, probes: &[Probe], weights: &Recipes) -> Option<&[f64]> {
        let mut said = self.said.iter().filter(|_| self.probes == probes);
        let found = said.find(|(recipes, _)| recipes == weights)?;
        Some(&found.1)
    }

    pub fn remember(&mut self, probes: &[Probe], weights: &Recipes, p: Vec<f64>) {
        if self.probes != probes {
            *self = Past {
                probes: probes.to_vec(),
                said: Vec::new(),
            };
        }
        self.said.retain(|(recipes, _)| recipes != weights);
        if self.said.len() == Self::MOST {
            self.said.remove(0);
        }
        self.said.push((weights.clone(), p));
    }
}

/// What templates depend on.
#[derive(Clone, Debug, PartialEq)]
pub struct Written {
    /// The weights that wrote them.
    pub on: Recipes,
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

/// What belongs in `place` while `work` is at it.
pub fn with<T, R>(place: &Place<Option<T>>, value: T, work: impl FnOnce(&mut T) -> R) -> R {
    let mut value = value;
    let result = work(&mut value);
    place.set(Some(value));
    result
}
