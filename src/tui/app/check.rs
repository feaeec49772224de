//! What the engine found of the stack: whether each edit still holds, which
//! layers moved, and which edits are in each other's way.

use super::Ticket;
use crate::edit::overlap::CROWDED;
use crate::engine::{EditId, LayerOverlaps, LayerWeights, Overlap, StackCheck};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug, Default)]
pub struct Check {
    /// The newest job; older answers do not count.
    pub ticket: Option<Ticket>,
    /// p(target) of each edit as the weights are.
    pub held: BTreeMap<EditId, f64>,
    /// As it was when a new edit came, until it is told what that did.
    pub before: Option<BTreeMap<EditId, f64>>,
    pub layers: Vec<LayerWeights>,
    pub overlaps: Vec<LayerOverlaps>,
    /// The layer that is looked at; `None`: the selected edit's.
    pub layer: Option<usize>,
}

impl Check {
    /// A new edit comes into the stack.
    pub fn joined(&mut self) {
        let held = &self.held;
        self.before.get_or_insert_with(|| held.clone());
    }

    pub fn take(&mut self, found: StackCheck) {
        self.ticket = None;
        self.held = found.held.into_iter().collect();
        self.layers = found.layers;
        if let Some(overlaps) = found.overlaps {
            self.overlaps = overlaps;
        }
    }

    /// Whether the overlaps of all these edits are known. They depend on the
    /// edits' facts alone, not on order or α.
    pub fn knows(&self, mut edits: impl Iterator<Item = EditId>) -> bool {
        let known = self.overlaps.iter().flat_map(|of| &of.ids);
        let known: BTreeSet<EditId> = known.copied().collect();
        edits.all(|id| known.contains(&id))
    }

    /// The overlaps at a layer, where edits are there.
    pub fn at(&self, layer: usize) -> Option<&LayerOverlaps> {
        self.overlaps.iter().find(|of| of.layer == layer)
    }

    /// Of edits that are on the one whose key is nearest to this one's, if it
    /// is in its way.
    pub fn crowded(&self, id: EditId, on: &[EditId]) -> Option<(EditId, Overlap)> {
        let pairs = self.overlaps.iter().flat_map(|of| {
            let own = of.ids.iter().position(|known| *known == id);
            let row = own.and_then(|own| of.pairs.get(own)).into_iter().flatten();
            of.ids.iter().copied().zip(row.copied())
        });
        pairs
            .filter(|(other, overlap)| *other != id && overlap.cosine.abs() > CROWDED)
            .filter(|(other, _)| on.contains(other))
            .max_by(|a, b| a.1.cosine.abs().total_cmp(&b.1.cosine.abs()))
    }
}

/// What the key of `row` has to do with that of `column`.
pub fn pair(of: &LayerOverlaps, row: EditId, column: EditId) -> Option<Overlap> {
    let place = |id| of.ids.iter().position(|known| *known == id);
    let (row, column) = (place(row)?, place(column)?);
    of.pairs.get(row)?.get(column).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_edit_that_is_on_is_in_the_way() {
        let pair = |cosine| Overlap {
            cosine,
            share: cosine,
        };
        let check = Check {
            overlaps: vec![LayerOverlaps {
                layer: 3,
                in_c: true,
                ids: vec![4, 5, 6],
                pairs: vec![
                    vec![pair(1.0), pair(-0.8), pair(0.6)],
                    vec![pair(-0.8), pair(1.0), pair(0.4)],
                    vec![pair(0.6), pair(0.4), pair(1.0)],
                ],
            }],
            ..Check::default()
        };
        let other = |id, on: &[EditId]| check.crowded(id, on).map(|(other, _)| other);
        assert_eq!(other(4, &[4, 5, 6]), Some(5));
        assert_eq!(other(4, &[4, 6]), Some(6));
        assert_eq!(other(5, &[5, 6]), None);
        assert!(check.knows([4, 6].into_iter()) && !check.knows([7].into_iter()));
    }
}
