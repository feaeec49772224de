//! A trace as a picture: what is restored on the left of what, by layer.

use super::spec::{Kind, TraceReport};
use crate::picture::heat::{Map, Scale, Sheet};

/// An SVG with a heat map a kind: p(answer) on the way from the corrupted run's (0)
/// to the clean run's (1). The subject's tokens have a star, the suggested layer a
/// mark.
pub fn svg(report: &TraceReport) -> String {
    let gap = report.high - report.low;
    let share = |p: f64| match gap > 0.0 {
        true => (p - report.low) / gap,
        false => f64::NAN,
    };
    let kinds = Kind::ALL.into_iter();
    let maps = kinds.filter_map(|kind| {
        let grid = report.grids.get(kind)?;
        Some(Map {
            title: match kind {
                Kind::State => "state".into(),
                kind => format!("{}, windows of {}", kind.name(), report.window),
            },
            values: (grid.iter())
                .map(|row| row.iter().map(|&p| share(p)).collect())
                .collect(),
            scale: match kind {
                Kind::State => Scale::Purple,
                Kind::Mlp => Scale::Green,
                Kind::Attn => Scale::Red,
            },
            marked: match kind {
                Kind::Mlp => report.suggested_layer.into_iter().collect(),
                _ => Vec::new(),
            },
        })
    });
    let maps: Vec<Map> = maps.collect();
    let [begin, end] = report.subject_range;
    let tokens = report.tokens.iter().enumerate();
    let tokens = tokens.map(|(t, token)| match (begin..end).contains(&t) {
        true => format!("{token}*"),
        false => token.clone(),
    });
    let layers = maps
        .first()
        .and_then(|map| map.values.first())
        .map_or(0, Vec::len);
    let (high, low) = (report.high, report.low);
    let answer = report.answer.text.trim();
    Sheet {
        words: vec![
            format!("{} → {answer} ({})", report.prompt, report.model),
            format!(
                "share of what noise on the subject takes (p {high:.3} → {low:.3}) that one \
                 restoration gives back"
            ),
            "* the subject; ▲ the layer that is suggested for an edit".into(),
        ],
        rows: tokens.collect(),
        columns: (0..layers).map(|layer| layer.to_string()).collect(),
        maps: vec![maps],
    }
    .draw()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::Grids;

    #[test]
    fn a_cell_is_told_between_the_corrupted_run_and_the_clean_one() {
        let report = TraceReport {
            tokens: vec!["<The>".into(), " in".into()],
            subject_range: [0, 1],
            high: 0.9,
            low: 0.1,
            window: 3,
            suggested_layer: Some(1),
            grids: Grids {
                state: Some(vec![vec![0.1, 0.5], vec![0.9, 0.9]]),
                mlp: Some(vec![vec![0.1, 0.3], vec![0.1, 0.1]]),
                ..Grids::default()
            },
            ..TraceReport::default()
        };
        let picture = svg(&report);
        assert!(picture.contains("&lt;The&gt;* · 1: 0.5000"));
        assert!(picture.contains("&lt;The&gt;* · 1: 0.2500"));
        assert_eq!(picture.matches('▲').count(), 2, "the mark and its legend");
        // Without a gap nothing can be given back.
        let flat = TraceReport { low: 0.9, ..report };
        assert!(svg(&flat).contains("NaN"));
    }
}
