//! A concept that is erased, and the switch through which it is looked at.

use super::{State, Ticket};
use crate::measure::erase::{EraseReport, EraseSpec, OwnFact, Switched};
use crate::session::Beneath;

#[derive(Clone, Debug, Default)]
pub struct EraseView {
    /// The newest job; older answers do not count.
    pub ticket: Option<Ticket>,
    /// What was asked, and the edits that were on.
    pub asked: Option<(EraseSpec, Vec<Beneath>)>,
    pub report: Option<Box<EraseReport>>,
    /// The edits that it was made with.
    pub made_on: Vec<Beneath>,
    /// Why there is none.
    pub problem: Option<String>,
    /// Whether what is shown is erased.
    pub on: bool,
    pub cursor: usize,
}

impl EraseView {
    /// Unedited and, where an edit is on, edited.
    pub fn sides(&self) -> Vec<&Switched> {
        let report = self.report.iter();
        report
            .flat_map(|report| [Some(&report.base), report.edited.as_ref()])
            .flatten()
            .collect()
    }

    pub fn move_by(&mut self, by: isize) {
        let rows = self.sides().first().map_or(0, |side| side.neighbours.len());
        self.cursor = self
            .cursor
            .saturating_add_signed(by)
            .min(rows.saturating_sub(1));
    }
}

impl State {
    /// What is to be erased: the concept of the selected edit's fact, else that of the
    /// fact as far as it is written.
    pub fn erase_question(&self) -> Option<EraseSpec> {
        let made = self.edits.selected_record();
        let fact = match made.filter(|record| !record.spec.is_imported()) {
            Some(record) => OwnFact {
                prompt: record.spec.request.text(),
                subject: record.spec.request.subject.clone(),
                old: record.spec.true_answer.clone().unwrap_or_default(),
                new: record.spec.request.target.clone(),
            },
            None => {
                let request = self.fact.request().ok()?;
                OwnFact {
                    prompt: request.text(),
                    subject: request.subject,
                    old: self.fact.named_answer().unwrap_or_default(),
                    new: request.target,
                }
            }
        };
        Some(EraseSpec {
            layer: self.edit_layer(),
            fact: Some(fact),
            top: self.settings.top,
            ..EraseSpec::default()
        })
    }
}
