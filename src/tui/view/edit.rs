//! The edit: how large it is, what it did, how it was found, and the stack it
//! stands in.

mod making;
mod plan;
mod report;
mod stack;

pub use report::mark;

use super::frame;
use crate::edit::{EditSpec, Method, Request};
use crate::tui::app::{Pane, State};
use crate::tui::text::{clip, put, visible, width};
use crate::tui::theme::Styles;
use crate::tui::widgets::sparkline::spark;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

/// Columns of the labels on the left.
const LABEL: u16 = 12;

/// A method as it is written in text.
pub fn method_name(method: Method) -> &'static str {
    match method {
        Method::RRome => "r-ROME",
        Method::Rome => "ROME",
        Method::Memit => "MEMIT",
        Method::Emmet => "EMMET",
        Method::AlphaEdit => "AlphaEdit",
        Method::Ft => "FT",
        Method::FtL => "FT+L",
        Method::Direct => "direct",
        Method::Imported => "imported",
    }
}

/// What sets it apart, in a few words.
pub fn method_about(method: Method) -> &'static str {
    match method {
        Method::RRome => "one key everywhere",
        Method::Rome => "as published",
        Method::Memit => "spread over layers",
        Method::Emmet => "each value exactly",
        Method::AlphaEdit => "where no other key goes",
        Method::Ft => "fine-tuning, the baseline",
        Method::FtL => "fine-tuning in a small box",
        Method::Direct => "no gradient, C = I",
        Method::Imported => "",
    }
}

/// "5", or "5–9".
pub fn layers((first, last): (usize, usize)) -> String {
    match first == last {
        true => first.to_string(),
        false => format!("{first}–{last}"),
    }
}

pub fn draw(buf: &mut Buffer, area: Rect, state: &State, styles: &Styles) {
    let making = state.edits.making.first();
    let record = state.edits.selected_record();
    let about = match (making, record) {
        (Some(m), _) => format!("{} · {}", method_name(m.spec.method), making::stage(m)),
        (None, Some(r)) => {
            let (method, span) = (method_name(r.spec.method), r.report.span());
            format!("{method} · layer {}", layers(span))
        }
        (None, None) => method_name(state.fact.method).to_string(),
    };
    let about = vec![(about.into(), styles.dim())];
    let count = match state.edits.stack.len() {
        0 | 1 => vec![],
        n => {
            let on = state.edits.on().len();
            vec![(format!("{on} of {n} on").into(), styles.dim())]
        }
    };
    let inner = frame(Pane::Edit, state, styles, about, count).draw(buf, area);
    // The stack keeps its place under the report; a rule parts them.
    let edits = state.edits.stack.len() as u16;
    let stack_rows = match inner.height {
        0..=4 => 0,
        5..=9 => edits.min(2),
        h => edits.min((h / 3).max(3)),
    };
    let rule = u16::from(stack_rows > 0 && inner.height > 9);
    let upper = Rect {
        height: inner.height - stack_rows - rule,
        ..inner
    };
    match (making, record) {
        (Some(making), _) => rows(buf, upper, making::lines(making, styles)),
        (None, Some(record)) => {
            let mut lines = report::lines(record, state, styles);
            lines.extend(plan::next(record, state, styles));
            rows(buf, upper, lines);
        }
        (None, None) => plan::draw(buf, upper, state, styles),
    }
    if rule > 0 {
        for x in inner.x..inner.right() {
            put(buf, x, upper.bottom(), inner.right(), "╌", styles.faint());
        }
    }
    let place = Rect {
        y: upper.bottom() + rule,
        height: stack_rows,
        ..inner
    };
    stack::draw(buf, place, state, styles);
}

/// One line of the pane. The higher its rank, the earlier it goes where rows
/// are lacking.
struct Row<'a> {
    rank: u8,
    draw: Box<Draw<'a>>,
}

type Draw<'a> = dyn Fn(&mut Buffer, Rect) + 'a;

/// Ranks that several files share: what one needs first, and mere air.
const FIRST: u8 = 1;
const AIR: u8 = 20;

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

/// Styled words, from the first column.
fn words<'a>(rank: u8, words: Vec<(String, Style)>) -> Row<'a> {
    Row {
        rank,
        draw: Box::new(move |buf, place| {
            let write = |x, (text, style): &(String, Style)| {
                put(buf, x, place.y, place.right(), text, *style)
            };
            words.iter().fold(place.x, write);
        }),
    }
}

/// A label and styled words after it; those that do not fit are left out.
fn labelled<'a>(
    rank: u8,
    label: &'a str,
    words: Vec<(String, Style)>,
    styles: &'a Styles,
) -> Row<'a> {
    Row {
        rank,
        draw: Box::new(move |buf, place| {
            put(buf, place.x, place.y, place.right(), label, styles.dim());
            let mut x = place.x + LABEL;
            for (nth, (text, style)) in words.iter().enumerate() {
                if nth > 0 && usize::from(place.right().saturating_sub(x)) < width(text) {
                    break;
                }
                x = put(buf, x, place.y, place.right(), text, *style);
            }
        }),
    }
}

fn blank<'a>() -> Row<'a> {
    words(AIR, vec![])
}

/// The loss as it fell, and what is said of it.
fn loss_row(rank: u8, totals: Vec<f64>, said: String, styles: &Styles) -> Row<'_> {
    Row {
        rank,
        draw: Box::new(move |buf, place| {
            put(buf, place.x, place.y, place.right(), "loss", styles.dim());
            let taken = LABEL + width(&said) as u16 + 2;
            let room = place.width.saturating_sub(taken).min(24);
            let line = spark(&totals, room.into());
            let x = place.x + LABEL;
            let x = put(buf, x, place.y, place.right(), &line, styles.accent());
            put(buf, x + 2, place.y, place.right(), &said, styles.text());
        }),
    }
}

/// What an edit is about in a line: its fact, or where it came from.
fn about(spec: &EditSpec, styles: &Styles) -> Vec<(String, Style)> {
    match spec.is_imported() {
        true => vec![(
            clip(&visible(&spec.origin), 40).into_owned(),
            styles.strong(),
        )],
        false => fact_words(&spec.request, styles),
    }
}

/// The fact in a line: `Space Needle → Paris`.
fn fact_words(request: &Request, styles: &Styles) -> Vec<(String, Style)> {
    let short = |text: &str| clip(&visible(text), 24).into_owned();
    let target = styles.new_answer().add_modifier(Modifier::BOLD);
    vec![
        (short(&request.subject), styles.strong()),
        (" → ".into(), styles.faint()),
        (short(request.target.trim()), target),
    ]
}

/// "1e4" for large numbers, "12.8" for small ones.
fn number(value: f64) -> String {
    match value.abs() {
        v if !v.is_finite() => "–".into(),
        v if v >= 1e4 || (v < 1e-2 && v > 0.0) => format!("{value:.0e}"),
        v if v >= 100.0 => format!("{value:.0}"),
        _ => format!("{value:.1}"),
    }
}

pub fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}
