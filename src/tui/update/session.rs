//! Saving, opening, leaving.

use super::{act, board, counterfact, stack};
use crate::engine::{EditId, Spec, Stacked};
use crate::session::Beneath;
use crate::tui::app::{Ask, Confirm, Effect, Entry, Health, Making, Overlay, State, TraceGrid};
use crate::tui::store::{NotSaved, Opened, Reply, SessionData};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Saves where the session came from; asks for a name where it has none.
pub fn save(state: &mut State) -> Vec<Effect> {
    match state.session.path.clone() {
        Some(path) => save_to(state, path, true),
        None => {
            ask_for_name(state);
            vec![]
        }
    }
}

pub fn ask_for_name(state: &mut State) {
    if state.model.is_none() {
        state.say("nothing to save yet: no model is open");
        return;
    }
    let path = state.session.path.clone();
    let path = path.unwrap_or_else(|| state.settings.folder.join(suggested_name(state)));
    let entry = Entry::new(&path.to_string_lossy());
    state.overlays.push(Overlay::Ask(Ask::SaveAs, entry));
}

/// "space-needle-paris.toml", from the first edit or the fact.
pub fn suggested_name(state: &State) -> String {
    let first = state.edits.stack.first();
    let record = first.and_then(|s| state.edits.records.get(&s.id));
    let words = match record {
        Some(r) if r.spec.is_imported() => r.spec.origin.clone(),
        Some(r) => format!("{} {}", r.spec.request.subject, r.spec.request.target),
        None => state.fact.subject().unwrap_or("session").to_string(),
    };
    let words = words.to_lowercase();
    let words = words.split(|c: char| !c.is_alphanumeric());
    let words: Vec<&str> = words.filter(|w| !w.is_empty()).take(8).collect();
    format!("{}.toml", words.join("-"))
}

/// Saves to a file; `over` another session only where that is wanted.
pub fn save_to(state: &mut State, path: PathBuf, over: bool) -> Vec<Effect> {
    let Some(data) = data(state) else {
        return vec![];
    };
    vec![Effect::Save {
        path,
        change: state.session.changes,
        over,
        data,
    }]
}

/// Keeps the sitting safe without a word.
pub fn autosave(state: &State) -> Option<Effect> {
    data(state).map(Effect::Autosave)
}

pub fn data(state: &State) -> Option<Box<SessionData>> {
    let edits = &state.edits;
    let stacked = edits.stack.iter();
    Some(Box::new(SessionData {
        model: state.model.clone()?,
        edits: stacked
            .filter_map(|s| Some((*s, edits.records.get(&s.id)?.clone())))
            .collect(),
        probes: state.watch.known(),
        traces: state.trace.kept.clone(),
        generations: state.confabs.finished.clone(),
    }))
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
pub fn open(state: &mut State, path: PathBuf) -> Vec<Effect> {
    if state.session.unsaved() {
        state.overlays.push(Overlay::Confirm(Confirm::Open(path)));
        return vec![];
    }
    load(state, path)
}

pub fn load(state: &mut State, path: PathBuf) -> Vec<Effect> {
    let Some(model) = state.model.clone() else {
        return vec![];
    };
    state.say(format!("opening {} …", path.display()));
    vec![Effect::Load(path, Box::new(model))]
}

pub fn quit(state: &mut State) -> Vec<Effect> {
    // Asked once: what is half written when the program ends is lost.
    if let Some(path) = state.exporting.pop() {
        let name = shown_name(&path);
        state.exporting.clear();
        let again = state.tell("‹quit› again leaves it unfinished");
        state.say(format!("{name} is still being written; {again}"));
        return vec![];
    }
    if state.session.unsaved() {
        state.overlays.push(Overlay::Confirm(Confirm::Quit));
        return vec![];
    }
    discard_and_quit()
}

pub fn discard_and_quit() -> Vec<Effect> {
    vec![Effect::Discard, Effect::Quit]
}

/// Leaves without a question, losing nothing: what is not saved is kept and
/// offered at the next start.
pub fn leave(state: &mut State) -> Vec<Effect> {
    if !state.session.unsaved() {
        return discard_and_quit();
    }
    autosave(state).into_iter().chain([Effect::Quit]).collect()
}

/// Saves, and quits once that has succeeded.
pub fn save_and_quit(state: &mut State) -> Vec<Effect> {
    state.session.then_quit = true;
    save(state)
}

pub fn reply(state: &mut State, reply: Reply) -> Vec<Effect> {
    match reply {
        Reply::Saved { change, result } => return saved(state, change, result),
        Reply::Listed(Ok(entries)) => {
            let left = entries.iter().any(|e| e.left_behind);
            if left && state.overlays.is_empty() && state.edits.stack.is_empty() {
                state.say(state.tell("an unsaved sitting was left behind: ‹sessions› opens it"));
            }
            state.session.entries = Some(entries);
        }
        Reply::Listed(Err(words)) => {
            state.session.entries = Some(Vec::new());
            state.complain(words);
        }
        Reply::Loaded(Ok((from, data))) => return opened(state, from, *data),
        Reply::Loaded(Err(words)) | Reply::Autosaved(Err(words)) => state.complain(words),
        Reply::Autosaved(Ok(())) => {}
        Reply::Exported { to, result } => exported(state, to, result),
        Reply::Models(entries) => state.models = Some(entries),
        Reply::Probes { path, result } => return board::read(state, &path, result),
        Reply::InTheWay { path, text } => {
            let question = Confirm::Replace { path, text };
            state.overlays.push(Overlay::Confirm(question));
        }
        Reply::Wrote(Ok(path)) => state.say(format!("wrote {}", path.display())),
        Reply::Cases(Ok(read)) => return counterfact::took(state, *read),
        Reply::Cases(Err(words)) | Reply::Wrote(Err(words)) => state.complain(words),
    }
    vec![]
}

/// A folder or file is there, or it says why not.
fn exported(state: &mut State, to: PathBuf, result: Result<usize, String>) {
    state.exporting.retain(|path| *path != to);
    match result {
        Ok(1) => state.say(format!("1 edit is in {}", to.display())),
        Ok(edits) => state.say(format!("{edits} edits are in {}", to.display())),
        Err(words) => state.complain(words),
    }
}

fn saved(state: &mut State, change: u64, result: Result<PathBuf, NotSaved>) -> Vec<Effect> {
    match result {
        Ok(path) => {
            state.say(format!("saved {}", path.display()));
            state.session.path = Some(path);
            state.session.saved = change;
            if std::mem::take(&mut state.session.then_quit) {
                return discard_and_quit();
            }
        }
        Err(NotSaved::Exists(path)) => {
            let question = Confirm::Overwrite(path);
            state.overlays.push(Overlay::Confirm(question));
        }
        Err(NotSaved::Failed(words)) => {
            state.session.then_quit = false;
            state.complain(words);
        }
    }
    vec![]
}

/// Puts a session's content in place of what is there.
fn opened(state: &mut State, from: Opened, data: SessionData) -> Vec<Effect> {
    if state.health != Health::Ready {
        state.complain("a session cannot be opened without a model");
        return vec![];
    }
    if let Some((id, ground)) = groundless(&data) {
        state.complain(format!(
            "edit {id} was made on edit {ground}, which the session does not hold: without its \
             factors it cannot be made again"
        ));
        return vec![];
    }
    let mut effects = Vec::new();
    let running: Vec<_> = state.edits.making.iter().map(|m| m.ticket).collect();
    effects.extend(running.into_iter().filter_map(|t| state.jobs.cancel(t)));
    let again = make(state, &data.edits, &mut effects);
    state.edits.replace(data.edits);
    state.edits.making = again;
    if !state.edits.incomplete() {
        state.edits.looked = true;
        effects.extend(stack::restack(state));
    }
    board::restore(state, data.probes);
    state.confabs.finish(data.generations);
    state.trace.ticket = None;
    state.trace.cursor = None;
    state.trace.grid = data
        .traces
        .last()
        .map(|t| TraceGrid::from_report(&t.result));
    state.trace.kept = data.traces;
    state.session.changes += 1;
    state.session.path = None;
    match from {
        Opened::File(path) => {
            state.session.saved = state.session.changes;
            state.say(format!("opened {}", shown_name(&path)));
            state.session.path = Some(path);
        }
        Opened::LeftBehind => {
            state.say(state.tell("the sitting that was left behind is back; ‹save› saves it"));
        }
        // Nothing here is lost by leaving: the session is in its file.
        Opened::Copy(path) => {
            state.session.saved = state.session.changes;
            let how = state.tell("this is a copy of it, and ‹save› saves it under another name");
            let name = shown_name(&path);
            state.warn(format!("{name} is open in another workbench: {how}."));
        }
    }
    if state.edits.selected().is_some() {
        effects.extend(act::recall(state));
    }
    effects
}

/// An edit that is to be made again, and the lost one that it was made on.
fn groundless(data: &SessionData) -> Option<(EditId, EditId)> {
    let all: BTreeSet<EditId> = data.edits.iter().map(|(stacked, _)| stacked.id).collect();
    let mut again = (data.edits.iter()).filter(|(_, record)| record.deltas.is_empty());
    again.find_map(|(Stacked { id, .. }, record)| {
        Some((*id, Beneath::missing(*id, &record.made_on, &all)?))
    })
}

/// Hands the engine the edits of a session: by their factors, or, where those
/// are missing, to be made again on what they were made on.
fn make(
    state: &mut State,
    edits: &[(Stacked, crate::tui::app::EditRecord)],
    effects: &mut Vec<Effect>,
) -> Vec<Making> {
    let mut again = Vec::new();
    // As they were made: an edit may stand above the one it was made on.
    let mut edits: Vec<_> = edits.iter().collect();
    edits.sort_by_key(|(stacked, _)| stacked.id);
    for (stacked, record) in edits {
        let id = stacked.id;
        if !record.deltas.is_empty() {
            let deltas = record.deltas.clone();
            let asked = record.spec.requests().cloned().collect();
            effects.push(state.jobs.submit(Spec::Adopt { id, asked, deltas }).1);
            continue;
        }
        let beneath = record.made_on.iter().flat_map(Beneath::each);
        let beneath = beneath.map(|(id, alpha)| Stacked {
            id,
            alpha,
            on: true,
        });
        let edits = beneath.collect();
        effects.push(state.jobs.submit(Spec::Stack { edits }).1);
        let (edit, watch) = (record.spec.clone(), record.watch.clone());
        let made_on = record.made_on.clone();
        let (ticket, effect) = state.jobs.submit(Spec::Edit {
            id,
            edit: Box::new(edit.clone()),
            watch: watch.clone(),
        });
        effects.push(effect);
        let mut making = Making::new(ticket, id, edit, watch, made_on);
        making.again = true;
        again.push(making);
    }
    again
}

fn shown_name(path: &Path) -> String {
    let name = path.file_stem().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}
