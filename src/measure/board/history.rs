//! What the probes said after each edit of a stack.

use crate::measure::ProbeRow;
use serde::Serialize;

/// p(expected) of some probes on the unedited model and as the edits of a stack
/// that are on came one by one, each as it is scaled now.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct History {
    /// From the unedited model to the whole stack.
    pub states: Vec<State>,
    /// `[probe][state]`.
    pub p: Vec<Vec<f64>>,
}

/// The stack up to an edit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct State {
    /// The last edit that is in it; `None`: none is.
    pub edit: Option<u64>,
    pub alpha: Option<f64>,
}

impl History {
    /// What is known of a probe.
    pub fn of(&self, probe: usize) -> &[f64] {
        self.p.get(probe).map_or(&[], Vec::as_slice)
    }

    /// Rows in the order in which the history has them, each with what is known.
    pub fn beside<'a>(
        &'a self,
        rows: &'a [ProbeRow],
    ) -> impl Iterator<Item = (&'a ProbeRow, &'a [f64])> {
        (0..).zip(rows).map(|(at, row)| (row, self.of(at)))
    }
}
