//! The list of saved sessions.

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
    let (caret, list) = search_box(buf, [84, 20], "Sessions", entry, styles);
    let say = |buf: &mut Buffer, words: &str| {
        put(buf, list.x, list.y, list.right(), words, styles.dim());
    };
    let Some(entries) = &state.session.entries else {
        say(buf, "reading …");
        return caret;
    };
    let found = search::sessions(entry.text(), entries);
    if found.is_empty() {
        say(
            buf,
            &state.tell("no session here yet: ‹save› saves this one"),
        );
    }
    let first = first_row(selected, found.len(), list.height.into());
    let shown = found.iter().enumerate().skip(first);
    for ((nth, session), y) in shown.zip(list.y..list.bottom()) {
        let place = Rect {
            y,
            height: 1,
            ..list
        };
        let refused = session.refused.is_some();
        let name_style = if refused {
            styles.dim()
        } else {
            styles.strong()
        };
        let name = clip(&visible(&session.name), 30).into_owned();
        put(buf, list.x, y, list.x + 31, &name, name_style);
        let (about, style) = match &session.refused {
            Some(why) => (why.as_str(), styles.bad()),
            None => (session.about.as_str(), styles.dim()),
        };
        let end = list.right().saturating_sub(17);
        put(buf, list.x + 32, y, end, about, style);
        put_right(buf, end, y, list.right(), &session.when, styles.dim());
        if nth == selected {
            buf.set_style(place, styles.selected(true));
        }
    }
    caret
}
