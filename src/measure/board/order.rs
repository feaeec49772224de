//! Which rows of a board are shown, and in which order.

use crate::measure::{ProbeGroup, ProbeRow};
use std::cmp::Ordering;

/// The order of the rows. Ties keep the order of the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// Group by group, the worst movers of each first.
    #[default]
    Group,
    /// The worst movers of all first; what should follow the edit comes last.
    Worst,
    /// The highest p before first.
    Before,
    /// The lowest p after first.
    After,
    /// As they came.
    File,
}

impl Sort {
    pub const ALL: [Sort; 5] = [
        Sort::Group,
        Sort::Worst,
        Sort::Before,
        Sort::After,
        Sort::File,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Sort::Group => "group",
            Sort::Worst => "worst",
            Sort::Before => "before",
            Sort::After => "after",
            Sort::File => "file",
        }
    }

    /// What comes first.
    pub fn words(self) -> &'static str {
        match self {
            Sort::Group => "by group",
            Sort::Worst => "worst movers first",
            Sort::Before => "highest p before first",
            Sort::After => "lowest p after first",
            Sort::File => "in the file's order",
        }
    }

    pub fn next(self) -> Sort {
        let at = Sort::ALL.iter().position(|sort| *sort == self).unwrap_or(0);
        Sort::ALL[(at + 1) % Sort::ALL.len()]
    }

    /// Which of two rows comes first. `known`: whether p after has come; rows
    /// without it are last.
    pub fn compare(
        self,
        (a, a_known): (&ProbeRow, bool),
        (b, b_known): (&ProbeRow, bool),
    ) -> Ordering {
        let known = b_known.cmp(&a_known);
        let place = |row: &ProbeRow| ProbeGroup::ALL.iter().position(|g| *g == row.group);
        match self {
            Sort::Group => (place(a).cmp(&place(b)))
                .then(known)
                .then_with(|| worse(a, b)),
            Sort::Worst => (a.group.follows().cmp(&b.group.follows()))
                .then(known)
                .then_with(|| worse(a, b)),
            Sort::Before => b.p_before.total_cmp(&a.p_before),
            Sort::After => known.then_with(|| a.p_after.total_cmp(&b.p_after)),
            Sort::File => Ordering::Equal,
        }
    }

    /// Rows of which all is known, in this order.
    pub fn arrange(self, rows: &mut [ProbeRow]) {
        rows.sort_by(|a, b| self.compare((a, true), (b, true)));
    }
}

/// Rows that moved first, the largest fall before the smaller ones.
fn worse(a: &ProbeRow, b: &ProbeRow) -> Ordering {
    let fall = |row: &ProbeRow| row.p_before - row.p_after;
    b.moved.cmp(&a.moved).then(fall(b).total_cmp(&fall(a)))
}

/// What a row has to have to be shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Show {
    pub moved: bool,
    pub group: Option<ProbeGroup>,
    /// Stands in the prompt, in an answer or in the reason, in whatever case.
    pub text: String,
}

impl Show {
    pub fn takes(&self, row: &ProbeRow) -> bool {
        (!self.moved || row.moved)
            && self.group.is_none_or(|group| row.group == group)
            && self.says(row)
    }

    /// Whether the row has the text.
    pub fn says(&self, row: &ProbeRow) -> bool {
        let wanted = self.text.trim().to_lowercase();
        let why = row.why.as_deref().unwrap_or_default();
        let texts = [&row.prompt, &row.expected, &row.top_after, why];
        wanted.is_empty() || texts.iter().any(|t| t.to_lowercase().contains(&wanted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<ProbeRow> {
        let row = |prompt: &str, group, p: (f64, f64), moved| ProbeRow {
            prompt: prompt.into(),
            group,
            p_before: p.0,
            p_after: p.1,
            moved,
            ..ProbeRow::default()
        };
        vec![
            row("fell", ProbeGroup::User, (0.9, 0.1), true),
            row("fact", ProbeGroup::Fact, (1.0, 0.0), true),
            row("still", ProbeGroup::Neighbour, (0.5, 0.5), false),
            row("another top", ProbeGroup::Neighbour, (0.4, 0.4), true),
        ]
    }

    fn names(sort: Sort) -> Vec<String> {
        let mut rows = rows();
        sort.arrange(&mut rows);
        rows.into_iter().map(|row| row.prompt).collect()
    }

    #[test]
    fn each_order_is_what_it_says() {
        assert_eq!(names(Sort::Group), ["fact", "fell", "another top", "still"]);
        assert_eq!(names(Sort::Worst), ["fell", "another top", "still", "fact"]);
        assert_eq!(
            names(Sort::Before),
            ["fact", "fell", "still", "another top"]
        );
        assert_eq!(names(Sort::After), ["fact", "fell", "another top", "still"]);
        assert_eq!(names(Sort::File), ["fell", "fact", "still", "another top"]);
        let around: Vec<Sort> = (0..5)
            .scan(Sort::Group, |s, _| {
                *s = s.next();
                Some(*s)
            })
            .collect();
        assert_eq!(around[4], Sort::Group);
        // What is not known yet is last.
        let rows = rows();
        let order = Sort::Worst.compare((&rows[0], false), (&rows[2], true));
        assert_eq!(order, Ordering::Greater);
    }

    #[test]
    fn rows_are_found_by_any_of_their_words() {
        let show = |moved, group, text: &str| {
            let show = Show {
                moved,
                group,
                text: text.into(),
            };
            rows().iter().filter(|row| show.takes(row)).count()
        };
        assert_eq!(show(false, None, ""), 4);
        assert_eq!(show(true, None, ""), 3);
        assert_eq!(show(true, Some(ProbeGroup::Neighbour), ""), 1);
        assert_eq!(show(false, None, " FELL"), 1);
    }
}
