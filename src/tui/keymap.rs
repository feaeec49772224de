//! The one key map: what keys do, what `?` and the footer say of them, and what
//! the palette finds by name. Which keys is the user's to say; texts that name
//! a key name its command instead, and [`KeyMap::tell`] puts the key there.

mod change;
mod press;
mod table;

pub use change::{Changes, Entry, has_line, pane_named, section};
pub use press::Press;
pub use table::{BINDINGS, TOGETHER};

use super::pane::Pane;
use Place::{Anywhere, In};

/// What can be done by a key or from the palette.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Command {
    Trace,
    Edit,
    Validate,
    Duel,
    Views,
    Behind,
    Erase,
    Counterfact,
    Prompts,
    TakeMethod,
    Undo,
    Redo,
    Toggle,
    ToggleAll,
    Weaker,
    Stronger,
    AskAlpha,
    Solo,
    MoveUp,
    MoveDown,
    Duplicate,
    Drop,
    Recall,
    Method,
    Recipe,
    LayerDown,
    LayerUp,
    AskLayer,
    TakeLayer,
    LayersLeft,
    LayersRight,
    Watch,
    Look,
    Filter,
    Sort,
    Find,
    ImportProbes,
    ProposeProbes,
    ForgetProbes,
    Roll,
    TypePrompt,
    TypeTarget,
    NextExample,
    PreviousExample,
    SubjectHere,
    ExtendLeft,
    ExtendRight,
    Left,
    Right,
    Up,
    Down,
    PageUp,
    PageDown,
    First,
    Last,
    Kinds,
    Shown,
    Transpose,
    Zoom,
    Layout,
    Theme,
    NextPane,
    PreviousPane,
    Go(Pane),
    Save,
    SaveAs,
    Sessions,
    Models,
    Export,
    Copy,
    WriteFile,
    Snapshot,
    Tour,
    ShowNext,
    ShowPause,
    Help,
    Palette,
    Back,
    Cancel,
    Suspend,
    Repaint,
    Quit,
}

impl Command {
    /// Its name in the config file: `trace`, `take-layer`, `go-stack`.
    pub fn name(self) -> String {
        let words = format!("{self:?}").replace('(', "").replace(')', "");
        let mut name = String::with_capacity(words.len() + 4);
        for letter in words.chars() {
            if letter.is_uppercase() && !name.is_empty() {
                name.push('-');
            }
            name.extend(letter.to_lowercase());
        }
        name
    }

    /// The command of that name.
    pub fn named(name: &str) -> Option<Command> {
        let mut all = BINDINGS.iter().map(|line| line.command);
        all.find(|command| command.name() == name)
    }
}

/// Where a binding holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Anywhere,
    In(Pane),
}

/// The heading a command stands under in the help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    Act,
    Fact,
    Stack,
    Look,
    Session,
}

impl Group {
    pub const ALL: [Group; 5] = [
        Group::Act,
        Group::Fact,
        Group::Stack,
        Group::Look,
        Group::Session,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Group::Act => "Locate, edit, measure",
            Group::Fact => "The fact",
            Group::Stack => "The stack of edits",
            Group::Look => "Moving and looking",
            Group::Session => "Session and program",
        }
    }
}

/// One line of the key map.
pub struct Binding {
    pub command: Command,
    pub keys: &'static [Press],
    pub place: Place,
    pub group: Group,
    /// One word or two, for the footer.
    pub short: &'static str,
    /// What it does, for the help and the palette.
    pub long: &'static str,
}

/// The keys of each line of [`BINDINGS`]: as they come, or as the user has them.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyMap {
    keys: Vec<Vec<Press>>,
}

impl Default for KeyMap {
    fn default() -> KeyMap {
        KeyMap {
            keys: BINDINGS.iter().map(|line| line.keys.to_vec()).collect(),
        }
    }
}

impl KeyMap {
    /// Every line with its keys, in the table's order.
    pub fn lines(&self) -> impl DoubleEndedIterator<Item = (&'static Binding, &[Press])> {
        BINDINGS.iter().zip(self.keys.iter().map(Vec::as_slice))
    }

    /// What a key does while `pane` has the focus.
    pub fn lookup(&self, pane: Pane, press: Press) -> Option<Command> {
        let hit = |place| {
            self.lines()
                .find(|(line, keys)| line.place == place && keys.contains(&press))
                .map(|(line, _)| line.command)
        };
        hit(In(pane)).or_else(|| hit(Anywhere))
    }

    /// The line that stands for a command: the one with a key, where there is one.
    pub fn binding(&self, command: Command) -> Option<(&'static Binding, &[Press])> {
        let all = || self.lines().filter(|(line, _)| line.command == command);
        all()
            .find(|(_, keys)| !keys.is_empty())
            .or_else(|| all().next())
    }

    /// What is shown for a command: its key, else `:` and the name that the
    /// palette knows it by.
    pub fn key_name(&self, command: Command) -> String {
        self.key(command)
            .unwrap_or_else(|| format!(":{}", command.name()))
    }

    /// A command's key, if it has one.
    pub fn key(&self, command: Command) -> Option<String> {
        let (_, keys) = self.binding(command)?;
        keys.first().map(ToString::to_string)
    }

    /// A text with keys in the place of commands: `‹trace›` becomes `t`.
    pub fn tell(&self, text: &str) -> String {
        let mut told = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('‹') {
            told.push_str(before);
            let named = after.split_once('›');
            let command = named.and_then(|(name, after)| Some((Command::named(name)?, after)));
            match command {
                Some((command, after)) => {
                    told.push_str(&self.key_name(command));
                    rest = after;
                }
                None => {
                    told.push('‹');
                    rest = after;
                }
            }
        }
        told.push_str(rest);
        told
    }
}

#[cfg(test)]
mod tests {
    use super::press::{ctrl, key};
    use super::*;
    use ratatui::crossterm::event::{KeyCode as K, KeyEvent, KeyModifiers};
    use std::collections::HashSet;

    #[test]
    fn no_key_has_two_meanings_in_one_place() {
        let mut seen = HashSet::new();
        for b in BINDINGS {
            for k in b.keys {
                assert!(
                    seen.insert(format!("{:?} {k}", b.place)),
                    "{k} is bound twice"
                );
            }
        }
    }

    #[test]
    fn every_key_can_come_from_a_plain_terminal() {
        for k in BINDINGS.iter().flat_map(|b| b.keys) {
            assert_eq!(k.to_string().parse(), Ok(*k));
            assert!(!k.mods.contains(KeyModifiers::ALT), "{k}");
            let shifted_enter = k.code == K::Enter && k.mods != KeyModifiers::NONE;
            assert!(!shifted_enter, "{k}");
        }
    }

    #[test]
    fn every_command_has_a_name_of_its_own() {
        let names: HashSet<String> = BINDINGS.iter().map(|b| b.command.name()).collect();
        let commands: HashSet<Command> = BINDINGS.iter().map(|b| b.command).collect();
        assert_eq!(names.len(), commands.len());
        for command in commands {
            assert_eq!(Command::named(&command.name()), Some(command));
        }
        assert_eq!(Command::Go(Pane::Stack).name(), "go-stack");
    }

    #[test]
    fn a_pane_overrules_the_rest() {
        let map = KeyMap::default();
        let enter = key(K::Enter);
        assert_eq!(map.lookup(Pane::Trace, enter), Some(Command::TakeLayer));
        assert_eq!(map.lookup(Pane::Fact, enter), Some(Command::TypePrompt));
        assert_eq!(map.lookup(Pane::Confabulations, enter), None);
        let shifted = KeyEvent::new(K::Char('H'), KeyModifiers::SHIFT);
        assert_eq!(
            map.lookup(Pane::Fact, shifted.into()),
            Some(Command::ExtendLeft)
        );
    }

    #[test]
    fn texts_name_the_key_that_is_bound() {
        let map = KeyMap::default();
        assert_eq!(
            map.tell("`‹trace›` traces it ‹of› ‹"),
            "`t` traces it ‹of› ‹"
        );
        let mut other = map.clone();
        for (line, keys) in BINDINGS.iter().zip(&mut other.keys) {
            match line.command {
                Command::Trace => *keys = vec![ctrl('t')],
                Command::Edit => keys.clear(),
                _ => {}
            }
        }
        assert_eq!(other.tell("‹trace›, ‹edit›"), "ctrl-t, :edit");
    }
}
