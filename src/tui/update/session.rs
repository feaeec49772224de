//! Saving, opening, leaving.

use super::{act, stack};
use crate::engine::Spec;
use crate::measure::Watch;
use crate::tui::app::{Confirm, Effect, Entry, Health, Making, Overlay, State, TraceGrid};
use crate::tui::store::{Reply, SessionData};

/// Saves now; says why where it cannot.
pub fn save(state: &mut State) -> Vec<Effect> {
    let effects = save_now(state);
    if effects.is_empty() {
        state.say("nothing to save yet: no model is open");
    } else {
        state.session.tell = true;
    }
    effects
}

/// Saves without a word: what autosave does.
pub fn save_now(state: &mut State) -> Vec<Effect> {
    let name = state.session.name.clone();
    save_as(state, name)
}

pub fn save_as(state: &mut State, name: Option<String>) -> Vec<Effect> {
    let Some(model) = state.model.clone() else {
        return vec![];
    };
    let edits = &state.edits;
    let stacked = edits.stack.iter();
    let data = SessionData {
        model,
        edits: stacked
            .filter_map(|s| Some((*s, edits.records.get(&s.id)?.clone())))
            .collect(),
        probes: state.watch.known(),
        traces: state.trace.reports.clone(),
        generations: state.confabs.finished.clone(),
    };
    vec![Effect::Save {
        name,
        change: state.session.changes,
        data: Box::new(data),
    }]
}

pub fn list(state: &mut State) -> Vec<Effect> {
    let Some(model) = state.model.clone() else {
        state.say("the model is still opening");
        return vec![];
    };
    state.session.entries = None;
    state.overlays.push(Overlay::Sessions {
        entry: Entry::default(),
        selected: 0,
    });
    vec![Effect::List(Box::new(model))]
}

/// Opens a session; asks first where something would be lost.
pub fn open(state: &mut State, name: String) -> Vec<Effect> {
    if state.session.unsaved() {
        state.overlays.push(Overlay::Confirm(Confirm::Open(name)));
        return vec![];
    }
    load(state, name)
}

pub fn load(state: &mut State, name: String) -> Vec<Effect> {
    let Some(model) = state.model.clone() else {
        return vec![];
    };
    state.say(format!("opening {name} …"));
    vec![Effect::Load(name, Box::new(model))]
}

pub fn quit(state: &mut State) -> Vec<Effect> {
    if state.session.unsaved() {
        state.overlays.push(Overlay::Confirm(Confirm::Quit));
        return vec![];
    }
    vec![Effect::Quit]
}

/// Leaves without a question, losing nothing.
pub fn leave(state: &mut State) -> Vec<Effect> {
    let mut effects = Vec::new();
    if state.session.unsaved() {
        effects.extend(save_now(state));
    }
    effects.push(Effect::Quit);
    effects
}

/// Saves, and quits once that has succeeded.
pub fn save_and_quit(state: &mut State) -> Vec<Effect> {
    let effects = save(state);
    if effects.is_empty() {
        return vec![Effect::Quit];
    }
    state.session.then_quit = true;
    effects
}

pub fn reply(state: &mut State, reply: Reply) -> Vec<Effect> {
    match reply {
        Reply::Saved { change, result } => {
            let then_quit = std::mem::take(&mut state.session.then_quit);
            match result {
                Ok((name, path)) => {
                    let told = std::mem::take(&mut state.session.tell);
                    if told {
                        state.say(format!("saved {}", path.display()));
                    } else if state.session.name.as_ref() != Some(&name) {
                        state.say(format!("kept as session {name}"));
                    }
                    state.session.name = Some(name);
                    state.session.saved = change;
                    if then_quit {
                        return vec![Effect::Quit];
                    }
                }
                Err(words) => state.complain(format!("not saved: {words}")),
            }
        }
        Reply::Listed(Ok(entries)) => state.session.entries = Some(entries),
        Reply::Listed(Err(words)) => {
            state.session.entries = Some(Vec::new());
            state.complain(words);
        }
        Reply::Loaded(Ok((name, data))) => return opened(state, name, *data),
        Reply::Loaded(Err(words)) => state.complain(words),
        Reply::Wrote(Ok(path)) => state.say(format!("wrote {}", path.display())),
        Reply::Wrote(Err(words)) => state.complain(words),
    }
    vec![]
}

/// Puts a session's content in place of what is there.
fn opened(state: &mut State, name: String, data: SessionData) -> Vec<Effect> {
    if state.health != Health::Ready {
        state.complain(format!("{name} cannot be opened without a model"));
        return vec![];
    }
    let mut effects = Vec::new();
    let running: Vec<_> = state.edits.making.iter().map(|m| m.ticket).collect();
    effects.extend(running.into_iter().filter_map(|t| state.jobs.cancel(t)));
    // An edit whose factors are missing is computed again from its text, and
    // with it all others: later ones stand on it.
    let whole = data.edits.iter().all(|(_, r)| !r.deltas.is_empty());
    let (kept, again) = if whole {
        (data.edits, vec![])
    } else {
        (vec![], data.edits)
    };
    for (stacked, record) in &kept {
        let (_, effect) = state.jobs.submit(Spec::Adopt {
            id: stacked.id,
            deltas: record.deltas.clone(),
        });
        effects.push(effect);
    }
    state.edits.replace(kept);
    state.edits.looked = whole;
    effects.push(stack::restack(state));
    for (stacked, record) in again {
        let (ticket, effect) = state.jobs.submit(Spec::Edit {
            id: stacked.id,
            edit: record.spec.clone(),
            watch: Watch::default(),
        });
        let mut making = Making::new(ticket, stacked.id, record.spec, record.made_on);
        making.saved = Some(stacked);
        state.edits.reserve(stacked.id);
        state.edits.making.push(making);
        effects.push(effect);
    }
    state.watch.finish(data.probes);
    state.confabs.finish(data.generations);
    state.trace.ticket = None;
    state.trace.cursor = None;
    state.trace.grid = data.traces.last().map(TraceGrid::from_report);
    state.trace.reports = data.traces;
    state.session.changes += 1;
    state.session.saved = state.session.changes;
    state.say(format!("opened {name}"));
    state.session.name = Some(name);
    if state.edits.selected().is_some() {
        effects.extend(act::recall(state));
    }
    effects
}
