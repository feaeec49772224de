//! One request, several methods: how each stands.

use super::spec::{EditReport, ProbeGroup, ProbeRow};

/// What one method made of a request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Standing {
    pub method: String,
    pub p_target: f64,
    /// Paraphrases that now begin with the target, of how many.
    pub paraphrases: (usize, usize),
    /// Neighbours that moved, of how many.
    pub moved: (usize, usize),
    pub relative_update_norm: f64,
    pub seconds: f64,
}

impl Standing {
    pub fn of(target: &str, report: &EditReport) -> Standing {
        let count = |group: ProbeGroup, hit: &dyn Fn(&ProbeRow) -> bool| {
            let own = report.probes.iter().filter(|row| row.group == group);
            own.fold((0, 0), |(hits, all), row| {
                (hits + usize::from(hit(row)), all + 1)
            })
        };
        let (target, says) = (target.trim(), |row: &ProbeRow| {
            row.top_after.trim().to_owned()
        });
        let took = |row: &ProbeRow| !says(row).is_empty() && target.starts_with(&says(row));
        Standing {
            method: report.method.clone(),
            p_target: report.p_target.after,
            paraphrases: count(ProbeGroup::Paraphrase, &took),
            moved: count(ProbeGroup::Neighbour, &|row| row.moved),
            relative_update_norm: report.relative_update_norm,
            seconds: report.elapsed_s.total,
        }
    }
}

/// p(expected) after less p(expected) before, `[probe][method]`: what moved.
pub fn changes(reports: &[&EditReport]) -> Vec<Vec<f64>> {
    let rows = reports.first().map_or(0, |report| report.probes.len());
    let change = |report: &&EditReport, row: usize| {
        report
            .probes
            .get(row)
            .map_or(0.0, |probe| probe.p_after - probe.p_before)
    };
    (0..rows)
        .map(|row| reports.iter().map(|report| change(report, row)).collect())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standing_counts_what_took_and_what_moved() {
        let row = |group, top: &str, moved| ProbeRow {
            group,
            top_after: top.into(),
            p_before: 0.9,
            p_after: 0.4,
            moved,
            ..ProbeRow::default()
        };
        let report = EditReport {
            probes: vec![
                row(ProbeGroup::Paraphrase, " Ro", true),
                row(ProbeGroup::Paraphrase, " Paris", false),
                row(ProbeGroup::Paraphrase, "", true),
                row(ProbeGroup::Neighbour, " Rome", true),
                row(ProbeGroup::Derived, " Italy", true),
            ],
            ..EditReport::default()
        };
        let standing = Standing::of(" Rome", &report);
        assert_eq!(standing.paraphrases, (1, 3));
        assert_eq!(standing.moved, (1, 1));
        let changes = changes(&[&report, &EditReport::default()]);
        assert_eq!(changes.len(), 5);
        assert_eq!(changes[0], [0.4 - 0.9, 0.0]);
    }
}
