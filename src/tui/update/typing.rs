//! Keys while an entry is being typed in.

use super::{act, session};
use crate::tui::app::{Effect, Entry, Field, Mode, State};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

pub fn key(state: &mut State, field: Field, key: KeyEvent) -> Vec<Effect> {
    match (key.code, key.modifiers) {
        (KeyCode::Esc, _) => leave(state),
        (KeyCode::Enter | KeyCode::Tab | KeyCode::Down, _) if field == Field::Prompt => {
            state.type_in(Field::Target);
        }
        (KeyCode::Enter | KeyCode::Tab, _) => leave(state),
        (KeyCode::Up | KeyCode::BackTab, _) if field == Field::Target => {
            state.type_in(Field::Prompt);
        }
        (KeyCode::Char('s'), KeyModifiers::CONTROL) => return session::save(state),
        _ => return edit(state, field, |entry| entry.key(key)),
    }
    vec![]
}

pub fn paste(state: &mut State, text: &str) -> Vec<Effect> {
    if !state.overlays.is_empty() {
        return super::dialogs::paste(state, text);
    }
    if state.mode == Mode::Command {
        state.type_in(Field::Prompt);
    }
    let Mode::Typing(field) = state.mode else {
        return vec![];
    };
    let mut left_out = None;
    let effects = edit(state, field, |entry| {
        left_out = entry.paste(text);
        true
    });
    if let Some(words) = left_out {
        state.warn(words);
    }
    effects
}

fn edit(state: &mut State, field: Field, change: impl FnOnce(&mut Entry) -> bool) -> Vec<Effect> {
    match field {
        Field::Prompt => {
            let before = state.fact.text().to_string();
            if !change(&mut state.fact.prompt) {
                return vec![];
            }
            state.fact.reparse();
            if before == state.fact.text() {
                // Only the braces moved.
                return vec![];
            }
            act::predict(state)
        }
        Field::Target => {
            change(&mut state.fact.target);
            vec![]
        }
    }
}

fn leave(state: &mut State) {
    state.mode = Mode::Command;
    if let Err(missing) = state.fact.request() {
        state.say(state.tell(missing.words()));
    }
}
