//! One request by several methods: what each made of it. Nothing is kept of the
//! edits but their reports.

use super::Ticket;
use crate::edit::{EditSpec, Request};
use crate::measure::{EditReport, ProbeRow};
use crate::session::Beneath;

#[derive(Clone, Debug, Default)]
pub struct Duel {
    /// The edits that were on.
    pub made_on: Vec<Beneath>,
    pub tries: Vec<Try>,
    pub cursor: usize,
}

/// One method's attempt.
#[derive(Clone, Debug)]
pub struct Try {
    pub spec: EditSpec,
    /// The job that makes it; of a finished one none.
    pub ticket: Option<Ticket>,
    /// Its report, or why there is none.
    pub result: Option<Result<Box<EditReport>, String>>,
}

impl Try {
    pub fn report(&self) -> Option<&EditReport> {
        self.result.as_ref()?.as_ref().ok().map(AsRef::as_ref)
    }
}

/// A probe, and what each try that is done made of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Moved<'a> {
    /// As the first of them found it.
    pub probe: &'a ProbeRow,
    /// By try; `None`: not known (yet).
    pub rows: Vec<Option<&'a ProbeRow>>,
}

impl Moved<'_> {
    /// p(expected) after less before, by the try at `at`.
    pub fn change(&self, at: usize) -> Option<f64> {
        let row = self.rows.get(at).copied().flatten();
        row.map(|row| row.p_after - row.p_before)
    }

    /// How far the try moved it that moved it farthest.
    fn farthest(&self) -> f64 {
        let all = (0..self.rows.len()).filter_map(|at| self.change(at));
        all.map(f64::abs).fold(0.0, f64::max)
    }
}

impl Duel {
    /// What all try to write.
    pub fn request(&self) -> Option<&Request> {
        self.tries.first().map(|one| &one.spec.request)
    }

    pub fn running(&self) -> impl Iterator<Item = Ticket> + '_ {
        self.tries.iter().filter_map(|one| one.ticket)
    }

    /// Takes in how a job ended; whether it was one of these.
    pub fn take(&mut self, ticket: Ticket, result: Result<Box<EditReport>, String>) -> bool {
        let mut all = self.tries.iter_mut();
        let Some(one) = all.find(|one| one.ticket == Some(ticket)) else {
            return false;
        };
        one.ticket = None;
        one.result = Some(result);
        true
    }

    /// What moved: what should follow the fact first, then what should have
    /// stayed, and in each what moved farthest.
    pub fn moved(&self) -> Vec<Moved<'_>> {
        let Some(first) = self.tries.iter().find_map(Try::report) else {
            return vec![];
        };
        let mut moved: Vec<Moved> = (first.probes.iter().enumerate())
            .map(|(place, probe)| Moved {
                probe,
                rows: (self.tries.iter())
                    .map(|one| one.report()?.probes.get(place))
                    .collect(),
            })
            .collect();
        moved.sort_by(|a, b| {
            let stays = |row: &Moved| !row.probe.group.follows();
            let group = stays(a).cmp(&stays(b));
            group.then(b.farthest().total_cmp(&a.farthest()))
        });
        moved
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::ProbeGroup;

    #[test]
    fn what_moved_farthest_is_first_and_a_running_try_says_nothing() {
        let row = |prompt: &str, group, p_after| ProbeRow {
            prompt: prompt.into(),
            group,
            p_before: 0.9,
            p_after,
            ..ProbeRow::default()
        };
        let report = |far: f64| EditReport {
            probes: vec![
                row("near", ProbeGroup::Neighbour, 0.8),
                row("far", ProbeGroup::Neighbour, far),
                row("said otherwise", ProbeGroup::Paraphrase, 0.85),
            ],
            ..EditReport::default()
        };
        let one = |result| Try {
            spec: EditSpec::default(),
            ticket: Some(Ticket(1)),
            result,
        };
        let duel = Duel {
            tries: vec![
                one(Some(Ok(Box::new(report(0.1))))),
                one(None),
                one(Some(Err("it cannot".into()))),
                one(Some(Ok(Box::new(report(0.9))))),
            ],
            ..Duel::default()
        };
        let moved = duel.moved();
        let prompts: Vec<&str> = moved.iter().map(|m| m.probe.prompt.as_str()).collect();
        assert_eq!(prompts, ["said otherwise", "far", "near"]);
        let changes = [0, 1, 2, 3].map(|at| moved[1].change(at));
        assert_eq!(changes, [Some(0.1 - 0.9), None, None, Some(0.0)]);
        assert_eq!(moved[1].rows.len(), 4);
    }

    #[test]
    fn a_result_finds_its_try_once() {
        let mut duel = Duel::default();
        assert!(!duel.take(Ticket(3), Err(String::new())));
        duel.tries.push(Try {
            spec: EditSpec::default(),
            ticket: Some(Ticket(3)),
            result: None,
        });
        assert!(duel.take(Ticket(3), Ok(Box::default())));
        assert!(!duel.take(Ticket(3), Err(String::new())));
        assert!(duel.tries[0].report().is_some());
    }
}
