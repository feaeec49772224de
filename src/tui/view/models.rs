//! The models to choose from.

use super::palette::search_box;
use crate::tui::app::{Entry, State};
use crate::tui::search;
use crate::tui::text::{clip, put, put_right, visible};
use crate::tui::theme::Styles;
use crate::tui::widgets::first_row;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

pub fn draw(
    buf: &mut Buffer,
    entry: &Entry,
    selected: usize,
    state: &State,
    styles: &Styles,
) -> Position {
    let (caret, list) = search_box(buf, "Model", entry, styles);
    let Some(entries) = &state.models else {
        put(buf, list.x, list.y, list.right(), "looking …", styles.dim());
        return caret;
    };
    let found = search::models(entry.text(), entries);
    if found.is_empty() {
        let words = "enter opens this folder, or fetches ORGANISATION/NAME from the hub";
        put(buf, list.x, list.y, list.right(), words, styles.dim());
    }
    let open = state.model.as_ref().map(|m| m.name.as_str());
    let first = first_row(selected, found.len(), list.height.into());
    let shown = found.iter().enumerate().skip(first);
    for ((nth, model), y) in shown.zip(list.y..list.bottom()) {
        let name_style = if model.here {
            styles.strong()
        } else {
            styles.text()
        };
        let name = clip(&visible(&model.name), 36).into_owned();
        put(buf, list.x, y, list.x + 37, &name, name_style);
        let end = list.right().saturating_sub(11);
        put(
            buf,
            list.x + 38,
            y,
            end,
            &visible(&model.about),
            styles.dim(),
        );
        let (place, style) = match (open == Some(model.name.as_str()), model.here) {
            (true, _) => ("open", styles.good()),
            (false, true) => ("here", styles.text()),
            (false, false) => ("to fetch", styles.dim()),
        };
        put_right(buf, end, y, list.right(), place, style);
        if nth == selected {
            let row = Rect {
                y,
                height: 1,
                ..list
            };
            buf.set_style(row, styles.selected(true));
        }
    }
    caret
}
