//! The keys as a picture: predictions against changes, and the subjects between the
//! centroids.

use super::data::{GeometryReport, Member, Place, Predictor, Role};
use crate::picture::{Chart, Line, side_by_side};

/// An SVG: a panel for each of three predictors, and one for the centroids.
pub fn svg(report: &GeometryReport) -> String {
    let shown = [Predictor::CosineC, Predictor::Cosine, Predictor::GateMost];
    let mut charts: Vec<Chart> = (shown.into_iter())
        .filter(|by| report.predictions.iter().any(|p| p.by == *by))
        .map(|by| against(report, by))
        .collect();
    charts.extend(report.centroids.as_ref().map(|centroids| {
        let cloud = |role: Role| {
            let own = centroids.members.iter().filter(move |m| m.role == role);
            let name = |member: &Member| format!("has {}", member.object);
            Line {
                name: own.clone().next().map(name).unwrap_or_default(),
                points: own.map(|member| point(&member.after)).collect(),
                joined: false,
            }
        };
        Chart {
            title: format!(
                "{} between the two, behind layer {}",
                report.subject.trim(),
                centroids.layer
            ),
            across: "from the old answer's centroid (0) to the new one's (1)".into(),
            log_x: false,
            lines: vec![
                cloud(Role::Old),
                cloud(Role::New),
                Line {
                    name: "the subject".into(),
                    points: vec![point(&centroids.before), point(&centroids.after)],
                    joined: true,
                },
            ],
            range: None,
            log_y: false,
            level: None,
        }
    }));
    side_by_side(&charts)
}

fn point(place: &Place) -> (f64, f64) {
    (place.along, place.off)
}

/// |Δp| of the neighbours against what it was predicted by.
fn against(report: &GeometryReport, by: Predictor) -> Chart {
    let cloud = |name: &str, moved: bool| {
        let own = report
            .rows
            .iter()
            .filter(|row| row.counted && row.moved == moved);
        Line {
            name: name.into(),
            points: own
                .filter_map(|row| Some((by.of(&row.key)?, row.change())))
                .collect(),
            joined: false,
        }
    };
    let rank = report.predictions.iter().find(|p| p.by == by);
    let rho = rank
        .and_then(|p| p.rank)
        .map_or(String::new(), |r| format!(", ρ = {:.2}", r.rho));
    Chart {
        title: format!("|Δp| of {} neighbours{rho}", report.counted),
        across: by.words().into(),
        log_x: false,
        lines: vec![cloud("stayed", false), cloud("moved", true)],
        range: None,
        log_y: false,
        level: None,
    }
}
