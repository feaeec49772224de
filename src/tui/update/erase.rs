//! Erasing a concept to look at what is left: asked by hand, never by itself.

use super::act;
use crate::engine::{Outcome, Spec};
use crate::tui::app::{Effect, JobKind, Pane, State, Ticket};

/// Erases, unless that very erasure is known or under way.
pub fn start(state: &mut State) -> Vec<Effect> {
    if !act::ready(state) {
        return vec![];
    }
    state.focus_on(Pane::Erasure);
    let Some(spec) = state.erase_question() else {
        return vec![];
    };
    let asked = (spec.clone(), state.edits.ground());
    let ours = state.erase.ticket;
    let running = (state.jobs.of_kind(JobKind::Erase)).any(|job| Some(job.ticket) == ours);
    let known = running || state.erase.report.is_some() || state.erase.problem.is_some();
    if known && state.erase.asked.as_ref() == Some(&asked) {
        return vec![];
    }
    let mut effects: Vec<Effect> = ours
        .and_then(|older| state.jobs.cancel(older))
        .into_iter()
        .collect();
    let (ticket, effect) = state.jobs.submit(Spec::Erase(Box::new(spec)));
    let view = &mut state.erase;
    (view.report, view.problem, view.cursor) = (None, None, 0);
    (view.ticket, view.asked) = (Some(ticket), Some(asked));
    effects.push(effect);
    effects
}

/// An erasure is done, or was stopped.
pub fn over(state: &mut State, ticket: Ticket, result: Result<Outcome, String>) {
    let view = &mut state.erase;
    if view.ticket != Some(ticket) {
        return;
    }
    view.ticket = None;
    match result {
        Ok(Outcome::Erased(report)) => {
            view.made_on = (view.asked.iter())
                .flat_map(|asked| asked.1.clone())
                .collect();
            view.report = Some(report);
        }
        Err(words) => view.problem = Some(words),
        // Stopped: the same may be asked again.
        Ok(_) => {
            view.asked = None;
            if state.leaving {
                state.say("stopped; :erase begins again");
            }
        }
    }
}
