//! One request by every method: a table of how each did, and under it what each
//! moved.

use super::edit::{layers, method_name, percent};
use super::{empty, frame};
use crate::edit::Method;
use crate::measure::EditReport;
use crate::measure::duel::Standing;
use crate::trace::Kind;
use crate::tui::app::duel::{Moved, Try};
use crate::tui::app::{Pane, State};
use crate::tui::text::{clip, p, p_short, put, put_right, seconds, visible, width};
use crate::tui::theme::Styles;
use crate::tui::widgets::first_row;
use crate::tui::widgets::panel::Words;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

pub fn draw(buf: &mut Buffer, area: Rect, state: &State, styles: &Styles) {
    let (about, right) = (about(state, styles), right(state, styles));
    let inner = frame(Pane::Duel, state, styles, about, right).draw(buf, area);
    if state.duel.tries.is_empty() {
        let words: &[(&str, bool)] = &[
            ("Which method?", true),
            (
                "`‹duel›` tries the edit of the fact by every method, one after the other, each on the weights as they are. None is kept: `‹take-method›` takes the selected method, `‹edit›` then writes the fact by it.",
                false,
            ),
        ];
        return empty(buf, inner, words, state, styles);
    }
    let parts = Parts::of(inner, state);
    table(buf, parts.table, state, styles);
    moved(buf, parts.moved, state, styles);
}

/// The try at a place of the terminal.
pub fn row_at(area: Rect, state: &State, position: Position) -> Option<usize> {
    let at = usize::from(position.y.checked_sub(area.y + 2)?);
    (at < state.duel.tries.len()).then_some(at)
}

struct Parts {
    table: Rect,
    moved: Rect,
}

impl Parts {
    fn of(inner: Rect, state: &State) -> Parts {
        let table = (state.duel.tries.len() as u16 + 1).min(inner.height);
        let gap = table + 1;
        Parts {
            table: Rect {
                height: table,
                ..inner
            },
            moved: Rect {
                y: inner.y + gap,
                height: inner.height.saturating_sub(gap),
                ..inner
            },
        }
    }
}

fn about<'a>(state: &State, styles: &Styles) -> Words<'a> {
    let Some(request) = state.duel.request() else {
        return vec![];
    };
    let short = |text: &str| clip(&visible(text.trim()), 28).into_owned();
    let mut words: Words = vec![
        (short(&request.subject).into(), styles.text()),
        (" → ".into(), styles.faint()),
        (short(&request.target).into(), styles.new_answer()),
    ];
    if state.duel.made_on != state.edits.ground() {
        let other = state.tell("  on other weights than these: ‹duel› tries again");
        words.push((other.into(), styles.doubt()));
    }
    words
}

fn right<'a>(state: &State, styles: &Styles) -> Words<'a> {
    let (all, left) = (state.duel.tries.len(), state.duel.running().count());
    match left {
        0 => vec![],
        _ => vec![(format!("{} of {all}", all - left).into(), styles.dim())],
    }
}

/// Where the columns of the table end; what is right of the area is left out.
const METHOD: u16 = 12;
const COLUMNS: [(&str, u16); 6] = [
    ("layers", 8),
    ("p(target)", 11),
    ("rephrased", 11),
    ("moved", 10),
    ("‖ΔW‖/‖W‖", 12),
    ("time", 8),
];

fn table(buf: &mut Buffer, area: Rect, state: &State, styles: &Styles) {
    let (y, end) = (area.y, area.right());
    put(buf, area.x + 2, y, end, "method", styles.faint());
    cells(
        buf,
        area,
        y,
        &COLUMNS.map(|(name, _)| (name.to_owned(), styles.faint())),
    );
    let tries = state.duel.tries.iter().enumerate();
    for ((at, one), y) in tries.zip(area.y + 1..area.bottom()) {
        let place = Rect {
            y,
            height: 1,
            ..area
        };
        let selected = at == state.duel.cursor;
        let name = method_name(one.spec.method);
        let mark = if selected { "›" } else { " " };
        put(buf, area.x, y, end, mark, styles.key());
        put(buf, area.x + 2, y, end, name, styles.strong());
        match one.report() {
            Some(report) => cells(buf, area, y, &standing(one, report, styles)),
            None => {
                let (words, style) = unfinished(one, state, styles);
                let x = area.x + 2 + METHOD;
                let room = usize::from(end.saturating_sub(x));
                put(buf, x, y, end, &clip(&visible(&words), room), style);
            }
        }
        if selected {
            buf.set_style(place, styles.selected(true));
        }
    }
}

/// Right-aligned in their columns.
fn cells(buf: &mut Buffer, area: Rect, y: u16, texts: &[(String, Style)]) {
    let mut x = area.x + 2 + METHOD;
    for ((_, wide), (text, style)) in COLUMNS.iter().zip(texts) {
        if x + wide > area.right() {
            return;
        }
        put_right(buf, x, y, x + wide, text, *style);
        x += wide;
    }
}

fn standing(one: &Try, report: &EditReport, styles: &Styles) -> [(String, Style); 6] {
    let standing = Standing::of(&one.spec.request.target, report);
    let of = |(hits, all): (usize, usize)| match all {
        0 => "–".to_owned(),
        _ => format!("{hits} of {all}"),
    };
    let good = |holds: bool| if holds { styles.good() } else { styles.bad() };
    let (hits, all) = standing.paraphrases;
    let relative = standing.relative_update_norm;
    [
        (layers(report.span()), styles.text()),
        (p(standing.p_target), good(standing.p_target >= 0.5)),
        (of((hits, all)), good(2 * hits >= all)),
        (of(standing.moved), good(standing.moved.0 == 0)),
        (percent(relative), styles.norm(relative)),
        (seconds(standing.seconds), styles.dim()),
    ]
}

fn unfinished(one: &Try, state: &State, styles: &Styles) -> (String, Style) {
    match (&one.result, one.ticket) {
        (Some(Err(words)), _) => (words.clone(), styles.doubt()),
        (_, Some(ticket)) => match state.jobs.busy() {
            Some(job) if job.ticket == ticket && job.stage.is_some() => {
                ("trying …".into(), styles.accent())
            }
            _ => ("…".into(), styles.faint()),
        },
        _ => (String::new(), styles.faint()),
    }
}

/// Columns of `.94` before the cells, and what the prompts should have.
const BEFORE: u16 = 5;
const PROMPT: u16 = 22;

fn moved(buf: &mut Buffer, area: Rect, state: &State, styles: &Styles) {
    let rows = state.duel.moved();
    if area.height < 3 || rows.is_empty() {
        return;
    }
    let tries = &state.duel.tries;
    let n = tries.len() as u16;
    let cell = (area.width.saturating_sub(BEFORE + PROMPT) / n.max(1)).clamp(6, 10);
    // Methods that do not fit beside the prompts are scrolled to.
    let fit = (area.width.saturating_sub(BEFORE + PROMPT - 2) / cell).min(n);
    let first = first_row(state.duel.cursor, tries.len(), fit.into());
    let shown = || tries.iter().enumerate().skip(first).take(fit.into());
    let prompt = area.width.saturating_sub(BEFORE + fit * cell);
    let (x, end) = (area.x, area.right());
    let title = match prompt {
        0..24 => "what moved",
        _ => "what moved: points of p",
    };
    put(buf, x, area.y, x + prompt, title, styles.strong());
    put_right(
        buf,
        x + prompt,
        area.y,
        x + prompt + 4,
        "was",
        styles.faint(),
    );
    let column = |at: usize| x + prompt + BEFORE + (at - first) as u16 * cell;
    for (at, one) in shown() {
        let style = match at == state.duel.cursor {
            true => styles.key(),
            false => styles.dim(),
        };
        let name = short_name(one.spec.method, cell - 1);
        put_right(buf, column(at), area.y, column(at) + cell - 1, name, style);
    }
    // The last line says what the signs are.
    let listed = rows.len().min(usize::from(area.height) - 2);
    for (row, y) in rows.iter().take(listed).zip(area.y + 1..) {
        let place = Rect {
            y,
            height: 1,
            ..area
        };
        probe(buf, place, prompt, row, styles);
        for (at, _) in shown() {
            let cell = Rect::new(column(at), y, cell - 1, 1);
            change_in(buf, cell, row, at, styles);
        }
    }
    let mut words = "› should follow the fact   * counts as moved".to_owned();
    if rows.len() > listed {
        words += &format!("   and {} that moved less", rows.len() - listed);
    }
    let y = area.y + 1 + listed as u16;
    put(buf, x, y, end, &words, styles.faint());
}

/// The prompt with the answer that is asked for, and p(expected) before.
fn probe(buf: &mut Buffer, place: Rect, wide: u16, row: &Moved, styles: &Styles) {
    let (x, y) = (place.x, place.y);
    let (mark, style) = match row.probe.group.follows() {
        true => ("›", styles.good()),
        false => (" ", styles.faint()),
    };
    put(buf, x, y, x + 1, mark, style);
    let end = x + wide;
    let prompt = visible(&row.probe.prompt);
    let expected = clip(&visible(row.probe.expected.trim()), 10).into_owned();
    let room = usize::from(wide).saturating_sub(width(&expected) + 4);
    let after = put(buf, x + 2, y, end, &clip(&prompt, room), styles.dim());
    put(buf, after + 1, y, end, &expected, styles.old());
    let before = p_short(row.probe.p_before);
    put_right(buf, end, y, end + 4, &before, styles.dim());
}

/// A change in a cell whose colour is its size: green where the probe should
/// follow the fact, red where it should have stayed.
fn change_in(buf: &mut Buffer, cell: Rect, row: &Moved, at: usize, styles: &Styles) {
    let Some(change) = row.change(at) else {
        put_right(buf, cell.x, cell.y, cell.right(), "·", styles.faint());
        return;
    };
    let kind = match row.probe.group.follows() {
        true => Kind::Mlp,
        false => Kind::Attn,
    };
    let size = Some(change.abs());
    let heat = styles.heat(kind, size);
    let ink = match heat.glyph {
        " " => {
            for position in cell.intersection(buf.area).positions() {
                buf[position].set_symbol(" ").set_style(heat.style);
            }
            styles.on_heat(size)
        }
        // Shading would hide the number.
        _ => styles.kind(kind),
    };
    let moved = row.rows[at].is_some_and(|row| row.moved);
    let star = if moved { "*" } else { " " };
    let points = match (100.0 * change).round() {
        0.0 => "0".to_owned(),
        points => format!("{points:+.0}").replace('-', "−"),
    };
    put_right(buf, cell.x, cell.y, cell.right(), &(points + star), ink);
}

/// A method in `room` columns.
fn short_name(method: Method, room: u16) -> &'static str {
    match (method, room) {
        (Method::AlphaEdit, ..9) => "Alpha",
        (Method::RRome, ..6) => "rROME",
        (Method::Direct, ..6) => "dir",
        _ => method_name(method),
    }
}
