//! One line of text being typed.

use ratatui::crossterm::event::{Event, KeyEvent};
use tui_input::Input;
use tui_input::backend::crossterm::to_input_request;

/// Characters that an entry holds: any model's context, and far from what takes a
/// frame to draw. A book on the clipboard is a slip of the hand.
const MOST: usize = 16_384;

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

    /// Puts at the caret what there is room for; in words, how much was left out.
    pub fn paste(&mut self, text: &str) -> Option<String> {
        let old = self.input.value();
        let room = MOST.saturating_sub(old.chars().count());
        let new = one_line(text);
        let end = new.char_indices().nth(room).map_or(new.len(), |(at, _)| at);
        let (kept, left_out) = new.split_at(end);
        let (before, after) = old.split_at(self.caret());
        let caret = self.input.cursor() + kept.chars().count();
        self.input = Input::new([before, kept, after].concat()).with_cursor(caret);
        let left_out = left_out.chars().count();
        (left_out > 0).then(|| {
            format!(
                "the paste is too long for one line: its last {left_out} characters are left out"
            )
        })
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
    use ratatui::crossterm::event::KeyCode;

    #[test]
    fn a_paste_cannot_smuggle_control_characters() {
        let mut entry = Entry::new("a\x1b[2Jb\nc");
        assert_eq!(entry.text(), "a[2Jb c");
        assert_eq!(entry.paste("\u{7}d"), None);
        assert_eq!(entry.text(), "a[2Jb cd");
        assert_eq!(entry.caret(), entry.text().len());
    }

    #[test]
    fn a_paste_goes_in_at_the_caret_as_far_as_there_is_room() {
        let mut entry = Entry::new("Rome 木");
        entry.key(KeyCode::Left.into());
        assert_eq!(entry.paste("é 的"), None);
        assert_eq!(entry.text(), "Rome é 的木");
        assert_eq!(&entry.text()[entry.caret()..], "木");
        let book = "的 ".repeat(1 << 20);
        let told = entry.paste(&book).expect("it cannot all go in");
        assert_eq!(entry.text().chars().count(), MOST);
        let left_out = book.chars().count() + 9 - MOST;
        assert!(told.contains(&format!("last {left_out} ")), "{told}");
        assert_eq!(&entry.text()[entry.caret()..], "木");
    }
}
