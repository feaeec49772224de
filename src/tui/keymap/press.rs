//! One press of a key, as the terminal sends it and as people write it.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use std::str::FromStr;

/// A key with its modifiers; the shift of a letter is in the letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Press {
    pub code: KeyCode,
    pub mods: KeyModifiers,
}

impl From<KeyEvent> for Press {
    fn from(key: KeyEvent) -> Self {
        let mut mods =
            key.modifiers & (KeyModifiers::CONTROL | KeyModifiers::ALT | KeyModifiers::SHIFT);
        if matches!(key.code, KeyCode::Char(_) | KeyCode::BackTab) {
            mods -= KeyModifiers::SHIFT;
        }
        Press {
            code: key.code,
            mods,
        }
    }
}

impl std::fmt::Display for Press {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.mods.contains(KeyModifiers::CONTROL) {
            write!(f, "ctrl-")?;
        }
        if self.mods.contains(KeyModifiers::ALT) {
            write!(f, "alt-")?;
        }
        if self.mods.contains(KeyModifiers::SHIFT) {
            write!(f, "shift-")?;
        }
        match self.code {
            KeyCode::Char(' ') => write!(f, "space"),
            KeyCode::Char(c) => write!(f, "{c}"),
            KeyCode::Left => write!(f, "←"),
            KeyCode::Right => write!(f, "→"),
            KeyCode::Up => write!(f, "↑"),
            KeyCode::Down => write!(f, "↓"),
            KeyCode::Tab => write!(f, "tab"),
            KeyCode::BackTab => write!(f, "shift-tab"),
            KeyCode::Enter => write!(f, "enter"),
            KeyCode::Esc => write!(f, "esc"),
            KeyCode::PageUp => write!(f, "pgup"),
            KeyCode::PageDown => write!(f, "pgdn"),
            KeyCode::Home => write!(f, "home"),
            KeyCode::End => write!(f, "end"),
            other => write!(f, "{}", other.to_string().to_lowercase()),
        }
    }
}

/// Keys with names; arrows may be written as such, too.
#[rustfmt::skip]
const NAMED: [(&str, KeyCode); 17] = [
    ("space", KeyCode::Char(' ')), ("tab", KeyCode::Tab), ("enter", KeyCode::Enter),
    ("esc", KeyCode::Esc), ("left", KeyCode::Left), ("right", KeyCode::Right),
    ("up", KeyCode::Up), ("down", KeyCode::Down), ("pgup", KeyCode::PageUp),
    ("pgdn", KeyCode::PageDown), ("home", KeyCode::Home), ("end", KeyCode::End),
    ("insert", KeyCode::Insert), ("←", KeyCode::Left), ("→", KeyCode::Right),
    ("↑", KeyCode::Up), ("↓", KeyCode::Down),
];

/// `e`, `E`, `ctrl-r`, `alt-x`, `shift-left`, `space`, `f5`.
impl FromStr for Press {
    type Err = String;

    fn from_str(text: &str) -> Result<Press, String> {
        let mut mods = KeyModifiers::NONE;
        let mut rest = text;
        for (name, modifier) in [
            ("ctrl-", KeyModifiers::CONTROL),
            ("alt-", KeyModifiers::ALT),
            ("shift-", KeyModifiers::SHIFT),
        ] {
            if let Some(after) = rest.strip_prefix(name) {
                (mods, rest) = (mods | modifier, after);
            }
        }
        let named = NAMED.iter().find(|(name, _)| *name == rest);
        let code = named.map(|(_, code)| *code);
        let code = code.or_else(|| function(rest)).or_else(|| letter(rest));
        let Some(code) = code else {
            return Err(format!(
                "no key is called “{text}”: write e, E, ctrl-r, alt-x, shift-left, space, enter, f5 …"
            ));
        };
        let press = match code {
            // As the terminal sends it.
            KeyCode::Tab if mods == KeyModifiers::SHIFT => key(KeyCode::BackTab),
            code => Press { code, mods },
        };
        press.can_come().map(|()| press)
    }
}

impl Press {
    /// Whether it is one of the numbers that panes have.
    pub fn is_digit(self) -> bool {
        self.mods.is_empty() && matches!(self.code, KeyCode::Char(c) if c.is_ascii_digit())
    }

    /// Terminals have no bytes for some presses, or the same as for others.
    fn can_come(self) -> Result<(), String> {
        let KeyCode::Char(letter) = self.code else {
            return Ok(());
        };
        if self.mods.contains(KeyModifiers::SHIFT) {
            return Err(format!("“{self}” is written as its letter alone, as in E"));
        }
        let same = match letter {
            'i' | 'I' => "tab",
            'm' | 'M' | 'j' | 'J' => "enter",
            'h' | 'H' => "backspace",
            '[' => "esc",
            _ => return Ok(()),
        };
        match self.mods.contains(KeyModifiers::CONTROL) {
            true => Err(format!("“{self}” is the same as {same} in a terminal")),
            false => Ok(()),
        }
    }
}

fn letter(text: &str) -> Option<KeyCode> {
    let mut letters = text.chars().filter(|letter| !letter.is_control());
    match (letters.next(), letters.next()) {
        (Some(letter), None) => Some(KeyCode::Char(letter)),
        _ => None,
    }
}

fn function(text: &str) -> Option<KeyCode> {
    let number: u8 = text.strip_prefix('f')?.parse().ok()?;
    (1..=12).contains(&number).then_some(KeyCode::F(number))
}

pub(super) const fn ch(c: char) -> Press {
    key(KeyCode::Char(c))
}

pub(super) const fn ctrl(c: char) -> Press {
    Press {
        code: KeyCode::Char(c),
        mods: KeyModifiers::CONTROL,
    }
}

pub(super) const fn key(code: KeyCode) -> Press {
    Press {
        code,
        mods: KeyModifiers::NONE,
    }
}

pub(super) const fn shift(code: KeyCode) -> Press {
    Press {
        code,
        mods: KeyModifiers::SHIFT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_read_back() {
        for text in [
            "e",
            "E",
            "?",
            "space",
            "ctrl-r",
            "alt-x",
            "shift-left",
            "←",
            "shift-tab",
            "pgup",
            "f5",
            "-",
            "ctrl--",
            "é",
        ] {
            let press: Press = text.parse().unwrap();
            assert_eq!(press.to_string().parse(), Ok(press));
        }
        assert_eq!("left".parse::<Press>(), "←".parse::<Press>());
    }

    #[test]
    fn what_cannot_come_is_refused() {
        for (text, words) in [
            ("", "no key is called"),
            ("entr", "no key is called"),
            ("f13", "no key is called"),
            ("ctrl-i", "the same as tab"),
            ("ctrl-[", "the same as esc"),
            ("shift-e", "written as its letter"),
            ("\u{1b}", "no key is called"),
        ] {
            let error = text.parse::<Press>().unwrap_err();
            assert!(error.contains(words), "{text}: {error}");
        }
    }
}
