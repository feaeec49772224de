//! The stack of edits: declared here, carried out by the engine. Undo, redo,
//! toggling and scaling all say which stack is wanted; the weights follow.

use super::Ticket;
use super::check::Check;
use super::record::{EditRecord, Making};
use crate::edit::stack::ALPHA;
use crate::engine::{EditId, Stacked};
use crate::session::Beneath;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug, Default)]
pub struct Edits {
    pub records: BTreeMap<EditId, EditRecord>,
    /// In the order they are applied.
    pub stack: Vec<Stacked>,
    past: Vec<Vec<Stacked>>,
    future: Vec<Vec<Stacked>>,
    /// Scaling one edit many times is one step to undo.
    scaling: Option<EditId>,
    /// The edit that was left on alone, and those that were on before it was.
    soloed: Option<(EditId, Vec<EditId>)>,
    /// Row of the stack the cursor is on.
    pub cursor: usize,
    /// What the engine found of the stack.
    pub check: Check,
    /// Edits that run or wait, oldest first.
    pub making: Vec<Making>,
    /// The hash of the weights as they are, where the engine told it.
    pub hash: Option<String>,
    /// The newest stack request; older answers do not count.
    pub ticket: Option<Ticket>,
    /// The probes and continuations on the screen belong to the stack already
    /// (they came with the edit, or with the session's file).
    pub looked: bool,
    last_id: EditId,
}

/// How far one key press scales an edit.
const STEP: f64 = 0.1;

impl Edits {
    pub fn next_id(&mut self) -> EditId {
        self.last_id += 1;
        self.last_id
    }

    /// Ids up to this one are taken.
    pub fn reserve(&mut self, id: EditId) {
        self.last_id = self.last_id.max(id);
    }

    /// The edits that are on, in order.
    pub fn on(&self) -> Vec<EditId> {
        self.active().map(|s| s.id).collect()
    }

    /// What an edit made now would stand on.
    pub fn ground(&self) -> Vec<Beneath> {
        Beneath::runs(self.active().map(|s| (s.id, s.alpha)))
    }

    fn active(&self) -> impl Iterator<Item = &Stacked> {
        self.stack.iter().filter(|s| s.on && s.alpha != 0.0)
    }

    /// Whether the stack holds edits that the engine is still making again.
    pub fn incomplete(&self) -> bool {
        self.making.iter().any(|m| m.again)
    }

    pub fn selected(&self) -> Option<Stacked> {
        self.stack.get(self.cursor).copied()
    }

    pub fn selected_record(&self) -> Option<&EditRecord> {
        self.records.get(&self.selected()?.id)
    }

    /// The layer that the stack's screen looks at: the user's, else the last one
    /// of the selected edit.
    pub fn shown_layer(&self) -> Option<usize> {
        let own = || Some(self.selected_record()?.report.layer);
        self.check.layer.or_else(own)
    }

    /// A finished edit joins the stack, or fills the place kept for it.
    pub fn push(&mut self, stacked: Stacked, record: EditRecord) {
        if self.records.insert(stacked.id, record).is_some() {
            return;
        }
        self.remember();
        self.stack.push(stacked);
        self.cursor = self.stack.len() - 1;
    }

    /// Takes an edit out as if it had never been.
    pub fn forget(&mut self, id: EditId) {
        self.records.remove(&id);
        for stack in self.past.iter_mut().chain(&mut self.future) {
            stack.retain(|s| s.id != id);
        }
        self.stack.retain(|s| s.id != id);
        self.cursor = self.cursor.min(self.stack.len().saturating_sub(1));
    }

    /// Replaces everything by what a session file holds.
    pub fn replace(&mut self, edits: Vec<(Stacked, EditRecord)>) {
        *self = Edits {
            last_id: self.last_id,
            ..Edits::default()
        };
        for (stacked, record) in edits {
            self.last_id = self.last_id.max(stacked.id);
            self.records.insert(stacked.id, record);
            self.stack.push(stacked);
        }
        self.cursor = self.stack.len().saturating_sub(1);
    }

    /// Switches the selected edit on or off; whether there was one.
    pub fn toggle(&mut self) -> bool {
        self.change(|selected| selected.on = !selected.on)
    }

    /// Scales the selected edit by so many steps; whether that was possible.
    pub fn scale(&mut self, steps: f64) -> bool {
        let Some(Stacked { id, alpha, .. }) = self.selected() else {
            return false;
        };
        let wanted = (alpha / STEP + steps).round() * STEP;
        // Never −0.
        let wanted = wanted.clamp(*ALPHA.start(), *ALPHA.end()) + 0.0;
        if wanted == alpha {
            return false;
        }
        let merged = self.scaling == Some(id);
        let before = self.past.len();
        let done = self.change(|s| s.alpha = wanted);
        if merged {
            self.past.truncate(before);
        }
        self.scaling = Some(id);
        done
    }

    /// The whole stack at once: another order, other αs, some off.
    pub fn arrange(&mut self, stack: Vec<Stacked>) {
        self.remember();
        self.stack = stack;
        self.cursor = self.cursor.min(self.stack.len().saturating_sub(1));
    }

    /// Scales the selected edit to `alpha`, which is in its range.
    pub fn scale_to(&mut self, alpha: f64) -> bool {
        self.change(|s| s.alpha = alpha)
    }

    /// Leaves only the selected edit on; once more: those that were on before.
    /// Nothing where it is alone from the start.
    pub fn solo(&mut self) -> bool {
        let Some(id) = self.selected().map(|s| s.id) else {
            return false;
        };
        let before = self.soloed.take().filter(|(only, _)| self.alone(*only));
        let on = match before {
            Some((only, on)) if only == id => {
                self.remember();
                self.stack
                    .iter_mut()
                    .for_each(|s| s.on = on.contains(&s.id));
                return true;
            }
            // From one to the next: the way back is to what was on at first.
            Some((_, on)) => on,
            None if self.alone(id) => return false,
            None => {
                let on = self.stack.iter().filter(|s| s.on);
                on.map(|s| s.id).collect()
            }
        };
        self.remember();
        self.stack.iter_mut().for_each(|s| s.on = s.id == id);
        self.soloed = Some((id, on));
        true
    }

    /// The edit that `solo` left on alone, as long as it is.
    pub fn soloed(&self) -> Option<EditId> {
        let (only, _) = self.soloed.as_ref()?;
        self.alone(*only).then_some(*only)
    }

    /// Whether this edit is on and no other.
    fn alone(&self, id: EditId) -> bool {
        let as_alone = |s: &Stacked| s.on == (s.id == id);
        self.stack.iter().any(|s| s.id == id) && self.stack.iter().all(as_alone)
    }

    /// Moves the selected edit to another place, `by` rows down.
    pub fn shift(&mut self, by: isize) -> bool {
        let to = self.cursor.checked_add_signed(by);
        let Some(to) = to.filter(|to| (*to).max(self.cursor) < self.stack.len()) else {
            return false;
        };
        self.remember();
        self.stack.swap(self.cursor, to);
        self.cursor = to;
        true
    }

    /// The selected edit's factors once more, as an edit of its own under it:
    /// at once, and off, because two on would write it twice.
    pub fn duplicate(&mut self) -> Option<EditId> {
        let selected = self.selected()?;
        let record = self.records.get(&selected.id)?;
        let record = Some(record.clone()).filter(|r| !r.deltas.is_empty())?;
        self.remember();
        let id = self.next_id();
        self.records.insert(id, record);
        self.cursor += 1;
        let copy = Stacked {
            id,
            on: false,
            ..selected
        };
        self.stack.insert(self.cursor, copy);
        Some(id)
    }

    /// Takes the selected edit off the stack.
    pub fn drop_selected(&mut self) -> bool {
        if self.selected().is_none() {
            return false;
        }
        self.remember();
        self.stack.remove(self.cursor);
        self.cursor = self.cursor.min(self.stack.len().saturating_sub(1));
        true
    }

    /// All off where any is on, else all on: a look at the base model and back.
    pub fn toggle_all(&mut self) -> bool {
        if self.stack.is_empty() {
            return false;
        }
        self.remember();
        let on = !self.stack.iter().any(|s| s.on);
        self.stack.iter_mut().for_each(|s| s.on = on);
        true
    }

    pub fn undo(&mut self) -> bool {
        let Some(stack) = self.past.pop() else {
            return false;
        };
        let left = self.settle(stack);
        self.future.push(left);
        true
    }

    pub fn redo(&mut self) -> bool {
        let Some(stack) = self.future.pop() else {
            return false;
        };
        let left = self.settle(stack);
        self.past.push(left);
        true
    }

    pub fn can_undo(&self) -> bool {
        !self.past.is_empty()
    }

    fn change(&mut self, change: impl FnOnce(&mut Stacked)) -> bool {
        if self.cursor >= self.stack.len() {
            return false;
        }
        self.remember();
        change(&mut self.stack[self.cursor]);
        true
    }

    fn remember(&mut self) {
        self.past.push(self.stack.clone());
        self.future.clear();
        self.scaling = None;
    }

    /// Puts `stack` in place and the cursor where it differs; gives back what
    /// was there.
    fn settle(&mut self, stack: Vec<Stacked>) -> Vec<Stacked> {
        self.scaling = None;
        let same = stack.iter().zip(&self.stack).take_while(|(a, b)| a == b);
        self.cursor = same.count().min(stack.len().saturating_sub(1));
        std::mem::replace(&mut self.stack, stack)
    }

    /// Edits that `id` was computed on top of and that are not on any more.
    pub fn missing_ground(&self, id: EditId) -> Vec<EditId> {
        let on: BTreeSet<EditId> = self.active().map(|s| s.id).collect();
        let ground = self.records.get(&id).map_or(&[][..], |r| &r.made_on);
        let ground = ground.iter().flat_map(Beneath::each).map(|(id, _)| id);
        ground.filter(|id| !on.contains(id)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edit::{Delta, EditSpec};
    use crate::measure::{EditReport, Watch};

    fn record(made_on: Vec<Beneath>) -> EditRecord {
        EditRecord {
            spec: EditSpec::default(),
            watch: Watch::default(),
            made_on,
            report: EditReport::default(),
            deltas: vec![],
        }
    }

    fn two() -> Edits {
        let mut edits = Edits::default();
        for _ in 0..2 {
            let (id, on) = (edits.next_id(), edits.ground());
            let stacked = Stacked {
                id,
                alpha: 1.0,
                on: true,
            };
            edits.push(stacked, record(on));
        }
        edits
    }

    #[test]
    fn undo_and_redo_walk_the_same_path() {
        let mut edits = two();
        edits.toggle();
        let end = edits.stack.clone();
        assert!(edits.undo() && edits.undo() && edits.undo());
        assert!(edits.stack.is_empty() && !edits.undo());
        assert!(edits.redo() && edits.redo() && edits.redo());
        assert!(!edits.redo());
        assert_eq!(edits.stack, end);
    }

    #[test]
    fn a_new_change_forgets_the_future() {
        let mut edits = two();
        edits.undo();
        edits.toggle();
        assert!(!edits.redo());
    }

    #[test]
    fn scaling_is_one_step_and_bounded() {
        let mut edits = two();
        for _ in 0..50 {
            edits.scale(-1.0);
        }
        assert_eq!(edits.selected().unwrap().alpha, -1.0);
        assert!(!edits.scale(-1.0), "it is at its end");
        edits.scale(1.0);
        assert_eq!(edits.selected().unwrap().alpha, -0.9);
        assert!(edits.undo());
        assert_eq!(edits.selected().unwrap().alpha, 1.0);
        for _ in 0..50 {
            edits.scale(1.0);
        }
        assert_eq!(edits.selected().unwrap().alpha, 2.0);
    }

    fn on(edits: &Edits) -> Vec<bool> {
        edits.stack.iter().map(|s| s.on).collect()
    }

    #[test]
    fn solo_goes_from_one_to_the_next_and_back_to_what_was_on() {
        let mut edits = two();
        assert!(edits.solo());
        assert_eq!((on(&edits), edits.soloed()), (vec![false, true], Some(2)));
        edits.cursor = 0;
        assert!(edits.solo());
        assert_eq!((on(&edits), edits.soloed()), (vec![true, false], Some(1)));
        assert!(edits.solo());
        assert_eq!((on(&edits), edits.soloed()), (vec![true, true], None));
        for _ in 0..3 {
            assert!(edits.undo());
        }
        assert_eq!(on(&edits), [true, true]);
        // Alone from the start there is nothing to go back to.
        edits.toggle();
        edits.cursor = 1;
        assert!(!edits.solo());
        // A change in between makes it another solo.
        edits.cursor = 0;
        edits.solo();
        edits.cursor = 1;
        edits.toggle();
        edits.cursor = 0;
        edits.solo();
        edits.solo();
        assert_eq!(on(&edits), [true, true]);
    }

    #[test]
    fn edits_change_places_and_come_back() {
        let mut edits = two();
        let ids = |edits: &Edits| edits.stack.iter().map(|s| s.id).collect::<Vec<_>>();
        assert!(!edits.shift(1), "it is the last");
        assert!(edits.shift(-1) && !edits.shift(-1));
        assert_eq!((ids(&edits), edits.cursor), (vec![2, 1], 0));
        assert!(edits.undo());
        assert_eq!(ids(&edits), [1, 2]);
    }

    #[test]
    fn a_copy_is_off_and_stands_for_itself() {
        let mut edits = two();
        assert_eq!(edits.duplicate(), None, "without factors there is none");
        let delta = Delta::dense(0, vec![1.0], vec![]);
        edits.records.get_mut(&1).unwrap().deltas = vec![delta];
        edits.cursor = 0;
        assert_eq!(edits.duplicate(), Some(3));
        assert_eq!((on(&edits), edits.cursor), (vec![true, false, true], 1));
        edits.drop_selected();
        assert!(edits.undo() && edits.undo());
        assert_eq!(edits.stack.len(), 2);
        assert!(edits.redo());
        assert_eq!(
            edits.selected().unwrap().id,
            3,
            "the cursor is at what changed"
        );
    }

    #[test]
    fn an_edit_says_which_ground_it_lost() {
        let mut edits = two();
        assert!(edits.missing_ground(2).is_empty());
        edits.cursor = 0;
        edits.toggle();
        assert_eq!(edits.missing_ground(2), [1]);
    }
}
