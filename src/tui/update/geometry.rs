//! Comparing keys: asked when the pane is opened, and again whenever the stack or
//! the probes change under it. The newest look wins.

use crate::engine::{Outcome, Spec};
use crate::tui::app::{Effect, Health, JobKind, Pane, State, Ticket};

/// Looks where somebody is looking, unless that very look is known or under way.
pub fn follow(state: &mut State) -> Vec<Effect> {
    if state.focus != Pane::Geometry || state.health != Health::Ready {
        return vec![];
    }
    let ours = state.geometry.ticket;
    let Some(spec) = state.geometry_question() else {
        // Nothing to compare with any more: what was found is of an edit that is gone.
        (state.geometry.report, state.geometry.asked) = (None, None);
        let under_way = ours.and_then(|older| state.jobs.cancel(older));
        return under_way.into_iter().collect();
    };
    let asked = (spec, state.edits.ground());
    let running = (state.jobs.of_kind(JobKind::Geometry)).any(|job| Some(job.ticket) == ours);
    let known = running || state.geometry.report.is_some() || state.geometry.problem.is_some();
    if known && state.geometry.asked.as_ref() == Some(&asked) {
        return vec![];
    }
    let mut effects: Vec<Effect> = ours
        .and_then(|older| state.jobs.cancel(older))
        .into_iter()
        .collect();
    state.geometry.problem = None;
    let (ticket, effect) = state.jobs.submit(Spec::Geometry(asked.0.clone()));
    (state.geometry.ticket, state.geometry.asked) = (Some(ticket), Some(asked));
    effects.push(effect);
    effects
}

/// A look is over.
pub fn over(state: &mut State, ticket: Ticket, result: Result<Outcome, String>) {
    if state.geometry.ticket != Some(ticket) {
        return;
    }
    let view = &mut state.geometry;
    view.ticket = None;
    match result {
        Ok(Outcome::Compared(report)) => {
            view.report = Some(report);
            view.scroll_by(0);
        }
        Err(words) => {
            view.report = None;
            view.problem = Some(words);
        }
        // Stopped: the same may be asked again.
        Ok(_) => view.asked = None,
    }
}
