//! Looking at an edit from thirteen sides: it takes a while (further edits are
//! made to see what becomes of this one), so it begins when it is asked for.

use super::act;
use crate::engine::{Outcome, Spec};
use crate::measure::views::{Plan, ViewScore};
use crate::tui::app::views::Asked;
use crate::tui::app::{Effect, JobKind, Pane, State, Ticket};

/// Begins, unless that very look is known or under way.
pub fn start(state: &mut State) -> Vec<Effect> {
    state.focus_on(Pane::Views);
    if !act::ready(state) {
        return vec![];
    }
    let Some((id, spec)) = state.views_question() else {
        state.say(state.tell("select an edit that was made here and is on: ‹edit› makes one"));
        return vec![];
    };
    let asked = Asked {
        id,
        made_on: state.edits.ground(),
    };
    let views = &state.views;
    let running = (state.jobs.of_kind(JobKind::Views)).any(|job| Some(job.ticket) == views.ticket);
    let whole = (views.report.as_ref()).is_some_and(|report| !report.sentence.is_empty());
    if views.asked.as_ref() == Some(&asked) && (running || whole) {
        return vec![];
    }
    let older = views.ticket.and_then(|older| state.jobs.cancel(older));
    let mut effects: Vec<Effect> = older.into_iter().collect();
    let plan = Plan {
        seed: state.settings.seed,
        tokens: state.settings.tokens,
        thresholds: state.settings.views.clone(),
        ..Plan::default()
    };
    let (ticket, effect) = state.jobs.submit(Spec::Views {
        id,
        edit: Box::new(spec.clone()),
        plan,
    });
    state.views.begin(ticket, asked, &spec);
    effects.push(effect);
    effects
}

/// One view is known.
pub fn seen(state: &mut State, ticket: Ticket, scored: ViewScore) {
    if state.views.ticket == Some(ticket) {
        state.views.put(scored);
    }
}

/// The look is over.
pub fn over(state: &mut State, ticket: Ticket, result: Result<Outcome, String>) {
    if state.views.ticket != Some(ticket) {
        return;
    }
    let views = &mut state.views;
    views.ticket = None;
    match result {
        Ok(Outcome::Viewed(report)) => views.report = Some(report),
        Err(words) => {
            views.asked = None;
            state.complain(words);
        }
        // Stopped: what is known stays, and the same may be asked again.
        Ok(_) => {
            views.asked = None;
            if state.leaving {
                state.say("stopped; the stack is as it was. R looks again");
            }
        }
    }
}
