//! Changing the stack of edits and asking the engine to follow.

use super::{act, duel};
use crate::edit::stack::ALPHA;
use crate::engine::{Spec, StackCheck};
use crate::tui::app::{Ask, Effect, Entry, Overlay, State};
use crate::tui::keymap::Command;

/// Undo, redo, toggle, scale, move, copy or drop; what cannot be done is said.
pub fn change(state: &mut State, command: Command) -> Vec<Effect> {
    if !may_change(state) {
        return vec![];
    }
    let edits = &mut state.edits;
    if edits.stack.is_empty() && !matches!(command, Command::Undo | Command::Redo) {
        state.say(state.tell(NO_EDIT));
        return vec![];
    }
    let mut effects = Vec::new();
    let (done, otherwise) = match command {
        Command::Undo => (edits.undo(), "nothing to undo"),
        Command::Redo => (edits.redo(), "nothing to redo"),
        Command::Toggle => (edits.toggle(), NO_EDIT),
        Command::ToggleAll => (edits.toggle_all(), NO_EDIT),
        Command::Solo => (edits.solo(), "no other edit is on"),
        Command::Weaker => (edits.scale(-1.0), RANGE),
        Command::Stronger => (edits.scale(1.0), RANGE),
        Command::MoveUp => (edits.shift(-1), "it is the first"),
        Command::MoveDown => (edits.shift(1), "it is the last"),
        Command::Duplicate => (duplicate(state, &mut effects), NO_EDIT),
        Command::Drop => (edits.drop_selected(), NO_EDIT),
        _ => return vec![],
    };
    if !done {
        state.say(state.tell(otherwise));
        return vec![];
    }
    effects.extend(changed(state));
    effects
}

const NO_EDIT: &str = "there is no edit yet: ‹edit› makes one";
const RANGE: &str = "α goes from −1 to 2";

/// Whether the stack can follow a change; says why where it cannot.
pub(super) fn may_change(state: &mut State) -> bool {
    if !act::ready(state) {
        return false;
    }
    if state.edits.incomplete() {
        state.say("the session's edits are still being made again");
        return false;
    }
    true
}

/// The stack is another one now.
pub(super) fn changed(state: &mut State) -> Vec<Effect> {
    state.session.changes += 1;
    state.edits.looked = false;
    // What was still to be tried on the older weights makes room.
    let mut effects = duel::stop(state);
    effects.extend(restack(state));
    effects
}

/// The same factors under a name of their own, known to the engine at once.
fn duplicate(state: &mut State, effects: &mut Vec<Effect>) -> bool {
    let Some(id) = state.edits.duplicate() else {
        return false;
    };
    let Some(record) = state.edits.records.get(&id) else {
        return false;
    };
    let spec = Spec::Adopt {
        id,
        asked: record.spec.requests().cloned().collect(),
        deltas: record.deltas.clone(),
    };
    effects.push(state.jobs.submit(spec).1);
    let place = state.edits.cursor + 1;
    let how = state.tell("‹toggle› switches it on");
    state.say(format!("copied as edit {place}, which is off: {how}"));
    true
}

pub fn ask_for_alpha(state: &mut State) {
    let Some(selected) = state.edits.selected() else {
        state.say(state.tell(NO_EDIT));
        return;
    };
    let entry = Entry::new(&format!("{:.1}", selected.alpha));
    state.overlays.push(Overlay::Ask(Ask::Alpha, entry));
}

/// Scales the selected edit to what was typed.
pub fn scale_to(state: &mut State, text: &str) -> Vec<Effect> {
    if !may_change(state) {
        return vec![];
    }
    let typed = text.trim().replace('−', "-").replace(',', ".");
    let alpha = typed
        .parse::<f64>()
        .ok()
        .filter(|alpha| ALPHA.contains(alpha));
    let Some(alpha) = alpha else {
        state.complain(format!("{text:?} is no α: write a number from −1 to 2"));
        return vec![];
    };
    if !state.edits.scale_to(alpha + 0.0) {
        state.say(state.tell(NO_EDIT));
        return vec![];
    }
    changed(state)
}

/// Asks for the stack as it is declared now. What is still looked at on older
/// weights makes room, and so does an older wish for a stack: of a burst of
/// changes the newest is the one that is carried out.
pub fn restack(state: &mut State) -> Vec<Effect> {
    let mut effects = Vec::new();
    if !state.edits.looked {
        effects.extend(drop_looks(state));
    }
    // An edit that waits is to be made on the stack of its time.
    if let Some(older) = state.edits.ticket.filter(|_| state.edits.making.is_empty()) {
        effects.extend(state.jobs.cancel(older));
    }
    let edits = state.edits.stack.clone();
    let (ticket, effect) = state.jobs.submit(Spec::Stack { edits });
    state.edits.ticket = Some(ticket);
    effects.push(effect);
    effects
}

fn drop_looks(state: &mut State) -> Vec<Effect> {
    state.watch.looking_back = None;
    let stale: Vec<_> = state.jobs.looks().map(|job| job.ticket).collect();
    let cancel = |ticket| state.jobs.cancel(ticket);
    stale.into_iter().filter_map(cancel).collect()
}

/// Looks again at everything that depends on the weights: first what is under
/// the user's eyes, last what takes longest.
pub fn refresh(state: &mut State) -> Vec<Effect> {
    let mut effects = drop_looks(state);
    effects.extend(act::predict(state));
    let probes = state.watch.probes();
    if !probes.is_empty() {
        // Rows come back to the places they are sent from. Those of a job that
        // was cut short begin anew.
        let again = state.watch.wanted.is_empty();
        if again {
            state.watch.renumber();
        }
        let (ticket, effect) = state.jobs.submit(Spec::Probe { probes });
        if again {
            state.watch.ticket = Some(ticket);
        }
        effects.push(effect);
    }
    effects.extend(recheck(state));
    let prompts = state.confabs.prompts();
    if !prompts.is_empty() {
        effects.push(act::generate(state, prompts));
    }
    effects
}

/// Asks what has become of each edit.
pub fn recheck(state: &mut State) -> Option<Effect> {
    if state.edits.stack.is_empty() {
        state.edits.check = Default::default();
        return None;
    }
    // Of a change that was imported no key is known, and none is asked for again.
    let edits = &state.edits;
    let imported = |id| (edits.records.get(&id)).is_some_and(|r| r.spec.is_imported());
    let ids = edits.stack.iter().map(|s| s.id);
    let overlaps = !edits.check.knows(ids.filter(|&id| !imported(id)));
    let (ticket, effect) = state.jobs.submit(Spec::Recheck { overlaps });
    state.edits.check.ticket = Some(ticket);
    Some(effect)
}

/// Takes the answer in; says which edits the newest one made fade.
pub fn rechecked(state: &mut State, found: StackCheck) {
    state.edits.check.take(found);
    /// Edits that one message names.
    const NAMED: usize = 3;
    let faded = state.edits.newly_faded();
    if faded.is_empty() {
        return;
    }
    let name =
        |(at, before, now): &(usize, f64, f64)| format!("edit {at} faded: {before:.2} → {now:.2}");
    let mut words: Vec<String> = faded.iter().take(NAMED).map(name).collect();
    if faded.len() > NAMED {
        words.push(format!("and {} more", faded.len() - NAMED));
    }
    let why = "The newest edit moves what was written before; ‹go-stack› shows how much their \
               keys overlap.";
    let why = state.tell(why);
    state.warn(format!("{}. {why}", words.join(", ")));
}
