//! The probes and how far they moved.

use super::Ticket;
use crate::measure::{Probe, ProbeGroup, ProbeRow};
use std::collections::BTreeMap;

/// Which rows are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Filter {
    #[default]
    All,
    Moved,
    Group(ProbeGroup),
}

/// Groups in the order they are listed.
pub const GROUPS: [ProbeGroup; 5] = [
    ProbeGroup::Fact,
    ProbeGroup::Paraphrase,
    ProbeGroup::Derived,
    ProbeGroup::User,
    ProbeGroup::Neighbour,
];

/// Whether a row of this group is wanted to move with the edit.
pub fn follows(group: ProbeGroup) -> bool {
    matches!(
        group,
        ProbeGroup::Fact | ProbeGroup::Paraphrase | ProbeGroup::Derived
    )
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
}

#[derive(Clone, Debug, Default)]
pub struct Watched {
    /// By the index the engine counts them with.
    pub rows: BTreeMap<usize, WatchRow>,
    /// The job that fills them.
    pub ticket: Option<Ticket>,
    /// What a job was asked that has not told all of it yet.
    pub wanted: Vec<Probe>,
    pub cursor: usize,
    pub filter: Filter,
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
        self.rows.insert(index, WatchRow { row, after });
    }

    /// The final word of a job on all its rows.
    pub fn finish(&mut self, rows: Vec<ProbeRow>) {
        self.wanted.clear();
        self.rows = rows
            .into_iter()
            .map(|row| WatchRow { row, after: true })
            .enumerate()
            .collect();
    }

    /// What is watched, and what is about to be.
    pub fn probes(&self) -> Vec<Probe> {
        if !self.wanted.is_empty() {
            return self.wanted.clone();
        }
        self.rows
            .values()
            .map(|w| Probe {
                prompt: w.row.prompt.clone(),
                expected: w.row.expected.clone(),
                group: w.row.group,
            })
            .collect()
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
        let stay = || self.rows.values().filter(|w| !follows(w.row.group));
        (
            stay().filter(|w| w.after && w.row.moved).count(),
            stay().count(),
        )
    }

    /// What is listed: group by group, the worst movers of each first.
    pub fn lines(&self) -> Vec<Line<'_>> {
        let mut lines = Vec::with_capacity(self.rows.len() + GROUPS.len());
        for group in GROUPS {
            if matches!(self.filter, Filter::Group(g) if g != group) {
                continue;
            }
            let mut rows: Vec<&WatchRow> = self
                .rows
                .values()
                .filter(|w| w.row.group == group)
                .collect();
            if rows.is_empty() {
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
            if self.filter == Filter::Moved {
                rows.retain(|w| w.after && w.row.moved);
            }
            rows.sort_by(|a, b| worse(a, b));
            lines.extend(rows.into_iter().map(Line::Row));
        }
        lines
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
            GROUPS
                .into_iter()
                .filter(|g| self.rows.values().any(|w| w.row.group == *g))
                .map(Filter::Group),
        );
        let at = filters.iter().position(|f| *f == self.filter);
        self.filter = filters[at.map_or(0, |at| (at + 1) % filters.len())];
        self.cursor = 0;
    }
}

/// Rows that moved first, the largest fall before the smaller ones; rows that
/// are not probed yet last.
fn worse(a: &WatchRow, b: &WatchRow) -> std::cmp::Ordering {
    let fall = |w: &WatchRow| {
        if w.after {
            w.row.p_before - w.row.p_after
        } else {
            f64::NEG_INFINITY
        }
    };
    let key = |w: &WatchRow| w.after && w.row.moved;
    key(b).cmp(&key(a)).then(fall(b).total_cmp(&fall(a)))
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
}
