//! An evaluation on CounterFact's cases: what is known of each, and how it is looked
//! at.

use super::{State, Ticket};
use crate::edit::Method;
use crate::measure::counterfact::{
    Head, Line, Record, References, Scores, Verdict, Verdicts, harmonic_mean,
};
use std::path::PathBuf;
use std::time::Duration;

#[derive(Clone, Debug, Default)]
pub struct CounterfactView {
    /// Where the cases or the verdicts were read from; `None`: nothing is open.
    pub path: Option<PathBuf>,
    /// In the order of the file; empty where only verdicts were read.
    pub records: Vec<Record>,
    pub references: References,
    pub head: Head,
    pub verdicts: Verdicts,
    /// The method that is evaluated; `None`: only the unedited model was.
    pub method: Option<Method>,
    /// Of the unedited model and of the method.
    pub lines: Vec<Line>,
    /// The job that judges the next case, and which case under which method that is.
    pub running: Option<(Ticket, Option<Method>, u64)>,
    /// When this sitting began to judge, and what was judged since.
    pub since: Option<(Duration, usize)>,
    /// Why it stands still.
    pub problem: Option<String>,
    /// Among the cases as they are listed.
    pub cursor: usize,
    /// The prompts of the case under the cursor are shown, from this line on.
    pub opened: Option<usize>,
}

/// A case of the list.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row<'a> {
    pub case_id: u64,
    pub record: Option<&'a Record>,
    /// `None`: the edit could not be made.
    pub scores: Option<Scores>,
}

impl CounterfactView {
    /// The cases with their new objects.
    pub fn cases(&self) -> Vec<(u64, &str)> {
        if self.records.is_empty() {
            return self
                .verdicts
                .cases()
                .into_iter()
                .map(|id| (id, ""))
                .collect();
        }
        (self.records.iter())
            .map(|r| (r.case_id, r.requested_rewrite.target_new.text.as_str()))
            .collect()
    }

    /// The unedited model and then the method, where there is one.
    pub fn sides(&self) -> Vec<Option<Method>> {
        match self.method {
            Some(method) => vec![None, Some(method)],
            None => vec![None],
        }
    }

    /// Adds up anew.
    pub fn add_up(&mut self) {
        let cases = self.cases();
        let line = |side| Line::of(side, &cases, &self.verdicts, &self.references);
        self.lines = self.sides().into_iter().map(line).collect();
    }

    pub fn take(&mut self, verdict: Verdict) {
        if let Some((_, judged)) = &mut self.since {
            *judged += 1;
        }
        self.verdicts.add(verdict);
        self.add_up();
    }

    /// The first case that is not judged, and under which method.
    pub fn next(&self) -> Option<(&Record, Option<Method>)> {
        let sides = self.sides();
        let open = |record: &'_ Record| {
            let mut sides = sides.iter().copied();
            sides.find(|side| self.verdicts.of(*side, record.case_id).is_none())
        };
        self.records
            .iter()
            .find_map(|record| Some((record, open(record)?)))
    }

    /// Verdicts that are there, of how many.
    pub fn progress(&self) -> (usize, usize) {
        let sides = self.sides();
        let cases = self.cases();
        let known = |side: &Option<Method>| {
            let of = cases
                .iter()
                .filter(|(id, _)| self.verdicts.of(*side, *id).is_some());
            of.count()
        };
        (sides.iter().map(known).sum(), sides.len() * cases.len())
    }

    /// Seconds left at the pace so far.
    pub fn eta_s(&self, now: Duration) -> Option<f64> {
        let (since, judged) = self.since?;
        let (done, all) = self.progress();
        let took = now.saturating_sub(since).as_secs_f64();
        (judged > 0).then(|| took * (all - done) as f64 / judged as f64)
    }

    /// The cases that are judged under the method, the worst first: those whose edit
    /// could not be made, then by S of the case, then by its margins.
    pub fn rows(&self) -> Vec<Row<'_>> {
        let row = |(place, (case_id, _)): (usize, (u64, &str))| {
            let verdict = self.verdicts.of(self.method, case_id)?;
            Some(Row {
                case_id,
                record: self.records.get(place),
                scores: verdict
                    .judged
                    .as_ref()
                    .map(|judged| judged.answers.scores()),
            })
        };
        let mut rows: Vec<Row> = self
            .cases()
            .into_iter()
            .enumerate()
            .filter_map(row)
            .collect();
        rows.sort_by(|a, b| {
            let key = |row: &Row| {
                let of = |s: Scores| (harmonic_mean([s.es, s.ps, s.ns]), s.em + s.pm + s.nm);
                row.scores.map_or((-1.0, 0.0), of)
            };
            let ((s, m), (t, n)) = (key(a), key(b));
            s.total_cmp(&t).then(m.total_cmp(&n))
        });
        rows
    }

    /// The selected one.
    pub fn row(&self) -> Option<Row<'_>> {
        let rows = self.rows();
        rows.get(self.cursor.min(rows.len().saturating_sub(1)))
            .copied()
    }

    pub fn move_by(&mut self, by: isize) {
        match &mut self.opened {
            // The view stops at the last line.
            Some(line) => *line = line.saturating_add_signed(by).min(99),
            None => {
                let last = self.rows().len().saturating_sub(1);
                self.cursor = self.cursor.min(last).saturating_add_signed(by).min(last);
            }
        }
    }
}

impl State {
    /// What all verdicts of this sitting share.
    pub fn counterfact_head(&self, method: Method) -> Head {
        let model = self.model.as_ref();
        let tuned = self.tuned(method).into_iter();
        Head {
            model: model.map_or(String::new(), |m| m.name.clone()),
            sha256: model.map_or(String::new(), |m| m.sha256.clone()),
            at_once: 1,
            seed: self.settings.seed,
            texts: TEXTS,
            set: tuned
                .map(|(knob, value)| format!("{} {value}", knob.name()))
                .collect(),
        }
    }
}

/// Tokens of a free text, its prompt included (ALGORITHMS §5).
pub const TEXTS: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::counterfact::{Answer, Answers, Judged};

    fn verdict(method: Option<Method>, case_id: u64, new: f64) -> Verdict {
        let rewrite = Answer {
            new: new.ln(),
            old: 0.5f64.ln(),
            exact: new > 0.5,
        };
        let answers = Answers {
            rewrite,
            paraphrases: vec![rewrite],
            neighbours: vec![Answer {
                new: 0.1f64.ln(),
                ..rewrite
            }],
            primed: vec![],
        };
        Verdict {
            method,
            case_id,
            failed: None,
            judged: Some(Judged {
                case_id,
                answers,
                ..Judged::default()
            }),
        }
    }

    #[test]
    fn the_worst_stands_first_and_totals_follow() {
        let method = Some(Method::Rome);
        let mut view = CounterfactView {
            method,
            ..CounterfactView::default()
        };
        for (case, new) in [(1, 0.9), (2, 0.3), (3, 0.8)] {
            view.take(verdict(None, case, 0.1));
            view.take(verdict(method, case, new));
        }
        view.take(Verdict {
            failed: Some("no".into()),
            judged: None,
            ..verdict(method, 4, 0.9)
        });
        let order: Vec<u64> = view.rows().iter().map(|row| row.case_id).collect();
        assert_eq!(order, [4, 2, 3, 1]);
        assert_eq!(
            (
                view.lines[0].es.mean,
                view.lines[1].cases,
                view.lines[1].failed
            ),
            (0.0, 3, 1)
        );
        assert!((view.lines[1].es.mean - 200.0 / 3.0).abs() < 1e-9);
        assert_eq!(view.progress(), (7, 8));
        view.move_by(isize::MAX);
        assert_eq!(view.row().unwrap().case_id, 1);
    }
}
