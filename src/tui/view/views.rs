//! Thirteen views of an edit: a radar, the scores beside it, and behind each the
//! prompts that it rests on.

mod behind;
mod words;

use super::frame;
use crate::measure::views::{Verdict, View, ViewsReport, radar};
use crate::tui::app::{Pane, State};
use crate::tui::text::{clip, put, put_right, wrap_plain};
use crate::tui::theme::Styles;
use crate::tui::widgets::{first_row, radar as circle};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

/// Columns that the list needs beside a radar.
const LIST: u16 = 44;
/// Rows that are told above and below.
const PROFILE: u16 = 3;
const BELOW: u16 = 4;

/// What lies where inside the frame.
struct Plan {
    profile: Rect,
    radar: Rect,
    list: Rect,
    below: Rect,
}

fn plan(inner: Rect) -> Plan {
    // A small screen keeps the list and leaves words out.
    let tall = inner.height >= PROFILE + View::ALL.len() as u16 + BELOW;
    let (above, below) = if tall { (PROFILE, BELOW) } else { (2, 1) };
    let (above, below) = (
        above.min(inner.height),
        below.min(inner.height.saturating_sub(above)),
    );
    let body = Rect {
        y: inner.y + above,
        height: inner.height - above - below,
        ..inner
    };
    // As wide as it is round, and never more than the list leaves.
    let round = (2 * body.height + 4).min(inner.width.saturating_sub(LIST));
    let round = match body.height >= circle::LEAST && round >= 2 * circle::LEAST {
        true => round.min(inner.width / 2),
        false => 0,
    };
    Plan {
        profile: Rect {
            height: above,
            ..inner
        },
        radar: Rect {
            width: round,
            ..body
        },
        list: Rect {
            x: body.x + round,
            width: body.width - round,
            ..body
        },
        below: Rect {
            y: body.bottom(),
            height: below,
            ..inner
        },
    }
}

pub fn draw(buf: &mut Buffer, area: Rect, state: &State, styles: &Styles) {
    let (about, right) = (words::about(state, styles), words::right(state, styles));
    let inner = frame(Pane::Views, state, styles, about, right).draw(buf, area);
    let Some(report) = &state.views.report else {
        return words::nothing_yet(buf, inner, state, styles);
    };
    if inner.width == 0 {
        return;
    }
    if let (Some(first), Some(scored)) = (state.views.behind, state.views.scored()) {
        return behind::draw(buf, inner, scored, first, styles);
    }
    let plan = plan(inner);
    profile(buf, plan.profile, report, styles);
    let spokes = radar(report, &state.settings.views);
    circle::draw(buf, plan.radar, &spokes, state.views.cursor, styles);
    list(buf, plan.list, state, report, styles);
    below(buf, plan.below, state, styles);
}

/// "ripple: it holds, and …".
fn profile(buf: &mut Buffer, area: Rect, report: &ViewsReport, styles: &Styles) {
    let told = match report.sentence.is_empty() {
        false => report.sentence.clone(),
        true => format!("{} of {} views seen", report.views.len(), View::ALL.len()),
    };
    let lines = wrap_plain(&told, area.width.into());
    for (line, y) in lines.iter().zip(area.y..area.bottom()) {
        put(buf, area.x, y, area.right(), line, styles.strong());
    }
}

/// The views that are shown in the list, and where.
fn rows(area: Rect, cursor: usize) -> impl Iterator<Item = (usize, u16)> {
    let first = first_row(cursor, View::ALL.len(), area.height.into());
    (first..View::ALL.len()).zip(area.y..area.bottom())
}

/// The view whose line a pointer is on.
pub fn row_at(area: Rect, state: &State, position: Position) -> Option<usize> {
    if state.views.behind.is_some() || state.views.report.is_none() || area.width < 4 {
        return None;
    }
    let inner = Rect {
        x: area.x + 2,
        y: area.y + 1,
        width: area.width - 4,
        height: area.height.saturating_sub(2),
    };
    let list = plan(inner).list;
    let mut rows = rows(list, state.views.cursor);
    let at = rows.find(|(_, y)| *y == position.y).map(|(at, _)| at);
    at.filter(|_| list.contains(position))
}

fn list(buf: &mut Buffer, area: Rect, state: &State, report: &ViewsReport, styles: &Styles) {
    const NAME: u16 = 18;
    const BAR: u16 = 10;
    for (at, y) in rows(area, state.views.cursor) {
        let view = View::ALL[at];
        let end = area.right();
        put_right(
            buf,
            area.x,
            y,
            area.x + 2,
            &(at + 1).to_string(),
            styles.faint(),
        );
        let name = area.x + 3;
        let scored = report.of(view);
        let style = match scored.map(|scored| scored.verdict) {
            Some(Verdict::Fail) => styles.bad(),
            Some(Verdict::Pass) => styles.good(),
            _ => styles.dim(),
        };
        put(buf, name, y, name + NAME, view.name(), styles.text());
        let x = name + NAME - 2;
        match scored {
            None => {
                let waits = if state.views.ticket.is_some() {
                    "…"
                } else {
                    ""
                };
                put(buf, x, y, end, waits, styles.faint());
            }
            Some(scored) => {
                let figure = scored
                    .score
                    .map_or("–".into(), |score| format!("{score:.2}"));
                put(buf, x, y, end, &figure, style);
                let bar = x + 5;
                gauge(buf, (bar, y, BAR), scored.score, scored.threshold, styles);
                let word = match scored.verdict {
                    Verdict::Pass => "✓",
                    Verdict::Fail => "✗",
                    Verdict::Untold => "·",
                };
                let x = put(buf, bar + BAR + 1, y, end, word, style) + 1;
                let room = usize::from(end.saturating_sub(x));
                if room >= 12 {
                    put(buf, x, y, end, &clip(&scored.why, room), styles.dim());
                }
            }
        }
        if at == state.views.cursor {
            let place = Rect {
                y,
                height: 1,
                ..area
            };
            let focused = state.focus == Pane::Views && state.overlays.is_empty();
            buf.set_style(place, styles.selected(focused));
        }
    }
}

/// A bar with its threshold marked.
fn gauge(
    buf: &mut Buffer,
    (x, y, wide): (u16, u16, u16),
    score: Option<f64>,
    threshold: f64,
    styles: &Styles,
) {
    let column = |share: f64| (share.clamp(0.0, 1.0) * f64::from(wide)).round() as u16;
    let filled = score.filter(|s| s.is_finite()).map_or(0, column);
    let style = match score.is_some_and(|score| score >= threshold) {
        true => styles.good(),
        false => styles.bad(),
    };
    for i in 0..wide {
        let (glyph, style) = match i < filled {
            true => ("▓", style),
            false => ("░", styles.faint()),
        };
        put(buf, x + i, y, x + wide, glyph, style);
    }
    // Left of the mark is below the threshold.
    let mark = column(threshold).clamp(1, wide) - 1;
    let style = if mark < filled { style } else { styles.dim() };
    put(buf, x + mark, y, x + wide, "▏", style);
}

/// What the selected view asks and how it is scored.
fn below(buf: &mut Buffer, area: Rect, state: &State, styles: &Styles) {
    let view = state.views.selected();
    let question = format!("{}: {}", view.name(), view.question());
    let mut lines = vec![(question, styles.text())];
    if let Some(scored) = state.views.scored() {
        let out = match scored.left_out {
            0 => String::new(),
            n => format!("; {n} left out, not answered before either"),
        };
        let why = format!("{}{out}", scored.why);
        lines.push((why, styles.dim()));
    }
    let definition = wrap_plain(view.definition(), area.width.into());
    lines.extend(definition.into_iter().map(|line| (line, styles.faint())));
    for ((line, style), y) in lines.iter().zip(area.y..area.bottom()) {
        put(buf, area.x, y, area.right(), line, *style);
    }
}
