//! What the residuals say of the old answer and of the new one, and how that is
//! looked at.

use super::{State, Ticket};
use crate::measure::lens::{Depth, Grid, LensReport, LensSpec};
use crate::session::Beneath;

/// Which numbers the two maps hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shown {
    /// p(old) before and after.
    #[default]
    Old,
    /// p(new) before and after.
    New,
    /// By how much p(old) and p(new) changed.
    Change,
}

impl Shown {
    pub const ALL: [Shown; 3] = [Shown::Old, Shown::New, Shown::Change];

    pub fn next(self) -> Shown {
        match self {
            Shown::Old => Shown::New,
            Shown::New => Shown::Change,
            Shown::Change => Shown::Old,
        }
    }
}

/// A cell, in both maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    pub token: usize,
    pub depth: usize,
}

/// A question, and the edits that were on when it was asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    pub spec: LensSpec,
    pub made_on: Vec<Beneath>,
}

#[derive(Clone, Debug, Default)]
pub struct LensView {
    /// The newest job; older answers do not count.
    pub ticket: Option<Ticket>,
    pub asked: Option<Asked>,
    /// The newest answer to that question, perhaps on older weights.
    pub report: Option<Box<LensReport>>,
    /// The edits that it was read with.
    pub made_on: Vec<Beneath>,
    /// Why there is none.
    pub problem: Option<String>,
    /// `None` until the user moves it.
    pub cursor: Option<Cell>,
    pub shown: Shown,
}

impl LensView {
    /// Where the cursor is, inside the grids: at first on the last token, where
    /// the new answer overtakes.
    pub fn at(&self) -> Option<Cell> {
        let report = self.report.as_ref()?;
        let last = Cell {
            token: report.tokens.len().checked_sub(1)?,
            depth: report.columns.len().checked_sub(1)?,
        };
        let at = self.cursor.unwrap_or(Cell {
            depth: report.after.overtakes.map_or(last.depth, |at| at.0),
            ..last
        });
        Some(Cell {
            token: at.token.min(last.token),
            depth: at.depth.min(last.depth),
        })
    }

    pub fn move_by(&mut self, depths: isize, tokens: isize) {
        if let Some(at) = self.at() {
            self.cursor = Some(Cell {
                token: at.token.saturating_add_signed(tokens),
                depth: at.depth.saturating_add_signed(depths),
            });
            self.cursor = self.at();
        }
    }

    /// The left map and the right one.
    pub fn maps(&self) -> Option<[&Grid; 2]> {
        let report = self.report.as_ref()?;
        let (before, after, change) = (&report.before, &report.after, &report.difference);
        Some(match self.shown {
            Shown::Old => [&before.p_old, &after.p_old],
            Shown::New => [&before.p_new, &after.p_new],
            Shown::Change => [&change.p_old, &change.p_new],
        })
    }
}

pub fn value(grid: &Grid, at: Cell) -> Option<f64> {
    let value = grid.get(at.token)?.get(at.depth).copied();
    value.filter(|value| value.is_finite())
}

/// A column's name on the axis.
pub fn column_name(at: Depth) -> String {
    at.layer().map_or("e".into(), |layer| layer.to_string())
}

impl State {
    /// What the lens is to look for: the selected edit's answers after its prompt,
    /// else those of the fact, as far as it is written. An imported edit has none.
    pub fn lens_question(&self) -> Option<LensSpec> {
        let top = self.settings.top;
        let made = self.edits.selected_record();
        if let Some(record) = made.filter(|record| !record.spec.is_imported()) {
            let spec = &record.spec;
            return Some(LensSpec {
                prompt: spec.request.text(),
                old: spec.true_answer.clone(),
                new: spec.request.target.clone(),
                top,
            });
        }
        let (prompt, new) = (self.fact.text(), self.fact.target());
        (!prompt.trim().is_empty() && !new.is_empty()).then(|| LensSpec {
            prompt: prompt.to_owned(),
            old: self.fact.named_answer(),
            new: new.to_owned(),
            top,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cursor_stays_in_the_grids_and_begins_where_the_new_answer_overtakes() {
        let mut view = LensView::default();
        view.move_by(1, 1);
        assert_eq!((view.at(), view.cursor), (None, None));
        let mut report = LensReport {
            tokens: vec!["a".into(), "b".into()],
            columns: (0..4).map(Depth).collect(),
            ..LensReport::default()
        };
        report.after.overtakes = Some(Depth(2));
        view.report = Some(Box::new(report));
        let cell = |token, depth| Some(Cell { token, depth });
        assert_eq!(view.at(), cell(1, 2));
        view.move_by(-1, -1);
        assert_eq!(view.at(), cell(0, 1));
        view.move_by(isize::MAX, isize::MAX);
        assert_eq!(view.at(), cell(1, 3));
        view.move_by(isize::MIN, isize::MIN);
        assert_eq!(view.at(), cell(0, 0));
    }
}
