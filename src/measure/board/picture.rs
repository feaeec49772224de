//! The board as a picture: from p before to p after, and the course over the edits.

use crate::measure::{ProbeGroup, ProbeRow};
use crate::picture::board::{Board, Row};

/// An SVG of rows in their order, each with its history; under headings where
/// rows of one group stand together. `words` are lines above it.
pub fn svg(words: Vec<String>, rows: &[(&ProbeRow, &[f64])], headings: bool) -> String {
    let parts = match headings {
        false => vec![(String::new(), rows.iter().map(drawn).collect())],
        true => {
            let parts = rows.chunk_by(|(a, _), (b, _)| a.group == b.group);
            let part =
                |part: &[(&ProbeRow, &[f64])]| (heading(part), part.iter().map(drawn).collect());
            parts.map(part).collect()
        }
    };
    Board { words, parts }.draw()
}

fn heading(rows: &[(&ProbeRow, &[f64])]) -> String {
    let group = rows
        .first()
        .map_or(ProbeGroup::default(), |(row, _)| row.group);
    let moved = rows.iter().filter(|(row, _)| row.moved).count();
    let word = if group.follows() { "follow" } else { "moved" };
    format!("{}: {moved} of {} {word}", group.name(), rows.len())
}

fn drawn((row, history): &(&ProbeRow, &[f64])) -> Row {
    let (was, is) = (row.top_before.trim(), row.top_after.trim());
    let mark = if row.moved { "moved · " } else { "" };
    let says = if was == is {
        String::new()
    } else {
        format!("says {is}")
    };
    Row {
        name: row.prompt.clone(),
        of: row.expected.trim().to_owned(),
        before: row.p_before,
        after: row.p_after,
        marked: row.moved,
        course: history.to_vec(),
        note: format!("{mark}{says}").trim_end_matches(" · ").to_owned(),
    }
}
