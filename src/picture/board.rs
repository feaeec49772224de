//! Many small rows: a name, from where to where a share went, and its course.

use super::chart::{GRID, INK};
use super::svg::{Anchor, Svg};

/// One row; its numbers lie between 0 and 1.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    pub name: String,
    /// What the share is of.
    pub of: String,
    pub before: f64,
    pub after: f64,
    /// Drawn so that it stands out.
    pub marked: bool,
    /// From the first state to the last.
    pub course: Vec<f64>,
    /// What stands at the end of the row.
    pub note: String,
}

/// Rows under headings.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Board {
    /// Lines above everything.
    pub words: Vec<String>,
    pub parts: Vec<(String, Vec<Row>)>,
}

const MARGIN: f64 = 16.0;
const LINE: f64 = 18.0;
/// About what a letter takes.
const LETTER: f64 = 6.6;
/// Letters of a name, of what a share is of, and of a note; longer ones are cut.
const LONGEST: [usize; 3] = [64, 20, 40];
const AXIS: f64 = 180.0;
const COURSE: f64 = 90.0;
const GAP: f64 = 16.0;
const MOVED: &str = "#d55e00";
const STILL: &str = "#0072b2";

impl Board {
    pub fn draw(&self) -> String {
        let rows = || self.parts.iter().flat_map(|(_, rows)| rows);
        let widest = |text: fn(&Row) -> &str, most: usize| {
            let letters = rows().map(|row| text(row).chars().count().min(most));
            LETTER * letters.max().unwrap_or(0) as f64
        };
        let [name, of, note] = LONGEST;
        let answer = MARGIN + widest(|row| &row.name, name) + GAP;
        let axis = answer + widest(|row| &row.of, of) + GAP;
        let course = axis + AXIS + GAP;
        let has_course = rows().any(|row| row.course.len() > 1);
        let end = if has_course {
            course + COURSE + GAP
        } else {
            course
        };
        let lines = self.words.len() + 2 + self.parts.len() + rows().count();
        let said = self.words.iter().map(|line| line.chars().count()).max();
        let wide = LETTER * said.unwrap_or(0) as f64 + 2.0 * MARGIN;
        let width = (end + widest(|row| &row.note, note) + MARGIN).max(wide);
        let mut svg = Svg::new(width, 2.0 * MARGIN + LINE * lines as f64);
        let mut y = MARGIN + LINE;
        for line in &self.words {
            svg.text((MARGIN, y), Anchor::Start, INK, line);
            y += LINE;
        }
        let top = y + LINE / 2.0;
        for tick in [0.0, 0.25, 0.5, 0.75, 1.0] {
            let x = axis + AXIS * tick;
            svg.text((x, y), Anchor::Middle, INK, &format!("{tick}"));
            svg.line(
                (x, top),
                (x, top + LINE * (lines - self.words.len() - 2) as f64),
                GRID,
                "",
            );
        }
        y += LINE;
        for (heading, rows) in &self.parts {
            if !heading.is_empty() {
                y += LINE / 2.0;
                svg.text((MARGIN, y), Anchor::Start, INK, heading);
                y += LINE;
            }
            for row in rows {
                let colour = if row.marked { MOVED } else { STILL };
                let across = |share: f64| axis + AXIS * share.clamp(0.0, 1.0);
                svg.text((MARGIN, y), Anchor::Start, INK, &cut(&row.name, name));
                svg.text((answer, y), Anchor::Start, INK, &cut(&row.of, of));
                let middle = y - 4.0;
                if row.before.is_finite() && row.after.is_finite() {
                    let (from, to) = (across(row.before), across(row.after));
                    svg.path(&[(from, middle), (to, middle)], colour, "");
                    svg.line((from, middle - 5.0), (from, middle + 5.0), INK, "");
                    svg.dot((to, middle), colour);
                }
                let course_of = |(n, p): (usize, &f64)| {
                    let share = n as f64 / (row.course.len() - 1) as f64;
                    (course + COURSE * share, y + 2.0 - 13.0 * p.clamp(0.0, 1.0))
                };
                if row.course.len() > 1 && row.course.iter().all(|p| p.is_finite()) {
                    let points: Vec<_> = row.course.iter().enumerate().map(course_of).collect();
                    svg.path(&points, colour, "");
                }
                svg.text((end, y), Anchor::Start, colour, &cut(&row.note, note));
                y += LINE;
            }
        }
        svg.finish()
    }
}

fn cut(text: &str, most: usize) -> String {
    match text.chars().count() > most {
        true => text.chars().take(most - 1).chain(['…']).collect(),
        false => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_drawn_and_nothing_that_is_no_number() {
        let row = |after: f64, course: &[f64]| Row {
            name: "<b>".repeat(40),
            after,
            course: course.to_vec(),
            ..Row::default()
        };
        let parts = vec![
            (
                "one".to_owned(),
                vec![row(0.5, &[0.0, 1.0]), row(f64::NAN, &[0.0, f64::NAN])],
            ),
            (String::new(), vec![row(1.0, &[0.3])]),
        ];
        let svg = Board {
            words: vec!["w".into()],
            parts,
        }
        .draw();
        assert_eq!(svg.matches("<circle").count(), 2);
        // A stroke from before to after each, and one course.
        assert_eq!(svg.matches("<polyline").count(), 3);
        assert!(!svg.contains("NaN") && !svg.contains("<b>") && svg.contains("…"));
    }
}
