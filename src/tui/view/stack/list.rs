//! The edits in the order they are applied, a line each.

use crate::edit::EditSpec;
use crate::engine::Stacked;
use crate::measure::{BROKEN, HEALTHY};
use crate::tui::app::{EditRecord, State};
use crate::tui::text::{clip, p, put, put_right, visible, width};
use crate::tui::theme::Styles;
use crate::tui::view::edit::{layers, method_name, percent};
use crate::tui::widgets::first_row;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

/// Where the columns begin; a column without width is left out.
struct Columns {
    number: u16,
    fact: u16,
    method: u16,
    layer: u16,
    alpha: u16,
    norm: u16,
    p: u16,
    state: u16,
    end: u16,
}

impl Columns {
    fn fit(area: Rect, state: &State) -> Columns {
        let edits = &state.edits;
        let digits = edits.stack.len().to_string().len() as u16;
        let wide = area.width >= 100;
        let method = if wide { 11 } else { 0 };
        let (layer, alpha, norm, p) = (6, 6, 10, 13);
        let fixed = 2 + digits + 1 + method + layer + alpha + norm + p;
        let left = area.width.saturating_sub(fixed);
        // What the facts leave is for words on their state.
        let facts = edits.stack.iter().filter_map(|s| edits.records.get(&s.id));
        let long = |record: &EditRecord| {
            let (subject, target) = fact(&record.spec, usize::MAX);
            width(&subject) + width(&target) + 5
        };
        let longest = facts.map(long).max().unwrap_or(0).min(1000) as u16;
        let fact = longest.clamp(12, (left * 3 / 5).max(12));
        let number = area.x + 2;
        let fact_x = number + digits + 1;
        let method_x = fact_x + fact;
        let layer_x = method_x + method;
        let alpha_x = layer_x + layer;
        let norm_x = alpha_x + alpha;
        let p_x = norm_x + norm;
        Columns {
            number,
            fact: fact_x,
            method: method_x,
            layer: layer_x,
            alpha: alpha_x,
            norm: norm_x,
            p: p_x,
            state: p_x + p,
            end: area.right(),
        }
    }
}

pub fn draw(buf: &mut Buffer, area: Rect, state: &State, styles: &Styles) {
    if area.height == 0 {
        return;
    }
    let edits = &state.edits;
    let c = Columns::fit(area, state);
    let heading = [
        (c.fact, c.method, "edit"),
        (c.method, c.layer, "method"),
        (c.layer, c.alpha, "layer"),
        (c.alpha, c.norm, "   α"),
        (c.norm, c.p, "‖ΔW‖/‖W‖"),
        (c.p, c.state, "p made → now"),
        (c.state, c.end, "state"),
    ];
    for (x, end, word) in heading {
        put(buf, x, area.y, end, word, styles.faint());
    }
    for (at, y) in rows(area, state) {
        let place = Rect {
            y,
            height: 1,
            ..area
        };
        let stacked = edits.stack[at];
        if let Some(record) = edits.records.get(&stacked.id) {
            line(buf, place, &c, at, stacked, record, state, styles);
        }
        if at == edits.cursor {
            buf.set_style(place, styles.selected(true));
        }
    }
}

/// The edits that are shown, and where.
fn rows(area: Rect, state: &State) -> impl Iterator<Item = (usize, u16)> {
    let (cursor, count) = (state.edits.cursor, state.edits.stack.len());
    let first = first_row(cursor, count, area.height.saturating_sub(1).into());
    (first..count).zip(area.y + 1..area.bottom())
}

pub fn row_at(area: Rect, state: &State, position: Position) -> Option<usize> {
    let mut rows = rows(area, state);
    let at = rows.find(|(_, y)| *y == position.y).map(|(at, _)| at);
    at.filter(|_| area.contains(position))
}

#[allow(clippy::too_many_arguments, reason = "one line of a table")]
fn line(
    buf: &mut Buffer,
    place: Rect,
    c: &Columns,
    at: usize,
    stacked: Stacked,
    record: &EditRecord,
    state: &State,
    styles: &Styles,
) {
    let y = place.y;
    let shade = |style: Style| if stacked.on { style } else { styles.dim() };
    let dot = if stacked.on { "●" } else { "○" };
    put(buf, place.x, y, c.number, dot, shade(styles.new_answer()));
    let digits = c.fact - 1;
    put_right(
        buf,
        c.number,
        y,
        digits,
        &(at + 1).to_string(),
        styles.faint(),
    );
    let fact = fact(
        &record.spec,
        usize::from(c.method - c.fact).saturating_sub(1),
    );
    let x = put(buf, c.fact, y, c.method, &fact.0, shade(styles.strong()));
    if !fact.1.is_empty() {
        let x = put(buf, x, y, c.method, " → ", styles.faint());
        put(buf, x, y, c.method, &fact.1, shade(styles.new_answer()));
    }
    put(
        buf,
        c.method,
        y,
        c.layer,
        method_name(record.spec.method),
        styles.dim(),
    );
    let span = layers(record.report.span());
    put(buf, c.layer, y, c.alpha, &span, shade(styles.text()));
    let alpha = format!("{:.1}", stacked.alpha).replace('-', "−");
    put_right(buf, c.alpha, y, c.norm - 2, &alpha, shade(styles.text()));
    let norm = record.report.relative_update_norm * stacked.alpha.abs();
    put_right(
        buf,
        c.norm,
        y,
        c.p - 2,
        &percent(norm),
        shade(styles.norm(norm)),
    );
    // An imported change says nothing that could be asked again.
    if !record.spec.is_imported() {
        let made = p(record.report.p_target.after);
        let x = put(buf, c.p, y, c.state, &made, styles.dim());
        let x = put(buf, x, y, c.state, " → ", styles.faint());
        match state.edits.check.held.get(&stacked.id) {
            Some(now) => put(buf, x, y, c.state, &p(*now), shade(styles.strong())),
            None => put(buf, x, y, c.state, "…", styles.faint()),
        };
    }
    let mut x = c.state;
    for (nth, (word, style)) in words(stacked, record, state, styles)
        .into_iter()
        .enumerate()
    {
        if nth > 0 {
            x = put(buf, x, y, c.end, " · ", styles.faint());
        }
        let room = usize::from(c.end.saturating_sub(x));
        x = put(buf, x, y, c.end, &clip(&word, room), shade(style));
    }
}

/// Subject and new answer, in at most `room` columns with the arrow; the
/// subject gives way. Of a change that was made elsewhere, where it came from.
fn fact(spec: &EditSpec, room: usize) -> (String, String) {
    if spec.is_imported() {
        let origin = visible(&spec.origin);
        return (clip(&origin, room).into_owned(), String::new());
    }
    let request = &spec.request;
    let target = visible(request.target.trim());
    let target = clip(&target, (room / 2).max(3)).into_owned();
    let left = room.saturating_sub(3 + width(&target));
    let subject = visible(&request.subject);
    (clip(&subject, left).into_owned(), target)
}

/// What is to be known of an edit, the gravest first; the last is how large it is.
fn words(
    stacked: Stacked,
    record: &EditRecord,
    state: &State,
    styles: &Styles,
) -> Vec<(String, Style)> {
    let edits = &state.edits;
    let place = |id| edits.stack.iter().position(|s| s.id == id).map(|at| at + 1);
    if !stacked.on {
        return vec![("off".into(), styles.dim())];
    }
    let mut words = Vec::new();
    if edits.faded(stacked).is_some() {
        words.push(("⚠ faded".to_string(), styles.bad_strong()));
    } else if !record.spec.is_imported() && record.report.p_target.missed() {
        words.push(("⚠ did not take".into(), styles.bad()));
    }
    let crowded = edits.check.crowded(stacked.id, &edits.on());
    if let Some(other) = crowded.and_then(|(other, _)| place(other)) {
        words.push((format!("overlaps {other}"), styles.doubt()));
    }
    let lost: Vec<String> = edits
        .missing_ground(stacked.id)
        .into_iter()
        .map(|id| place(id).map_or("a dropped one".into(), |at| at.to_string()))
        .collect();
    if !lost.is_empty() {
        words.push((format!("made on {}", lost.join(", ")), styles.doubt()));
    }
    let norm = record.report.relative_update_norm * stacked.alpha.abs();
    let health = match norm {
        n if n < HEALTHY => "healthy",
        n if n < BROKEN => "doubtful",
        _ => "too large",
    };
    words.push((health.into(), styles.norm(norm)));
    words
}

/// The selected edit in one more line: its prompt, and each of its layers.
pub fn selected(buf: &mut Buffer, area: Rect, state: &State, styles: &Styles) {
    let (Some(stacked), Some(record)) = (state.edits.selected(), state.edits.selected_record())
    else {
        return;
    };
    if area.height == 0 {
        return;
    }
    let report = &record.report;
    let each = report.layers.iter().map(|of| {
        let norm = of.relative_update_norm * stacked.alpha.abs();
        format!("layer {} {}", of.layer, percent(norm))
    });
    let mut said = match report.layers.len() {
        0 | 1 => vec![],
        _ => each.collect::<Vec<_>>(),
    };
    if let Some(others) = record.spec.others() {
        said.insert(0, others);
    }
    let end = area.right();
    let prompt = match record.spec.is_imported() {
        true => "made elsewhere: it cannot be made again from the session's text".to_owned(),
        false => format!("“{}”", record.spec.request.text()),
    };
    let most = match said.is_empty() {
        true => usize::from(area.width),
        false => usize::from(area.width) * 2 / 3,
    };
    let prompt = clip(&visible(&prompt), most).into_owned();
    let x = put(buf, area.x + 2, area.y, end, &prompt, styles.dim());
    put(buf, x + 2, area.y, end, &said.join(" · "), styles.dim());
}
