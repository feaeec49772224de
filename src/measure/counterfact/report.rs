//! The scores as a table and as a picture.

use super::lines::{Figure, Line};
use crate::measure::table::markdown;
use crate::picture::dots::{Series, in_groups};

pub const HEADINGS: [&str; 16] = [
    "method",
    "cases",
    "S",
    "ES",
    "PS",
    "NS",
    "NS+",
    "EM",
    "PM",
    "NM",
    "GE",
    "RS",
    "exact",
    "free",
    "‖ΔW‖/‖W‖",
    "s an edit",
];

impl Line {
    /// As [`HEADINGS`] has them.
    pub fn cells(&self) -> Vec<String> {
        let with = |f: &Figure| format!("{:.1} ±{:.1}", f.mean, f.ci);
        let bare = |f: &Figure| format!("{:.1}", f.mean);
        let maybe = |f: &Option<Figure>| f.as_ref().map_or("–".into(), bare);
        let number = |x: Option<f64>, of: fn(f64) -> String| x.map_or("–".into(), of);
        vec![
            self.method.clone(),
            self.cases.to_string(),
            with(&self.s),
            with(&self.es),
            with(&self.ps),
            with(&self.ns),
            with(&self.ns_plus),
            bare(&self.em),
            bare(&self.pm),
            bare(&self.nm),
            maybe(&self.ge),
            maybe(&self.rs),
            bare(&self.exact),
            bare(&self.free),
            number(self.mean_relative_update_norm, |x| {
                format!("{:.0} %", 100.0 * x)
            }),
            number(self.seconds_an_edit, |x| format!("{x:.1}")),
        ]
    }
}

/// A table in Markdown.
pub fn table(found: &[Line]) -> String {
    markdown(&HEADINGS, found.iter().map(Line::cells))
}

/// The scores with their intervals, as an SVG.
pub fn svg(model: &str, found: &[Line]) -> String {
    let groups = ["S", "ES", "PS", "NS", "NS+"];
    let series = found.iter().map(|line| Series {
        name: line.method.clone(),
        points: [line.s, line.es, line.ps, line.ns, line.ns_plus]
            .map(|f| (f.mean, f.ci))
            .to_vec(),
    });
    let cases = found.iter().map(|line| line.cases).max().unwrap_or(0);
    let title = format!("CounterFact, {model}, {cases} cases, 95 % intervals");
    in_groups(&title, &groups, &series.collect::<Vec<_>>())
}
