//! The keys of one layer's edits beside one another.

use crate::engine::{EditId, LayerOverlaps, Overlap};
use crate::trace::Kind;
use crate::tui::app::State;
use crate::tui::app::check::pair;
use crate::tui::text::{put, put_right};
use crate::tui::theme::Styles;
use crate::tui::widgets::heatmap::Grid;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// An edit with its place in the stack.
type Placed = (usize, EditId);

/// Columns of a cell that has room for its number, and of one with air.
const NUMBER: u16 = 4;
const CELL: u16 = 5;

pub fn draw(buf: &mut Buffer, area: Rect, state: &State, styles: &Styles) {
    let Some(layer) = state.edits.shown_layer().filter(|_| area.height > 1) else {
        return;
    };
    let (x, end) = (area.x, area.right());
    let of = state.edits.check.at(layer);
    let stack = state.edits.stack.iter().enumerate();
    let here: Vec<Placed> = stack
        .filter(|(_, s)| of.is_some_and(|of| of.ids.contains(&s.id)))
        .map(|(at, s)| (at, s.id))
        .collect();
    let title = format!("overlap of keys, layer {layer}");
    let after = put(buf, x, area.y, end, &title, styles.strong());
    let Some(of) = of.filter(|_| !here.is_empty()) else {
        let words = match state.edits.check.ticket {
            Some(_) => "…",
            None => "no edit is at this layer; ‹left› ‹right› choose another",
        };
        put(buf, x, area.y + 1, end, &state.tell(words), styles.dim());
        return;
    };
    let metric = match of.in_c {
        true => "  kᵢᵀC⁻¹kⱼ, scaled to 1",
        false => "  plain cosine: C is not at hand",
    };
    put(buf, after, area.y, end, metric, styles.dim());
    if here.len() == 1 {
        let alone = "one edit is here: nothing overlaps";
        put(buf, x, area.y + 1, end, alone, styles.dim());
        return;
    }
    // The readout under the matrix stays, the matrix gets the rest.
    let readout = area.bottom() - 1;
    let place = Rect {
        y: area.y + 1,
        height: area.height.saturating_sub(2),
        ..area
    };
    matrix(buf, place, of, &here, state, styles);
    read_out(
        buf,
        Rect {
            y: readout,
            height: 1,
            ..area
        },
        of,
        &here,
        state,
        styles,
    );
}

fn matrix(
    buf: &mut Buffer,
    area: Rect,
    of: &LayerOverlaps,
    here: &[Placed],
    state: &State,
    styles: &Styles,
) {
    let at = here
        .iter()
        .position(|(place, _)| *place == state.edits.cursor);
    let at = at.unwrap_or(0);
    let label = here
        .last()
        .map_or(1, |(place, _)| (place + 1).to_string().len()) as u16;
    let cells = Rect {
        x: area.x + label + 1,
        y: area.y + 1,
        width: area.width.saturating_sub(label + 1),
        height: area.height.saturating_sub(1),
    };
    let grid = Grid::fit(cells, here.len(), here.len(), (CELL, 1), (at, at));
    let value = |row: usize, column: usize| -> Option<Overlap> {
        pair(of, here.get(row)?.1, here.get(column)?.1)
    };
    let strength = |row, column| value(row, column).map(|o| o.cosine.abs());
    grid.draw(buf, |row, column| {
        styles.heat(Kind::Mlp, strength(row, column))
    });
    let numbers = grid.cell.0 >= NUMBER;
    for row in grid.visible_rows() {
        let Some(place) = grid.place(row, grid.first_column) else {
            continue;
        };
        let name = (here[row].0 + 1).to_string();
        let style = if row == at {
            styles.key()
        } else {
            styles.dim()
        };
        put_right(buf, area.x, place.y, area.x + label, &name, style);
    }
    for column in grid.visible_columns() {
        let Some(place) = grid.place(grid.first_row, column) else {
            continue;
        };
        let name = (here[column].0 + 1).to_string();
        // Where cells are narrow, only numbers that fit stand over them.
        if numbers || name.len() <= usize::from(grid.cell.0) {
            let style = if column == at {
                styles.key()
            } else {
                styles.dim()
            };
            put_right(buf, place.x, area.y, place.right(), &name, style);
        }
    }
    if !numbers {
        return;
    }
    let wide = usize::from(grid.cell.0);
    for row in grid.visible_rows() {
        for column in grid.visible_columns() {
            let (Some(place), Some(o)) = (grid.place(row, column), value(row, column)) else {
                continue;
            };
            let shade = styles.heat(Kind::Mlp, Some(o.cosine.abs()));
            let ink = match shade.glyph {
                " " => styles.on_heat(Some(o.cosine.abs())),
                // Shading would hide the number.
                _ => styles.text(),
            };
            let text = if row == column {
                "  ·".into()
            } else {
                short(o.cosine)
            };
            put(
                buf,
                place.x,
                place.y,
                place.right(),
                &format!("{text:<wide$}"),
                ink,
            );
        }
    }
}

/// What the selected edit has most to do with.
fn read_out(
    buf: &mut Buffer,
    area: Rect,
    of: &LayerOverlaps,
    here: &[Placed],
    state: &State,
    styles: &Styles,
) {
    let Some(own) = here.iter().find(|(place, _)| *place == state.edits.cursor) else {
        let words = "the selected edit is not at this layer";
        put(buf, area.x, area.y, area.right(), words, styles.dim());
        return;
    };
    let others = here.iter().filter(|other| *other != own);
    let others = others.filter_map(|other| Some((other, pair(of, other.1, own.1)?)));
    let nearest = others.max_by(|a, b| a.1.cosine.abs().total_cmp(&b.1.cosine.abs()));
    if let Some((other, overlap)) = nearest {
        let (own, other) = (own.0 + 1, other.0 + 1);
        let share = 100.0 * overlap.share;
        let said = match area.width {
            0..52 => format!("edit {own} acts at edit {other}'s key by {share:.0} %"),
            _ => format!("edit {own} makes {share:.0} % of its change at the key of edit {other}"),
        };
        let crowded = overlap.cosine.abs() > crate::edit::overlap::CROWDED;
        let style = if crowded {
            styles.doubt()
        } else {
            styles.dim()
        };
        put(buf, area.x, area.y, area.right(), &said, style);
    }
}

/// ".97", "−.12", "1.0".
fn short(value: f64) -> String {
    let text = format!("{:.2}", value.abs());
    let text = match text.strip_prefix('0') {
        Some(rest) => rest.to_string(),
        None => "1.0".into(),
    };
    let sign = if value < -0.005 { "−" } else { " " };
    format!("{sign}{text}")
}
