//! A grid of coloured cells that fits itself into a place.

use super::first_row;
use crate::tui::theme::Heat;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

/// Where the cells of a grid are: rows by columns, those that fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    pub area: Rect,
    /// Columns and rows of the terminal that a cell takes.
    pub cell: (u16, u16),
    pub first_row: usize,
    pub first_column: usize,
    pub rows: usize,
    pub columns: usize,
}

impl Grid {
    /// Fits `rows` × `columns` into `area` with cells of at most `largest`,
    /// scrolled so that `focus` (row, column) is seen.
    pub fn fit(
        area: Rect,
        rows: usize,
        columns: usize,
        largest: (u16, u16),
        focus: (usize, usize),
    ) -> Grid {
        let across = usize::from(area.width) / columns.max(1);
        let down = usize::from(area.height) / rows.max(1);
        let cell = (
            (across as u16).clamp(1, largest.0.max(1)),
            (down as u16).clamp(1, largest.1.max(1)),
        );
        let shown_rows = rows.min(usize::from(area.height / cell.1));
        let shown_columns = columns.min(usize::from(area.width / cell.0));
        Grid {
            area: Rect {
                width: shown_columns as u16 * cell.0,
                height: shown_rows as u16 * cell.1,
                ..area
            },
            cell,
            first_row: first_row(focus.0, rows, shown_rows),
            first_column: first_row(focus.1, columns, shown_columns),
            rows: shown_rows,
            columns: shown_columns,
        }
    }

    pub fn visible_rows(&self) -> std::ops::Range<usize> {
        self.first_row..self.first_row + self.rows
    }

    pub fn visible_columns(&self) -> std::ops::Range<usize> {
        self.first_column..self.first_column + self.columns
    }

    /// The place of a cell, where it is shown.
    pub fn place(&self, row: usize, column: usize) -> Option<Rect> {
        if !self.visible_rows().contains(&row) || !self.visible_columns().contains(&column) {
            return None;
        }
        Some(Rect {
            x: self.area.x + (column - self.first_column) as u16 * self.cell.0,
            y: self.area.y + (row - self.first_row) as u16 * self.cell.1,
            width: self.cell.0,
            height: self.cell.1,
        })
    }

    /// The cell (row, column) at a place of the terminal.
    pub fn at(&self, position: Position) -> Option<(usize, usize)> {
        self.area.contains(position).then(|| {
            let row = (position.y - self.area.y) / self.cell.1;
            let column = (position.x - self.area.x) / self.cell.0;
            (
                self.first_row + usize::from(row),
                self.first_column + usize::from(column),
            )
        })
    }

    /// Paints every cell that is shown.
    pub fn draw(&self, buf: &mut Buffer, paint: impl Fn(usize, usize) -> Heat) {
        for row in self.visible_rows() {
            for column in self.visible_columns() {
                let heat = paint(row, column);
                let place = self.place(row, column).unwrap_or_default();
                for position in place.intersection(buf.area).positions() {
                    buf[position].set_symbol(heat.glyph).set_style(heat.style);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_and_its_cell_agree() {
        let grid = Grid::fit(Rect::new(3, 2, 20, 6), 30, 8, (6, 2), (20, 3));
        assert_eq!((grid.cell, grid.rows, grid.columns), ((2, 1), 6, 8));
        assert!(grid.visible_rows().contains(&20));
        for row in grid.visible_rows() {
            for column in 0..8 {
                let place = grid.place(row, column).unwrap();
                assert_eq!(grid.at(place.as_position()), Some((row, column)));
            }
        }
        assert_eq!(grid.at(Position::new(2, 2)), None);
    }

    #[test]
    fn no_room_shows_no_cell() {
        let grid = Grid::fit(Rect::new(0, 0, 0, 0), 3, 3, (2, 1), (1, 1));
        assert_eq!(grid.rows * grid.columns, 0);
        Grid::fit(Rect::new(0, 0, 9, 9), 0, 0, (2, 1), (0, 0));
    }
}
