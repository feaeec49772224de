//! Edits that have to prove themselves: asking for one, and following it.

use super::act;
use crate::engine::Outcome;
use crate::measure::validate::{Plan, Step, Validation};
use crate::tui::app::validation::{Ended, Validating};
use crate::tui::app::{Effect, Overlay, State, Ticket};

/// Begins, or shows the one that runs.
pub fn start(state: &mut State) -> Vec<Effect> {
    let runs = |found: &Validating| found.ticket.is_some();
    if state.validation.as_ref().is_some_and(runs) {
        show(state);
        return vec![];
    }
    let plan = Plan {
        case: state.fact.case,
        thresholds: state.settings.thresholds,
        ..Plan::default()
    };
    let case = plan.case;
    let waiting = state.edits.making.len();
    let effects = act::make(state, Some(plan));
    // Something may still be missing from the request.
    let Some(made) = state.edits.making.get(waiting) else {
        return effects;
    };
    let (request, method) = (made.spec.request.clone(), made.spec.method);
    state.validation = Some(Validating::new(made.ticket, request, method, case));
    show(state);
    effects
}

fn show(state: &mut State) {
    let open = |overlay: &Overlay| matches!(overlay, Overlay::Validation { .. });
    if !state.overlays.iter().any(open) {
        state.overlays.push(Overlay::Validation { back: 0 });
    }
}

/// The one that this job is.
fn of(state: &mut State, ticket: Ticket) -> Option<&mut Validating> {
    let ours = |found: &&mut Validating| found.ticket == Some(ticket);
    state.validation.as_mut().filter(ours)
}

pub fn step(state: &mut State, ticket: Ticket, step: Step) {
    if let Step::Trying(_) = step
        && let Some(made) = state.edits.making.iter_mut().find(|m| m.ticket == ticket)
    {
        // Those of another layer's edit. Its warnings are in its report alone; what
        // was said so far is of no layer.
        made.losses.clear();
    }
    if let Some(found) = of(state, ticket) {
        found.take(step);
    }
}

/// How the job came out, before the edit itself is taken in.
pub fn over(state: &mut State, ticket: Ticket, result: &Result<Outcome, String>) {
    let Some(found) = of(state, ticket) else {
        return;
    };
    found.end(match result {
        Ok(Outcome::Edited { report, .. }) => {
            let verdict = report.validation.as_ref().map(Validation::verdict);
            Ended::Kept(verdict.unwrap_or_default())
        }
        Ok(Outcome::Rejected(_)) => Ended::Rejected,
        Ok(_) => Ended::Stopped,
        Err(words) => Ended::Failed(words.clone()),
    });
}
