//! One edit: finished, or being computed.

use super::Ticket;
use crate::edit::{Delta, EditSpec};
use crate::engine::{EditId, LossStep, Stage};
use crate::measure::{EditReport, Watch};
use crate::session::Beneath;

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
    /// It has to pass checks before it joins the stack.
    pub validated: bool,
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
            validated: false,
            stage: None,
            losses: Vec::new(),
            warnings: Vec::new(),
        }
    }
}
