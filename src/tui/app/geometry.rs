//! The selected edit's key beside those of the probes, and how that is looked at.

use super::{State, Ticket};
use crate::measure::geometry::{GeometryReport, GeometrySpec, KeyRow, Predictor};
use crate::session::Beneath;

#[derive(Clone, Debug, Default)]
pub struct GeometryView {
    /// The newest job; older answers do not count.
    pub ticket: Option<Ticket>,
    /// The question, and the edits that were on when it was asked.
    pub asked: Option<(GeometrySpec, Vec<Beneath>)>,
    pub report: Option<Box<GeometryReport>>,
    /// Why there is none.
    pub problem: Option<String>,
    /// The first row that is shown.
    pub scroll: usize,
}

impl GeometryView {
    /// The rows that count, the one with the nearest key first.
    pub fn rows(&self) -> Vec<&KeyRow> {
        let rows = self.report.iter().flat_map(|report| &report.rows);
        let mut rows: Vec<&KeyRow> = rows.filter(|row| row.counted).collect();
        let near = |row: &KeyRow| {
            let with_c = Predictor::CosineC.of(&row.key);
            with_c.unwrap_or_else(|| row.key.cosine.abs())
        };
        rows.sort_by(|a, b| near(b).total_cmp(&near(a)));
        rows
    }

    pub fn scroll_by(&mut self, by: isize) {
        let last = self.rows().len().saturating_sub(1);
        self.scroll = self.scroll.saturating_add_signed(by).min(last);
    }
}

impl State {
    /// The selected edit, and the probes that are watched. An imported edit has no
    /// key of its own.
    pub fn geometry_question(&self) -> Option<GeometrySpec> {
        let edit = self.edits.selected()?;
        let record = self.edits.selected_record()?;
        let probes = self.watch.probes();
        (!record.spec.is_imported() && !probes.is_empty()).then(|| GeometrySpec {
            edit: Some(edit.id),
            probes,
            old: record.report.old_answer(),
            ..GeometrySpec::default()
        })
    }
}
