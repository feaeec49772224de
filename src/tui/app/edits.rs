//! The stack of edits: declared here, carried out by the engine. Undo, redo,
//! toggling and scaling all say which stack is wanted; the weights follow.

use super::Ticket;
use crate::edit::{Delta, EditSpec};
use crate::engine::{EditId, LossStep, Stacked, Stage};
use crate::measure::{EditReport, Watch};
use crate::session::Beneath;
use std::collections::BTreeMap;

/// A finished edit.
#[derive(Clone, Debug, PartialEq)]
pub struct EditRecord {
    pub spec: EditSpec,
    pub watch: Watch,
    /// The edits that were on when it was computed; it stays as it was computed.
    pub made_on: Vec<Beneath>,
    pub report: EditReport,
    pub deltas: Vec<Delta>,
}

/// An edit being computed.
#[derive(Clone, Debug, PartialEq)]
pub struct Making {
    pub ticket: Ticket,
    pub id: EditId,
    pub spec: EditSpec,
    pub watch: Watch,
    pub made_on: Vec<Beneath>,
    pub stage: Option<Stage>,
    pub losses: Vec<LossStep>,
    pub warnings: Vec<String>,
    /// It is in the stack already: its session came without its factors.
    pub again: bool,
}

impl Making {
    pub fn new(
        ticket: Ticket,
        id: EditId,
        spec: EditSpec,
        watch: Watch,
        made_on: Vec<Beneath>,
    ) -> Self {
        Making {
            ticket,
            id,
            spec,
            watch,
            made_on,
            again: false,
            stage: None,
            losses: Vec::new(),
            warnings: Vec::new(),
        }
    }
}

#[derive(Clone, Debug, Default)]
pub struct Edits {
    pub records: BTreeMap<EditId, EditRecord>,
    /// In the order they are applied.
    pub stack: Vec<Stacked>,
    past: Vec<Vec<Stacked>>,
    future: Vec<Vec<Stacked>>,
    /// Scaling one edit many times is one step to undo.
    scaling: Option<EditId>,
    /// Row of the stack the cursor is on.
    pub cursor: usize,
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

/// How far one key press scales an edit, and between which bounds.
const STEP: f64 = 0.1;
const ALPHA: (f64, f64) = (0.0, 3.0);

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
        self.ground().iter().map(|b| b.id).collect()
    }

    /// What an edit made now would stand on.
    pub fn ground(&self) -> Vec<Beneath> {
        let on = self.stack.iter().filter(|s| s.on && s.alpha != 0.0);
        let beneath = |s: &Stacked| Beneath {
            id: s.id,
            alpha: s.alpha,
        };
        on.map(beneath).collect()
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

    /// Scales the selected edit by so many steps.
    pub fn scale(&mut self, steps: f64) -> bool {
        let Some(id) = self.selected().map(|s| s.id) else {
            return false;
        };
        let merged = self.scaling == Some(id);
        let before = self.past.len();
        let done = self.change(|s| {
            s.alpha = ((s.alpha / STEP + steps).round() * STEP).clamp(ALPHA.0, ALPHA.1);
        });
        if merged {
            self.past.truncate(before);
        }
        self.scaling = Some(id);
        done
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
        self.future.push(std::mem::replace(&mut self.stack, stack));
        self.settle();
        true
    }

    pub fn redo(&mut self) -> bool {
        let Some(stack) = self.future.pop() else {
            return false;
        };
        self.past.push(std::mem::replace(&mut self.stack, stack));
        self.settle();
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

    fn settle(&mut self) {
        self.scaling = None;
        self.cursor = self.stack.len().saturating_sub(1);
    }

    /// Edits that `id` was computed on top of and that are not on any more.
    pub fn missing_ground(&self, id: EditId) -> Vec<EditId> {
        let on = self.on();
        let ground = self.records.get(&id).map_or(&[][..], |r| &r.made_on);
        let ground = ground.iter().map(|beneath| beneath.id);
        ground.filter(|id| !on.contains(id)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(edits.selected().unwrap().alpha, 0.0);
        edits.scale(1.0);
        assert_eq!(edits.selected().unwrap().alpha, 0.1);
        assert!(edits.undo());
        assert_eq!(edits.selected().unwrap().alpha, 1.0);
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
