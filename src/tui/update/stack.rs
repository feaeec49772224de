//! Changing the stack of edits and asking the engine to follow.

use super::act;
use crate::engine::Spec;
use crate::tui::app::{Effect, JobKind, State};
use crate::tui::keymap::Command;

/// Undo, redo, toggle, scale or drop; what cannot be done is said.
pub fn change(state: &mut State, command: Command) -> Vec<Effect> {
    if !act::ready(state) {
        return vec![];
    }
    if state.edits.incomplete() {
        state.say("the session's edits are still being made again");
        return vec![];
    }
    let edits = &mut state.edits;
    let (done, otherwise) = match command {
        Command::Undo => (edits.undo(), "nothing to undo"),
        Command::Redo => (edits.redo(), "nothing to redo"),
        Command::Toggle => (edits.toggle(), NO_EDIT),
        Command::ToggleAll => (edits.toggle_all(), NO_EDIT),
        Command::Weaker => (edits.scale(-1.0), NO_EDIT),
        Command::Stronger => (edits.scale(1.0), NO_EDIT),
        Command::Drop => (edits.drop_selected(), NO_EDIT),
        _ => return vec![],
    };
    if !done {
        state.say(otherwise);
        return vec![];
    }
    state.session.changes += 1;
    state.edits.looked = false;
    vec![restack(state)]
}

const NO_EDIT: &str = "there is no edit yet: e makes one";

/// Asks for the stack as it is declared now.
pub fn restack(state: &mut State) -> Effect {
    let edits = state.edits.stack.clone();
    let (ticket, effect) = state.jobs.submit(Spec::Stack { edits });
    state.edits.ticket = Some(ticket);
    effect
}

/// Looks again at everything that depends on the weights, dropping looks that
/// an earlier change asked for.
pub fn refresh(state: &mut State) -> Vec<Effect> {
    let stale: Vec<_> = [JobKind::Probe, JobKind::Generate]
        .into_iter()
        .flat_map(|kind| state.jobs.of_kind(kind))
        .map(|job| job.ticket)
        .collect();
    let mut effects: Vec<Effect> = stale
        .into_iter()
        .filter_map(|ticket| state.jobs.cancel(ticket))
        .collect();
    effects.extend(act::predict(state));
    let probes = state.watch.probes();
    if !probes.is_empty() {
        // In the order they are sent, so that rows come back to their places.
        state.watch.renumber();
        let (ticket, effect) = state.jobs.submit(Spec::Probe { probes });
        state.watch.ticket = Some(ticket);
        effects.push(effect);
    }
    let prompts = state.confabs.prompts();
    if !prompts.is_empty() {
        effects.push(act::generate(state, prompts));
    }
    effects
}
