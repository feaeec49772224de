//! Looking underneath: asked when the pane is opened, and again whenever the
//! stack changes under it. The newest look wins.

use crate::engine::{Outcome, Spec};
use crate::tui::app::lens::Asked;
use crate::tui::app::{Effect, Health, JobKind, Pane, State, Ticket};

/// Looks, unless that very look is known or under way.
pub fn look(state: &mut State) -> Vec<Effect> {
    let Some(spec) = state
        .lens_question()
        .filter(|_| state.health == Health::Ready)
    else {
        return vec![];
    };
    let asked = Asked {
        spec,
        made_on: state.edits.ground(),
    };
    let ours = state.lens.ticket;
    let running = (state.jobs.of_kind(JobKind::Lens)).any(|job| Some(job.ticket) == ours);
    let known = running || state.lens.report.is_some() || state.lens.problem.is_some();
    if known && state.lens.asked.as_ref() == Some(&asked) {
        return vec![];
    }
    let mut effects: Vec<Effect> = ours
        .and_then(|older| state.jobs.cancel(older))
        .into_iter()
        .collect();
    let lens = &mut state.lens;
    // What is seen of the same question on older weights stays until the newer comes.
    if (lens.asked.as_ref()).is_none_or(|older| older.spec != asked.spec) {
        (lens.report, lens.cursor) = (None, None);
    }
    lens.problem = None;
    let (ticket, effect) = state.jobs.submit(Spec::Lens(asked.spec.clone()));
    (state.lens.ticket, state.lens.asked) = (Some(ticket), Some(asked));
    effects.push(effect);
    effects
}

/// The weights are other ones: looks again where somebody is looking.
pub fn follow(state: &mut State) -> Vec<Effect> {
    match state.focus {
        Pane::Lens => look(state),
        _ => vec![],
    }
}

/// A look is over.
pub fn over(state: &mut State, ticket: Ticket, result: Result<Outcome, String>) {
    if state.lens.ticket != Some(ticket) {
        return;
    }
    let lens = &mut state.lens;
    lens.ticket = None;
    match result {
        Ok(Outcome::Looked(report)) => {
            lens.made_on = (lens.asked.iter())
                .flat_map(|a| a.made_on.clone())
                .collect();
            lens.report = Some(report);
        }
        Err(words) => {
            lens.report = None;
            lens.problem = Some(words);
        }
        // Stopped: the same may be asked again.
        Ok(_) => {
            lens.asked = None;
            if state.leaving {
                state.say("stopped; U looks again");
            }
        }
    }
}
