//! The form that says how the next edit is made.

use super::{act, layers, validation};
use crate::edit::{Knob, LayerChoice, Method};
use crate::measure::validate::Case;
use crate::tui::app::recipe::{Line, Recipe, lines};
use crate::tui::app::{Effect, Entry, Overlay, State};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

pub fn open(state: &mut State) {
    state.overlays.push(Overlay::Recipe(Recipe::default()));
}

pub fn key(state: &mut State, key: KeyEvent) -> Vec<Effect> {
    state.notice = None;
    let method = state.fact.method;
    let Some(Overlay::Recipe(recipe)) = state.overlays.last_mut() else {
        return vec![];
    };
    let lines = lines(method);
    let last = lines.len() - 1;
    recipe.selected = recipe.selected.min(last);
    let line = lines[recipe.selected];
    if let Some(entry) = &mut recipe.entry {
        match key.code {
            KeyCode::Esc => recipe.entry = None,
            KeyCode::Enter | KeyCode::Up | KeyCode::Down | KeyCode::Tab => {
                let text = entry.text().trim().to_owned();
                recipe.entry = None;
                match key.code {
                    KeyCode::Up => recipe.selected = recipe.selected.saturating_sub(1),
                    KeyCode::Down | KeyCode::Tab => {
                        recipe.selected = (recipe.selected + 1).min(last);
                    }
                    _ => {}
                }
                typed(state, line, &text);
            }
            _ => {
                entry.key(key);
            }
        }
        return vec![];
    }
    match key.code {
        KeyCode::Up | KeyCode::Char('k') | KeyCode::BackTab => {
            recipe.selected = recipe.selected.saturating_sub(1);
        }
        KeyCode::Down | KeyCode::Char('j') | KeyCode::Tab => {
            recipe.selected = (recipe.selected + 1).min(last);
        }
        KeyCode::Left | KeyCode::Char('h') => turn(state, line, false),
        KeyCode::Right | KeyCode::Char('l' | ' ') => turn(state, line, true),
        KeyCode::Char('d') | KeyCode::Delete => restore(state, line),
        KeyCode::Char('m') => turn_method(state, 1),
        KeyCode::Char('e') => {
            state.overlays.pop();
            return act::edit(state);
        }
        KeyCode::Char('V') => {
            state.overlays.pop();
            return validation::start(state);
        }
        KeyCode::Enter
            if matches!(
                line,
                Line::Method | Line::Case | Line::Knob(Knob::RelativeThreshold)
            ) =>
        {
            turn(state, line, true);
        }
        KeyCode::Enter => recipe.entry = Some(Entry::default()),
        KeyCode::Char(c) if key.modifiers.is_empty() && begins(c, line) => {
            let mut entry = Entry::default();
            entry.key(KeyEvent::new(key.code, KeyModifiers::NONE));
            recipe.entry = Some(entry);
        }
        KeyCode::Esc | KeyCode::Char('p' | 'q') => {
            state.overlays.pop();
        }
        _ => {}
    }
    vec![]
}

/// Whether typing a value may begin with `c`.
fn begins(c: char, line: Line) -> bool {
    match line {
        Line::Method | Line::Case | Line::Knob(Knob::RelativeThreshold) => false,
        Line::Layers => c.is_ascii_digit() || c == 'a',
        Line::Knob(_) => c.is_ascii_digit() || matches!(c, '.' | ','),
    }
}

fn typed(state: &mut State, line: Line, text: &str) {
    match line {
        _ if text.is_empty() => {}
        Line::Method | Line::Case => {}
        Line::Layers => layers::set(state, text),
        Line::Knob(knob) => match text.replace(',', ".").parse::<f64>() {
            Ok(value) => set(state, knob, value),
            Err(_) => state.complain(format!("{text:?} is no number")),
        },
    }
}

fn set(state: &mut State, knob: Knob, value: f64) {
    let method = state.fact.method;
    let mut hyper = state.hyper(method);
    match knob.set(&mut hyper, value) {
        Ok(()) => state.tune(method, hyper),
        Err(error) => state.complain(error.to_string().trim_start_matches('-').to_owned()),
    }
}

/// One step further on a line.
fn turn(state: &mut State, line: Line, up: bool) {
    match line {
        Line::Method => turn_method(state, if up { 1 } else { -1 }),
        Line::Case => {
            let all = Case::ALL;
            let at = all.iter().position(|case| *case == state.fact.case);
            let by = if up { 1 } else { all.len() - 1 };
            state.fact.case = all[(at.unwrap_or(0) + by) % all.len()];
        }
        Line::Layers if up => state.fact.layer = layers::higher(state),
        Line::Layers => state.fact.layer = layers::lower(state.fact.layer, state.suggested_layer()),
        Line::Knob(knob) => {
            let value = knob.get(&state.hyper(state.fact.method));
            match knob {
                Knob::RelativeThreshold => set(state, knob, 1.0 - value),
                Knob::Steps => set(state, knob, step(value, up).max(1.0)),
                _ => set(state, knob, step(value, up)),
            }
        }
    }
}

/// The line as the model's defaults have it.
fn restore(state: &mut State, line: Line) {
    match line {
        Line::Method => {
            state.fact.method = Method::default();
            layers::only_last_layer(state);
        }
        Line::Layers => state.fact.layer = LayerChoice::Auto,
        Line::Case => state.fact.case = Case::default(),
        Line::Knob(knob) => {
            let known = knob.get(&state.known_hyper(state.fact.method));
            set(state, knob, known);
        }
    }
}

/// The next of 1, 2, 5, 10, 20, …; from 0 to one hundredth.
fn step(value: f64, up: bool) -> f64 {
    if value <= 0.0 {
        return if up { 0.01 } else { 0.0 };
    }
    let decade = value.log10().floor() as i32;
    // Written out and read again: 0.05, not 5 × 10⁻² with its rounding.
    let mut near = (decade - 1..=decade + 1).flat_map(|power| {
        [1, 2, 5].map(|n| format!("{n}e{power}").parse::<f64>().unwrap_or(value))
    });
    let slack = value * 1e-9;
    let next = match up {
        true => near.find(|n| *n > value + slack),
        false => near.rfind(|n| *n < value - slack),
    };
    next.unwrap_or(value)
}

/// So many methods further in the list.
pub fn turn_method(state: &mut State, by: isize) {
    let all = Method::ALL;
    let at = all.iter().position(|m| *m == state.fact.method);
    let next = (at.unwrap_or(0) as isize + by).rem_euclid(all.len() as isize);
    state.fact.method = all[next as usize];
    layers::only_last_layer(state);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_go_by_ones_twos_and_fives() {
        let mut value = 0.0625;
        let mut seen = Vec::new();
        for _ in 0..6 {
            value = step(value, true);
            seen.push(value);
        }
        assert_eq!(seen, [0.1, 0.2, 0.5, 1.0, 2.0, 5.0]);
        assert_eq!(step(0.0625, false), 0.05);
        assert_eq!(step(160.0, true), 200.0);
        assert_eq!(step(160.0, false), 100.0);
        assert_eq!(step(15_000.0, false), 10_000.0);
        assert_eq!(step(1.0, false), 0.5);
        assert_eq!((step(0.0, true), step(0.0, false)), (0.01, 0.0));
        assert!(step(f64::MIN_POSITIVE, false) >= 0.0 && step(1e308, true) >= 1e308);
    }
}
