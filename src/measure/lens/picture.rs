//! The lens as a picture: before, after and their difference, one row for the old
//! answer and one for the new.

use super::data::{Depth, Grid, LensReport, Seen};
use crate::picture::heat::{Map, Scale, Sheet};

/// An SVG with three heat maps an answer.
pub fn svg(report: &LensReport) -> String {
    let map = |title: &str, values: &Grid, scale, seen: Option<&Seen>| Map {
        title: title.into(),
        values: values.clone(),
        scale,
        marked: seen
            .and_then(|seen| seen.overtakes)
            .iter()
            .map(|at| at.0)
            .collect(),
    };
    let (before, after, change) = (&report.before, &report.after, &report.difference);
    let row = |name: &str, [was, is, by]: [&Grid; 3], scale| {
        vec![
            map(&format!("p({name}) before"), was, scale, Some(before)),
            map(&format!("p({name}) after"), is, scale, Some(after)),
            map("after − before", by, Scale::Signed, None),
        ]
    };
    let (old, new) = (report.old.token.trim(), report.new.token.trim());
    let olds = [&before.p_old, &after.p_old, &change.p_old];
    let news = [&before.p_new, &after.p_new, &change.p_new];
    let column = |at: &Depth| at.layer().map_or("emb".into(), |layer| layer.to_string());
    Sheet {
        words: vec![
            format!("{}: {old} → {new}", report.prompt),
            report.sentence.clone(),
            "▲ from here on the new answer leads at the last token".into(),
        ],
        rows: report.tokens.clone(),
        columns: report.columns.iter().map(column).collect(),
        maps: vec![row(old, olds, Scale::Blue), row(new, news, Scale::Orange)],
    }
    .draw()
}
