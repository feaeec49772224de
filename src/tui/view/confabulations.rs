//! What the model makes up from one seed, before and after, side by side.

use super::{empty, frame};
use crate::tui::app::{Continuation, JobKind, Pane, State};
use crate::tui::text::{clip_start, put, visible, width, wrap};
use crate::tui::theme::Styles;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

/// One row of the pane: a heading across, or a line on each side.
enum Row {
    Heading(String, Option<String>),
    Sides(Side, Side),
    Blank,
}

type Side = Vec<(String, Style)>;

pub fn draw(buf: &mut Buffer, area: Rect, state: &State, styles: &Styles) {
    let list = &state.confabs.list;
    let about = if list.is_empty() {
        vec![]
    } else {
        vec![
            ("before".into(), styles.old()),
            (" │ ".into(), styles.faint()),
            ("after".into(), styles.new_answer()),
        ]
    };
    let right = vec![(
        format!("seed {}", state.confabs.seed).into(),
        styles.faint(),
    )];
    let inner = frame(Pane::Confabulations, state, styles, about, right).draw(buf, area);
    if list.is_empty() {
        let running = state.jobs.of_kind(JobKind::Edit).next().is_some();
        let words: &[(&str, bool)] = if running {
            &[(
                "continued before and after, once the edit is there …",
                false,
            )]
        } else {
            &[
                ("What does it make up now?", true),
                (
                    "One seed, with and without the edit, token by token. `‹roll›` continues the \
                     prompt now.",
                    false,
                ),
            ]
        };
        return empty(buf, inner, words, state, styles);
    }
    let half = inner.width.saturating_sub(3) / 2;
    let rows: Vec<Row> = list
        .iter()
        .flat_map(|c| rows(c, usize::from(half), styles))
        .collect();
    let most = rows.len().saturating_sub(inner.height.into());
    let first = state.confabs.scroll.min(most);
    for (row, y) in rows.iter().skip(first).zip(inner.y..inner.bottom()) {
        match row {
            Row::Blank => {}
            Row::Heading(prompt, note) => {
                let end = inner.right();
                let note = note.as_deref().unwrap_or("");
                let room = usize::from(inner.width).saturating_sub(width(note) + 2);
                let prompt = clip_start(prompt, room);
                put(
                    buf,
                    inner.x,
                    y,
                    end,
                    &prompt,
                    styles.dim().add_modifier(Modifier::ITALIC),
                );
                let x = end.saturating_sub(width(note) as u16);
                put(buf, x, y, end, note, styles.faint());
            }
            Row::Sides(before, after) => {
                side(buf, inner.x, y, inner.x + half, before);
                put(
                    buf,
                    inner.x + half + 1,
                    y,
                    inner.right(),
                    "│",
                    styles.faint(),
                );
                side(buf, inner.x + half + 3, y, inner.right(), after);
            }
        }
    }
}

fn side(buf: &mut Buffer, x: u16, y: u16, end: u16, pieces: &[(String, Style)]) {
    let mut x = x;
    for (text, style) in pieces {
        x = put(buf, x, y, end, text, *style);
    }
}

fn rows(c: &Continuation, half: usize, styles: &Styles) -> Vec<Row> {
    let part = c.diverges_at();
    let note = match part {
        Some(at) => Some(format!("parts at token {at}")),
        None if c.same() => Some("the same to the end".into()),
        None => None,
    };
    let prompt = format!("{} …", visible(&c.prompt));
    let mut rows = vec![Row::Heading(prompt, note)];
    let lines = |tokens: &[String], own: Style| {
        let pieces = tokens.iter().enumerate().map(|(i, token)| {
            let style = match part {
                Some(at) if i == at => own.add_modifier(Modifier::BOLD | Modifier::UNDERLINED),
                Some(at) if i > at => styles.text(),
                _ => styles.dim(),
            };
            // The first word needs no space before it.
            let token = if i == 0 {
                token.trim_start_matches(' ')
            } else {
                token
            };
            (token, style)
        });
        wrap(pieces, half)
    };
    let before = lines(&c.before, styles.old());
    let after = lines(&c.after, styles.new_answer());
    let count = before.len().max(after.len());
    let mut before = before.into_iter();
    let mut after = after.into_iter();
    rows.extend((0..count).map(|_| {
        Row::Sides(
            before.next().unwrap_or_default(),
            after.next().unwrap_or_default(),
        )
    }));
    rows.push(Row::Blank);
    rows
}
