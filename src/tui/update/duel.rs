//! One request by every method, each on the weights as they are and none kept.

use super::act;
use crate::edit::{EditSpec, LayerChoice, Method};
use crate::engine::{Outcome, Spec};
use crate::measure::Watch;
use crate::tui::app::duel::Try;
use crate::tui::app::{Duel, Effect, Pane, State, Ticket};

/// Begins, or shows what is known already of this very request.
pub fn start(state: &mut State) -> Vec<Effect> {
    if !act::ready(state) {
        return vec![];
    }
    let request = match state.fact.request() {
        Ok(request) => request,
        Err(missing) => return act::ask_for(state, missing),
    };
    state.focus_on(Pane::Duel);
    let spec = |method: Method| EditSpec {
        request: request.clone(),
        method,
        layer: for_method(state.fact.layer, method),
        hyper: state.fact.tuned.get(&method).cloned(),
        true_answer: state.fact.named_answer(),
        seed: state.settings.seed,
        ..EditSpec::default()
    };
    let specs: Vec<EditSpec> = Method::ALL.into_iter().map(spec).collect();
    let ground = state.edits.ground();
    let mut effects = Vec::new();
    // What was tried on these weights in this very way holds.
    let old = std::mem::take(&mut state.duel);
    let mut known = match old.made_on == ground {
        true => old.tries,
        false => {
            effects.extend(stop_all(state, old.running()));
            Vec::new()
        }
    };
    let mut tries = Vec::with_capacity(specs.len());
    for spec in specs {
        let same = |one: &Try| one.spec == spec && (one.ticket.is_some() || one.report().is_some());
        if let Some(at) = known.iter().position(same) {
            tries.push(known.swap_remove(at));
            continue;
        }
        let watch = Watch {
            probes: state.settings.probes.clone(),
            propose: state.settings.propose,
            tokens: 0,
            ..Watch::default()
        };
        let (ticket, effect) = state.jobs.submit(Spec::Try {
            edit: Box::new(spec.clone()),
            watch,
        });
        effects.push(effect);
        tries.push(Try {
            spec,
            ticket: Some(ticket),
            result: None,
        });
    }
    effects.extend(stop_all(state, known.iter().filter_map(|one| one.ticket)));
    state.duel = Duel {
        made_on: ground,
        cursor: old.cursor,
        tries,
    };
    effects
}

/// The layers that the user chose, as far as the method can take them.
fn for_method(layer: LayerChoice, method: Method) -> LayerChoice {
    match layer {
        LayerChoice::Span(_, last) if !method.spreads() => LayerChoice::At(last),
        layer => layer,
    }
}

fn stop_all(state: &mut State, tickets: impl Iterator<Item = Ticket>) -> Vec<Effect> {
    tickets.filter_map(|t| state.jobs.cancel(t)).collect()
}

/// Stops what is still to be tried.
pub fn stop(state: &mut State) -> Vec<Effect> {
    let running: Vec<Ticket> = state.duel.running().collect();
    stop_all(state, running.into_iter())
}

/// A try is over.
pub fn over(state: &mut State, ticket: Ticket, result: Result<Outcome, String>) {
    let result = match result {
        Ok(Outcome::Tried(report)) => Ok(report),
        Ok(_) => Err("stopped".into()),
        Err(words) => Err(words),
    };
    state.duel.take(ticket, result);
}

/// The selected method, as it was tried, becomes the one that edits.
pub fn take_method(state: &mut State) -> Vec<Effect> {
    let Some(chosen) = state.duel.tries.get(state.duel.cursor) else {
        return vec![];
    };
    let spec = chosen.spec.clone();
    act::bring_back(state, &spec);
    state.focus_on(Pane::Edit);
    state.say(state.tell("‹edit› writes it by this method"));
    act::predict(state)
}
