//! A few words in a box at the lower right, above the footer: where least is hidden.

use super::panel::{Panel, clear};
use crate::tui::text::{put, wrap_plain};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// Draws `words` in a panel of at most `width` columns.
pub fn draw(buf: &mut Buffer, panel: Panel<'_>, words: &str, width: u16, style: Style) {
    let wide = buf.area.width.saturating_sub(4).min(width);
    let lines = wrap_plain(words, usize::from(wide).saturating_sub(4));
    let high = (lines.len() as u16 + 2).min(buf.area.height.saturating_sub(2));
    let area = Rect {
        x: buf.area.right().saturating_sub(wide + 2),
        y: buf.area.bottom().saturating_sub(high + 1),
        width: wide,
        height: high,
    };
    clear(buf, area);
    let inner = panel.draw(buf, area);
    for (line, y) in lines.iter().zip(inner.y..inner.bottom()) {
        put(buf, inner.x, y, inner.right(), line.trim_end(), style);
    }
}
