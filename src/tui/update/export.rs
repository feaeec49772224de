//! Taking the edits away: asked here, written by a thread of its own.

use super::{session, stack};
use crate::engine::Source;
use crate::session::export::Form;
use crate::tui::app::{Ask, Effect, Entry, Overlay, State};

/// Asks for the form and the place, with a proposal for both.
pub fn ask(state: &mut State) {
    if !may_export(state) {
        return;
    }
    let name = session::suggested_name(state);
    let name = format!("{}-adapter", name.trim_end_matches(".toml"));
    let path = state.settings.folder.join(name);
    let entry = Entry::new(&format!("{} {}", Form::Peft.name(), path.display()));
    state.overlays.push(Overlay::Ask(Ask::Export, entry));
}

/// "peft my adapter": a form, and all that follows is the place.
pub fn typed(state: &mut State, text: &str) -> Vec<Effect> {
    if !may_export(state) {
        return vec![];
    }
    let (word, place) = text
        .trim()
        .split_once(char::is_whitespace)
        .unwrap_or((text.trim(), ""));
    let form = Form::ALL.into_iter().find(|form| form.name() == word);
    let (Some(form), false) = (form, place.trim().is_empty()) else {
        state.complain(
            "write what and where: peft, gguf, merged, gguf-model or delta, then a new folder or file",
        );
        return vec![];
    };
    let to = state.settings.folder.join(place.trim());
    if state.exporting.contains(&to) {
        state.say(format!("{} is being written already", to.display()));
        return vec![];
    }
    let Some(data) = session::data(state) else {
        return vec![];
    };
    state.say(format!("writing {} …", to.display()));
    state.exporting.push(to.clone());
    vec![Effect::Export {
        form,
        to,
        source: source(state),
        data,
    }]
}

fn may_export(state: &mut State) -> bool {
    if !stack::may_change(state) {
        return false;
    }
    if state.edits.on().is_empty() {
        state.say("no edit is on: there is nothing to export");
        return false;
    }
    true
}

/// The model's files, of the commit that is open and not what the hub has now.
fn source(state: &State) -> Source {
    let opened = state.model.as_ref().and_then(|m| m.revision.clone());
    match state.source.clone() {
        Source::Hub(mut id) => {
            id.revision = opened.or(id.revision);
            Source::Hub(id)
        }
        here => here,
    }
}
