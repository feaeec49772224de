//! One line of text being typed.

use ratatui::crossterm::event::{Event, KeyEvent};
use tui_input::backend::crossterm::to_input_request;
use tui_input::{Input, InputRequest};

#[derive(Clone, Debug, Default)]
pub struct Entry {
    input: Input,
}

impl Entry {
    pub fn new(text: &str) -> Self {
        Entry {
            input: Input::new(one_line(text)),
        }
    }

    pub fn text(&self) -> &str {
        self.input.value()
    }

    /// The caret's place in bytes.
    pub fn caret(&self) -> usize {
        let text = self.input.value();
        text.char_indices()
            .nth(self.input.cursor())
            .map_or(text.len(), |(at, _)| at)
    }

    /// Replaces the text; the caret goes to its end.
    pub fn set(&mut self, text: &str) {
        self.input = Input::new(one_line(text));
    }

    /// Whether the text changed.
    pub fn key(&mut self, key: KeyEvent) -> bool {
        to_input_request(&Event::Key(key))
            .and_then(|request| self.input.handle(request))
            .is_some_and(|changed| changed.value)
    }

    pub fn paste(&mut self, text: &str) {
        for c in one_line(text).chars() {
            self.input.handle(InputRequest::InsertChar(c));
        }
    }
}

/// Line breaks and tabs become spaces; other control characters go.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if matches!(c, '\n' | '\t') { ' ' } else { c })
        .filter(|c| !c.is_control())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paste_cannot_smuggle_control_characters() {
        let mut entry = Entry::new("a\x1b[2Jb\nc");
        assert_eq!(entry.text(), "a[2Jb c");
        entry.paste("\u{7}d");
        assert_eq!(entry.text(), "a[2Jb cd");
        assert_eq!(entry.caret(), entry.text().len());
    }
}
