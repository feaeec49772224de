//! The form that says how the next edit is made.

use super::centred;
use super::edit::{layers, method_about, method_name};
use super::palette::entry_line;
use crate::edit::LayerChoice;
use crate::measure::validate::Case;
use crate::tui::app::State;
use crate::tui::app::recipe::{Line, Recipe, lines, shown};
use crate::tui::text::put;
use crate::tui::theme::Styles;
use crate::tui::widgets::panel::{Panel, clear};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

/// Columns of the names, the values, and of what the model's own value is.
const NAME: u16 = 20;
const VALUE: u16 = 14;
const OWN: u16 = 15;

pub fn draw(buf: &mut Buffer, recipe: &Recipe, state: &State, styles: &Styles) -> Option<Position> {
    let method = state.fact.method;
    let all = lines(method);
    let area = centred(buf.area, 92, all.len() as u16 + 4);
    clear(buf, area);
    let panel = Panel {
        border: styles.border(true),
        title: vec![("How to edit".into(), styles.title(true))],
        right: vec![("esc".into(), styles.dim())],
    };
    let inner = panel.draw(buf, area);
    let mut caret = None;
    for ((at, line), y) in all.iter().enumerate().zip(inner.y..inner.bottom()) {
        let place = Rect {
            y,
            height: 1,
            ..inner
        };
        let selected = at == recipe.selected.min(all.len() - 1);
        let (x, end) = (inner.x, inner.right());
        let (name, value, own, about, changed) = told(*line, state);
        put(buf, x, y, x + NAME, &name, styles.dim());
        let style = match changed {
            true => styles.new_answer(),
            false => styles.text(),
        };
        let value_at = x + NAME;
        let own_at = value_at + VALUE;
        match recipe.entry.as_ref().filter(|_| selected) {
            Some(entry) => {
                let place = Rect {
                    x: value_at - 2,
                    width: VALUE + 1,
                    ..place
                };
                caret = Some(entry_line(buf, place, "›", entry, styles));
            }
            None => {
                put(buf, value_at, y, own_at, &value, style);
            }
        }
        put(buf, own_at, y, own_at + OWN, &own, styles.faint());
        put(buf, own_at + OWN, y, end, &about, styles.faint());
        if selected {
            buf.set_style(place, styles.selected(true));
        }
    }
    let y = inner.bottom().saturating_sub(1);
    let mut x = inner.x;
    let keys: &[(&str, &str)] = match recipe.entry {
        Some(_) => &[("enter", "takes it"), ("esc", "leaves it")],
        None => &[
            ("↑ ↓", "line"),
            ("← →", "change"),
            ("0–9", "type"),
            ("d", "the model's own"),
            ("e", "edit"),
            ("V", "validate"),
        ],
    };
    for (key, word) in keys {
        x = put(buf, x, y, inner.right(), key, styles.key());
        x = put(buf, x, y, inner.right(), &format!(" {word}"), styles.dim()) + 3;
    }
    caret
}

/// Name, value, the model's own value, what it is, and whether the user set it.
fn told(line: Line, state: &State) -> (String, String, String, String, bool) {
    let method = state.fact.method;
    match line {
        Line::Method => (
            "method".into(),
            method_name(method).into(),
            String::new(),
            method_about(method).into(),
            false,
        ),
        Line::Layers => {
            let chosen = state.fact.layer != LayerChoice::Auto;
            let value = state.edit_layers().map(layers);
            let own = match chosen {
                true => "your choice",
                false => "the model's",
            };
            let about = match method.spreads() {
                true => "5, 5-9 or auto; H L on the trace",
                false => "5 or auto; enter on the trace",
            };
            let value = value.unwrap_or_else(|| "auto".into());
            ("layers".into(), value, own.into(), about.into(), chosen)
        }
        Line::Case => {
            let case = state.fact.case;
            let own = "for V".to_owned();
            let changed = case != Case::default();
            (
                "case".into(),
                case.name().into(),
                own,
                case.about().into(),
                changed,
            )
        }
        Line::Knob(knob) => {
            let value = knob.get(&state.hyper(method));
            let known = knob.get(&state.known_hyper(method));
            let own = match value == known {
                true => "the model's".into(),
                false => format!("model's {}", shown(knob, known)),
            };
            let name = knob.name().replace('-', " ");
            (
                name,
                shown(knob, value),
                own,
                knob.about().into(),
                value != known,
            )
        }
    }
}
