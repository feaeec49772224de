//! ‖W‖ of every layer before and now: only edited layers moved.

use crate::engine::LayerWeights;
use crate::tui::app::State;
use crate::tui::text::{put, put_right};
use crate::tui::theme::Styles;
use crate::tui::view::edit::percent;
use crate::tui::widgets::first_row;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

pub fn draw(buf: &mut Buffer, area: Rect, state: &State, styles: &Styles) {
    let layers = &state.edits.check.layers;
    if area.height < 2 {
        return;
    }
    let end = area.right();
    if layers.is_empty() {
        put(buf, area.x, area.y, end, "‖W‖ by layer …", styles.dim());
        return;
    }
    let edited = layers.iter().filter(|l| l.edited).count();
    let title = match edited {
        0 => "no layer moved: this is the base".into(),
        1 => format!("1 of {} layers moved", layers.len()),
        n => format!("{n} of {} layers moved", layers.len()),
    };
    let x = put(buf, area.x, area.y, end, &title, styles.strong());
    let keys = state.tell("‹left› ‹right› choose");
    put(buf, x + 2, area.y, end, &keys, styles.faint());
    let heading = "layer   ‖W‖ before → now       ‖ΔW‖";
    put(buf, area.x, area.y + 1, end, heading, styles.faint());
    let shown = state.edits.shown_layer().unwrap_or(0);
    let height = area.height.saturating_sub(2);
    let first = first_row(shown, layers.len(), height.into());
    let rows = layers.iter().enumerate().skip(first);
    for ((layer, of), y) in rows.zip(area.y + 2..area.bottom()) {
        let place = Rect {
            y,
            height: 1,
            ..area
        };
        line(buf, place, layer, of, styles);
        if layer == shown {
            buf.set_style(place, styles.selected(false));
        }
    }
}

fn line(buf: &mut Buffer, place: Rect, layer: usize, of: &LayerWeights, styles: &Styles) {
    let (x, y, end) = (place.x, place.y, place.right());
    put_right(buf, x, y, end.min(x + 4), &layer.to_string(), styles.text());
    let before = length(of.before);
    put_right(buf, x + 4, y, end.min(x + 14), &before, styles.dim());
    if !of.edited {
        put(buf, x + 15, y, end, "= the same matrix", styles.dim());
        return;
    }
    put(buf, x + 15, y, end, "→", styles.faint());
    let now = length(of.now);
    put_right(buf, x + 16, y, end.min(x + 25), &now, styles.strong());
    let share = of.change / of.before;
    let change = if share.is_finite() {
        percent(share)
    } else {
        length(of.change)
    };
    put_right(buf, x + 26, y, end.min(x + 35), &change, styles.norm(share));
}

/// With as many digits as tell a small change.
fn length(norm: f64) -> String {
    match norm {
        n if n >= 1e6 => format!("{n:.3e}"),
        n if n >= 1e3 => format!("{n:.2}"),
        n => format!("{n:.4}"),
    }
}
