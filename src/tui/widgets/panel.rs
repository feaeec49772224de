//! A rounded box with words in its upper edge.

use crate::tui::text::{put, width};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// Words with their style.
pub type Words<'a> = Vec<(std::borrow::Cow<'a, str>, Style)>;

pub struct Panel<'a> {
    pub border: Style,
    /// In the upper edge, from the left.
    pub title: Words<'a>,
    /// In the upper edge, against the right.
    pub right: Words<'a>,
}

impl Panel<'_> {
    /// Draws the box and gives the room inside, a column of air on each side.
    pub fn draw(&self, buf: &mut Buffer, area: Rect) -> Rect {
        let area = area.intersection(buf.area);
        if area.width < 4 || area.height < 2 {
            return Rect {
                width: 0,
                height: 0,
                ..area
            };
        }
        let (left, top) = (area.x, area.y);
        let (right, bottom) = (area.right() - 1, area.bottom() - 1);
        for x in left + 1..right {
            buf[(x, top)].set_symbol("─").set_style(self.border);
            buf[(x, bottom)].set_symbol("─").set_style(self.border);
        }
        for y in top + 1..bottom {
            buf[(left, y)].set_symbol("│").set_style(self.border);
            buf[(right, y)].set_symbol("│").set_style(self.border);
        }
        for (x, y, corner) in [
            (left, top, "╭"),
            (right, top, "╮"),
            (left, bottom, "╰"),
            (right, bottom, "╯"),
        ] {
            buf[(x, y)].set_symbol(corner).set_style(self.border);
        }
        let used = self.words(buf, left + 1, top, right, &self.title);
        let wide: usize = self.right.iter().map(|(t, _)| width(t)).sum::<usize>() + 2;
        if !self.right.is_empty() && usize::from(right.saturating_sub(used)) > wide {
            self.words(buf, right - wide as u16 - 1, top, right, &self.right);
        }
        Rect {
            x: left + 2,
            y: top + 1,
            width: area.width - 4,
            height: area.height - 2,
        }
    }

    /// Words with a space on each side, so that they do not touch the line.
    fn words(&self, buf: &mut Buffer, x: u16, y: u16, end: u16, words: &Words) -> u16 {
        if words.is_empty() {
            return x;
        }
        let wide = words.iter().map(|(text, _)| width(text)).sum::<usize>() + 2;
        for under in x..end.min(x.saturating_add(wide as u16)) {
            buf[(under, y)].reset();
        }
        let mut x = put(buf, x, y, end, " ", self.border);
        for (text, style) in words {
            x = put(buf, x, y, end, text, *style);
        }
        put(buf, x, y, end, " ", self.border)
    }
}

/// Empties a place for something that lies over it.
pub fn clear(buf: &mut Buffer, area: Rect) {
    let area = area.intersection(buf.area);
    for position in area.positions() {
        buf[position].reset();
    }
    // A wide character must not reach into it from the left.
    for y in area.rows().map(|row| row.y) {
        if area.x > buf.area.x && width(buf[(area.x - 1, y)].symbol()) > 1 {
            buf[(area.x - 1, y)].set_symbol(" ");
        }
    }
}
