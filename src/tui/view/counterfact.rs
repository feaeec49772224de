//! CounterFact's scores, unedited beside edited, with the cases, the worst first; or
//! the prompts of one case.

mod case;

use super::{Words, empty, frame};
use crate::edit::Method;
use crate::measure::counterfact::{Figure, Line, Scores};
use crate::tui::app::counterfact::{CounterfactView, Row};
use crate::tui::app::{Pane, State};
use crate::tui::text::{clip, put, put_right, seconds, visible};
use crate::tui::theme::Styles;
use crate::tui::widgets::first_row;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

/// Columns of the totals: the score's name, unedited, edited.
const NAME: u16 = 7;
const FIGURE: u16 = 14;
const TOTALS: u16 = NAME + 2 * FIGURE + 1;

pub fn draw(buf: &mut Buffer, area: Rect, state: &State, styles: &Styles) {
    let (about, right) = (about(state, styles), right(state, styles));
    let inner = frame(Pane::Counterfact, state, styles, about, right).draw(buf, area);
    let view = &state.counterfact;
    if view.path.is_none() {
        let words: &[(&str, bool)] = &[
            ("Is this method any good?", true),
            (
                "Each case of a CounterFact file is rewritten by the method that is chosen (`‹method›`), asked about and let go: does the edit hold, in other words too, and does it leave its neighbours alone?",
                false,
            ),
            (
                "`:counterfact FILE [N]` evaluates the first N cases of FILE, or shows the cases.jsonl of an earlier evaluation.",
                true,
            ),
        ];
        return empty(buf, inner, words, state, styles);
    }
    let mut inner = inner;
    if let Some(problem) = &view.problem {
        let words = visible(problem);
        let words = clip(&words, inner.width.into());
        put(buf, inner.x, inner.y, inner.right(), &words, styles.doubt());
        inner = Rect {
            y: inner.y + 1,
            height: inner.height.saturating_sub(1),
            ..inner
        };
    }
    if let (Some(from), Some(row)) = (view.opened, view.row()) {
        return case::draw(buf, inner, (view, &row), from, styles);
    }
    let list = list_area(inner);
    let left = Rect {
        width: TOTALS.min(inner.width),
        ..inner
    };
    totals(buf, left, view, styles);
    cases(buf, list, state, styles);
}

fn list_area(inner: Rect) -> Rect {
    let from = (TOTALS + 2).min(inner.width);
    Rect {
        x: inner.x + from,
        width: inner.width - from,
        ..inner
    }
}

/// The case at a place of the terminal.
pub fn row_at(area: Rect, state: &State, position: Position) -> Option<usize> {
    let view = &state.counterfact;
    let (rows, above) = (view.rows().len(), u16::from(view.problem.is_some()));
    let inner = Rect {
        x: area.x + 2,
        y: area.y + 1 + above,
        width: area.width.saturating_sub(4),
        height: area.height.saturating_sub(2 + above),
    };
    let list = list_area(inner);
    if view.opened.is_some() || !list.contains(position) {
        return None;
    }
    let at = usize::from(position.y.checked_sub(list.y + 1)?);
    let room = usize::from(list.height.saturating_sub(1));
    let at = at + first_row(view.cursor, rows, room);
    (at < rows).then_some(at)
}

fn about<'a>(state: &State, styles: &Styles) -> Words<'a> {
    let view = &state.counterfact;
    let Some(path) = &view.path else {
        return vec![];
    };
    let name = path
        .file_name()
        .unwrap_or(path.as_os_str())
        .to_string_lossy();
    let method = view.method.map_or("unedited", Method::name);
    vec![
        (clip(&visible(&name), 28).into_owned().into(), styles.text()),
        (format!(" · {method}").into(), styles.new_answer()),
    ]
}

fn right<'a>(state: &State, styles: &Styles) -> Words<'a> {
    let view = &state.counterfact;
    if view.path.is_none() {
        return vec![];
    }
    let (done, all) = view.progress();
    let sides = view.sides().len().max(1);
    let mut words = format!("{} of {} cases", done / sides, all / sides);
    if let (true, Some(left)) = (view.running.is_some(), view.eta_s(state.now)) {
        words += &format!(" · {} left", seconds(left));
    }
    vec![(words.into(), styles.dim())]
}

/// A score's name and where it is found.
type Score = (&'static str, fn(&Line) -> Option<Figure>);

const SCORES: [Score; 12] = [
    ("S", |l| Some(l.s)),
    ("ES", |l| Some(l.es)),
    ("PS", |l| Some(l.ps)),
    ("NS", |l| Some(l.ns)),
    ("NS+", |l| Some(l.ns_plus)),
    ("EM", |l| Some(l.em)),
    ("PM", |l| Some(l.pm)),
    ("NM", |l| Some(l.nm)),
    ("GE", |l| l.ge),
    ("RS", |l| l.rs),
    ("exact", |l| Some(l.exact)),
    ("free", |l| Some(l.free)),
];

fn totals(buf: &mut Buffer, area: Rect, view: &CounterfactView, styles: &Styles) {
    let column = |nth: usize| area.x + NAME + nth as u16 * FIGURE;
    let name = view.method.map_or("", Method::name);
    for (nth, name) in ["unedited", name].into_iter().enumerate() {
        let (from, to) = (column(nth), column(nth + 1));
        put_right(buf, from, area.y, to, name, styles.faint());
    }
    let figures = SCORES.iter().zip(area.y + 1..area.bottom());
    for ((name, of), y) in figures {
        let strong = *name == "S";
        let style = if strong {
            styles.strong()
        } else {
            styles.dim()
        };
        put(buf, area.x, y, area.right(), name, style);
        for (nth, line) in view.lines.iter().enumerate() {
            let words = match of(line).filter(|_| line.cases > 0) {
                Some(f) if f.mean.is_finite() => format!("{:.1} ±{:.1}", f.mean, f.ci),
                _ => "–".into(),
            };
            let style = if strong {
                styles.strong()
            } else {
                styles.text()
            };
            put_right(buf, column(nth), y, column(nth + 1), &words, style);
        }
    }
    let Some(line) = view.lines.get(1) else {
        return;
    };
    let y = area.y + SCORES.len() as u16 + 2;
    let told = [
        line.mean_relative_update_norm
            .map(|norm| format!("‖ΔW‖/‖W‖ {:.0} %", 100.0 * norm)),
        line.seconds_an_edit.map(|s| format!("{s:.1} s an edit")),
        (line.failed > 0).then(|| format!("{} edits could not be made", line.failed)),
        (line.rs.is_some() && line.rs_cases < line.cases)
            .then(|| format!("RS over {} cases with a text", line.rs_cases)),
    ];
    for (words, y) in told.into_iter().flatten().zip(y..area.bottom()) {
        put(buf, area.x, y, area.right(), &words, styles.dim());
    }
}

fn cases(buf: &mut Buffer, area: Rect, state: &State, styles: &Styles) {
    let view = &state.counterfact;
    let rows = view.rows();
    let columns = ["ES", "PS", "NS"];
    let wide = 4 * columns.len() as u16;
    let end = area.right().saturating_sub(wide);
    put(
        buf,
        area.x,
        area.y,
        end,
        "cases, the worst first",
        styles.faint(),
    );
    for (nth, name) in columns.iter().enumerate() {
        let x = end + 4 * nth as u16;
        put_right(buf, x, area.y, x + 4, name, styles.faint());
    }
    let room = usize::from(area.height.saturating_sub(1));
    let cursor = view.cursor.min(rows.len().saturating_sub(1));
    let first = first_row(cursor, rows.len(), room);
    let shown = rows.iter().enumerate().skip(first);
    for ((at, row), y) in shown.zip(area.y + 1..area.bottom()) {
        let name = clip(
            &visible(&name(row)),
            usize::from(end.saturating_sub(area.x + 1)),
        )
        .into_owned();
        put(buf, area.x, y, end, &name, styles.text());
        match row.scores {
            Some(Scores { es, ps, ns, .. }) => {
                for (nth, share) in [es, ps, ns].into_iter().enumerate() {
                    let x = end + 4 * nth as u16;
                    let style = match share {
                        s if s >= 0.999 => styles.good(),
                        s if s >= 0.5 => styles.text(),
                        _ => styles.bad(),
                    };
                    put_right(buf, x, y, x + 4, &format!("{:.0}", 100.0 * share), style);
                }
            }
            None => put_right(buf, end, y, area.right(), "not made", styles.bad()),
        }
        if at == cursor {
            let focused = state.focus == Pane::Counterfact && state.overlays.is_empty();
            let place = Rect {
                y,
                height: 1,
                ..area
            };
            buf.set_style(place, styles.selected(focused));
        }
    }
}

/// Its number, and what it rewrites where that is known.
fn name(row: &Row) -> String {
    match row.record {
        Some(record) => {
            let rewrite = &record.requested_rewrite;
            let (subject, new) = (&rewrite.subject, rewrite.target_new.text.trim());
            format!("{} {subject} → {new}", row.case_id)
        }
        None => format!("case {}", row.case_id),
    }
}
