//! The models to choose from, by where they come from.

use super::palette::search_box;
use crate::tui::app::{Entry, State};
use crate::tui::search;
use crate::tui::store::{Facts, ModelEntry};
use crate::tui::text::{clip, put, put_right, visible, wrap_plain};
use crate::tui::theme::Styles;
use crate::tui::widgets::first_row;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

/// The box, where the screen has so much room.
const SIZE: [u16; 2] = [108, 32];
/// Lines for what is to be said of the selected one, and a blank above them.
const DETAIL: u16 = 3;
/// Columns of family, parameters, quantisation and size, from the right.
const COLUMNS: [u16; 4] = [9, 8, 9, 9];

/// A line of the list.
enum Row<'a> {
    Heading(&'static str),
    Model(usize, &'a ModelEntry),
}

pub fn draw(
    buf: &mut Buffer,
    entry: &Entry,
    selected: usize,
    state: &State,
    styles: &Styles,
) -> Position {
    let (caret, area) = search_box(buf, SIZE, "Model", entry, styles);
    let Some(entries) = &state.models else {
        put(buf, area.x, area.y, area.right(), "looking …", styles.dim());
        return caret;
    };
    let found = search::models(entry.text(), entries);
    if found.is_empty() {
        let words = "enter opens this file or folder, or fetches ORGANISATION/NAME[:QUANTISATION]";
        put(buf, area.x, area.y, area.right(), words, styles.dim());
        return caret;
    }
    let rows = rows(&found, entry.text().trim().is_empty());
    let list = Rect {
        height: area.height.saturating_sub(DETAIL),
        ..area
    };
    let cursor = rows
        .iter()
        .position(|row| matches!(row, Row::Model(nth, _) if *nth == selected));
    let cursor = cursor.unwrap_or_default();
    let first = first_row(cursor, rows.len(), list.height.into());
    let open = state.model.as_ref().map(|m| m.name.as_str());
    for (row, y) in rows.iter().skip(first).zip(list.y..list.bottom()) {
        let place = Rect {
            y,
            height: 1,
            ..list
        };
        match row {
            Row::Heading(title) => {
                put(buf, place.x, y, place.right(), title, styles.key());
            }
            Row::Model(nth, model) => {
                line(buf, place, model, open == Some(model.name.as_str()), styles);
                if *nth == selected {
                    buf.set_style(place, styles.selected(true));
                }
            }
        }
    }
    if let Some(model) = found.get(selected) {
        detail(buf, area, model, styles);
    }
    caret
}

/// Headings stand where all models do, in their order; the best match of a
/// search comes first, whoever keeps it.
fn rows<'a>(found: &[&'a ModelEntry], headings: bool) -> Vec<Row<'a>> {
    let mut rows = Vec::with_capacity(found.len());
    let mut origin = None;
    for (nth, model) in found.iter().enumerate() {
        if headings && origin != Some(model.origin) {
            origin = Some(model.origin);
            rows.push(Row::Heading(model.origin.title()));
        }
        rows.push(Row::Model(nth, model));
    }
    rows
}

fn line(buf: &mut Buffer, place: Rect, model: &ModelEntry, open: bool, styles: &Styles) {
    let Rect { x, y, .. } = place;
    let end = place.right();
    let columns = end.saturating_sub(COLUMNS.iter().sum()).max(x + 2);
    let (mark, style) = match (&model.facts, model.bytes) {
        _ if open => ("●", styles.good()),
        (Facts::Refused(_), _) => ("×", styles.dim()),
        (_, Some(_)) => ("", styles.strong()),
        (_, None) => ("", styles.text()),
    };
    put(buf, x, y, x + 2, mark, style);
    let room = usize::from(columns - x).saturating_sub(3);
    let name = clip(&visible(&model.name), room).into_owned();
    put(buf, x + 2, y, columns, &name, style);
    let said = match (&model.facts, model.bytes) {
        (Facts::Refused(why), _) => why.as_str(),
        (Facts::Unread, Some(_)) => "reading …",
        (Facts::Unread, None) => model.about.as_str(),
        (Facts::Known { .. }, _) => "",
    };
    put(buf, columns, y, end, said, styles.dim());
    let Facts::Known {
        family,
        parameters,
        quantisation,
    } = &model.facts
    else {
        return;
    };
    let [family_w, parameters_w, quantisation_w, _] = COLUMNS;
    put(
        buf,
        columns,
        y,
        columns + family_w - 1,
        family,
        styles.text(),
    );
    let x = columns + family_w;
    let count = count(*parameters);
    put_right(buf, x, y, x + parameters_w - 2, &count, styles.text());
    let x = x + parameters_w;
    put(
        buf,
        x,
        y,
        x + quantisation_w - 1,
        quantisation,
        styles.text(),
    );
    let size = model.bytes.map(size).unwrap_or_default();
    put_right(buf, x + quantisation_w, y, end, &size, styles.text());
}

/// What has no room in a line: the whole name, its place, why it is refused.
fn detail(buf: &mut Buffer, area: Rect, model: &ModelEntry, styles: &Styles) {
    let words = match (&model.facts, model.bytes) {
        (Facts::Refused(why), _) => format!("{}: {why}", model.name),
        (_, None) => format!("enter fetches {}", model.about),
        _ if model.about.is_empty() => model.name.clone(),
        _ => format!("{} · {}", model.name, model.about),
    };
    let lines = wrap_plain(&words, area.width.into());
    let first = area.bottom().saturating_sub(DETAIL - 1).max(area.y);
    for (line, y) in lines.iter().zip(first..area.bottom()) {
        put(buf, area.x, y, area.right(), line, styles.dim());
    }
}

fn count(parameters: u64) -> String {
    match parameters as f64 {
        n if n >= 1e9 => format!("{:.1} B", n / 1e9),
        n if n >= 1e6 => format!("{:.0} M", n / 1e6),
        n => format!("{:.0} k", n / 1e3),
    }
}

fn size(bytes: u64) -> String {
    match bytes as f64 {
        b if b >= 1e9 => format!("{:.1} GB", b / 1e9),
        b if b >= 1e6 => format!("{:.0} MB", b / 1e6),
        b => format!("{:.0} kB", b / 1e3),
    }
}
