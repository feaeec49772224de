//! The stack, in the order the edits are applied.

use super::{about, layers, percent};
use crate::engine::Stacked;
use crate::tui::app::{Pane, State};
use crate::tui::text::{put, put_right, width};
use crate::tui::theme::Styles;
use crate::tui::widgets::first_row;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

pub fn draw(buf: &mut Buffer, area: Rect, state: &State, styles: &Styles) {
    let edits = &state.edits;
    let first = first_row(edits.cursor, edits.stack.len(), area.height.into());
    let shown = edits.stack.iter().enumerate().skip(first);
    for ((nth, stacked), y) in shown.zip(area.y..area.bottom()) {
        let place = Rect {
            y,
            height: 1,
            ..area
        };
        line(buf, place, nth, *stacked, state, styles);
    }
}

fn line(
    buf: &mut Buffer,
    place: Rect,
    nth: usize,
    stacked: Stacked,
    state: &State,
    styles: &Styles,
) {
    let Some(record) = state.edits.records.get(&stacked.id) else {
        return;
    };
    let (y, end) = (place.y, place.right());
    let (dot, dot_style) = if stacked.on {
        ("● ", styles.new_answer())
    } else {
        ("○ ", styles.dim())
    };
    let x = put(buf, place.x, y, end, dot, dot_style);
    let mut x = put(buf, x, y, end, &format!("{} ", nth + 1), styles.faint());
    let span = layers(record.report.span());
    let mut right = format!("L{span}  α {:.1}", stacked.alpha);
    if place.width >= 46 {
        let norm = percent(record.report.relative_update_norm);
        right = format!("{right}  {norm:>6}");
    }
    if stacked.on {
        right = format!("{}{right}", lost_ground(stacked, state));
    }
    let right_x = end.saturating_sub(width(&right) as u16);
    for (text, style) in about(&record.spec, styles) {
        let style = if stacked.on { style } else { styles.dim() };
        x = put(buf, x, y, right_x.saturating_sub(1), &text, style);
    }
    put_right(buf, right_x, y, end, &right, styles.dim());
    if nth == state.edits.cursor && state.edits.stack.len() > 1 {
        buf.set_style(place, styles.selected(state.focus == Pane::Edit));
    }
}

/// "made on 1  " where the edit was computed on top of one that is off now.
fn lost_ground(stacked: Stacked, state: &State) -> String {
    let place = |id| state.edits.stack.iter().position(|s| s.id == id);
    let lost = state.edits.missing_ground(stacked.id);
    let lost: Vec<String> = lost
        .into_iter()
        .filter_map(place)
        .map(|at| (at + 1).to_string())
        .collect();
    if lost.is_empty() {
        String::new()
    } else {
        format!("made on {} · ", lost.join(", "))
    }
}
