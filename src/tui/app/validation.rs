//! An edit that has to prove itself, as the checks come in.

use super::Ticket;
use crate::edit::{Method, Request};
use crate::measure::validate::{Attempt, Candidates, Case, Step, Verdict};

#[derive(Clone, Debug, PartialEq)]
pub struct Validating {
    /// The job; of a finished one none.
    pub ticket: Option<Ticket>,
    pub request: Request,
    pub method: Method,
    pub case: Case,
    pub candidates: Option<Candidates>,
    /// Probes of the battery, and p(new) over the paraphrases before.
    pub baseline: Option<(usize, f64)>,
    /// The last one is at work until it is given up or all is over.
    pub attempts: Vec<Attempt>,
    pub ended: Option<Ended>,
}

/// How it came out.
#[derive(Clone, Debug, PartialEq)]
pub enum Ended {
    /// The edit of the last attempt is on the stack.
    Kept(Verdict),
    /// No layer passed, and nothing was kept.
    Rejected,
    Stopped,
    Failed(String),
}

impl Validating {
    pub fn new(ticket: Ticket, request: Request, method: Method, case: Case) -> Validating {
        Validating {
            ticket: Some(ticket),
            request,
            method,
            case,
            candidates: None,
            baseline: None,
            attempts: Vec::new(),
            ended: None,
        }
    }

    pub fn take(&mut self, step: Step) {
        match step {
            Step::Candidates(found) => self.candidates = Some(found),
            Step::Baseline { probes, p_new } => self.baseline = Some((probes, p_new)),
            Step::Trying(layers) => self.attempts.push(Attempt {
                layers,
                ..Attempt::default()
            }),
            Step::Check(check) => {
                if let Some(last) = self.attempts.last_mut() {
                    last.checks.push(check);
                }
            }
            Step::Rejected(why) => {
                if let Some(last) = self.attempts.last_mut() {
                    last.rejected = why;
                }
            }
        }
    }

    pub fn end(&mut self, ended: Ended) {
        self.ticket = None;
        self.ended = Some(ended);
    }
}
