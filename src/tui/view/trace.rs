//! The causal trace: tokens down, layers across (or transposed), one heat map
//! a kind, on a scale fixed from *low* to *high*.

mod plan;
mod words;

pub use plan::{cell_at, rows_wanted};

use super::frame;
use crate::edit::LayerChoice;
use crate::trace::Kind;
use crate::tui::app::trace::At;
use crate::tui::app::{Pane, State, TraceGrid};
use crate::tui::text::{clip, put, put_right, visible};
use crate::tui::theme::Styles;
use plan::{Map, plan};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use words::{count, legend, nothing_yet, readout};

pub fn draw(buf: &mut Buffer, area: Rect, state: &State, styles: &Styles) {
    let view = &state.trace;
    let other = view
        .grid
        .as_ref()
        .is_some_and(|g| g.prompt != state.fact.text());
    let mut about = vec![];
    if let Some(grid) = &view.grid
        && other
    {
        let prompt = clip(&visible(&grid.prompt), usize::from(area.width) / 2).into_owned();
        about.push((format!("of “{prompt}”").into(), styles.dim()));
    }
    let inner = frame(Pane::Trace, state, styles, about, count(state, styles)).draw(buf, area);
    let (Some(grid), Some(plan)) = (&view.grid, plan(inner, view)) else {
        return nothing_yet(buf, inner, state, styles);
    };
    let cursor = view.at();
    for map in &plan.maps {
        cells(buf, map, grid, styles);
        marks(buf, map, grid, cursor, state, styles);
        if let Some(y) = plan.heading {
            heading(buf, map, inner, y, plan.maps.len(), styles);
        }
        if let Some(y) = plan.axis {
            axis(buf, map, y, grid, state, styles);
        }
    }
    labels(buf, inner, &plan.maps[0], grid, cursor, state, styles);
    if let (Some(y), Some(at)) = (plan.readout, cursor) {
        readout(buf, inner, y, at, grid, styles);
    }
    if let Some(y) = plan.legend {
        legend(buf, inner, y, view.kind(), grid, styles);
    }
    if let (Some(y), Some(warning)) = (plan.warning, grid.warnings.last()) {
        let words = format!("⚠ {warning}");
        put(buf, inner.x, y, inner.right(), &words, styles.doubt());
    }
}

fn cells(buf: &mut Buffer, map: &Map, grid: &TraceGrid, styles: &Styles) {
    map.grid.draw(buf, |row, column| {
        styles.heat(map.kind, grid.share(map.at((row, column))))
    });
}

/// The suggested cell and the cursor, written into the cells.
fn marks(
    buf: &mut Buffer,
    map: &Map,
    grid: &TraceGrid,
    cursor: Option<At>,
    state: &State,
    styles: &Styles,
) {
    if map.kind == Kind::Mlp
        && let Some(layer) = grid.suggested_layer()
    {
        let at = At {
            kind: map.kind,
            token: grid.key_token(),
            layer,
        };
        let (row, column) = map.cell(at);
        if let Some(place) = map.grid.place(row, column) {
            let ink = styles.on_heat(grid.share(at));
            let x = place.x + (place.width - 1) / 2;
            put(buf, x, place.y, place.right(), "◆", ink);
        }
    }
    let focused = state.focus == Pane::Trace && state.overlays.is_empty();
    let Some(at) = cursor.filter(|at| at.kind == map.kind && focused) else {
        return;
    };
    let (row, column) = map.cell(at);
    let Some(place) = map.grid.place(row, column) else {
        return;
    };
    let ink = styles.on_heat(grid.share(at));
    let right = place.right();
    if place.width == 1 {
        put(buf, place.x, place.y, right, "◻", ink);
    } else {
        put(buf, place.x, place.y, right, "[", ink);
        put(buf, right - 1, place.y, right, "]", ink);
    }
}

fn heading(buf: &mut Buffer, map: &Map, inner: Rect, y: u16, maps: usize, styles: &Styles) {
    let name = |kind| match kind {
        Kind::State => "state",
        Kind::Mlp => "MLP",
        Kind::Attn => "attention",
    };
    let end = map.grid.area.right() + 2;
    if maps > 1 {
        let kind = styles.kind(map.kind);
        put(buf, map.grid.area.x, y, end, name(map.kind), kind);
        return;
    }
    // Alone, it stands among the names of the others.
    let mut x = map.grid.area.x;
    for kind in Kind::ALL {
        let style = if kind == map.kind {
            styles
                .kind(kind)
                .add_modifier(ratatui::style::Modifier::BOLD)
        } else {
            styles.faint()
        };
        x = put(buf, x, y, inner.right(), name(kind), style) + 2;
    }
}

/// Numbers of layers (or the start of tokens, transposed) under the columns.
fn axis(buf: &mut Buffer, map: &Map, y: u16, grid: &TraceGrid, state: &State, styles: &Styles) {
    let cell = usize::from(map.grid.cell.0);
    let end = map.grid.area.right();
    if map.transposed {
        for token in map.grid.visible_columns() {
            let Some(place) = map.grid.place(map.grid.first_row, token) else {
                continue;
            };
            let name = visible(grid.header.tokens[token].trim_start());
            let name: String = clip(&name, cell.saturating_sub(1).max(1)).into_owned();
            put(
                buf,
                place.x,
                y,
                end,
                &name,
                token_style(grid, token, styles),
            );
        }
        return;
    }
    let widest = grid.layers().saturating_sub(1).to_string().len() + 1;
    let step = widest.div_ceil(cell).max(1);
    let chosen = chosen(state);
    let (first, last) = chosen.unzip();
    let suggested = grid.suggested_layer().filter(|_| map.kind == Kind::Mlp);
    // Several chosen layers are one bar, with its ends named.
    for layer in map.grid.visible_columns() {
        let place = map.grid.place(map.grid.first_row, layer);
        if let (Some((first, last)), Some(place)) = (chosen, place)
            && first < last
            && (first..=last).contains(&layer)
        {
            for x in place.x..place.right() {
                put(buf, x, y, end, "━", styles.key());
            }
        }
    }
    for layer in map.grid.visible_columns() {
        let marks = [first, last, suggested];
        let special = marks.contains(&Some(layer));
        let crowded = |other: Option<usize>| {
            other.is_some_and(|o| o != layer && o.abs_diff(layer) * cell < widest)
        };
        let within = chosen.is_some_and(|(first, last)| (first..last).contains(&layer));
        if !special && (within || layer % step != 0 || marks.into_iter().any(crowded)) {
            continue;
        }
        let Some(place) = map.grid.place(map.grid.first_row, layer) else {
            continue;
        };
        let style = if special {
            styles.key()
        } else {
            styles.faint()
        };
        let name = layer.to_string();
        let margin = (place.width.saturating_sub(name.len() as u16)) / 2;
        put(buf, place.x + margin, y, end + 1, &name, style);
    }
}

/// The layers that the user chose to edit, first and last.
fn chosen(state: &State) -> Option<(usize, usize)> {
    match state.fact.layer {
        LayerChoice::At(layer) => Some((layer, layer)),
        LayerChoice::Span(first, last) => Some((first, last)),
        LayerChoice::Auto => None,
    }
}

fn token_style(grid: &TraceGrid, token: usize, styles: &Styles) -> ratatui::style::Style {
    if grid.is_subject(token) && token == grid.key_token() {
        styles.key_token()
    } else if grid.is_subject(token) {
        styles.subject()
    } else {
        styles.dim()
    }
}

/// Tokens (or layers, transposed) on the left, the subject's starred.
fn labels(
    buf: &mut Buffer,
    inner: Rect,
    map: &Map,
    grid: &TraceGrid,
    cursor: Option<At>,
    state: &State,
    styles: &Styles,
) {
    let end = map.grid.area.x.saturating_sub(1);
    for row in map.grid.visible_rows() {
        let Some(place) = map.grid.place(row, map.grid.first_column) else {
            continue;
        };
        let here = cursor.is_some_and(|at| map.cell(at).0 == row);
        if map.transposed {
            let suggested = grid.suggested_layer() == Some(row);
            let taken = chosen(state).is_some_and(|(a, b)| (a..=b).contains(&row));
            if taken {
                put(buf, end, place.y, end + 1, "┃", styles.key());
            }
            let style = if suggested || taken {
                styles.key()
            } else {
                styles.faint()
            };
            put_right(buf, inner.x, place.y, end, &row.to_string(), style);
            continue;
        }
        let subject = grid.is_subject(row);
        let token = match visible(&grid.header.tokens[row]) {
            blank if blank.trim().is_empty() => "␣".into(),
            token => token,
        };
        let room = usize::from(end - inner.x).saturating_sub(usize::from(subject));
        let mut style = token_style(grid, row, styles);
        if here {
            style = style.add_modifier(ratatui::style::Modifier::BOLD);
        }
        let x = put(buf, inner.x, place.y, end, &clip(&token, room), style);
        if subject {
            put(buf, x, place.y, end, "*", styles.subject());
        }
    }
}
