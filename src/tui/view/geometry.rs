//! Keys beside one another: the neighbours whose keys are nearest to the selected
//! edit's, which of them moved, and where the subject went.

use super::{empty, frame};
use crate::measure::geometry::{GeometryReport, KeyRow};
use crate::tui::app::{JobKind, Pane, State};
use crate::tui::text::{clip, p_short, put, put_right, visible, width};
use crate::tui::theme::Styles;
use crate::tui::widgets::sparkline::bar;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

pub fn draw(buf: &mut Buffer, area: Rect, state: &State, styles: &Styles) {
    let report = state.geometry.report.as_deref();
    let about = report.map_or(vec![], |report| {
        let (moved, of) = (report.moved, report.counted);
        let style = if moved == 0 {
            styles.good()
        } else {
            styles.bad()
        };
        vec![
            (
                format!("edit {} · layer {}  ", report.edit, report.layer).into(),
                styles.dim(),
            ),
            (format!("{moved} moved of {of}").into(), style),
        ]
    });
    let running = state.jobs.of_kind(JobKind::Geometry).next().is_some();
    let right = match running {
        true => vec![("reading keys …".into(), styles.dim())],
        false => vec![],
    };
    let inner = frame(Pane::Geometry, state, styles, about, right).draw(buf, area);
    let Some(report) = report else {
        return nothing_yet(buf, inner, state, styles);
    };
    let said = sentences(buf, inner, report, styles);
    let rest = Rect {
        y: (inner.y + said + 1).min(inner.bottom()),
        height: inner.height.saturating_sub(said + 1),
        ..inner
    };
    list(buf, rest, state, styles);
}

fn nothing_yet(buf: &mut Buffer, inner: Rect, state: &State, styles: &Styles) {
    let problem = state.geometry.problem.as_deref().map(visible);
    let words: &[(&str, bool)] = match &problem {
        Some(problem) => &[("The keys cannot be compared.", true), (problem, false)],
        None => &[
            ("Which neighbours must move?", true),
            (
                "The key of the selected edit beside those of the probes. `‹edit›` makes an edit, `‹watch›` \
                 or :propose watches neighbours.",
                false,
            ),
        ],
    };
    empty(buf, inner, words, state, styles);
}

/// What it comes to, wrapped; the lines that were used.
fn sentences(buf: &mut Buffer, inner: Rect, report: &GeometryReport, styles: &Styles) -> u16 {
    let room = usize::from(inner.width);
    let sentences = report.sentences.iter();
    let lines = sentences.flat_map(|sentence| hanging(&visible(sentence), room));
    let mut used = 0;
    for (line, y) in lines.zip(inner.y..inner.y + inner.height / 2) {
        put(buf, inner.x, y, inner.right(), &line, styles.text());
        used += 1;
    }
    used
}

/// Lines of at most `room` columns, all but the first one indented.
fn hanging(sentence: &str, room: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in sentence.split(' ') {
        let line = lines.last().map_or(0, |line| width(line));
        match lines.last_mut() {
            Some(last) if line == 0 => last.push_str(word),
            Some(last) if line + 1 + width(word) <= room => {
                last.push(' ');
                last.push_str(word);
            }
            _ => lines.push(format!("  {word}")),
        }
    }
    lines
}

/// Columns of a number with its air, and of the bar of a cosine.
const NUMBER: u16 = 7;
const BAR: u16 = 10;
const CHANGE: u16 = 9;

fn list(buf: &mut Buffer, area: Rect, state: &State, styles: &Styles) {
    if area.height < 2 {
        return;
    }
    let numbers = area.right().saturating_sub(4 * NUMBER + BAR + CHANGE);
    let right = |n: u16| numbers + BAR + n * NUMBER;
    put(
        buf,
        area.x + 2,
        area.y,
        numbers,
        "neighbour, nearest key first",
        styles.dim(),
    );
    for (n, name) in ["cos C⁻¹", "cos", "gate", "most"].into_iter().enumerate() {
        let end = right(n as u16 + 1);
        put_right(
            buf,
            end.saturating_sub(NUMBER + 1),
            area.y,
            end,
            name,
            styles.dim(),
        );
    }
    put_right(buf, right(4), area.y, area.right(), "p", styles.dim());
    let rows = state.geometry.rows();
    let shown = rows.iter().skip(state.geometry.scroll);
    for (row, y) in shown.zip(area.y + 1..area.bottom()) {
        line(
            buf,
            Rect {
                y,
                height: 1,
                ..area
            },
            row,
            numbers,
            styles,
        );
    }
}

fn line(buf: &mut Buffer, place: Rect, row: &KeyRow, numbers: u16, styles: &Styles) {
    let y = place.y;
    let (mark, style) = match row.moved {
        true => ("✗", styles.bad_strong()),
        false => ("✓", styles.good()),
    };
    put(buf, place.x, y, place.right(), mark, style);
    let room = usize::from(numbers.saturating_sub(place.x + 3));
    let text = if row.moved {
        styles.text()
    } else {
        styles.dim()
    };
    let prompt = visible(&row.prompt);
    put(buf, place.x + 2, y, numbers, &clip(&prompt, room), text);
    let key = &row.key;
    let drawn = bar(
        key.cosine_c.unwrap_or(key.cosine).abs(),
        usize::from(BAR) - 2,
    );
    put(buf, numbers, y, numbers + BAR, &drawn, style);
    let signed = |value: f64| format!("{value:+.2}").replace('-', "−");
    let told = [
        key.cosine_c.map_or("–".into(), signed),
        signed(key.cosine),
        signed(key.gate),
        signed(key.gate_most),
    ];
    let mut end = numbers + BAR;
    for number in told {
        end += NUMBER;
        put_right(buf, end.saturating_sub(NUMBER), y, end, &number, text);
    }
    let change = format!("{}→{}", p_short(row.p_before), p_short(row.p_after));
    put_right(buf, end, y, place.right(), &change, text);
}
