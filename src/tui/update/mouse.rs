//! The mouse: everything it does has a key.

use super::{act, commands, layers};
use crate::tui::app::{Effect, Mode, Pane, State};
use crate::tui::keymap::Command;
use crate::tui::view;
use ratatui::crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Position;

pub fn mouse(state: &mut State, event: MouseEvent) -> Vec<Effect> {
    if !state.overlays.is_empty() {
        return vec![];
    }
    let Some(screen) = view::screen(state) else {
        return vec![];
    };
    let position = Position::new(event.column, event.row);
    let hit = screen
        .panes
        .iter()
        .find(|(_, area)| area.contains(position));
    let Some((pane, area)) = hit.copied() else {
        return vec![];
    };
    match event.kind {
        MouseEventKind::Down(MouseButton::Left) => {
            state.mode = Mode::Command;
            // The neighbours under the stack are looked at from there.
            if state.focus != Pane::Stack {
                state.focus_on(pane);
            }
            match pane {
                Pane::Fact => {
                    if let Some(token) = view::fact::token_at(area, state, position) {
                        state.fact.token = token;
                        state.fact.anchor = Some(token);
                    }
                }
                Pane::Stack => {
                    if let Some(at) = view::stack::row_at(area, state, position) {
                        state.edits.cursor = at;
                        state.edits.check.layer = None;
                    }
                }
                Pane::Duel => {
                    if let Some(at) = view::duel::row_at(area, state, position) {
                        state.duel.cursor = at;
                    }
                }
                Pane::Counterfact => {
                    if let Some(at) = view::counterfact::row_at(area, state, position) {
                        state.counterfact.cursor = at;
                    }
                }
                Pane::Lens => {
                    if let Some(at) = view::lens::cell_at(area, state, position) {
                        state.lens.cursor = Some(at);
                    }
                }
                Pane::Views => {
                    if let Some(at) = view::views::row_at(area, state, position) {
                        state.views.cursor = at;
                    }
                }
                Pane::Trace => {
                    if let Some(at) = view::trace::cell_at(area, state, position) {
                        state.trace.cursor = Some(at);
                        state.trace.anchor = Some(at.layer);
                    }
                }
                _ => {}
            }
            vec![]
        }
        MouseEventKind::Drag(MouseButton::Left) if pane == Pane::Fact => {
            let token = view::fact::token_at(area, state, position);
            let (Some(anchor), Some(token)) = (state.fact.anchor, token) else {
                return vec![];
            };
            state.fact.token = token;
            act::choose(state, anchor.min(token)..anchor.max(token) + 1)
        }
        MouseEventKind::Drag(MouseButton::Left) if pane == Pane::Trace => {
            let at = view::trace::cell_at(area, state, position);
            if let (Some(anchor), Some(at)) = (state.trace.anchor, at) {
                state.trace.cursor = Some(at);
                layers::take_span(state, anchor.min(at.layer), anchor.max(at.layer));
            }
            vec![]
        }
        MouseEventKind::ScrollDown | MouseEventKind::ScrollUp => {
            let focus = std::mem::replace(&mut state.focus, pane);
            let command = match event.kind {
                MouseEventKind::ScrollDown => Command::Down,
                _ => Command::Up,
            };
            let effects = commands::run(state, command);
            state.focus = focus;
            effects
        }
        _ => vec![],
    }
}
