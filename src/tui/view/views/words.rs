//! What the pane says of itself, and what it says before there is anything.

use crate::tui::app::{Health, JobKind, State};
use crate::tui::text::{clip, visible};
use crate::tui::theme::Styles;
use crate::tui::view::{Words, empty};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

fn running(state: &State) -> bool {
    state.jobs.of_kind(JobKind::Views).next().is_some()
}

/// The fact and both answers.
pub fn about<'a>(state: &State, styles: &Styles) -> Words<'a> {
    let Some(report) = &state.views.report else {
        return vec![];
    };
    let short = |text: &str, room| clip(&visible(text.trim()), room).into_owned();
    let room = usize::from(state.size.width / 3);
    let prompt = report.prompt.replacen("{}", &report.subject, 1);
    let mut words: Words = vec![
        (short(&prompt, room).into(), styles.text()),
        ("  ".into(), styles.text()),
        (short(&report.old, 14).into(), styles.old()),
        (" → ".into(), styles.faint()),
        (short(&report.new, 14).into(), styles.new_answer()),
    ];
    let seen = state.views.asked.as_ref().map(|asked| &asked.made_on);
    if seen.is_some_and(|made_on| *made_on != state.edits.ground()) {
        let other = state.tell("  on another stack: ‹views› looks again");
        words.push((other.into(), styles.doubt()));
    }
    words
}

pub fn right<'a>(state: &State, styles: &Styles) -> Words<'a> {
    let Some(report) = &state.views.report else {
        return vec![];
    };
    let word = match running(state) {
        true => state.tell("looking … ‹cancel› stops"),
        false if report.sentence.is_empty() => state.tell("stopped: ‹views› looks again"),
        false => format!("{} · {} further edits", report.method, report.later),
    };
    vec![(word.into(), styles.dim())]
}

pub fn nothing_yet(buf: &mut Buffer, inner: Rect, state: &State, styles: &Styles) {
    let next = match (&state.health, state.views_question()) {
        (Health::Dead(_) | Health::Failed(_), _) => "No model is open: `‹models›` opens one.",
        (Health::Loading, _) => "The model is still opening.",
        (_, Some(_)) => "`‹views›` looks at the selected edit.",
        (_, None) => {
            "`‹edit›` makes an edit; in the stack (`‹go-stack›`) another one is chosen or switched on. `‹views›` looks at it."
        }
    };
    let words: &[(&str, bool)] = &[
        ("Thirteen views of one edit", true),
        (
            "Did it generalise, what did it break, does it last? Each view is a score from 0 to 1 with a threshold, and rests on prompts that `‹behind›` shows. Ten further edits are made on top and let go, to see what becomes of this one: it takes a while, and the first scores come at once.",
            false,
        ),
        (next, true),
    ];
    empty(buf, inner, words, state, styles);
}
