//! What the pane says in words: what it looks at, what it comes to, the cursor's
//! reading, the likeliest tokens of its cell.

use super::heat;
use crate::measure::lens::{Depth, Guess, LensReport};
use crate::tui::app::lens::{Cell, Shown, value};
use crate::tui::app::{Health, JobKind, State};
use crate::tui::text::{clip, p, put, put_right, visible, wrap_plain};
use crate::tui::theme::Styles;
use crate::tui::view::{Words, empty};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

fn running(state: &State) -> bool {
    state.jobs.of_kind(JobKind::Lens).next().is_some()
}

/// The prompt and both answers.
pub fn about<'a>(state: &State, styles: &Styles) -> Words<'a> {
    let Some(report) = &state.lens.report else {
        return vec![];
    };
    let short = |text: &str, room| clip(&visible(text.trim()), room).into_owned();
    let room = usize::from(state.size.width / 3);
    let mut words: Words = vec![
        (short(&report.prompt, room).into(), styles.text()),
        ("  ".into(), styles.text()),
        (short(&report.old.text, 14).into(), styles.old()),
        (" → ".into(), styles.faint()),
        (short(&report.new.text, 14).into(), styles.new_answer()),
    ];
    if state.lens.made_on != state.edits.ground() && !running(state) {
        let other = "  on other weights than these: U looks again";
        words.push((other.into(), styles.doubt()));
    }
    words
}

/// Where the edits begin.
pub fn right<'a>(state: &State, styles: &Styles) -> Words<'a> {
    if running(state) {
        return vec![("looking …".into(), styles.dim())];
    }
    let first = state.lens.report.as_ref().and_then(|r| r.first_edited);
    first.map_or(vec![], |layer| {
        vec![(format!("edited from layer {layer}").into(), styles.dim())]
    })
}

/// Why there is nothing to see, and which key changes that.
pub fn nothing_yet(buf: &mut Buffer, inner: Rect, state: &State, styles: &Styles) {
    let view = &state.lens;
    if let Some(problem) = &view.problem {
        let words: &[(&str, bool)] = &[
            (problem, true),
            (
                "`‹type-target›` types another answer and `‹type-prompt›` another prompt; in the stack (`‹go-stack›`) another edit is chosen. `‹go-lens›` looks again.",
                false,
            ),
        ];
        return empty(buf, inner, words, state, styles);
    }
    let next = match (&state.health, running(state), state.lens_question()) {
        (Health::Dead(_) | Health::Failed(_), ..) => "No model is open: `‹models›` opens one.",
        (Health::Loading, ..) => "The model is still opening; then `‹go-lens›` looks.",
        (_, true, _) => "Reading the residuals …",
        (_, _, None) => {
            "Write a prompt with `‹type-prompt›` and a new answer with `‹type-target›`, or take an example with `‹next-example›`; `‹edit›` writes it, and `‹go-lens›` looks."
        }
        _ => "`‹go-lens›` looks.",
    };
    let words: &[(&str, bool)] = &[
        ("Written over, or gone?", true),
        (
            "The final norm and the output head, put on what each layer leaves behind, show where the old answer is still ahead of the new one: before the edits and with them.",
            false,
        ),
        (next, true),
    ];
    empty(buf, inner, words, state, styles);
}

pub fn sentence(buf: &mut Buffer, area: Rect, report: &LensReport, styles: &Styles) {
    let lines = wrap_plain(&report.sentence, area.width.into());
    for (line, y) in lines.iter().zip(area.y..area.bottom()) {
        put(buf, area.x, y, area.right(), line, styles.strong());
    }
}

/// The cell under the cursor: both answers, before and after.
pub fn readout(
    buf: &mut Buffer,
    inner: Rect,
    y: u16,
    at: Cell,
    report: &LensReport,
    styles: &Styles,
) {
    let end = inner.right();
    let token = visible(report.tokens[at.token].trim()).into_owned();
    let depth = match Depth(at.depth).layer() {
        Some(layer) => format!("“{}” · layer {layer}", clip(&token, 12)),
        None => format!("“{}” · embedding", clip(&token, 12)),
    };
    let mut x = put(buf, inner.x, y, end, &depth, styles.text());
    let (before, after) = (&report.before, &report.after);
    let of = [
        (
            &report.old.token,
            [&before.p_old, &after.p_old],
            styles.old(),
        ),
        (
            &report.new.token,
            [&before.p_new, &after.p_new],
            styles.new_answer(),
        ),
    ];
    for (token, [was, is], style) in of {
        let number = |grid| value(grid, at).map_or("–".into(), p);
        let name = format!("p({})", clip(&visible(token.trim()), 10));
        x = put(buf, x + 2, y, end, &name, style);
        let change = format!(" {} → {}", number(was), number(is));
        x = put(buf, x, y, end, &change, styles.strong());
    }
}

/// The likeliest tokens of the cell, before beside after.
pub fn guesses(buf: &mut Buffer, area: Rect, at: Cell, report: &LensReport, styles: &Styles) {
    // A line of air above them where there is room.
    let (mut y, lines) = (area.y + 1, usize::from(area.height).saturating_sub(2));
    if area.height < 4 {
        return;
    }
    let wide = (area.width / 2).min(34);
    let sides = [
        (&report.before, "says before"),
        (&report.after, "says after"),
    ];
    for (n, (_, name)) in sides.iter().enumerate() {
        let x = area.x + n as u16 * wide;
        put(buf, x, y, x + wide - 2, name, styles.faint());
    }
    y += 1;
    for (n, (seen, _)) in sides.iter().enumerate() {
        let x = area.x + n as u16 * wide;
        let told = seen.top.get(at.token).and_then(|row| row.get(at.depth));
        let told: &[Guess] = told.map_or(&[], Vec::as_slice);
        for (guess, y) in told.iter().take(lines).zip(y..area.bottom()) {
            let style = match guess.id {
                id if id == report.old.id => styles.old(),
                id if id == report.new.id => styles.new_answer(),
                _ => styles.text(),
            };
            let room = usize::from(wide.saturating_sub(9));
            let text = visible(&guess.text);
            put(buf, x, y, x + wide - 7, &clip(&text, room), style);
            put_right(
                buf,
                x + wide - 8,
                y,
                x + wide - 3,
                &p(guess.p),
                styles.dim(),
            );
        }
    }
}

/// The scale, and what the letters under the maps are.
pub fn legend(buf: &mut Buffer, inner: Rect, y: u16, shown: Shown, styles: &Styles) {
    let end = inner.right();
    let (from, name) = match shown {
        Shown::Change => (-9, "−1 "),
        _ => (0, "0 "),
    };
    let mut x = put(buf, inner.x, y, end, name, styles.dim());
    for step in from..=9 {
        let heat = heat(shown, Some(f64::from(step) / 9.0), styles);
        x = put(buf, x, y, end, heat.glyph, heat.style);
    }
    let change = shown == Shown::Change;
    let name = if change { " +1" } else { " 1" };
    x = put(buf, x, y, end, name, styles.dim());
    let letters = match change {
        true => "   e embedding",
        false => "   e embedding   o old, n new leads at the last token",
    };
    put(buf, x, y, end, letters, styles.faint());
}
