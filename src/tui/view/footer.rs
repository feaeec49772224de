//! The last line: what to press. All of it comes from the key map.

use super::typing;
use crate::tui::app::{Field, Mode, Pane, State, Tone};
use crate::tui::keymap::{Command as C, KeyMap};
use crate::tui::text::{clip, put, width};
use crate::tui::theme::Styles;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

pub fn draw(buf: &mut Buffer, area: Rect, state: &State, styles: &Styles) {
    let mut line = Line {
        x: area.x + 1,
        y: area.y,
        end: area.right().saturating_sub(1),
        buf,
        styles,
    };
    line.right(state, area.width);
    if typing(state) {
        let name = match state.mode {
            Mode::Typing(Field::Target) => " typing the answer ",
            _ => " typing the prompt ",
        };
        line.words(name, styles.badge());
        line.x += 1;
        for (key, word) in [
            ("enter", "done"),
            ("tab", "next"),
            ("{ }", "mark the subject"),
            ("esc", "commands"),
        ] {
            line.pair(key, word, false);
        }
        return;
    }
    let next = next_step(state);
    for commands in offered(state) {
        let (key, word) = label(&state.settings.keys, commands);
        if !line.pair(&key, word, next == Some(commands[0])) {
            break;
        }
    }
}

/// What is left of the footer's line.
struct Line<'a> {
    x: u16,
    y: u16,
    end: u16,
    buf: &'a mut Buffer,
    styles: &'a Styles,
}

impl Line<'_> {
    fn words(&mut self, text: &str, style: Style) {
        self.x = put(self.buf, self.x, self.y, self.end, text, style);
    }

    /// A key and its word, if both fit; the next step stands out.
    fn pair(&mut self, key: &str, word: &str, next: bool) -> bool {
        let wide = width(key) + width(word) + if next { 5 } else { 3 };
        if usize::from(self.end.saturating_sub(self.x)) < wide {
            return false;
        }
        if next {
            self.words(&format!(" {key} "), self.styles.badge());
            self.words(&format!(" {word}"), self.styles.strong());
        } else {
            self.words(key, self.styles.key());
            self.words(&format!(" {word}"), self.styles.dim());
        }
        self.x += 2;
        true
    }

    /// The right end: a notice while there is one, else the way to help and out.
    fn right(&mut self, state: &State, wide: u16) {
        let full = self.end;
        let notice = state.notice.as_ref().filter(|n| n.tone == Tone::Plain);
        if let Some(notice) = notice {
            let words = clip(&notice.text, usize::from(wide) * 2 / 3).into_owned();
            self.x = full.saturating_sub(width(&words) as u16);
            self.end = self.x.saturating_sub(2);
            put(self.buf, self.x, self.y, full, &words, self.styles.accent());
        } else if !typing(state) {
            let tail = [C::Help, C::Quit].map(|c| label(&state.settings.keys, &[c]));
            let wide: usize = tail.iter().map(|(k, w)| width(k) + width(w) + 3).sum();
            self.x = full.saturating_sub(wide as u16 - 2);
            let end = self.x.saturating_sub(2);
            for (key, word) in tail {
                self.words(&key, self.styles.key());
                self.words(&format!(" {word}"), self.styles.dim());
                self.x += 2;
            }
            self.end = end;
        }
        self.x = 1;
    }
}

/// The keys of one or more commands, and one word for them.
fn label(map: &KeyMap, commands: &[C]) -> (String, &'static str) {
    let keys: Vec<String> = commands.iter().map(|c| map.key_name(*c)).collect();
    let word = map.binding(commands[0]).map_or("", |(line, _)| line.short);
    (keys.join(" "), word)
}

/// What a newcomer should press next.
pub fn next_step(state: &State) -> Option<C> {
    if state.model.is_none() || state.jobs.busy().is_some() || state.fact.current().is_none() {
        return None;
    }
    if state.fact.request().is_err() {
        return None;
    }
    let traced = state.trace.grid.as_ref().map(|g| g.prompt.as_str()) == Some(state.fact.text());
    let request = state.fact.request().ok();
    let edited = state
        .edits
        .records
        .values()
        .any(|r| Some(&r.spec.request) == request.as_ref());
    match (traced, edited) {
        (false, false) => Some(C::Trace),
        (true, false) => Some(C::Edit),
        _ => None,
    }
}

/// Commands worth naming now, the most useful first.
fn offered(state: &State) -> Vec<&'static [C]> {
    if state.focus == Pane::Stack && state.edits.stack.is_empty() {
        return vec![&[C::Edit], &[C::Undo], &[C::Back]];
    }
    if state.focus == Pane::Stack {
        return vec![
            &[C::Toggle],
            &[C::Solo],
            &[C::Weaker, C::Stronger],
            &[C::MoveDown, C::MoveUp],
            &[C::Duplicate],
            &[C::Drop],
            &[C::Undo],
            &[C::AskAlpha],
            &[C::Export],
            &[C::Zoom],
            &[C::Back],
        ];
    }
    if state.focus == Pane::Duel {
        return match state.duel.tries.is_empty() {
            true => vec![&[C::Duel], &[C::Back]],
            false => vec![
                &[C::TakeMethod],
                &[C::Edit],
                &[C::Recipe],
                &[C::Copy],
                &[C::Back],
            ],
        };
    }
    if state.focus == Pane::Geometry {
        return vec![
            &[C::Down, C::Up],
            &[C::Toggle],
            &[C::Weaker, C::Stronger],
            &[C::Copy],
            &[C::WriteFile],
            &[C::Back],
        ];
    }
    if state.focus == Pane::Erasure {
        return vec![
            &[C::Shown],
            &[C::Edit],
            &[C::Toggle],
            &[C::Copy],
            &[C::WriteFile],
            &[C::Palette],
            &[C::Back],
        ];
    }
    if state.focus == Pane::Counterfact {
        return match state.jobs.busy() {
            Some(_) => vec![&[C::Cancel], &[C::Prompts], &[C::WriteFile], &[C::Back]],
            None => vec![
                &[C::Prompts],
                &[C::Copy],
                &[C::WriteFile],
                &[C::Method],
                &[C::Palette],
                &[C::Back],
            ],
        };
    }
    if state.focus == Pane::Lens {
        return match state.edits.stack.is_empty() {
            true => vec![
                &[C::Edit],
                &[C::Shown],
                &[C::Copy],
                &[C::WriteFile],
                &[C::Back],
            ],
            false => vec![
                &[C::Shown],
                &[C::Toggle],
                &[C::Weaker, C::Stronger],
                &[C::Undo],
                &[C::Copy],
                &[C::WriteFile],
                &[C::Back],
            ],
        };
    }
    if state.focus == Pane::Views {
        let mut offered: Vec<&[C]> = vec![&[C::Views], &[C::Behind]];
        if state.jobs.busy().is_some() {
            offered.insert(0, &[C::Cancel]);
        }
        offered.extend([&[C::Copy][..], &[C::WriteFile], &[C::Back]]);
        return offered;
    }
    let mut offered: Vec<&[C]> = vec![&[C::Trace], &[C::Edit]];
    if !state.edits.stack.is_empty() {
        offered.extend([&[C::Undo][..], &[C::Toggle], &[C::Weaker, C::Stronger]]);
    }
    match state.focus {
        Pane::Fact => offered.extend([
            &[C::TypePrompt][..],
            &[C::TypeTarget],
            &[C::ExtendLeft, C::ExtendRight],
            &[C::NextExample],
        ]),
        Pane::Trace => offered.extend([
            &[C::TakeLayer][..],
            &[C::LayersLeft, C::LayersRight],
            &[C::Kinds],
            &[C::Transpose],
        ]),
        Pane::Edit => {
            offered.extend(match state.edits.stack.is_empty() {
                true => [&[C::Method][..], &[C::Recipe], &[C::Duel]],
                false => [&[C::Go(Pane::Stack)][..], &[C::Recipe], &[C::Duel]],
            });
        }
        Pane::Stack
        | Pane::Duel
        | Pane::Lens
        | Pane::Views
        | Pane::Geometry
        | Pane::Erasure
        | Pane::Counterfact => {}
        Pane::Neighbours => {
            offered.extend([&[C::Filter, C::Sort, C::Find][..], &[C::Watch], &[C::Look]])
        }
        Pane::Confabulations => offered.extend([&[C::Roll][..]]),
    }
    if state.jobs.busy().is_some() {
        offered.insert(0, &[C::Cancel]);
    }
    offered.extend([
        &[C::NextPane][..],
        &[C::Zoom],
        &[C::Palette],
        &[C::Save],
        &[C::Sessions],
    ]);
    offered
}
