//! The whole stack on a screen of its own: every edit with what became of it,
//! every layer before and now, and which edits are in each other's way.

mod layers;
mod list;
mod overlaps;

use super::{empty, frame};
use crate::tui::app::{Pane, State};
use crate::tui::text::put;
use crate::tui::theme::Styles;
use crate::tui::widgets::panel::Words;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

pub fn draw(buf: &mut Buffer, area: Rect, state: &State, styles: &Styles) {
    let (about, right) = (about(state, styles), right(state, styles));
    let inner = frame(Pane::Stack, state, styles, about, right).draw(buf, area);
    if state.edits.stack.is_empty() {
        let words: &[(&str, bool)] = &[
            ("No edit yet.", true),
            (
                "`‹edit›` makes one. Here it can be switched off, scaled, moved, copied and dropped, with what that does to every layer.",
                false,
            ),
        ];
        return empty(buf, inner, words, state, styles);
    }
    let parts = Parts::of(inner, state);
    list::draw(buf, parts.list, state, styles);
    list::selected(buf, parts.selected, state, styles);
    for x in parts.rule.x..parts.rule.right() {
        put(
            buf,
            x,
            parts.rule.y,
            parts.rule.right(),
            "╌",
            styles.faint(),
        );
    }
    layers::draw(buf, parts.layers, state, styles);
    overlaps::draw(buf, parts.overlaps, state, styles);
}

/// The edit at a place of the terminal.
pub fn row_at(area: Rect, state: &State, position: Position) -> Option<usize> {
    let inner = Rect {
        x: area.x + 2,
        y: area.y + 1,
        width: area.width.saturating_sub(4),
        height: area.height.saturating_sub(2),
    };
    let parts = Parts::of(inner, state);
    list::row_at(parts.list, state, position)
}

fn about<'a>(state: &State, styles: &Styles) -> Words<'a> {
    let edits = &state.edits;
    if edits.stack.is_empty() {
        return vec![];
    }
    let place = |id| edits.stack.iter().position(|s| s.id == id);
    let words = match edits.soloed().and_then(place) {
        Some(at) => {
            let back = state.tell("‹solo› brings the others back");
            format!("edit {} alone, {back}", at + 1)
        }
        None => {
            let on = edits.stack.iter().filter(|s| s.on).count();
            format!("{on} of {} on", edits.stack.len())
        }
    };
    vec![(words.into(), styles.dim())]
}

fn right<'a>(state: &State, styles: &Styles) -> Words<'a> {
    let edits = &state.edits;
    let faded = edits.stack.iter().filter(|s| edits.faded(**s).is_some());
    match faded.count() {
        _ if edits.check.ticket.is_some() => vec![("checking …".into(), styles.dim())],
        0 => vec![],
        n => vec![(format!("⚠ {n} faded").into(), styles.doubt())],
    }
}

/// How the pane is divided; parts without room have none.
struct Parts {
    list: Rect,
    selected: Rect,
    rule: Rect,
    layers: Rect,
    overlaps: Rect,
}

/// Rows of the pane around its list: the border, the list's heading, the
/// selected edit, the rule.
const AROUND: u16 = 5;

/// Rows that the pane would like, border included.
pub fn rows_wanted(state: &State) -> u16 {
    let edits = u16::try_from(state.edits.stack.len()).unwrap_or(u16::MAX);
    edits.saturating_add(AROUND + below(state))
}

/// Rows for the layers and the overlaps.
fn below(state: &State) -> u16 {
    let layers = state.layers().saturating_add(2).min(50) as u16;
    layers.max(6)
}

impl Parts {
    fn of(inner: Rect, state: &State) -> Parts {
        let all = inner.height;
        let edits = u16::try_from(state.edits.stack.len()).unwrap_or(u16::MAX);
        // Where not all has room, a long list is given half of it.
        let list = match all {
            0..=7 => all,
            _ => {
                let left = all.saturating_sub(below(state) + 2);
                edits.min(left.max(all / 2 - 1).max(3)) + 1
            }
        };
        let selected = u16::from(all > 9);
        let rule = u16::from(all > list + selected + 3);
        let row = |y: u16, height: u16| Rect {
            y: inner.y + y,
            height,
            ..inner
        };
        let under = row(list + selected + rule, all - list - selected - rule);
        let left = (under.width * 2 / 5).max(38).min(under.width);
        Parts {
            list: row(0, list),
            selected: row(list, selected),
            rule: row(list + selected, rule),
            layers: Rect {
                width: left,
                ..under
            },
            overlaps: Rect {
                x: under.x + left + 2,
                width: under.width.saturating_sub(left + 2),
                ..under
            },
        }
    }
}
