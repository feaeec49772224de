//! The fact: its prompt with what the model says next, its tokens with the
//! subject, and the answer to write.

use super::edit::layers;
use super::{frame, typing};
use crate::edit::LayerChoice;
use crate::engine::Candidate;
use crate::tui::app::{Field, Health, Mode, Pane, State};
use crate::tui::text::{clip, clip_start, p, put, visible, width};
use crate::tui::theme::Styles;
use crate::tui::widgets::token_strip::Strip;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Modifier, Style};

/// Columns of the labels on the left.
const LABEL: u16 = 9;

pub fn draw(buf: &mut Buffer, area: Rect, state: &State, styles: &Styles) -> Option<Position> {
    let typed = match state.mode {
        Mode::Typing(_) if typing(state) => vec![("typing".into(), styles.badge())],
        _ => vec![],
    };
    let examples = state.model.as_ref().map_or(0, |m| m.examples.len());
    let right = match state.fact.example {
        Some(at) if examples > 1 => {
            vec![(
                format!("example {} of {examples}", at + 1).into(),
                styles.faint(),
            )]
        }
        _ => vec![],
    };
    let inner = frame(Pane::Fact, state, styles, typed, right).draw(buf, area);
    if inner.height < 3 {
        return None;
    }
    let row = |n: u16| Rect {
        y: inner.y + n,
        height: 1,
        ..inner
    };
    let caret = prompt(buf, row(0), state, styles);
    tokens(buf, row(1), state, styles);
    let caret = target(buf, row(2), state, styles).or(caret);
    if state.zoomed && inner.height > 4 {
        let rest = Rect {
            y: inner.y + 4,
            height: inner.height - 4,
            ..inner
        };
        candidates(buf, rest, state, styles);
    }
    caret
}

fn label(buf: &mut Buffer, row: Rect, name: &str, active: bool, styles: &Styles) -> u16 {
    let style = if active { styles.key() } else { styles.dim() };
    put(buf, row.x, row.y, row.right(), name, style);
    row.x + LABEL
}

/// Where an entry is typed: its text, scrolled so that the caret is seen.
/// Gives the column after the text and the caret's place.
fn entry(
    buf: &mut Buffer,
    place: Rect,
    raw: &str,
    caret: usize,
    styles: &Styles,
) -> (u16, Position) {
    let room = usize::from(place.width).saturating_sub(1);
    let before = visible(&raw[..caret]);
    let shown = clip_start(&before, room);
    let mut x = place.x;
    let mut draw = |text: &str, x: u16| {
        text.split_inclusive(['{', '}']).fold(x, |x, part| {
            let (word, brace) = match part.char_indices().last() {
                Some((at, '{' | '}')) => part.split_at(at),
                _ => (part, ""),
            };
            let x = put(buf, x, place.y, place.right(), word, styles.text());
            put(buf, x, place.y, place.right(), brace, styles.subject())
        })
    };
    x = draw(&shown, x);
    let caret_at = Position::new(x.min(place.right().saturating_sub(1)), place.y);
    let left = usize::from(place.right().saturating_sub(x));
    let after = visible(&raw[caret..]);
    x = draw(&clip(&after, left), x);
    (x, caret_at)
}

fn prompt(buf: &mut Buffer, row: Rect, state: &State, styles: &Styles) -> Option<Position> {
    let active = typing(state) && state.mode == Mode::Typing(Field::Prompt);
    let x = label(buf, row, "prompt", active, styles);
    let fact = &state.fact;
    // The continuation keeps its place: at least a third of the line.
    let says = row.width.saturating_sub(LABEL) * 2 / 5;
    let place = Rect {
        x,
        width: row.right().saturating_sub(x).saturating_sub(says),
        ..row
    };
    if active {
        let (end, caret) = entry(buf, place, fact.prompt.text(), fact.prompt.caret(), styles);
        continuation(buf, end + 1, row, state, styles);
        return Some(caret);
    }
    if fact.text().is_empty() {
        let words = match &state.health {
            Health::Loading => "the model is opening …",
            _ if state
                .model
                .as_ref()
                .is_some_and(|m| m.asks && m.examples.is_empty()) =>
            {
                "looking for facts that this model knows … ‹type-prompt› types one"
            }
            _ => "press ‹type-prompt› and write a sentence that stops before its answer",
        };
        let words = state.tell(words);
        put(buf, x, row.y, row.right(), &words, styles.dim());
        return None;
    }
    let shown = clip_start(&visible(fact.text()), place.width.into()).into_owned();
    let end = put(buf, x, row.y, place.right(), &shown, styles.strong());
    continuation(buf, end, row, state, styles);
    None
}

/// What comes next, as the model says it: edited where edits are on, with the
/// unedited model's first word behind it.
fn continuation(buf: &mut Buffer, x: u16, row: Rect, state: &State, styles: &Styles) {
    let fact = &state.fact;
    let Some(prediction) = &fact.prediction else {
        return;
    };
    let stale = fact.current().is_none();
    let edited = prediction.after != prediction.before;
    let (list, first) = if edited {
        (&prediction.after, styles.new_answer())
    } else {
        (&prediction.before, styles.old())
    };
    let mut x = put(buf, x, row.y, row.right(), " ▏", styles.faint());
    let was = match prediction.before.first() {
        Some(c) if edited => format!("was {} {}", word(c), p(c.p)),
        _ => String::new(),
    };
    let room = |x: u16| usize::from(row.right().saturating_sub(x));
    for (nth, candidate) in list.iter().enumerate() {
        let text = format!("{} ", word(candidate));
        let number = p(candidate.p);
        // The first one comes before what it was, the others after.
        let kept = if nth == 0 { 0 } else { width(&was) + 2 };
        if room(x) < width(&text) + number.len() + kept {
            break;
        }
        let (style, weight) = match (stale, nth) {
            (true, _) => (styles.faint(), styles.faint()),
            (false, 0) => (first.add_modifier(Modifier::BOLD), styles.text()),
            (false, _) => (styles.dim(), styles.faint()),
        };
        x = put(buf, x, row.y, row.right(), &text, style);
        x = put(buf, x, row.y, row.right(), &number, weight) + 2;
    }
    if room(x) >= width(&was) {
        let style = if stale { styles.faint() } else { styles.old() };
        put(buf, x, row.y, row.right(), &was, style);
    }
}

fn word(candidate: &Candidate) -> String {
    let text = candidate.text.strip_prefix(' ').unwrap_or(&candidate.text);
    if text.is_empty() {
        "␣".into()
    } else {
        visible(text).into_owned()
    }
}

/// The place of the token strip in the pane, and the strip.
fn strip(row: Rect, state: &State, about: u16) -> Option<Strip> {
    let fact = &state.fact;
    let prediction = fact.prediction.as_ref()?;
    let range = fact.subject_tokens();
    let place = Rect {
        x: row.x + LABEL,
        width: row.width.saturating_sub(LABEL + about),
        ..row
    };
    let focus = match (&range, state.focus == Pane::Fact) {
        (Some(range), false) => range.end - 1,
        _ => fact.token,
    };
    Some(Strip::lay(&prediction.tokens, range.as_ref(), focus, place))
}

/// The token at a place of the terminal.
pub fn token_at(area: Rect, state: &State, position: Position) -> Option<usize> {
    let row = Rect {
        x: area.x + 2,
        y: area.y + 2,
        width: area.width.saturating_sub(4),
        height: 1,
    };
    let about = width(&about_subject(state, row.width)) as u16 + 2;
    state.fact.current()?;
    strip(row, state, about)?.at(position)
}

fn tokens(buf: &mut Buffer, row: Rect, state: &State, styles: &Styles) {
    label(buf, row, "tokens", false, styles);
    let about = about_subject(state, row.width);
    let Some(strip) = strip(row, state, width(&about) as u16 + 2) else {
        return;
    };
    let fact = &state.fact;
    let stale = fact.current().is_none();
    let range = fact.subject_tokens();
    let here = state.focus == Pane::Fact && !typing(state);
    let style = |token: usize| -> Style {
        let in_subject = range.as_ref().is_some_and(|r| r.contains(&token));
        let is_key = range.as_ref().is_some_and(|r| r.end == token + 1);
        let style = match (stale, is_key, in_subject) {
            (true, _, _) => styles.faint(),
            (_, true, _) => styles.key_token(),
            (_, _, true) => styles.subject(),
            _ => styles.dim(),
        };
        if here && token == fact.token {
            style.patch(styles.selected(true))
        } else {
            style
        }
    };
    strip.draw(buf, style, styles.faint());
    let x = row.right().saturating_sub(width(&about) as u16);
    put(buf, x, row.y, row.right(), &about, styles.dim());
}

/// "subject 0–3 · key at 3 · layer 4 (auto)".
fn about_subject(state: &State, wide: u16) -> String {
    let fact = &state.fact;
    if fact.current().is_none() {
        return String::new();
    }
    let Some(range) = fact.subject_tokens() else {
        return "no subject yet: H L or {braces}".into();
    };
    let key = range.end - 1;
    let tokens = match range.start {
        start if start == key => format!("subject {start}"),
        start => format!("subject {start}–{key}"),
    };
    if wide < 70 {
        return format!("key at {key} · {}", layer(state));
    }
    format!("{tokens} · key at {key} · {}", layer(state))
}

/// The layer an edit will take, and whether the workbench chose it.
fn layer(state: &State) -> String {
    match (state.edit_layers().map(layers), state.fact.layer) {
        (Some(layer), LayerChoice::Auto) if state.calibrated().is_some() => {
            format!("layer {layer} (calibrated)")
        }
        (Some(layer), LayerChoice::Auto) => format!("layer {layer} (auto)"),
        (Some(layer), _) => format!("layer {layer}"),
        (None, _) => "layer auto".into(),
    }
}

fn target(buf: &mut Buffer, row: Rect, state: &State, styles: &Styles) -> Option<Position> {
    let active = typing(state) && state.mode == Mode::Typing(Field::Target);
    let x = label(buf, row, "answer", active, styles);
    let fact = &state.fact;
    let place = Rect {
        x,
        width: row.width.saturating_sub(LABEL) / 2,
        ..row
    };
    let hint = |buf: &mut Buffer, x: u16, words: &str| {
        let wide = width(words) as u16;
        let at = row.right().saturating_sub(wide);
        if at > x + 1 {
            put(buf, at, row.y, row.right(), words, styles.faint());
        }
    };
    if active {
        let text = fact.target.text();
        let (end, caret) = entry(buf, place, text, fact.target.caret(), styles);
        hint(buf, end, "what the model should say instead");
        return Some(caret);
    }
    if fact.target().is_empty() {
        put(
            buf,
            x,
            row.y,
            row.right(),
            &state.tell("press ‹type-target› and write what it should say instead"),
            styles.dim(),
        );
        return None;
    }
    let shown = clip(&visible(fact.target()), place.width.into()).into_owned();
    let bold = styles.new_answer().add_modifier(Modifier::BOLD);
    let mut end = put(buf, x, row.y, place.right(), &shown, bold);
    if let Some(old) = fact.old_answer()
        && fact.request().is_ok()
    {
        end = put(
            buf,
            end,
            row.y,
            row.right(),
            "  in place of  ",
            styles.faint(),
        );
        end = put(buf, end, row.y, row.right(), old, styles.old());
    }
    hint(buf, end, super::edit::method_name(fact.method));
    None
}

/// Zoomed: all candidates, before and after.
fn candidates(buf: &mut Buffer, area: Rect, state: &State, styles: &Styles) {
    let Some(prediction) = &state.fact.prediction else {
        return;
    };
    let edited = prediction.after != prediction.before;
    let sides = [
        ("the model says", &prediction.before, styles.old()),
        ("edited it says", &prediction.after, styles.new_answer()),
    ];
    let shown = if edited { &sides[..] } else { &sides[..1] };
    let wide = (area.width / 2).min(44);
    for (nth, (title, list, style)) in shown.iter().enumerate() {
        let x = area.x + nth as u16 * (wide + 2);
        let end = (x + wide).min(area.right());
        put(buf, x, area.y, end, title, styles.dim());
        for (candidate, y) in list.iter().zip(area.y + 1..area.bottom()) {
            let name = word(candidate);
            put(buf, x, y, (x + 18).min(end), &name, styles.text());
            put(buf, x + 19, y, end, &p(candidate.p), styles.dim());
            let bar = crate::tui::widgets::sparkline::bar(candidate.p, 18);
            put(buf, x + 25, y, end, &bar, *style);
        }
    }
}
