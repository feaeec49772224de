//! The probes and how far they moved.

use super::{State, Ticket};
use crate::measure::board::{self, Show, Sort};
use crate::measure::{Probe, ProbeGroup, ProbeRow};
use crate::session::Beneath;
use std::collections::{BTreeMap, HashSet};

/// Which rows are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Filter {
    #[default]
    All,
    Moved,
    Group(ProbeGroup),
}

pub fn group_name(group: ProbeGroup) -> &'static str {
    match group {
        ProbeGroup::Fact => "the fact",
        ProbeGroup::Paraphrase => "paraphrases",
        ProbeGroup::Derived => "what follows from it",
        ProbeGroup::User => "your own",
        ProbeGroup::Neighbour => "neighbours",
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct WatchRow {
    pub row: ProbeRow,
    /// Whether `p_after` has come.
    pub after: bool,
    /// p(expected) over the states of the stack, as far as it is known.
    pub course: Vec<f64>,
}

#[derive(Clone, Debug, Default)]
pub struct Watched {
    /// By the index the engine counts them with.
    pub rows: BTreeMap<usize, WatchRow>,
    /// The job that fills them.
    pub ticket: Option<Ticket>,
    /// What a job was asked that has not told all of it yet.
    pub wanted: Vec<Probe>,
    /// Imported, or proposed for this board: they stay from edit to edit.
    pub pinned: Vec<Probe>,
    /// The job whose proposals are pinned.
    pub proposing: Option<Ticket>,
    /// The job that asks for the rows' courses.
    pub looking_back: Option<Ticket>,
    /// The states of the courses, and the edits that were on then.
    pub states: Vec<board::State>,
    pub course_of: Option<Vec<Beneath>>,
    pub cursor: usize,
    pub filter: Filter,
    pub sort: Sort,
    /// What a row has to say to be listed.
    pub find: String,
}

/// One line of the list.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Line<'a> {
    Heading {
        group: ProbeGroup,
        moved: usize,
        of: usize,
    },
    Row(&'a WatchRow),
}

impl Watched {
    pub fn take(&mut self, ticket: Ticket, index: usize, row: ProbeRow, after: bool) {
        if self.ticket != Some(ticket) {
            self.ticket = Some(ticket);
            self.rows.clear();
            self.cursor = 0;
        }
        let course = self.course(index, &row);
        self.rows.insert(index, WatchRow { row, after, course });
    }

    /// What is known of a row's course: it goes with its place and its prompt.
    fn course(&mut self, index: usize, row: &ProbeRow) -> Vec<f64> {
        let old = self.rows.get_mut(&index);
        let same =
            old.filter(|old| old.row.prompt == row.prompt && old.row.expected == row.expected);
        same.map(|old| std::mem::take(&mut old.course))
            .unwrap_or_default()
    }

    /// The final word of a job on all its rows.
    pub fn finish(&mut self, rows: Vec<ProbeRow>) {
        self.wanted.clear();
        let rows = (0..).zip(rows).map(|(index, row)| {
            let course = self.course(index, &row);
            let after = true;
            (index, WatchRow { row, after, course })
        });
        self.rows = rows.collect();
    }

    /// Takes in what the rows said on one stack after another.
    pub fn look_back(&mut self, history: board::History, made_on: Vec<Beneath>) {
        self.looking_back = None;
        if history.p.len() != self.rows.len() {
            return;
        }
        for (row, course) in self.rows.values_mut().zip(history.p) {
            row.course = course;
        }
        (self.states, self.course_of) = (history.states, Some(made_on));
    }

    /// `own` and what is pinned, each once.
    pub fn with_pinned(&self, own: Vec<Probe>) -> Vec<Probe> {
        let mut seen = HashSet::new();
        let mut all = own;
        all.extend(self.pinned.iter().cloned());
        all.retain(|p| seen.insert((p.prompt.clone(), p.expected.clone())));
        all
    }

    /// Keeps `probes` on the board; how many of them are new to it.
    pub fn pin(&mut self, probes: Vec<Probe>) -> usize {
        let before = self.pinned.len();
        let mut seen: HashSet<_> = (self.pinned.iter())
            .map(|p| (p.prompt.clone(), p.expected.clone()))
            .collect();
        let new = probes
            .into_iter()
            .filter(|p| seen.insert((p.prompt.clone(), p.expected.clone())));
        self.pinned.extend(new);
        self.pinned.len() - before
    }

    /// What is watched, and what is about to be.
    pub fn probes(&self) -> Vec<Probe> {
        if !self.wanted.is_empty() {
            return self.wanted.clone();
        }
        self.rows.values().map(|w| w.row.probe()).collect()
    }

    /// Rows that are probed on both sides.
    pub fn known(&self) -> Vec<ProbeRow> {
        let known = self.rows.values().filter(|w| w.after);
        known.map(|w| w.row.clone()).collect()
    }

    /// Counts the rows from 0 again, in their order.
    pub fn renumber(&mut self) {
        let rows = std::mem::take(&mut self.rows);
        self.rows = rows.into_values().enumerate().collect();
    }

    /// (moved, all) among the rows that should have stayed.
    pub fn moved(&self) -> (usize, usize) {
        let stay = || self.rows.values().filter(|w| !w.row.group.follows());
        (
            stay().filter(|w| w.after && w.row.moved).count(),
            stay().count(),
        )
    }

    /// What is listed: group by group, the worst movers of each first; in another
    /// order without headings.
    pub fn lines(&self) -> Vec<Line<'_>> {
        let show = self.show();
        let mut rows: Vec<&WatchRow> = self.rows.values().filter(|w| show.says(&w.row)).collect();
        rows.sort_by(|a, b| self.sort.compare((&a.row, a.after), (&b.row, b.after)));
        let listed = |w: &&WatchRow| (!show.moved || w.after) && show.takes(&w.row);
        if self.sort != Sort::Group {
            return rows.into_iter().filter(listed).map(Line::Row).collect();
        }
        let mut lines = Vec::with_capacity(rows.len() + ProbeGroup::ALL.len());
        for rows in rows.chunk_by(|a, b| a.row.group == b.row.group) {
            let group = rows[0].row.group;
            if show.group.is_some_and(|only| only != group) {
                continue;
            }
            // The fact stands for itself.
            if group != ProbeGroup::Fact {
                lines.push(Line::Heading {
                    group,
                    moved: rows.iter().filter(|w| w.after && w.row.moved).count(),
                    of: rows.len(),
                });
            }
            lines.extend(rows.iter().copied().filter(listed).map(Line::Row));
        }
        lines
    }

    fn show(&self) -> Show {
        Show {
            moved: self.filter == Filter::Moved,
            group: match self.filter {
                Filter::Group(group) => Some(group),
                Filter::All | Filter::Moved => None,
            },
            text: self.find.clone(),
        }
    }

    /// The row under the cursor, which counts rows and not headings.
    pub fn selected(&self) -> Option<&WatchRow> {
        let mut rows = self.lines().into_iter().filter_map(|line| match line {
            Line::Row(row) => Some(row),
            Line::Heading { .. } => None,
        });
        rows.nth(self.cursor)
    }

    pub fn listed(&self) -> usize {
        let rows = self.lines();
        rows.iter().filter(|l| matches!(l, Line::Row(_))).count()
    }

    pub fn next_filter(&mut self) {
        let mut filters = vec![Filter::All, Filter::Moved];
        filters.extend(
            ProbeGroup::ALL
                .into_iter()
                .filter(|g| self.rows.values().any(|w| w.row.group == *g))
                .map(Filter::Group),
        );
        let at = filters.iter().position(|f| *f == self.filter);
        self.filter = filters[at.map_or(0, |at| (at + 1) % filters.len())];
        self.cursor = 0;
    }
}

impl State {
    /// Whether the courses are of the edits that are on now.
    pub fn courses_hold(&self) -> bool {
        self.watch.course_of.as_ref() == Some(&self.edits.ground())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(prompt: &str, group: ProbeGroup, p: (f64, f64), moved: bool) -> ProbeRow {
        ProbeRow {
            prompt: prompt.into(),
            group,
            p_before: p.0,
            p_after: p.1,
            moved,
            ..ProbeRow::default()
        }
    }

    #[test]
    fn worst_movers_come_first_and_headings_count() {
        let mut watched = Watched::default();
        watched.finish(vec![
            row("a", ProbeGroup::Neighbour, (0.9, 0.9), false),
            row("b", ProbeGroup::Neighbour, (0.9, 0.5), true),
            row("c", ProbeGroup::Neighbour, (0.9, 0.1), true),
            row("d", ProbeGroup::Fact, (0.9, 0.0), true),
        ]);
        let names: Vec<_> = watched
            .lines()
            .iter()
            .map(|line| match line {
                Line::Heading { moved, of, .. } => format!("{moved}/{of}"),
                Line::Row(w) => w.row.prompt.clone(),
            })
            .collect();
        assert_eq!(names, ["d", "2/3", "c", "b", "a"]);
        assert_eq!(watched.moved(), (2, 3));
        watched.next_filter();
        assert_eq!(watched.listed(), 3);
    }
    #[test]
    fn another_order_has_no_headings_and_text_is_found() {
        let mut watched = Watched::default();
        watched.finish(vec![
            row("Big Ben", ProbeGroup::Neighbour, (0.5, 0.4), false),
            row("Hyde Park", ProbeGroup::User, (0.9, 0.1), true),
            row("the fact", ProbeGroup::Fact, (1.0, 0.0), true),
        ]);
        let names = |watched: &Watched| -> Vec<String> {
            let row = |line: &Line| match line {
                Line::Row(w) => Some(w.row.prompt.clone()),
                Line::Heading { .. } => None,
            };
            watched.lines().iter().filter_map(row).collect()
        };
        watched.sort = Sort::Worst;
        assert_eq!(watched.lines().len(), 3);
        assert_eq!(names(&watched), ["Hyde Park", "Big Ben", "the fact"]);
        watched.find = "big".into();
        assert_eq!(names(&watched), ["Big Ben"]);
        watched.filter = Filter::Moved;
        assert_eq!(watched.listed(), 0);
    }

    #[test]
    fn what_is_pinned_is_there_once_and_a_course_goes_with_its_row() {
        let probe = |prompt: &str| Probe {
            prompt: prompt.into(),
            ..Probe::default()
        };
        let mut watched = Watched::default();
        assert_eq!(watched.pin(vec![probe("a"), probe("b"), probe("a")]), 2);
        assert_eq!(watched.pin(vec![probe("b")]), 0);
        assert_eq!(watched.with_pinned(vec![probe("b"), probe("c")]).len(), 3);
        let rows = |names: &[&str]| {
            names
                .iter()
                .map(|n| row(n, ProbeGroup::User, (0.5, 0.5), false))
                .collect()
        };
        watched.finish(rows(&["a", "b"]));
        let history = board::History {
            p: vec![vec![0.1, 0.2], vec![0.3, 0.4]],
            ..board::History::default()
        };
        watched.look_back(history.clone(), vec![]);
        watched.finish(rows(&["a", "c"]));
        assert_eq!(watched.rows[&0].course, [0.1, 0.2]);
        assert!(watched.rows[&1].course.is_empty());
        watched.finish(rows(&["a"]));
        watched.look_back(history, vec![]);
        assert_eq!(
            watched.rows[&0].course,
            [0.1, 0.2],
            "a history of other rows"
        );
    }
}
