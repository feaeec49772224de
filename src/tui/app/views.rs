//! Thirteen views of an edit, and how they are looked at.

use super::{State, Ticket};
use crate::edit::EditSpec;
use crate::engine::EditId;
use crate::measure::views::{View, ViewScore, ViewsReport};
use crate::session::Beneath;

/// An edit, and the stack that it was looked at in.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    pub id: EditId,
    pub made_on: Vec<Beneath>,
}

#[derive(Clone, Debug, Default)]
pub struct ViewsView {
    /// The newest job; older answers do not count.
    pub ticket: Option<Ticket>,
    pub asked: Option<Asked>,
    /// What is known so far: it grows while the job runs.
    pub report: Option<Box<ViewsReport>>,
    /// The selected view, from 0.
    pub cursor: usize,
    /// Whether the prompts behind it are shown, and from which on.
    pub behind: Option<usize>,
}

impl ViewsView {
    /// A new look begins.
    pub fn begin(&mut self, ticket: Ticket, asked: Asked, spec: &EditSpec) {
        let old = spec.true_answer.clone();
        let report = ViewsReport {
            method: spec.method.name().into(),
            prompt: spec.request.prompt.clone(),
            subject: spec.request.subject.clone(),
            new: spec.request.target.clone(),
            old: old.unwrap_or_default(),
            ..ViewsReport::default()
        };
        *self = ViewsView {
            ticket: Some(ticket),
            asked: Some(asked),
            report: Some(Box::new(report)),
            cursor: self.cursor,
            behind: None,
        };
    }

    /// One more view is known.
    pub fn put(&mut self, scored: ViewScore) {
        if let Some(report) = &mut self.report {
            report.put(scored);
            report.profile = report.profiled();
        }
    }

    pub fn selected(&self) -> View {
        let last = View::ALL.len() - 1;
        View::ALL[self.cursor.min(last)]
    }

    pub fn scored(&self) -> Option<&ViewScore> {
        self.report.as_ref()?.of(self.selected())
    }

    /// Moves over the views, or over the prompts behind one.
    pub fn move_by(&mut self, by: isize) {
        let moved = |at: usize, last: usize| at.saturating_add_signed(by).min(last);
        let prompts = self.scored().map_or(0, |scored| scored.evidence.len());
        match &mut self.behind {
            Some(at) => *at = moved(*at, prompts.saturating_sub(1)),
            None => self.cursor = moved(self.cursor, View::ALL.len() - 1),
        }
    }

    /// Shows the prompts behind the selected view, or leaves them.
    pub fn turn(&mut self) {
        let any = self.scored().is_some_and(|s| !s.evidence.is_empty());
        self.behind = match self.behind {
            None if any => Some(0),
            _ => None,
        };
    }
}

impl State {
    /// The edit that would be looked at: the selected one, if it is on and says a
    /// fact.
    pub fn views_question(&self) -> Option<(EditId, EditSpec)> {
        let selected = self.edits.selected().filter(|edit| edit.on)?;
        let record = self.edits.records.get(&selected.id)?;
        let old = record.report.old_answer();
        let spec = EditSpec {
            true_answer: old.or(record.spec.true_answer.clone()),
            ..record.spec.clone()
        };
        (!spec.is_imported()).then_some((selected.id, spec))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::views::{Evidence, Row, Thresholds};

    #[test]
    fn the_cursor_stays_among_the_views_and_among_the_prompts() {
        let mut view = ViewsView::default();
        view.turn();
        assert_eq!(view.behind, None, "nothing is known yet");
        view.begin(
            Ticket(1),
            Asked {
                id: 1,
                made_on: vec![],
            },
            &EditSpec::default(),
        );
        let rows = vec![Evidence::Asked(Row::default()); 3];
        let scored = |view| {
            let thresholds = Thresholds::default();
            ViewScore::new(view, Some(1.0), String::new(), rows.clone(), &thresholds)
        };
        view.put(scored(View::Retention));
        view.turn();
        view.move_by(99);
        assert_eq!((view.cursor, view.behind), (0, Some(2)));
        view.turn();
        view.move_by(isize::MAX);
        assert_eq!((view.selected(), view.behind), (View::Extraction, None));
        view.turn();
        assert_eq!(view.behind, None, "of this one nothing is known");
        view.move_by(isize::MIN);
        assert_eq!(view.cursor, 0);
    }
}
