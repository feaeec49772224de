//! Override or erasure? What every layer's residual says of the old answer and of
//! the new one: tokens down, layers across, before beside after.

mod plan;
mod words;

pub use plan::cell_at;

use super::frame;
use crate::measure::lens::{Depth, Grid, Leader, LensReport};
use crate::tui::app::lens::{Cell, LensView, Shown, column_name, value};
use crate::tui::app::{Pane, State};
use crate::tui::text::{clip, p_short, put, put_right, visible};
use crate::tui::theme::{Heat, Ramp, Styles};
use crate::tui::widgets::heatmap;
use plan::{Plan, plan};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

pub fn draw(buf: &mut Buffer, area: Rect, state: &State, styles: &Styles) {
    let (about, right) = (words::about(state, styles), words::right(state, styles));
    let inner = frame(Pane::Lens, state, styles, about, right).draw(buf, area);
    let view = &state.lens;
    let (Some(report), Some(grids), Some(at)) = (&view.report, view.maps(), view.at()) else {
        return words::nothing_yet(buf, inner, state, styles);
    };
    let plan = plan(inner, view);
    words::sentence(buf, plan.sentence, report, styles);
    for (side, (map, grid)) in plan.maps.iter().zip(grids).enumerate() {
        heading(buf, map, plan.heading, (view, side), report, styles);
        cells(buf, map, grid, view.shown, styles);
        if state.focus == Pane::Lens && state.overlays.is_empty() {
            cursor(buf, map, grid, at, styles);
        }
        axis(buf, map, plan.axis, report, styles);
        leaders(buf, map, plan.leaders, (view, side), report, styles);
    }
    labels(buf, inner, &plan, report, at, styles);
    words::readout(buf, inner, plan.readout, at, report, styles);
    words::guesses(buf, plan.guesses, at, report, styles);
    words::legend(buf, inner, plan.legend, view.shown, styles);
}

/// How a number of this view is painted.
pub(super) fn heat(shown: Shown, value: Option<f64>, styles: &Styles) -> Heat {
    match shown {
        Shown::Old => styles.heat(Ramp::Old, value),
        Shown::New => styles.heat(Ramp::New, value),
        Shown::Change => styles.change(value),
    }
}

fn cells(buf: &mut Buffer, map: &heatmap::Grid, grid: &Grid, shown: Shown, styles: &Styles) {
    let at = |token, depth| value(grid, Cell { token, depth });
    map.draw(buf, |token, depth| heat(shown, at(token, depth), styles));
    if map.cell.0 < 5 {
        return;
    }
    // Where there is room the numbers are told too, but for those that round to 0.
    for token in map.visible_rows() {
        for depth in map.visible_columns() {
            let told = at(token, depth).filter(|v| v.abs() >= 0.005);
            let (Some(v), Some(place)) = (told, map.place(token, depth)) else {
                continue;
            };
            // Shading would hide a number.
            if heat(shown, Some(v), styles).glyph != " " {
                continue;
            }
            let sign = if v < 0.0 { "−" } else { "" };
            let words = format!("{sign}{}", p_short(v.abs()));
            let y = place.y + (place.height - 1) / 2;
            put_right(
                buf,
                place.x,
                y,
                place.right(),
                &words,
                styles.on_heat(Some(v.abs())),
            );
        }
    }
}

fn cursor(buf: &mut Buffer, map: &heatmap::Grid, grid: &Grid, at: Cell, styles: &Styles) {
    let Some(place) = map.place(at.token, at.depth) else {
        return;
    };
    let ink = styles.on_heat(value(grid, at).map(f64::abs));
    let (x, right) = (place.x, place.right());
    if place.width < 2 {
        put(buf, x, place.y, right, "◻", ink);
        return;
    }
    put(buf, x, place.y, right, "[", ink);
    put(buf, right - 1, place.y, right, "]", ink);
}

fn heading(
    buf: &mut Buffer,
    map: &heatmap::Grid,
    y: u16,
    (view, side): (&LensView, usize),
    report: &LensReport,
    styles: &Styles,
) {
    let old = (report.old.token.trim(), styles.old());
    let new = (report.new.token.trim(), styles.new_answer());
    let ((token, style), when) = match (view.shown, side) {
        (Shown::Old, 0) => (old, " before"),
        (Shown::Old, _) => (old, " after"),
        (Shown::New, 0) => (new, " before"),
        (Shown::New, _) => (new, " after"),
        (Shown::Change, 0) => (old, ": after − before"),
        (Shown::Change, _) => (new, ": after − before"),
    };
    let x = map.area.x;
    let end = x + map.area.width.max(24);
    let token = format!("p({})", clip(&visible(token), 14));
    let x = put(buf, x, y, end, &token, style.add_modifier(Modifier::BOLD));
    put(buf, x, y, end, when, styles.dim());
}

/// The layers' numbers; e is the embedding. The one at which the new answer
/// overtakes stands out.
fn axis(buf: &mut Buffer, map: &heatmap::Grid, y: u16, report: &LensReport, styles: &Styles) {
    let cell = usize::from(map.cell.0);
    let widest = report.columns.len().saturating_sub(2).to_string().len() + 1;
    let step = widest.div_ceil(cell).max(1);
    let over = report.after.overtakes.map(|at| at.0);
    for depth in map.visible_columns() {
        let Some(place) = map.place(map.first_row, depth) else {
            continue;
        };
        let special = over == Some(depth);
        let crowded = over.is_some_and(|o| o != depth && o.abs_diff(depth) * cell < widest);
        // Counted from layer 0, with the embedding before it where it fits.
        let regular = match depth {
            0 => step == 1,
            depth => (depth - 1) % step == 0,
        };
        if !special && (!regular || crowded) {
            continue;
        }
        let style = if special {
            styles.key()
        } else {
            styles.faint()
        };
        let name = column_name(Depth(depth));
        let margin = place.width.saturating_sub(name.len() as u16) / 2;
        put(buf, place.x + margin, y, map.area.right() + 1, &name, style);
    }
}

/// Who leads at the last token, a letter a column.
fn leaders(
    buf: &mut Buffer,
    map: &heatmap::Grid,
    y: u16,
    (view, side): (&LensView, usize),
    report: &LensReport,
    styles: &Styles,
) {
    let seen = match (view.shown, side) {
        // Of a difference nobody leads.
        (Shown::Change, _) => return,
        (_, 0) => &report.before,
        _ => &report.after,
    };
    for depth in map.visible_columns() {
        let Some(place) = map.place(map.first_row, depth) else {
            continue;
        };
        let (letter, style) = match seen.leader(Depth(depth)) {
            Some(Leader::Old) => ("o", styles.old()),
            Some(Leader::New) => ("n", styles.new_answer()),
            None => ("·", styles.faint()),
        };
        let margin = place.width.saturating_sub(1) / 2;
        put(buf, place.x + margin, y, place.right(), letter, style);
    }
}

/// Tokens on the left; those that were forced after the prompt have a + before them.
fn labels(
    buf: &mut Buffer,
    inner: Rect,
    plan: &Plan,
    report: &LensReport,
    at: Cell,
    styles: &Styles,
) {
    let [map, _] = &plan.maps;
    let end = map.area.x.saturating_sub(1);
    let prompt = report.tokens.len().saturating_sub(report.forced);
    for row in map.visible_rows() {
        let Some(place) = map.place(row, map.first_column) else {
            continue;
        };
        let forced = row >= prompt;
        let mark = if forced { "+" } else { "" };
        let mut style: Style = if forced {
            styles.accent()
        } else {
            styles.dim()
        };
        if row == at.token {
            style = style.add_modifier(Modifier::BOLD);
        }
        let room = usize::from(end.saturating_sub(inner.x)).saturating_sub(mark.len());
        let token = visible(&report.tokens[row]);
        let words = format!("{mark}{}", clip(&token, room));
        put(buf, inner.x, place.y, end, &words, style);
    }
}
