//! Questions.

use super::centred;
use super::palette::entry_line;
use crate::tui::app::{Ask, Confirm, Entry};
use crate::tui::text::{clip, put, visible};
use crate::tui::theme::Styles;
use crate::tui::widgets::panel::{Panel, clear};
use ratatui::buffer::Buffer;
use ratatui::layout::Position;
use std::path::Path;

pub fn draw(buf: &mut Buffer, confirm: &Confirm, styles: &Styles) {
    let changed = "The stack has changed since it was saved.".to_string();
    let there = |path: &Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        format!("{} is there already.", clip(&visible(&name), 36))
    };
    let (title, question, answers): (_, _, &[_]) = match confirm {
        Confirm::Quit => (
            "Not saved",
            changed,
            &[
                ("s", "save and quit"),
                ("d", "discard and quit"),
                ("esc", "stay"),
            ],
        ),
        Confirm::Open(_) | Confirm::Model(_) => (
            "Not saved",
            changed,
            &[
                ("s", "save, then open"),
                ("d", "discard, then open"),
                ("esc", "stay"),
            ],
        ),
        Confirm::Overwrite(path) => (
            "Save over it?",
            there(path),
            &[
                ("y", "save over it"),
                ("n", "another name"),
                ("esc", "stay"),
            ],
        ),
        Confirm::Replace { path, .. } => (
            "Write over it?",
            there(path),
            &[("y", "write over it"), ("esc", "leave it")],
        ),
    };
    let area = centred(buf.area, 62, 5);
    clear(buf, area);
    let panel = Panel {
        border: styles.border(true),
        title: vec![(title.into(), styles.title(true))],
        right: vec![],
    };
    let inner = panel.draw(buf, area);
    put(
        buf,
        inner.x,
        inner.y,
        inner.right(),
        &question,
        styles.text(),
    );
    let mut x = inner.x;
    for &(key, word) in answers {
        x = put(buf, x, inner.y + 2, inner.right(), key, styles.key());
        x = put(
            buf,
            x,
            inner.y + 2,
            inner.right(),
            &format!(" {word}"),
            styles.dim(),
        ) + 3;
    }
}

/// A question answered with a line of text; gives the caret's place.
pub fn ask(buf: &mut Buffer, ask: Ask, entry: &Entry, styles: &Styles) -> Position {
    let area = centred(buf.area, 68, 3);
    clear(buf, area);
    let panel = Panel {
        border: styles.border(true),
        title: vec![(ask.title().into(), styles.title(true))],
        right: vec![("enter · esc".into(), styles.dim())],
    };
    let inner = panel.draw(buf, area);
    entry_line(buf, inner, "›", entry, styles)
}
