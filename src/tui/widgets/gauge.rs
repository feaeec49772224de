//! A bar on an axis with thresholds.

use super::sparkline::bar;
use crate::tui::text::put;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

pub struct Gauge<'a> {
    /// On the axis 0 to `max`.
    pub value: f64,
    pub max: f64,
    /// Places on the axis worth a tick, with what is written after it.
    pub marks: &'a [(f64, &'a str)],
    pub fill: Style,
    pub rest: Style,
    pub mark: Style,
}

impl Gauge<'_> {
    /// The column of a value, inside `width` columns.
    pub fn column(value: f64, max: f64, width: u16) -> u16 {
        let share = (value / max).clamp(0.0, 1.0);
        ((share * f64::from(width)) as u16).min(width.saturating_sub(1))
    }

    /// Draws on the first row of `area`.
    pub fn draw(&self, buf: &mut Buffer, area: Rect) {
        let (y, end) = (area.y, area.right());
        for x in area.x..end {
            put(buf, x, y, end, "·", self.rest);
        }
        for (at, label) in self.marks {
            let x = area.x + Self::column(*at, self.max, area.width);
            let x = put(buf, x, y, end, "╷", self.mark);
            put(buf, x, y, end, label, self.mark);
        }
        let share = self.value / self.max;
        let filled = bar(share, area.width.into());
        // Something that is there is seen, however small.
        let filled = if filled.is_empty() && share > 0.0 {
            "▏"
        } else {
            &filled
        };
        put(buf, area.x, y, end, filled, self.fill);
        if share > 1.0 {
            put(buf, end.saturating_sub(1), y, end, "▶", self.fill);
        }
    }
}
