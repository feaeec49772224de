//! `update(state, message) -> effects`: everything the workbench decides. No
//! I/O, no clock, no randomness: the same messages give the same state.

mod act;
mod board;
pub mod commands;
mod counterfact;
mod dialogs;
mod duel;
mod engine;
mod erase;
mod export;
mod geometry;
mod layers;
mod lens;
mod model;
mod mouse;
mod recipe;
mod session;
mod show;
mod stack;
mod tour;
mod typing;
mod validation;
mod views;

use super::app::validation::Ended;
use super::app::{Effect, Health, Mode, Msg, State};
use super::keymap::{Command, Press};
use super::store::Reply;
use crate::engine::Spec;
use ratatui::crossterm::event::{KeyEvent, KeyEventKind};
use ratatui::layout::Size;

/// What to do before the first message.
pub fn start(state: &mut State) -> Vec<Effect> {
    let (_, effect) = state.jobs.submit(Spec::Load(state.settings.load.clone()));
    vec![effect]
}

/// Takes one message in.
pub fn update(state: &mut State, msg: Msg) -> Vec<Effect> {
    let effects = take(state, msg);
    tour::follow(state);
    effects
}

/// Whatever looks at the weights by itself, and is looked at, asks for what it lacks.
fn follow(state: &mut State) -> Vec<Effect> {
    let mut effects = lens::follow(state);
    effects.extend(board::follow(state));
    effects.extend(geometry::follow(state));
    effects
}

fn take(state: &mut State, msg: Msg) -> Vec<Effect> {
    match msg {
        Msg::Key(key) => press(state, key),
        Msg::Mouse(event) => mouse::mouse(state, event),
        Msg::Paste(text) => typing::paste(state, &text),
        Msg::Resize(width, height) => {
            state.size = Size::new(width, height);
            vec![]
        }
        Msg::Tick(now) => {
            state.now = now;
            if state.notice.as_ref().is_some_and(|n| n.over(now)) {
                state.notice = None;
            }
            show::tick(state, now)
        }
        Msg::Engine(ticket, kind) => engine::event(state, ticket, kind),
        Msg::EngineGone(why) => {
            if !matches!(state.health, Health::Failed(_)) {
                state.health = Health::Dead(why);
            }
            state.jobs.clear();
            state.edits.making.clear();
            state.counterfact.running = None;
            state.erase.ticket = None;
            if let Some(found) = &mut state.validation
                && found.ticket.is_some()
            {
                found.end(Ended::Stopped);
            }
            vec![]
        }
        Msg::Store(Reply::Loaded(read)) if show::waits(state) => show::loaded(state, read),
        Msg::Store(reply) => session::reply(state, reply),
        Msg::Leave => session::leave(state),
    }
}

fn press(state: &mut State, key: KeyEvent) -> Vec<Effect> {
    if key.kind != KeyEventKind::Press {
        return vec![];
    }
    let press = Press::from(key);
    let bound = state.settings.keys.lookup(state.focus, press);
    // These two hold everywhere, whatever is open.
    match bound {
        Some(Command::Cancel) => return commands::cancel(state),
        Some(Command::Suspend) => return vec![Effect::Suspend],
        _ => state.leaving = false,
    }
    if state.overlays.last().is_some() {
        return dialogs::key(state, key);
    }
    // Any key acknowledges what stands in the footer.
    let noticed = state.notice.take();
    if let Mode::Typing(field) = state.mode {
        return typing::key(state, field, key);
    }
    match bound {
        // An error is a layer to back out of.
        Some(Command::Back) if noticed.is_some() => vec![],
        Some(command) => commands::run(state, command),
        None => vec![],
    }
}
