//! What each command does; keys, the palette and the mouse all end here.

use super::{
    act, board, counterfact, duel, erase, layers, model, recipe, session, show, stack, tour,
    validation, views,
};
use crate::trace::Kind;
use crate::tui::app::trace::At;
use crate::tui::app::{Ask, Effect, Entry, Field, Overlay, Pane, Show, State};
use crate::tui::export;
use crate::tui::keymap::Command;
use crate::tui::theme::Theme;

pub fn run(state: &mut State, command: Command) -> Vec<Effect> {
    use Command as C;
    match command {
        C::Trace => return act::trace(state),
        C::Edit => return act::edit(state),
        C::Validate => return validation::start(state),
        C::Watch => return act::watch(state),
        C::Roll => return act::roll(state),
        C::Method => recipe::turn_method(state, 1),
        C::Recipe => recipe::open(state),
        C::Duel => return duel::start(state),
        C::Views => return views::start(state),
        C::Behind => state.views.turn(),
        C::Erase => return erase::start(state),
        C::Counterfact => return counterfact::command(state),
        C::Prompts => prompts(state),
        C::TakeMethod => return duel::take_method(state),
        C::LayerDown => state.fact.layer = layers::lower(state.fact.layer, state.suggested_layer()),
        C::LayerUp => state.fact.layer = layers::higher(state),
        C::LayersLeft => layers::stretch(state, -1),
        C::LayersRight => layers::stretch(state, 1),
        C::AskLayer => state
            .overlays
            .push(Overlay::Ask(Ask::Layer, Entry::default())),
        C::TakeLayer => layers::take_here(state),

        C::Undo
        | C::Redo
        | C::Toggle
        | C::ToggleAll
        | C::Solo
        | C::Weaker
        | C::Stronger
        | C::MoveUp
        | C::MoveDown
        | C::Duplicate
        | C::Drop => return stack::change(state, command),
        C::AskAlpha => stack::ask_for_alpha(state),
        C::Recall => return act::recall(state),

        C::TypePrompt => state.type_in(Field::Prompt),
        C::TypeTarget => state.type_in(Field::Target),
        C::NextExample => return act::example(state, 1),
        C::PreviousExample => return act::example(state, -1),
        C::SubjectHere => return act::subject_here(state),
        C::ExtendLeft => return act::extend(state, -1),
        C::ExtendRight => return act::extend(state, 1),
        C::Look => return act::look(state),

        C::Left => move_by(state, -1, 0),
        C::Right => move_by(state, 1, 0),
        C::Up => move_by(state, 0, -1),
        C::Down => move_by(state, 0, 1),
        C::PageUp => move_by(state, 0, -10),
        C::PageDown => move_by(state, 0, 10),
        C::First => move_to_end(state, -1),
        C::Last => move_to_end(state, 1),
        C::Kinds => next_kinds(state),
        C::Shown if state.focus == Pane::Erasure => state.erase.on = !state.erase.on,
        C::Shown => state.lens.shown = state.lens.shown.next(),
        C::Transpose => state.trace.transposed = !state.trace.transposed,
        C::Filter => state.watch.next_filter(),
        C::Sort => {
            state.watch.sort = state.watch.sort.next();
            state.watch.cursor = 0;
        }
        C::Find => board::ask_what_to_find(state),
        C::ImportProbes => board::ask_for_file(state),
        C::ProposeProbes => board::ask_how_many(state),
        C::ForgetProbes => return board::forget(state),
        C::Zoom => {
            state.zoomed = !state.zoomed;
            return board::follow(state);
        }
        C::Layout => {
            state.preset = state.preset.next();
            state.say(format!("layout: {}", state.preset.name()));
            return board::follow(state);
        }
        C::Theme => set_theme(state, state.theme.next()),
        C::NextPane => state.focus_on(state.focus.step(1)),
        C::PreviousPane => state.focus_on(state.focus.step(-1)),
        C::Go(pane) => {
            state.focus_on(pane);
            return super::follow(state);
        }

        C::Save => return session::save(state),
        C::SaveAs => session::ask_for_name(state),
        C::Sessions => return session::list(state),
        C::Models => return model::list(state),
        C::Export => super::export::ask(state),
        C::Copy => return copy(state),
        C::WriteFile => {
            let path = state.settings.folder.join(export::file_name(state.focus));
            let ask = Overlay::Ask(Ask::WriteTo, Entry::new(&path.to_string_lossy()));
            state.overlays.push(ask);
        }
        C::Snapshot => {
            let path = state.settings.folder.join("screen.svg");
            let ask = Overlay::Ask(Ask::Snapshot, Entry::new(&path.to_string_lossy()));
            state.overlays.push(ask);
        }
        C::Tour => return tour::turn(state),
        C::ShowNext => return show::next(state),
        C::ShowPause => show::pause(state),
        C::Help => state.overlays.push(Overlay::Help { scroll: 0 }),
        C::Palette => state.overlays.push(Overlay::Palette {
            entry: Entry::default(),
            selected: 0,
        }),
        C::Back => back(state),
        C::Cancel => return cancel(state),
        C::Suspend => return vec![Effect::Suspend],
        C::Repaint => return vec![Effect::Repaint],
        C::Quit => return session::quit(state),
    }
    vec![]
}

fn next_kinds(state: &mut State) {
    state.trace.show = state.trace.show.next();
    if let (Show::One(kind), Some(cursor)) = (state.trace.show, &mut state.trace.cursor) {
        cursor.kind = kind;
    }
}

/// Moves the focused pane's cursor.
fn move_by(state: &mut State, dx: isize, dy: isize) {
    let moved = |at: usize, by: isize| at.saturating_add_signed(by);
    match state.focus {
        Pane::Fact => {
            let tokens = state.fact.current().map_or(0, |p| p.tokens.len());
            let by = if dx != 0 { dx } else { dy };
            state.fact.token = moved(state.fact.token, by).min(tokens.saturating_sub(1));
            state.fact.anchor = None;
        }
        Pane::Trace => move_cell(state, dx, dy),
        Pane::Edit | Pane::Stack => {
            let last = state.edits.stack.len().saturating_sub(1);
            state.edits.cursor = moved(state.edits.cursor, dy).min(last);
            if dy != 0 {
                state.edits.check.layer = None;
            }
            if let (Pane::Stack, Some(layer)) = (state.focus, state.edits.shown_layer()) {
                let last = state.layers().saturating_sub(1);
                if dx != 0 {
                    state.edits.check.layer = Some(moved(layer, dx).min(last));
                }
            }
        }
        Pane::Duel => {
            let last = state.duel.tries.len().saturating_sub(1);
            state.duel.cursor = moved(state.duel.cursor, dy).min(last);
        }
        Pane::Lens => state.lens.move_by(dx, dy),
        Pane::Views => state.views.move_by(dy),
        Pane::Geometry => state.geometry.scroll_by(dy),
        Pane::Erasure => state.erase.move_by(dy),
        Pane::Counterfact => state.counterfact.move_by(dy),
        Pane::Neighbours => {
            let last = state.watch.listed().saturating_sub(1);
            state.watch.cursor = moved(state.watch.cursor, dy).min(last);
        }
        Pane::Confabulations => {
            // The view knows how many lines there are and stops at the last.
            let last = state.confabs.list.len() * 500;
            state.confabs.scroll = moved(state.confabs.scroll, dy).min(last);
        }
    }
}

/// Moves over cells, and from kind to kind where they stand side by side.
fn move_cell(state: &mut State, dx: isize, dy: isize) {
    let (Some(at), Some(grid)) = (state.trace.at(), &state.trace.grid) else {
        return;
    };
    let (tokens, layers) = (grid.tokens() as isize, grid.layers() as isize);
    let (dt, dl) = if state.trace.transposed {
        (dx, dy)
    } else {
        (dy, dx)
    };
    let mut token = at.token as isize + dt;
    let mut layer = at.layer as isize + dl;
    let mut kind = at.kind;
    let along = if state.trace.transposed {
        (&mut token, tokens)
    } else {
        (&mut layer, layers)
    };
    if state.trace.show == Show::Together && dx != 0 {
        let (place, count) = along;
        let last = Kind::ALL.len() - 1;
        let index = Kind::ALL.iter().position(|k| *k == kind).unwrap_or(0);
        if *place >= count && index < last {
            kind = Kind::ALL[index + 1];
            *place = 0;
        } else if *place < 0 && index > 0 {
            kind = Kind::ALL[index - 1];
            *place = count - 1;
        }
    }
    state.trace.anchor = None;
    state.trace.cursor = Some(At {
        kind,
        token: token.clamp(0, (tokens - 1).max(0)) as usize,
        layer: layer.clamp(0, (layers - 1).max(0)) as usize,
    });
}

fn move_to_end(state: &mut State, direction: isize) {
    let far = direction * 1_000_000;
    if state.focus == Pane::Trace {
        // Rows hold what one reads along; stay in this kind.
        let alone = Show::One(state.trace.kind());
        let show = std::mem::replace(&mut state.trace.show, alone);
        move_cell(state, far, 0);
        state.trace.show = show;
    } else if state.focus == Pane::Lens {
        move_by(state, far, 0);
    } else {
        move_by(state, 0, far);
    }
}

pub fn set_theme(state: &mut State, theme: Theme) {
    state.theme = theme;
    state.say(format!("theme: {}", theme.name()));
}

fn copy(state: &mut State) -> Vec<Effect> {
    match export::text(state, state.focus) {
        Some(text) => {
            let else_how = "if the terminal ignores OSC 52, ‹write-file› writes it to a file";
            let else_how = state.tell(else_how);
            state.say(format!("{} copied; {else_how}", export::what(state.focus)));
            vec![Effect::Copy(text)]
        }
        None => {
            state.say("nothing to copy here yet");
            vec![]
        }
    }
}

/// Opens the selected case's prompts, and closes them again.
fn prompts(state: &mut State) {
    let view = &mut state.counterfact;
    view.opened = match view.opened {
        Some(_) => None,
        None => view.row().map(|_| 0),
    };
}

/// Backs out one layer.
fn back(state: &mut State) {
    let behind = state.focus == Pane::Views && state.views.behind.take().is_some();
    let opened = state.focus == Pane::Counterfact && state.counterfact.opened.take().is_some();
    if behind || opened || state.fact.anchor.take().is_some() {
    } else if state.zoomed {
        state.zoomed = false;
    } else if state.focus == Pane::Trace && state.trace.cursor.take().is_some() {
    } else if state.focus != Pane::Fact {
        state.focus = Pane::Fact;
    }
}

/// Ctrl-C: stops the running job; with nothing running a second one leaves.
pub fn cancel(state: &mut State) -> Vec<Effect> {
    if let Some(ticket) = state.jobs.stoppable() {
        state.leaving = true;
        state.say(state.tell("stopping; ‹cancel› again leaves"));
        if state.duel.running().any(|own| own == ticket) {
            return duel::stop(state);
        }
        return state.jobs.cancel(ticket).into_iter().collect();
    }
    if state.leaving {
        return session::leave(state);
    }
    state.leaving = true;
    state.say(state.tell("nothing is running; ‹cancel› again leaves"));
    vec![]
}
