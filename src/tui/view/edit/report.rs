//! A finished edit: its size on the gauge, what it did, how it was found.

use super::{FIRST, LABEL, Row, about, blank, labelled, loss_row, number, percent, words};
use crate::edit::moment::THIN;
use crate::measure::validate::{Validation, Verdict};
use crate::measure::{BROKEN, EditReport, HEALTHY, Pair};
use crate::tui::app::{EditRecord, State};
use crate::tui::text::{clip, p, put, visible, wrap_plain};
use crate::tui::theme::Styles;
use crate::tui::widgets::gauge::Gauge;
use crate::tui::widgets::sparkline::{bar, histogram};
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

/// The gauge's axis ends here, a little beyond broken.
const AXIS: f64 = 0.60;
/// Columns of the number before the gauge.
const NUMBER: u16 = 8;

pub fn lines<'a>(record: &'a EditRecord, state: &'a State, styles: &'a Styles) -> Vec<Row<'a>> {
    let report = &record.report;
    let mut rows = vec![words(7, about(&record.spec, styles)), blank()];
    rows.extend(size(report, state, styles));
    if record.spec.is_imported() {
        rows.extend(warned(record, state, styles));
        return rows;
    }
    let answer = |text: &str| format!("p({})", clip(&visible(text.trim()), 8));
    let target = answer(&record.spec.request.target);
    rows.push(pair(
        2,
        target,
        report.p_target,
        styles.new_answer(),
        styles,
    ));
    if !report.true_answer.trim().is_empty() {
        let old = answer(&report.true_answer);
        rows.push(pair(3, old, report.p_true, styles.old(), styles));
    }
    if let Some(found) = &report.validation {
        rows.push(labelled(5, "checks", checks(found, styles), styles));
    }
    if let Some(last) = report.losses.last() {
        let totals: Vec<f64> = report.losses.iter().map(|l| l[3]).collect();
        let said = format!("{:.3} after {}", last[3], totals.len());
        rows.push(loss_row(8, totals, said, styles));
    }
    let told = match report.division_factor != 0.0 {
        true => "factor k·u",
        false => "‖δ‖/‖t₀‖",
    };
    rows.push(labelled(10, told, factor(report, styles), styles));
    rows.push(labelled(9, "C", moments(report, styles), styles));
    rows.extend(warned(record, state, styles));
    rows
}

/// The warnings, and the keys for what one does about them.
fn warned<'a>(record: &'a EditRecord, state: &State, styles: &'a Styles) -> Vec<Row<'a>> {
    let report = &record.report;
    let mut rows: Vec<_> = (report.warnings.iter().flat_map(|w| warning(w, styles))).collect();
    if !rows.is_empty() {
        let keys = match report.relative_update_norm > HEALTHY {
            _ if record.spec.is_imported() => "‹weaker› weaker  ‹undo› undo",
            _ if report.p_target.missed() => "‹recipe› other layer, more steps  ‹undo› undo",
            true => "‹weaker› weaker  ‹recipe› another layer  ‹undo› undo",
            false => "‹recipe› made otherwise  ‹undo› undo",
        };
        let keys = format!("→ {}", state.tell(keys));
        rows.push(words(5, vec![(keys, styles.dim())]));
    }
    rows
}

/// The three figures of the layer that passed, and how many did not.
fn checks(found: &Validation, styles: &Styles) -> Vec<(String, Style)> {
    let mut words = Vec::new();
    for check in found.kept().into_iter().flat_map(|kept| &kept.checks) {
        let (mark, style) = mark(check.verdict, styles);
        let apart = if words.is_empty() { "" } else { "  " };
        let figure = format!("{apart}{mark} {} {:.2}", check.kind.figure(), check.value);
        words.push((figure, style));
    }
    match found.attempts.len() {
        0 | 1 => {}
        n => words.push((format!("  {} given up", n - 1), styles.dim())),
    }
    words
}

/// A sign for a verdict, and its colour.
pub fn mark(verdict: Verdict, styles: &Styles) -> (&'static str, Style) {
    match verdict {
        Verdict::Pass => ("✓", styles.good()),
        Verdict::Warn => ("⚠", styles.doubt()),
        Verdict::Fail => ("✗", styles.bad()),
    }
}

/// The gauge, and under it where other edits of this model lie on its axis.
fn size<'a>(report: &'a EditReport, state: &'a State, styles: &'a Styles) -> Vec<Row<'a>> {
    let norm = report.relative_update_norm;
    let mut rows = vec![Row {
        rank: FIRST,
        draw: Box::new(move |buf, place| {
            let (y, end) = (place.y, place.right());
            put(buf, place.x, y, end, "‖ΔW‖/‖W‖", styles.dim());
            let bold = styles.norm(norm).add_modifier(Modifier::BOLD);
            put(buf, place.x + LABEL, y, end, &percent(norm), bold);
            let gauge = Gauge {
                value: norm,
                max: AXIS,
                marks: &[(HEALTHY, "15"), (BROKEN, "50")],
                fill: styles.norm(norm),
                rest: styles.faint(),
                mark: styles.dim(),
            };
            gauge.draw(buf, axis(place));
        }),
    }];
    let sample = state.model.as_ref().map_or(&[][..], |m| &m.norm_sample);
    if !sample.is_empty() {
        rows.push(Row {
            rank: 6,
            draw: Box::new(move |buf, place| {
                let axis = axis(place);
                let line = histogram(sample, AXIS, axis.width.into());
                put(buf, axis.x, place.y, place.right(), &line, styles.faint());
                let at = axis.x + Gauge::column(norm, AXIS, axis.width);
                put(buf, at, place.y, place.right(), "▲", styles.norm(norm));
            }),
        });
    }
    let standing = report.norm_percentile.or_else(|| {
        let below = sample.iter().filter(|n| **n < norm).count();
        (!sample.is_empty()).then(|| below as f64 / sample.len() as f64)
    });
    if let Some(standing) = standing {
        let said = match standing {
            s if s >= 0.995 => "larger than all others of this model".to_string(),
            s => format!("larger than {:.0} % of this model's edits", s * 100.0),
        };
        rows.push(labelled(11, "", vec![(said, styles.dim())], styles));
    }
    rows
}

/// The gauge's axis in a row: after the label and the number.
fn axis(place: Rect) -> Rect {
    let x = place.x + LABEL + NUMBER;
    Rect {
        x,
        width: place.right().saturating_sub(x),
        ..place
    }
}

/// A probability before and after, the latter as a bar too.
fn pair(rank: u8, label: String, pair: Pair, style: Style, styles: &Styles) -> Row<'_> {
    Row {
        rank,
        draw: Box::new(move |buf, place| {
            let (y, end) = (place.y, place.right());
            let bold = style.add_modifier(Modifier::BOLD);
            put(buf, place.x, y, end, &label, styles.dim());
            let x = put(buf, place.x + LABEL, y, end, &p(pair.before), styles.dim());
            let x = put(buf, x, y, end, " → ", styles.faint());
            let x = put(buf, x, y, end, &p(pair.after), bold) + 2;
            let room = end.saturating_sub(x).min(20);
            put(buf, x, y, end, &bar(pair.after, room.into()), style);
        }),
    }
}

/// The division factor of a method that has one, and how far δ went towards its
/// clamp.
fn factor(report: &EditReport, styles: &Styles) -> Vec<(String, Style)> {
    let clamp = (report.t0_norm > 0.0).then(|| {
        let reached = number(report.delta_norm / report.t0_norm);
        format!("{reached} of at most {}", report.hyper.clamp)
    });
    if report.division_factor == 0.0 {
        return match clamp {
            Some(clamp) => vec![(clamp, styles.text())],
            None => vec![("not used by this method".into(), styles.dim())],
        };
    }
    let mut words = vec![(number(report.division_factor), styles.text())];
    words.extend(clamp.map(|clamp| (format!("   ‖δ‖/‖t₀‖ {clamp}"), styles.dim())));
    words
}

/// The health of C in a line.
fn moments(report: &EditReport, styles: &Styles) -> Vec<(String, Style)> {
    let Some(c) = &report.second_moment else {
        return vec![("not used by this method".into(), styles.dim())];
    };
    let said = format!(
        " · {:.0} tok/dim · cond {:.0e}",
        c.tokens_per_dim, c.condition
    );
    let verdict = if c.tokens_per_dim < THIN {
        ("thin".to_string(), styles.doubt())
    } else {
        ("ok".to_string(), styles.good())
    };
    vec![verdict, (said, styles.text())]
}

/// A warning in words, over two lines at most.
pub fn warning<'a>(warning: &'a str, styles: &'a Styles) -> [Row<'a>; 2] {
    let lines = |place: Rect| wrap_plain(warning, usize::from(place.width.saturating_sub(2)));
    let first = Row {
        rank: 4,
        draw: Box::new(move |buf, place| {
            let (y, end) = (place.y, place.right());
            let x = put(buf, place.x, y, end, "⚠ ", styles.doubt());
            let lines = lines(place);
            let text = lines.first().map_or("", String::as_str);
            put(buf, x, y, end, text.trim_end(), styles.doubt());
        }),
    };
    let second = Row {
        rank: 5,
        draw: Box::new(move |buf, place| {
            let rest = lines(place).get(1..).unwrap_or_default().join(" ");
            let room = usize::from(place.width.saturating_sub(2));
            let (y, end) = (place.y, place.right());
            put(
                buf,
                place.x + 2,
                y,
                end,
                &clip(rest.trim_end(), room),
                styles.doubt(),
            );
        }),
    };
    [first, second]
}
