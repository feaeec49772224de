//! Any command, found by its name.

use super::centred;
use crate::tui::app::Entry;
use crate::tui::keymap::KeyMap;
use crate::tui::search;
use crate::tui::text::{clip_start, put, put_right, visible};
use crate::tui::theme::Styles;
use crate::tui::widgets::first_row;
use crate::tui::widgets::panel::{Panel, clear};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use unicode_segmentation::UnicodeSegmentation;

pub fn draw(
    buf: &mut Buffer,
    entry: &Entry,
    selected: usize,
    keys: &KeyMap,
    styles: &Styles,
) -> Position {
    let hits = search::commands(entry.text());
    let words = ["Command", "enter runs it · esc", ":"];
    let (caret, list) = entry_box(buf, [68, 18], words, entry, styles);
    if hits.is_empty() {
        put(
            buf,
            list.x,
            list.y,
            list.right(),
            "no command of that name",
            styles.dim(),
        );
    }
    let first = first_row(selected, hits.len(), list.height.into());
    let shown = hits.iter().enumerate().skip(first);
    for ((nth, hit), y) in shown.zip(list.y..list.bottom()) {
        let place = Rect {
            y,
            height: 1,
            ..list
        };
        let words = keys.binding(hit.command).map_or("", |(line, _)| line.long);
        let mut x = list.x;
        for (at, letter) in words.graphemes(true).enumerate() {
            let matched = hit.matched.contains(&(at as u32));
            let style = if matched { styles.key() } else { styles.text() };
            x = put(buf, x, y, list.right(), letter, style);
        }
        let key = keys.key(hit.command).unwrap_or_default();
        put_right(buf, x + 1, y, list.right(), &key, styles.dim());
        if nth == selected {
            buf.set_style(place, styles.selected(true));
        }
    }
    caret
}

/// The box of a list that an entry searches: the caret's place, and the list's.
pub fn search_box(
    buf: &mut Buffer,
    size: [u16; 2],
    title: &'static str,
    entry: &Entry,
    styles: &Styles,
) -> (Position, Rect) {
    entry_box(buf, size, [title, "enter opens · esc", "›"], entry, styles)
}

/// A box of at most `wide` × `high` with an entry on top: its title, what keys
/// do in it, and the sign before the entry.
fn entry_box(
    buf: &mut Buffer,
    [wide, high]: [u16; 2],
    [title, keys, sign]: [&'static str; 3],
    entry: &Entry,
    styles: &Styles,
) -> (Position, Rect) {
    let area = centred(buf.area, wide, high.min(buf.area.height.saturating_sub(2)));
    let panel = Panel {
        border: styles.border(true),
        title: vec![(title.into(), styles.title(true))],
        right: vec![(keys.into(), styles.dim())],
    };
    clear(buf, area);
    let inner = panel.draw(buf, area);
    let caret = entry_line(buf, inner, sign, entry, styles);
    let list = Rect {
        y: inner.y + 2,
        height: inner.height.saturating_sub(2),
        ..inner
    };
    (caret, list)
}

/// A prompt sign with an entry behind it; gives the caret's place.
pub fn entry_line(
    buf: &mut Buffer,
    area: Rect,
    sign: &str,
    entry: &Entry,
    styles: &Styles,
) -> Position {
    let (y, end) = (area.y, area.right());
    let x = put(buf, area.x, y, end, sign, styles.key());
    let x = put(buf, x, y, end, " ", styles.text());
    let (before, after) = entry.text().split_at(entry.caret());
    let room = usize::from(end.saturating_sub(x)).saturating_sub(1);
    let before = visible(before);
    let caret = put(buf, x, y, end, &clip_start(&before, room), styles.text());
    put(buf, caret, y, end, after, styles.text());
    Position::new(caret.min(end.saturating_sub(1)), y)
}
