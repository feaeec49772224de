//! Heat maps beside one another: rows of names down, columns across.

use super::chart::{GRID, INK};
use super::svg::{Anchor, Svg};

/// What the colours of a map stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// 0 white, 1 blue.
    Blue,
    /// 0 white, 1 orange.
    Orange,
    /// 0 white, 1 purple, green or red: state, MLP, attention.
    Purple,
    Green,
    Red,
    /// −1 blue, 0 white, 1 orange.
    Signed,
}

/// One map; `values` are `[row][column]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Map {
    pub title: String,
    pub values: Vec<Vec<f64>>,
    pub scale: Scale,
    /// Columns with a mark under them.
    pub marked: Vec<usize>,
}

/// Rows of maps that share the names of their rows and columns.
#[derive(Clone, Debug, PartialEq)]
pub struct Sheet {
    /// Lines above everything.
    pub words: Vec<String>,
    pub rows: Vec<String>,
    pub columns: Vec<String>,
    pub maps: Vec<Vec<Map>>,
}

const CELL: (f64, f64) = (16.0, 18.0);
/// About what a letter takes, for the room that names need.
const LETTER: f64 = 7.0;
const MARGIN: f64 = 16.0;
const LINE: f64 = 18.0;
const GAP: f64 = 28.0;

impl Sheet {
    pub fn draw(&self) -> String {
        let letters = |text: &String| text.chars().count() as f64;
        let widest = self.rows.iter().map(letters).fold(0.0, f64::max);
        let names = MARGIN + LETTER * widest + 8.0;
        let map = (
            CELL.0 * self.columns.len() as f64,
            CELL.1 * self.rows.len() as f64,
        );
        let across = self.maps.iter().map(Vec::len).max().unwrap_or(0) as f64;
        let above = MARGIN + LINE * self.words.len() as f64;
        // A title above each map, two lines of names and marks below it.
        let each = LINE + map.1 + 2.0 * LINE + GAP;
        let said = self.words.iter().map(letters).fold(0.0, f64::max);
        let width = (names + across * (map.0 + GAP)).max(2.0 * MARGIN + LETTER * said);
        let mut svg = Svg::new(width, above + each * self.maps.len() as f64);
        for (n, line) in self.words.iter().enumerate() {
            let y = MARGIN + LINE * n as f64;
            svg.text((MARGIN, y), Anchor::Start, INK, line);
        }
        for (n, row) in self.maps.iter().enumerate() {
            let top = above + each * n as f64 + LINE;
            for (m, map) in row.iter().enumerate() {
                let left = names + (CELL.0 * self.columns.len() as f64 + GAP) * m as f64;
                self.map(&mut svg, (left, top), map);
                if m == 0 {
                    self.names(&mut svg, (left - 6.0, top));
                }
            }
        }
        svg.finish()
    }

    fn map(&self, svg: &mut Svg, (left, top): (f64, f64), map: &Map) {
        svg.text((left, top - 6.0), Anchor::Start, INK, &map.title);
        for (i, (row, name)) in map.values.iter().zip(&self.rows).enumerate() {
            for (j, (value, column)) in row.iter().zip(&self.columns).enumerate() {
                let at = (left + CELL.0 * j as f64, top + CELL.1 * i as f64);
                let words = format!("{name} · {column}: {value:.4}");
                svg.cell(at, CELL, &colour(map.scale, *value), &words);
            }
        }
        let bottom = top + CELL.1 * self.rows.len() as f64;
        let end = left + CELL.0 * self.columns.len() as f64;
        // A frame: most cells of some maps are as white as the ground.
        let corners = [(left, top), (end, top), (end, bottom), (left, bottom)];
        for (n, &from) in corners.iter().enumerate() {
            svg.line(from, corners[(n + 1) % 4], GRID, "");
        }
        let widest = self.columns.iter().map(|name| name.chars().count()).max();
        let step = (LETTER * (widest.unwrap_or(0) as f64 + 1.0) / CELL.0).ceil() as usize;
        let middle = |j: usize| left + CELL.0 * (j as f64 + 0.5);
        for (j, name) in self.columns.iter().enumerate().step_by(step.max(1)) {
            svg.text((middle(j), bottom + 14.0), Anchor::Middle, INK, name);
        }
        for &j in &map.marked {
            svg.text((middle(j), bottom + 30.0), Anchor::Middle, INK, "▲");
        }
    }

    fn names(&self, svg: &mut Svg, (right, top): (f64, f64)) {
        for (i, name) in self.rows.iter().enumerate() {
            let y = top + CELL.1 * (i as f64 + 0.7);
            svg.text((right, y), Anchor::End, INK, name);
        }
    }
}

/// `#rrggbb`, from white to the scale's end; what is no number is grey.
fn colour(scale: Scale, value: f64) -> String {
    const BLUE: [f64; 3] = [0.0, 90.0, 160.0];
    const ORANGE: [f64; 3] = [200.0, 80.0, 0.0];
    const PURPLE: [f64; 3] = [84.0, 39.0, 143.0];
    const GREEN: [f64; 3] = [0.0, 109.0, 44.0];
    const RED: [f64; 3] = [165.0, 15.0, 21.0];
    if !value.is_finite() {
        return GRID.into();
    }
    let end = match scale {
        Scale::Blue => BLUE,
        Scale::Orange => ORANGE,
        Scale::Purple => PURPLE,
        Scale::Green => GREEN,
        Scale::Red => RED,
        Scale::Signed if value < 0.0 => BLUE,
        Scale::Signed => ORANGE,
    };
    let share = match scale {
        Scale::Signed => value.abs(),
        _ => value,
    };
    let [r, g, b] = end.map(|end| (255.0 + (end - 255.0) * share.clamp(0.0, 1.0)).round() as u8);
    format!("#{r:02x}{g:02x}{b:02x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_go_from_white_to_the_end_of_their_scale() {
        for scale in [Scale::Blue, Scale::Orange, Scale::Signed] {
            assert_eq!(colour(scale, 0.0), "#ffffff");
        }
        assert_eq!(colour(Scale::Signed, -1.0), colour(Scale::Blue, 1.0));
        assert_eq!(colour(Scale::Signed, 1.0), colour(Scale::Orange, 7.0));
        assert_eq!(colour(Scale::Blue, -1.0), "#ffffff");
        assert_eq!(colour(Scale::Blue, f64::NAN), GRID);
    }

    #[test]
    fn a_sheet_has_a_cell_a_value_and_no_text_leaves_its_element() {
        let map = |scale| Map {
            title: "p(<old>)".into(),
            values: vec![vec![0.1, f64::NAN, 0.3], vec![0.0, 0.5, 1.0]],
            scale,
            marked: vec![1],
        };
        let sheet = Sheet {
            words: vec!["a </svg>".into()],
            rows: vec!["<b>".into(), "c".into()],
            columns: ["emb", "0", "1"].map(String::from).into(),
            maps: vec![vec![map(Scale::Blue), map(Scale::Signed)]],
        };
        let svg = sheet.draw();
        // The ground is a rectangle too.
        assert_eq!(svg.matches("<rect").count(), 1 + 2 * 6);
        assert_eq!(svg.matches("</svg>").count(), 1);
        assert!(!svg.contains("<b>") && !svg.contains("<old>"));
        assert_eq!(svg.matches('▲').count(), 2);
    }
}
