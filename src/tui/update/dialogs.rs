//! Keys while something lies over the panes.

use super::{commands, layers, model, recipe, session, validation};
use crate::engine::Source;
use crate::tui::app::recipe::Recipe;
use crate::tui::app::{Ask, Confirm, Effect, Overlay, State};
use crate::tui::export;
use crate::tui::keymap::{Command, Press};
use crate::tui::search;
use crate::tui::store::Facts;
use crate::tui::theme::{Depth, Ground, Styles, Theme};
use crate::tui::{snapshot, view};
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Rect;
use std::path::{Path, PathBuf};

/// A key for the topmost overlay.
pub fn key(state: &mut State, key: KeyEvent) -> Vec<Effect> {
    if let Some(Overlay::Recipe(_)) = state.overlays.last() {
        return recipe::key(state, key);
    }
    if key.code == KeyCode::Esc {
        state.overlays.pop();
        state.session.then_quit = false;
        return vec![];
    }
    let by = list_step(key);
    match state.overlays.last_mut() {
        Some(Overlay::Help { scroll }) => {
            match (by, Press::from(key).code) {
                (Some(by), _) => *scroll = scroll.saturating_add_signed(by),
                (None, KeyCode::Char('j')) => *scroll += 1,
                (None, KeyCode::Char('k')) => *scroll = scroll.saturating_sub(1),
                _ => {
                    state.overlays.pop();
                }
            }
            vec![]
        }
        Some(Overlay::Validation { back }) => {
            match (by, Press::from(key).code) {
                (Some(by), _) => *back = back.saturating_add_signed(-by),
                (None, KeyCode::Char('k')) => *back = (*back + 1).min(99),
                (None, KeyCode::Char('j')) => *back = back.saturating_sub(1),
                (None, KeyCode::Char('V')) => return validation::start(state),
                _ => {
                    state.overlays.pop();
                }
            }
            vec![]
        }
        Some(Overlay::Palette { entry, selected }) => {
            if let Some(by) = by {
                let last = search::commands(entry.text()).len().saturating_sub(1);
                *selected = selected.saturating_add_signed(by).min(last);
                return vec![];
            }
            if key.code == KeyCode::Enter
                && let Some((ask, rest)) = search::argument(entry.text())
            {
                let rest = rest.to_string();
                state.overlays.pop();
                return asked(state, ask, rest);
            }
            if key.code == KeyCode::Enter {
                let chosen = search::commands(entry.text())
                    .get(*selected)
                    .map(|h| h.command);
                state.overlays.pop();
                return chosen.map_or(vec![], |command| choose(state, command));
            }
            if entry.key(key) {
                *selected = 0;
            }
            vec![]
        }
        Some(Overlay::Sessions { entry, selected }) => {
            let entries = state.session.entries.as_deref().unwrap_or_default();
            let found = search::sessions(entry.text(), entries);
            if let Some(by) = by {
                let last = found.len().saturating_sub(1);
                *selected = selected.saturating_add_signed(by).min(last);
                return vec![];
            }
            if key.code == KeyCode::Enter {
                let Some(chosen) = found.get(*selected).map(|e| (*e).clone()) else {
                    return vec![];
                };
                if let Some(why) = chosen.refused {
                    state.complain(why);
                    return vec![];
                }
                state.overlays.pop();
                return session::open(state, chosen.path);
            }
            if entry.key(key) {
                *selected = 0;
            }
            vec![]
        }
        Some(Overlay::Models { entry, selected }) => {
            let entries = state.models.as_deref().unwrap_or_default();
            let found = search::models(entry.text(), entries);
            if let Some(by) = by {
                let last = found.len().saturating_sub(1);
                *selected = selected.saturating_add_signed(by).min(last);
                return vec![];
            }
            if key.code == KeyCode::Enter {
                let typed = entry.text().trim();
                let chosen = found.get(*selected);
                if let Some(Facts::Refused(why)) = chosen.map(|e| &e.facts) {
                    let why = why.clone();
                    state.complain(why);
                    return vec![];
                }
                let chosen = chosen.map_or(typed, |e| e.name.as_str());
                let source = Source::parse(chosen);
                if chosen.is_empty() {
                    return vec![];
                }
                state.overlays.pop();
                return model::open(state, source);
            }
            if entry.key(key) {
                *selected = 0;
            }
            vec![]
        }
        Some(Overlay::Confirm(confirm)) => {
            let confirm = confirm.clone();
            answer(state, confirm, key.code)
        }
        Some(Overlay::Ask(ask, entry)) => {
            if key.code == KeyCode::Enter {
                let (ask, text) = (*ask, entry.text().trim().to_string());
                state.overlays.pop();
                return asked(state, ask, text);
            }
            entry.key(key);
            vec![]
        }
        Some(Overlay::Recipe(_)) | None => vec![],
    }
}

pub fn paste(state: &mut State, text: &str) -> Vec<Effect> {
    if let Some(
        Overlay::Palette { entry, .. }
        | Overlay::Sessions { entry, .. }
        | Overlay::Models { entry, .. }
        | Overlay::Ask(_, entry)
        | Overlay::Recipe(Recipe {
            entry: Some(entry), ..
        }),
    ) = state.overlays.last_mut()
    {
        let left_out = entry.paste(text);
        if let Some(words) = left_out {
            state.warn(words);
        }
    }
    vec![]
}

/// How far a key moves in a list beside an entry.
fn list_step(key: KeyEvent) -> Option<isize> {
    match (key.code, key.modifiers) {
        (KeyCode::Down, _) | (KeyCode::Char('n'), KeyModifiers::CONTROL) => Some(1),
        (KeyCode::Up, _) | (KeyCode::Char('p'), KeyModifiers::CONTROL) => Some(-1),
        (KeyCode::PageDown, _) => Some(10),
        (KeyCode::PageUp, _) => Some(-10),
        _ => None,
    }
}

/// Runs what was chosen in the palette; it cannot open the palette again.
fn choose(state: &mut State, command: Command) -> Vec<Effect> {
    match command {
        Command::Palette => vec![],
        command => commands::run(state, command),
    }
}

fn answer(state: &mut State, confirm: Confirm, code: KeyCode) -> Vec<Effect> {
    let yes = matches!(code, KeyCode::Enter | KeyCode::Char('y' | 's'));
    let no = matches!(code, KeyCode::Char('n' | 'd'));
    if !yes && !no {
        return vec![];
    }
    state.overlays.pop();
    match confirm {
        Confirm::Quit if yes => session::save_and_quit(state),
        Confirm::Quit => session::discard_and_quit(),
        Confirm::Open(path) => {
            let mut effects = keep(state, yes);
            effects.extend(session::load(state, path));
            effects
        }
        Confirm::Model(source) => {
            let mut effects = keep(state, yes);
            effects.extend(model::load(state, source));
            effects
        }
        Confirm::Overwrite(path) if yes => session::save_to(state, path, true),
        Confirm::Overwrite(_) => {
            state.session.then_quit = false;
            session::ask_for_name(state);
            vec![]
        }
        Confirm::Replace { path, text } if yes => vec![Effect::WriteFile {
            path,
            text,
            over: true,
        }],
        Confirm::Replace { .. } => vec![],
    }
}

/// Saves what is here before something else is opened, if that is wanted. What
/// has no name yet stays safe as an autosave until it gets one.
fn keep(state: &mut State, wanted: bool) -> Vec<Effect> {
    match state.session.path.clone() {
        _ if !wanted => vec![],
        Some(own) => session::save_to(state, own, true),
        None => session::autosave(state).into_iter().collect(),
    }
}

fn asked(state: &mut State, ask: Ask, text: String) -> Vec<Effect> {
    if text.is_empty() && ask != Ask::Find {
        return vec![];
    }
    match ask {
        Ask::SaveAs => {
            let path = PathBuf::from(text);
            let own = state.session.path.as_ref() == Some(&path);
            session::save_to(state, path, own)
        }
        Ask::WriteTo => match export::for_file(state, state.focus, Path::new(&text)) {
            Ok(Some(content)) => write(text, content),
            Err(words) => {
                state.complain(words);
                vec![]
            }
            Ok(None) => {
                state.say("nothing to write here yet");
                vec![]
            }
        },
        Ask::Snapshot => {
            let screen = screen(state, &text);
            write(text, screen)
        }
        Ask::Alpha => super::stack::scale_to(state, &text),
        Ask::Counterfact => super::counterfact::typed(state, &text),
        Ask::Theme => {
            if let Some(theme) = Theme::named(text.trim()) {
                commands::set_theme(state, theme);
            }
            vec![]
        }
        Ask::Export => super::export::typed(state, &text),
        Ask::Probes => super::board::import(state, &text),
        Ask::Propose => super::board::propose(state, &text),
        Ask::Find => {
            super::board::find(state, text);
            vec![]
        }
        Ask::Layer => {
            layers::set(state, &text);
            vec![]
        }
    }
}

/// To a file that is not there yet; over one that is, once that is answered.
fn write(name: String, text: String) -> Vec<Effect> {
    vec![Effect::WriteFile {
        path: PathBuf::from(name),
        text,
        over: false,
    }]
}

/// The screen as it stands below the question: a picture where the name ends in
/// `.svg`, else its letters.
fn screen(state: &State, name: &str) -> String {
    let on_light = state.theme == Theme::Light;
    let (ground, paper) = match on_light {
        true => (Ground::Light, snapshot::LIGHT),
        false => (Ground::Dark, snapshot::DARK),
    };
    let mut buf = Buffer::empty(Rect::new(0, 0, state.size.width, state.size.height));
    view::draw(&mut buf, state, &Styles::new(Depth::True, ground));
    let end = Path::new(name).extension();
    match end.is_some_and(|end| end.eq_ignore_ascii_case("svg")) {
        true => snapshot::svg(&buf, paper),
        false => snapshot::text(&buf),
    }
}
