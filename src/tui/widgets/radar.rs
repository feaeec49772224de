//! Figures around a circle, drawn with braille dots.

use crate::picture::radar::{Radar, place};
use crate::tui::text::{put, put_right, width};
use crate::tui::theme::Styles;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};
use ratatui::symbols::Marker;
use ratatui::widgets::Widget;
use ratatui::widgets::canvas::{Canvas, Line, Points};

/// Rows of a radar on which something can be seen.
pub const LEAST: u16 = 9;

/// Draws it as large as the room allows, round on cells that are twice as high as
/// wide, with the spokes numbered from 1; `selected` stands out.
pub fn draw(buf: &mut Buffer, area: Rect, radar: &Radar, selected: usize, styles: &Styles) {
    // A line above and below, three columns on either side, for the numbers.
    let high = area
        .height
        .saturating_sub(2)
        .min(area.width.saturating_sub(6) / 2);
    if high + 2 < LEAST {
        return;
    }
    let round = Rect {
        x: area.x + (area.width - 2 * high) / 2,
        y: area.y + (area.height - high) / 2,
        width: 2 * high,
        height: high,
    };
    let all = radar.spokes.len();
    let colour = |style: Style| style.fg.unwrap_or(Color::Reset);
    let (faint, score) = (colour(styles.faint()), colour(styles.accent()));
    let limit = colour(styles.doubt());
    let line = |[from, to]: [(f64, f64); 2], color| Line {
        x1: from.0,
        y1: from.1,
        x2: to.0,
        y2: to.1,
        color,
    };
    let limits: Vec<(f64, f64)> = (radar.spokes.iter().enumerate())
        .map(|(n, spoke)| place(n, all, spoke.threshold.clamp(0.0, 1.0)))
        .collect();
    Canvas::default()
        .marker(Marker::Braille)
        .x_bounds([-1.0, 1.0])
        .y_bounds([-1.0, 1.0])
        .paint(|canvas| {
            for n in 0..all {
                // A spoke is a few dots, so that the outline stays in sight.
                let dots: Vec<(f64, f64)> =
                    (1..=8).map(|i| place(n, all, i as f64 / 8.0)).collect();
                canvas.draw(&Points {
                    coords: &dots,
                    color: faint,
                });
            }
            canvas.layer();
            canvas.draw(&Points {
                coords: &limits,
                color: limit,
            });
            canvas.layer();
            for edge in radar.outline() {
                canvas.draw(&line(edge, score));
            }
        })
        .render(round, buf);
    for (n, spoke) in radar.spokes.iter().enumerate() {
        let (x, y) = place(n, all, 1.0);
        let name = (n + 1).to_string();
        let failed = spoke.value.is_some_and(|value| value < spoke.threshold);
        let style = match (n == selected, spoke.value) {
            (true, _) => styles.key(),
            (_, None) => styles.faint(),
            (_, Some(_)) if failed => styles.bad(),
            _ => styles.text(),
        };
        let half = f64::from(high) / 2.0;
        let column = f64::from(round.x) + 2.0 * half + 2.0 * (half + 0.6) * x - 0.5;
        let row = f64::from(round.y) + half - (half + 0.6) * y - 0.5;
        let row = (row.round().max(0.0) as u16).clamp(area.y, area.bottom() - 1);
        let at = column.round().max(0.0) as u16;
        match x < -0.2 {
            true => put_right(buf, area.x, row, at + 1, &name, style),
            false => {
                let _ = put(buf, at, row, at + width(&name) as u16, &name, style);
            }
        }
    }
}
