//! What the geometry comes to, in words that claim no more than the numbers.

use super::data::{Centroids, GeometryReport, KeyRow, Prediction, Predictor};

/// Neighbours from which a correlation says anything.
const FEWEST: usize = 10;

/// The rows of a report, an object a line.
pub fn jsonl(report: &GeometryReport) -> serde_json::Result<String> {
    let lines: Vec<String> = (report.rows.iter())
        .map(serde_json::to_string)
        .collect::<Result<_, _>>()?;
    Ok(lines.into_iter().map(|line| line + "\n").collect())
}

pub fn sentences(report: &GeometryReport) -> Vec<String> {
    let mut all = vec![predicted(report)];
    all.extend(
        report
            .predictions
            .first()
            .and_then(|first| ranks(report, first)),
    );
    let last: Vec<&KeyRow> = (report.rows.iter())
        .filter(|row| row.counted && row.subject.is_none())
        .collect();
    if !last.is_empty() {
        all.push(format!(
            "of {} neighbours no subject is known: their keys are those of the last token",
            last.len()
        ));
    }
    if report.ridge.is_none() {
        all.push("no second moment is at hand for this layer: keys are compared without C".into());
    }
    all.push(match &report.centroids {
        Some(centroids) => placed(report, centroids),
        None => "too few subjects are known that have the old answer or the new one: no centroids"
            .into(),
    });
    all
}

/// Which neighbours were to move, against which did.
fn predicted(report: &GeometryReport) -> String {
    let (moved, of) = (report.moved, report.counted);
    let Some(first) = report.predictions.first().filter(|_| of > 0) else {
        return "no neighbour to predict".into();
    };
    match moved {
        0 => format!("none of {of} neighbours moved: there was nothing to predict"),
        moved if moved == of => format!("all of {of} neighbours moved: no key stands out"),
        moved => {
            let chance = moved as f64 * moved as f64 / of as f64;
            format!(
                "{moved} of {of} neighbours moved; of the {moved} with the largest {}, {} did \
                 (by chance {chance:.1})",
                first.by.words(),
                first.hits
            )
        }
    }
}

fn ranks(report: &GeometryReport, first: &Prediction) -> Option<String> {
    let name = first.by.words();
    if report.counted < FEWEST {
        return (report.counted > 0).then(|| {
            format!(
                "{} neighbours are too few to say whether {name} predicts anything",
                report.counted
            )
        });
    }
    let Some(rank) = first.rank else {
        return Some(format!(
            "|Δp| or {name} never changes: there is no relation to look for"
        ));
    };
    let figures = format!(
        "Spearman's ρ with |Δp| is {:.2} ({:.2} to {:.2})",
        rank.rho, rank.from, rank.to
    );
    let says = match (rank.from > 0.0, rank.to < 0.0) {
        (true, _) => format!("a larger {name} goes with a larger change: {figures}"),
        (_, true) => format!("a larger {name} goes with a smaller change: {figures}"),
        _ => format!("no relation between {name} and the change is to be seen: {figures}"),
    };
    let plain = report
        .predictions
        .iter()
        .find(|p| p.by == Predictor::Cosine);
    let beside = match plain
        .and_then(|p| p.rank)
        .filter(|_| first.by != Predictor::Cosine)
    {
        Some(plain) => format!("; without C⁻¹ it is {:.2}", plain.rho),
        None => String::new(),
    };
    Some(format!("{says}{beside}"))
}

fn placed(report: &GeometryReport, centroids: &Centroids) -> String {
    let percent = |share: f64| format!("{:.0} %", 100.0 * share);
    let apart = centroids.apart_after - centroids.apart_before;
    format!(
        "behind layer {}, {} lay {} of the way from {}'s centroid to {}'s and lies {} of it now; \
         the two are {:.2} apart, {} by {:.2} with the edit",
        centroids.layer,
        report.subject.trim(),
        percent(centroids.before.along),
        centroids.groups.first().map_or("", |g| &g.object),
        centroids.groups.get(1).map_or("", |g| &g.object),
        percent(centroids.after.along),
        centroids.apart_before,
        if apart < 0.0 { "nearer" } else { "further" },
        apart.abs()
    )
}

#[cfg(test)]
mod tests {
    use super::super::rank::RankCorrelation;
    use super::*;

    fn report(counted: usize, moved: usize, from: f64) -> GeometryReport {
        let rank = RankCorrelation {
            rho: from + 0.2,
            from,
            to: from + 0.4,
            pairs: counted,
        };
        GeometryReport {
            counted,
            moved,
            predictions: vec![Prediction {
                by: Predictor::CosineC,
                rank: Some(rank),
                area: None,
                hits: 1,
            }],
            ..GeometryReport::default()
        }
    }

    #[test]
    fn a_relation_is_claimed_only_where_its_interval_says_so() {
        let said = |report: &GeometryReport| sentences(report).join("\n");
        assert!(said(&report(40, 4, 0.1)).contains("goes with a larger change"));
        assert!(said(&report(40, 4, -0.1)).contains("no relation"));
        assert!(said(&report(40, 4, -0.6)).contains("smaller change"));
        assert!(said(&report(40, 0, 0.1)).contains("nothing to predict"));
        assert!(said(&report(5, 2, 0.9)).contains("too few to say"));
        assert!(said(&report(40, 4, 0.1)).contains("(by chance 0.4)"));
        assert!(said(&report(0, 0, 0.1)).contains("no neighbour to predict"));
    }
}
