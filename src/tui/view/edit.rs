//! The edit: how large it is, what it did, how it was found, and the stack it
//! stands in.

use super::header::stage_name;
use super::{empty, frame};
use crate::edit::{LayerChoice, Method, Request};
use crate::engine::{Stacked, Stage};
use crate::measure::{EditReport, Pair};
use crate::tui::app::{EditRecord, Making, Pane, State};
use crate::tui::text::{clip, p, put, put_right, visible, width, wrap_plain};
use crate::tui::theme::{BROKEN, HEALTHY, Styles};
use crate::tui::widgets::first_row;
use crate::tui::widgets::gauge::Gauge;
use crate::tui::widgets::sparkline::{bar, histogram, spark};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

/// Columns of the labels on the left.
const LABEL: u16 = 12;
/// The gauge's axis ends here, a little beyond broken.
const AXIS: f64 = 0.60;

/// A method as it is written in text.
pub fn method_name(method: Method) -> String {
    match method {
        Method::RRome => "r-ROME".into(),
        Method::Rome => "ROME".into(),
        other => other.name().into(),
    }
}

/// "1.2e3" for large numbers, "12.8" for small ones.
fn number(value: f64) -> String {
    if !value.is_finite() {
        "–".into()
    } else if value.abs() >= 1e4 || (value != 0.0 && value.abs() < 1e-2) {
        format!("{value:.0e}")
    } else if value.abs() >= 100.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.1}")
    }
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// One line of the pane with its rank: higher ranks go first where rows lack.
struct Row<'a> {
    rank: u8,
    draw: Box<Draw<'a>>,
}

type Draw<'a> = dyn Fn(&mut Buffer, Rect) + 'a;

pub fn draw(buf: &mut Buffer, area: Rect, state: &State, styles: &Styles) {
    let making = state.edits.making.first();
    let record = state.edits.selected_record();
    let about = match (making, record) {
        (Some(m), _) => format!("{}  {}", method_name(m.spec.method), stage(m)),
        (None, Some(r)) => format!("{} · layer {}", method_name(r.spec.method), r.report.layer),
        (None, None) => method_name(state.fact.method),
    };
    let count = match state.edits.stack.len() {
        0 | 1 => vec![],
        n => {
            let on = state.edits.on().len();
            vec![(format!("{on} of {n} on").into(), styles.dim())]
        }
    };
    let inner = frame(
        Pane::Edit,
        state,
        styles,
        vec![(about.into(), styles.dim())],
        count,
    )
    .draw(buf, area);
    let stack = state.edits.stack.len() as u16;
    // The stack keeps its place under the report; a rule parts them.
    let stack_rows = match inner.height {
        0..=4 => 0,
        5..=9 => stack.min(2),
        h => stack.min((h / 3).max(3)),
    };
    let rule = u16::from(stack_rows > 0 && inner.height > 9);
    let report = Rect {
        height: inner.height - stack_rows - rule,
        ..inner
    };
    match (making, record) {
        (Some(making), _) => rows(buf, report, making_rows(making, styles)),
        (None, Some(record)) => rows(buf, report, report_rows(record, state, styles)),
        (None, None) => plan(buf, report, state, styles),
    }
    if rule > 0 {
        for x in inner.x..inner.right() {
            put(buf, x, report.bottom(), inner.right(), "╌", styles.faint());
        }
    }
    let place = Rect {
        y: report.bottom() + rule,
        height: stack_rows,
        ..inner
    };
    list(buf, place, state, styles);
}

fn stage(making: &Making) -> &'static str {
    making.stage.map_or("waiting", stage_name)
}

/// Draws the rows that fit, the least important ones left out.
fn rows(buf: &mut Buffer, area: Rect, mut rows: Vec<Row>) {
    while rows.len() > usize::from(area.height) {
        let last = rows.iter().map(|r| r.rank).max();
        match rows.iter().rposition(|r| Some(r.rank) == last) {
            Some(at) => drop(rows.remove(at)),
            None => return,
        }
    }
    for (row, y) in rows.iter().zip(area.y..) {
        let place = Rect {
            y,
            height: 1,
            ..area
        };
        (row.draw)(buf, place);
    }
}

/// A label and styled words after it.
fn line<'a>(rank: u8, label: &'a str, words: Vec<(String, Style)>, styles: &'a Styles) -> Row<'a> {
    Row {
        rank,
        draw: Box::new(move |buf, place| {
            put(buf, place.x, place.y, place.right(), label, styles.dim());
            let mut x = place.x + if label.is_empty() { 0 } else { LABEL };
            for (text, style) in &words {
                x = put(buf, x, place.y, place.right(), text, *style);
            }
        }),
    }
}

/// The fact in a line: `Space Needle → Paris`.
fn fact_words(request: &Request, styles: &Styles) -> Vec<(String, Style)> {
    vec![
        (
            clip(&visible(&request.subject), 24).into_owned(),
            styles.strong(),
        ),
        (" → ".into(), styles.faint()),
        (
            clip(&visible(request.target.trim()), 24).into_owned(),
            styles.new_answer().add_modifier(Modifier::BOLD),
        ),
    ]
}

fn making_rows<'a>(making: &'a Making, styles: &'a Styles) -> Vec<Row<'a>> {
    let mut rows = vec![
        line(1, "", fact_words(&making.spec.request, styles), styles),
        line(8, "", vec![], styles),
    ];
    for step in [
        Stage::Templates,
        Stage::SecondMoment,
        Stage::Value,
        Stage::Update,
        Stage::Probes,
    ] {
        let order = |s: Stage| match s {
            Stage::Load | Stage::Trace => 0,
            Stage::Templates => 1,
            Stage::SecondMoment => 2,
            Stage::Value => 3,
            Stage::Update => 4,
            Stage::Probes => 5,
            Stage::Generations => 6,
        };
        let now = making.stage.map_or(0, order);
        let (mark, style) = match order(step).cmp(&now) {
            std::cmp::Ordering::Less => ("✓ ", styles.good()),
            std::cmp::Ordering::Equal => ("▸ ", styles.accent()),
            std::cmp::Ordering::Greater => ("· ", styles.faint()),
        };
        let text = if order(step) == now {
            styles.text()
        } else {
            styles.dim()
        };
        let mut words = vec![(mark.to_string(), style), (stage_name(step).into(), text)];
        if step == Stage::Value
            && let Some(last) = making.losses.last()
        {
            words.push((
                format!("   step {}/{}", last.step, last.steps),
                styles.dim(),
            ));
        }
        rows.push(line(
            if order(step) == now { 3 } else { 6 },
            "",
            words,
            styles,
        ));
    }
    if let Some(last) = making.losses.last() {
        let totals: Vec<f64> = making.losses.iter().map(|l| l.total).collect();
        rows.push(line(8, "", vec![], styles));
        rows.push(loss(2, totals, format!("{:.3}", last.total), styles));
        let parts = format!(
            "nll {:.3}   kl {:.3}   decay {:.3}",
            last.nll, last.kl, last.wd
        );
        rows.push(line(
            5,
            "",
            vec![
                (" ".repeat(LABEL.into()), styles.text()),
                (parts, styles.dim()),
            ],
            styles,
        ));
    }
    for warning in &making.warnings {
        rows.extend(warning_rows(warning, styles));
    }
    rows
}

fn loss(rank: u8, totals: Vec<f64>, words: String, styles: &Styles) -> Row<'_> {
    Row {
        rank,
        draw: Box::new(move |buf, place| {
            put(buf, place.x, place.y, place.right(), "loss", styles.dim());
            let room = place.width.saturating_sub(LABEL + width(&words) as u16 + 3);
            let line = spark(&totals, room.min(24).into());
            let x = put(
                buf,
                place.x + LABEL,
                place.y,
                place.right(),
                &line,
                styles.accent(),
            );
            put(buf, x + 2, place.y, place.right(), &words, styles.text());
        }),
    }
}

fn report_rows<'a>(record: &'a EditRecord, state: &'a State, styles: &'a Styles) -> Vec<Row<'a>> {
    let report = &record.report;
    let mut rows = vec![
        line(5, "", fact_words(&record.spec.request, styles), styles),
        line(20, "", vec![], styles),
    ];
    rows.extend(size_rows(report, state, styles));
    let target = format!(
        "p({})",
        clip(&visible(record.spec.request.target.trim()), 8)
    );
    let old = format!("p({})", clip(&visible(report.true_answer.trim()), 8));
    rows.push(pair(
        2,
        target,
        report.p_target,
        styles.new_answer(),
        styles,
    ));
    if !report.true_answer.trim().is_empty() {
        rows.push(pair(3, old, report.p_true, styles.old(), styles));
    }
    if !report.losses.is_empty() {
        let totals: Vec<f64> = report.losses.iter().map(|l| l[3]).collect();
        let words = format!(
            "{:.3} after {}",
            totals.last().unwrap_or(&0.0),
            totals.len()
        );
        rows.push(loss(6, totals, words, styles));
    }
    rows.push(line(9, "k·u", factor_words(report, record, styles), styles));
    rows.push(line(7, "C", moment_words(report, styles), styles));
    for warning in &report.warnings {
        rows.extend(warning_rows(warning, styles));
    }
    rows
}

/// The gauge, and under it where other edits of this model lie on its axis.
fn size_rows<'a>(report: &'a EditReport, state: &'a State, styles: &'a Styles) -> Vec<Row<'a>> {
    let norm = report.relative_update_norm;
    let gauge = Row {
        rank: 1,
        draw: Box::new(move |buf, place| {
            put(
                buf,
                place.x,
                place.y,
                place.right(),
                "‖ΔW‖/‖W‖",
                styles.dim(),
            );
            let words = percent(norm);
            let bold = styles.norm(norm).add_modifier(Modifier::BOLD);
            put(buf, place.x + LABEL, place.y, place.right(), &words, bold);
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
    };
    let sample = state.model.as_ref().map_or(&[][..], |m| &m.norm_sample);
    let standing = report.norm_percentile.or_else(|| {
        let below = sample.iter().filter(|n| **n < norm).count();
        (!sample.is_empty()).then(|| below as f64 / sample.len() as f64)
    });
    let Some(standing) = standing else {
        return vec![gauge];
    };
    let words = match standing {
        s if s >= 0.995 => "larger than all of this model's".to_string(),
        s => format!("larger than {:.0} % of this model's", s * 100.0),
    };
    let others = Row {
        rank: 4,
        draw: Box::new(move |buf, place| {
            let axis = axis(place);
            let line = histogram(sample, AXIS, axis.width.into());
            put(buf, axis.x, place.y, place.right(), &line, styles.faint());
            // Its words stand where the sample leaves room.
            let at = axis.x + Gauge::column(norm, AXIS, axis.width);
            put(buf, at, place.y, place.right(), "▲", styles.norm(norm));
        }),
    };
    let said = line(
        8,
        "",
        vec![
            (" ".repeat(LABEL.into()), styles.dim()),
            (words, styles.dim()),
        ],
        styles,
    );
    if sample.is_empty() {
        vec![gauge, said]
    } else {
        vec![gauge, others, said]
    }
}

/// The gauge's axis in a row: after the label and the number.
fn axis(place: Rect) -> Rect {
    let x = place.x + LABEL + 8;
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
            let end = place.right();
            put(buf, place.x, place.y, end, &label, styles.dim());
            let x = place.x + LABEL;
            let x = put(buf, x, place.y, end, &p(pair.before), styles.dim());
            let x = put(buf, x, place.y, end, " → ", styles.faint());
            let x = put(
                buf,
                x,
                place.y,
                end,
                &p(pair.after),
                style.add_modifier(Modifier::BOLD),
            );
            let room = end.saturating_sub(x + 2).min(20);
            put(
                buf,
                x + 2,
                place.y,
                end,
                &bar(pair.after, room.into()),
                style,
            );
        }),
    }
}

fn factor_words(report: &EditReport, record: &EditRecord, styles: &Styles) -> Vec<(String, Style)> {
    let mut words = vec![(number(report.division_factor), styles.text())];
    if report.t0_norm > 0.0 {
        let reached = report.delta_norm / report.t0_norm;
        let clamp = record
            .spec
            .hyper
            .as_ref()
            .map_or(String::new(), |h| format!(" of {}", h.clamp));
        words.push((
            format!("   ‖δ‖/‖t₀‖ {}{clamp}", number(reached)),
            styles.dim(),
        ));
    }
    words
}

/// The health of C in a line.
fn moment_words(report: &EditReport, styles: &Styles) -> Vec<(String, Style)> {
    let Some(c) = &report.second_moment else {
        return vec![("not used".into(), styles.dim())];
    };
    let verdict = if c.tokens_per_dim < 10.0 {
        ("thin".to_string(), styles.doubt())
    } else {
        ("ok".to_string(), styles.good())
    };
    vec![
        (
            format!(
                "{:.0} tok/dim · cond {:.0e} · ",
                c.tokens_per_dim, c.condition
            ),
            styles.text(),
        ),
        verdict,
    ]
}

/// A warning in words, over a few lines at most.
fn warning_rows<'a>(warning: &str, styles: &'a Styles) -> Vec<Row<'a>> {
    let text = warning.to_string();
    vec![
        Row {
            rank: 4,
            draw: {
                let text = text.clone();
                Box::new(move |buf, place| {
                    let lines = wrap_plain(&text, usize::from(place.width).saturating_sub(2));
                    let x = put(buf, place.x, place.y, place.right(), "⚠ ", styles.doubt());
                    let first = lines.first().map_or("", String::as_str);
                    put(
                        buf,
                        x,
                        place.y,
                        place.right(),
                        first.trim_end(),
                        styles.doubt(),
                    );
                })
            },
        },
        Row {
            rank: 10,
            draw: Box::new(move |buf, place| {
                let lines = wrap_plain(&text, usize::from(place.width).saturating_sub(2));
                let rest = lines.get(1..).unwrap_or_default().concat();
                let rest =
                    clip(rest.trim_end(), usize::from(place.width).saturating_sub(2)).into_owned();
                put(
                    buf,
                    place.x + 2,
                    place.y,
                    place.right(),
                    &rest,
                    styles.doubt(),
                );
            }),
        },
    ]
}

/// Before any edit: what `e` would do.
fn plan(buf: &mut Buffer, area: Rect, state: &State, styles: &Styles) {
    let fact = &state.fact;
    let Ok(request) = fact.request() else {
        let words = fact.request().err().map_or("", |missing| missing.words());
        return empty(
            buf,
            area,
            &[
                ("An edit writes one fact into the weights.", true),
                (words, false),
            ],
            styles,
        );
    };
    let layer = match (fact.layer, state.suggested_layer()) {
        (LayerChoice::At(layer), _) => format!("{layer}"),
        (LayerChoice::Auto, Some(s)) => format!("auto; the trace suggests {s}"),
        (LayerChoice::Auto, None) => "auto".into(),
    };
    let key = match fact.subject_tokens() {
        Some(range) => format!("at token {}, the subject's last", range.end - 1),
        None => "at the subject's last token".into(),
    };
    let method = match fact.method {
        Method::RRome => "  one key everywhere",
        Method::Rome => "  as published",
        Method::Direct => "  no gradient, C = I: shows why it leaks",
    };
    let say = |text: String, style| vec![(text, style)];
    let mut lines = vec![
        line(1, "", fact_words(&request, styles), styles),
        line(9, "", vec![], styles),
        line(
            2,
            "method",
            vec![
                (method_name(fact.method), styles.text()),
                (method.into(), styles.faint()),
            ],
            styles,
        ),
        line(3, "layer", say(layer, styles.text()), styles),
        line(4, "key", say(key, styles.text()), styles),
    ];
    if state.model.is_some() {
        lines.push(line(8, "", vec![], styles));
        lines.push(line(
            5,
            "",
            vec![
                ("e".into(), styles.key()),
                (
                    " writes it and shows what else moves; ".into(),
                    styles.dim(),
                ),
                ("u".into(), styles.key()),
                (" takes it back.".into(), styles.dim()),
            ],
            styles,
        ));
    }
    rows(buf, area, lines);
}

/// The stack, in the order the edits are applied.
fn list(buf: &mut Buffer, area: Rect, state: &State, styles: &Styles) {
    let edits = &state.edits;
    let first = first_row(edits.cursor, edits.stack.len(), area.height.into());
    let shown = edits.stack.iter().enumerate().skip(first);
    for ((nth, stacked), y) in shown.zip(area.y..area.bottom()) {
        let place = Rect {
            y,
            height: 1,
            ..area
        };
        stack_line(buf, place, nth, *stacked, state, styles);
    }
}

fn stack_line(
    buf: &mut Buffer,
    place: Rect,
    nth: usize,
    stacked: Stacked,
    state: &State,
    styles: &Styles,
) {
    let Some(record) = state.edits.records.get(&stacked.id) else {
        return;
    };
    let (y, end) = (place.y, place.right());
    if nth == state.edits.cursor {
        buf.set_style(place, styles.selected(state.focus == Pane::Edit));
    }
    let (dot, dot_style) = if stacked.on {
        ("● ", styles.new_answer())
    } else {
        ("○ ", styles.dim())
    };
    let x = put(buf, place.x, y, end, dot, dot_style);
    let x = put(buf, x, y, end, &format!("{} ", nth + 1), styles.faint());
    let lost = state.edits.missing_ground(stacked.id);
    let lost: Vec<String> = lost
        .iter()
        .filter_map(|id| state.edits.stack.iter().position(|s| s.id == *id))
        .map(|at| (at + 1).to_string())
        .collect();
    let mut right = format!(
        "L{}  α {:.1}  {:>6}",
        record.report.layer,
        stacked.alpha,
        percent(record.report.relative_update_norm)
    );
    if !lost.is_empty() && stacked.on {
        right = format!("made on {}  {right}", lost.join(","));
    }
    let right_x = end.saturating_sub(width(&right) as u16 + 1);
    let mut x = x;
    for (text, style) in fact_words(&record.spec.request, styles) {
        let style = if stacked.on { style } else { styles.dim() };
        x = put(buf, x, y, right_x.saturating_sub(1), &text, style);
    }
    put_right(buf, right_x, y, end, &right, styles.dim());
}
