//! Columns for people.

use crate::session::text::shown;
use std::io::{self, Write};
use unicode_width::UnicodeWidthStr;

/// How a column stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    Left,
    Right,
}

/// Rows of cells, each column as wide as its widest cell.
pub struct Table {
    align: Vec<Align>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub fn new(align: &[Align]) -> Table {
        Table {
            align: align.to_vec(),
            rows: Vec::new(),
        }
    }

    /// A name and figures: the first column stands left, the others right.
    pub fn of_figures(headings: &[&str]) -> Table {
        let figures = headings.len().saturating_sub(1);
        let mut table = Table::new(&[vec![Align::Left], vec![Align::Right; figures]].concat());
        table.row(headings);
        table
    }

    /// Adds a row; whatever in it could drive a terminal is written out.
    pub fn row<C: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = C>) {
        self.rows
            .push(cells.into_iter().map(|cell| shown(cell.as_ref())).collect());
    }

    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        // The last cell of a row that ends early may run on.
        let ends =
            |row: &&Vec<String>, column| row.len() < self.align.len() && column + 1 == row.len();
        let width_of = |column: usize| {
            let rows = self.rows.iter().filter(|row| !ends(row, column));
            let cells = rows.filter_map(|row| row.get(column));
            cells.map(|cell| cell.width()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.align.len()).map(width_of).collect();
        for row in &self.rows {
            let mut line = String::new();
            for ((cell, width), align) in row.iter().zip(&widths).zip(&self.align) {
                let pad = " ".repeat(width.saturating_sub(cell.width()));
                let cell = match align {
                    Align::Left => format!("{cell}{pad}"),
                    Align::Right => format!("{pad}{cell}"),
                };
                line.push_str(if line.is_empty() { "  " } else { "   " });
                line.push_str(&cell);
            }
            writeln!(out, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// A probability or a share, as `0.94`; what rounds to nothing but is not says so.
pub fn share(value: f64) -> String {
    match value {
        v if v > 0.0 && v < 0.0005 => "<0.001".into(),
        v if v < 1.0 && v > 0.9995 => ">0.999".into(),
        v => format!("{v:.3}"),
    }
}

/// A share in percent: `9.1 %`.
pub fn percent(value: f64) -> String {
    format!("{:.1} %", 100.0 * value)
}

/// Bytes as people say them.
pub fn size(bytes: u64) -> String {
    match bytes as f64 {
        b if b >= 1e9 => format!("{:.1} GB", b / 1e9),
        b if b >= 1e6 => format!("{:.0} MB", b / 1e6),
        b => format!("{:.0} kB", b / 1e3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_they_look() {
        let mut table = Table::new(&[Align::Left, Align::Right]);
        table.row(["日本", "1"]);
        table.row(["a\x1b[2J", "23"]);
        table.row(["a line that ends early runs on"]);
        let mut out = Vec::new();
        table.write(&mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "  日本          1\n  a\\u{1b}[2J   23\n  a line that ends early runs on\n"
        );
    }

    #[test]
    fn shares_never_claim_a_certainty_they_have_not() {
        let shown = [0.0, 1e-5, 0.25, 0.99999, 1.0].map(share);
        assert_eq!(shown, ["0.000", "<0.001", "0.250", ">0.999", "1.000"]);
        assert_eq!(percent(0.0912), "9.1 %");
    }
}
