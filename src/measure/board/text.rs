//! A board as other programs read it.

use crate::measure::ProbeRow;
use serde::Serialize;

/// A row with all that is known of it.
#[derive(Serialize)]
struct Full<'a> {
    #[serde(flatten)]
    row: &'a ProbeRow,
    /// p(expected) after each state of the stack.
    #[serde(skip_serializing_if = "<[f64]>::is_empty")]
    history: &'a [f64],
}

/// An object a line. `rows` come with their places in the history.
pub fn jsonl<'a>(
    rows: impl IntoIterator<Item = (&'a ProbeRow, &'a [f64])>,
) -> serde_json::Result<String> {
    let line = |(row, history)| serde_json::to_string(&Full { row, history });
    let lines: Vec<String> = rows.into_iter().map(line).collect::<Result<_, _>>()?;
    Ok(lines.into_iter().map(|line| line + "\n").collect())
}

/// A row each under the names of the columns; of the history a column a state.
pub fn csv<'a>(
    rows: impl IntoIterator<Item = (&'a ProbeRow, &'a [f64])>,
) -> Result<String, csv::Error> {
    let mut out = csv::Writer::from_writer(Vec::new());
    let own = [
        "group",
        "prompt",
        "expected",
        "p_before",
        "p_after",
        "change",
        "moved",
        "top_before",
        "top_after",
        "subject",
        "why",
        "history",
    ];
    out.write_record(own)?;
    for (row, history) in rows {
        let states: Vec<String> = history.iter().map(f64::to_string).collect();
        out.write_record([
            row.group.name(),
            &row.prompt,
            row.expected.trim(),
            &row.p_before.to_string(),
            &row.p_after.to_string(),
            &(row.p_after - row.p_before).to_string(),
            &row.moved.to_string(),
            row.top_before.trim(),
            row.top_after.trim(),
            row.subject.as_deref().unwrap_or_default(),
            row.why.as_deref().unwrap_or_default(),
            &states.join(" "),
        ])?;
    }
    let bytes = out
        .into_inner()
        .map_err(|e| csv::Error::from(e.into_error()))?;
    // What was written is text.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::super::{History, Imported, parse};
    use super::*;
    use crate::measure::ProbeGroup;

    #[test]
    fn what_is_written_can_be_read_again() {
        let rows = vec![
            ProbeRow {
                prompt: "Big Ben, \"the bell\", is in".into(),
                expected: "London".into(),
                group: ProbeGroup::Neighbour,
                p_before: 0.1,
                p_after: 1.0 / 3.0,
                top_after: "a\nb".into(),
                subject: Some("Big Ben".into()),
                why: Some("same relation".into()),
                ..ProbeRow::default()
            },
            ProbeRow {
                prompt: "x".into(),
                expected: "y".into(),
                ..ProbeRow::default()
            },
        ];
        let history = History {
            p: vec![vec![0.1, 0.5, 1.0 / 3.0]],
            ..History::default()
        };
        let probes: Vec<_> = rows.iter().map(ProbeRow::probe).collect();
        for text in [
            jsonl(history.beside(&rows)).unwrap(),
            csv(history.beside(&rows)).unwrap(),
        ] {
            let Imported {
                probes: read,
                damaged,
                ..
            } = parse(&text);
            assert_eq!((&read, damaged.len()), (&probes, 0), "{text}");
            assert!(text.contains("0.3333333333333333"), "exact: {text}");
        }
    }
}
