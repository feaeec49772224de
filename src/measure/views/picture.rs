//! The radar of an edit.

use super::report::ViewsReport;
use super::view::{Thresholds, View};
use crate::picture::radar::{Radar, Spoke};

/// All thirteen spokes, those that are not known yet too.
pub fn radar(report: &ViewsReport, thresholds: &Thresholds) -> Radar {
    let spoke = |view: View| {
        let scored = report.of(view);
        Spoke {
            name: view.name().into(),
            value: scored.and_then(|scored| scored.score),
            threshold: scored.map_or_else(|| thresholds.of(view), |scored| scored.threshold),
        }
    };
    let asked = report.prompt.replacen("{}", &report.subject, 1);
    let (old, new) = (report.old.trim(), report.new.trim());
    Radar {
        words: vec![
            format!(
                "{asked}: {old} → {new} ({}, {})",
                report.method, report.model
            ),
            report.sentence.clone(),
        ],
        spokes: View::ALL.map(spoke).into(),
    }
}

/// As SVG.
pub fn svg(report: &ViewsReport) -> String {
    radar(report, &Thresholds::default()).draw()
}
