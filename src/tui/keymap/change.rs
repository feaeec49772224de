//! The user's keys: what `[keys]` of the config file says, on top of the table.

use super::{Anywhere, BINDINGS, Command, In, KeyMap, Place, Press};
use crate::tui::pane::Pane;

/// One line of `[keys]`: which keys a command has in a place, instead of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub place: Place,
    pub command: Command,
    pub keys: Vec<Press>,
}

/// What the user wants otherwise.
pub type Changes = Vec<Entry>;

impl KeyMap {
    /// The table's keys with these changes. What the user gives to one command is
    /// taken from another that had it from the table.
    ///
    /// # Errors
    /// A command that has no line in that place, or one key for two commands of
    /// one place, both by the user's word.
    pub fn with(changes: &[Entry]) -> Result<KeyMap, String> {
        let mut map = KeyMap::default();
        let mut given: Vec<(Place, Press, Command)> = Vec::new();
        for Entry {
            place,
            command,
            keys,
        } in changes
        {
            let line = has_line(*place, *command)?;
            for press in keys {
                let before = given.iter().find(|(p, k, _)| (p, k) == (place, press));
                if let Some((.., other)) = before.filter(|(.., other)| other != command) {
                    let (one, other) = (command.name(), other.name());
                    return Err(format!("“{press}” is given to both {other} and {one}"));
                }
                given.push((*place, *press, *command));
                let others = BINDINGS.iter().zip(&mut map.keys);
                for (_, keys) in others.filter(|(line, _)| line.place == *place) {
                    keys.retain(|key| key != press);
                }
            }
            map.keys[line] = keys.clone();
        }
        Ok(map)
    }
}

/// The number of the table's line of a command in a place.
///
/// # Errors
/// It has none there; in words, with the places where it has.
pub fn has_line(place: Place, command: Command) -> Result<usize, String> {
    let mut lines = BINDINGS.iter();
    let found = lines.position(|line| (line.place, line.command) == (place, command));
    found.ok_or_else(|| no_such_line(place, command))
}

fn no_such_line(place: Place, command: Command) -> String {
    let name = command.name();
    let places = BINDINGS.iter().filter(|line| line.command == command);
    let places: Vec<String> = places.map(|line| section(line.place)).collect();
    format!(
        "{name} has no keys in [{}]: it stands in [{}]",
        section(place),
        places.join("] and [")
    )
}

/// The section of the config file that holds a place's keys.
pub fn section(place: Place) -> String {
    match place {
        Anywhere => "keys".to_owned(),
        In(pane) => format!("keys.in.{}", pane_name(pane)),
    }
}

/// A pane's name in the config file.
fn pane_name(pane: Pane) -> String {
    pane.name().to_lowercase()
}

/// The pane of that name.
pub fn pane_named(name: &str) -> Option<Pane> {
    Pane::ALL.into_iter().find(|pane| pane_name(*pane) == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(place: Place, command: Command, keys: &[&str]) -> Entry {
        Entry {
            place,
            command,
            keys: keys.iter().map(|key| key.parse().unwrap()).collect(),
        }
    }

    fn press(text: &str) -> Press {
        text.parse().unwrap()
    }

    #[test]
    fn a_key_that_is_given_is_taken_from_the_one_that_had_it() {
        let map = KeyMap::with(&[entry(Anywhere, Command::Edit, &["t", "ctrl-e"])]).unwrap();
        assert_eq!(map.lookup(Pane::Fact, press("t")), Some(Command::Edit));
        assert_eq!(map.lookup(Pane::Fact, press("ctrl-e")), Some(Command::Edit));
        assert_eq!(map.lookup(Pane::Fact, press("e")), None);
        assert_eq!(map.key(Command::Trace), None);
        // Two that change places.
        let map = KeyMap::with(&[
            entry(Anywhere, Command::Edit, &["t"]),
            entry(Anywhere, Command::Trace, &["e"]),
        ]);
        let map = map.unwrap();
        assert_eq!(map.lookup(Pane::Fact, press("t")), Some(Command::Edit));
        assert_eq!(map.lookup(Pane::Fact, press("e")), Some(Command::Trace));
    }

    #[test]
    fn nothing_said_changes_nothing() {
        assert_eq!(KeyMap::with(&[]), Ok(KeyMap::default()));
        let all = BINDINGS.iter().map(|line| Entry {
            place: line.place,
            command: line.command,
            keys: line.keys.to_vec(),
        });
        assert_eq!(
            KeyMap::with(&all.collect::<Vec<_>>()),
            Ok(KeyMap::default())
        );
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        let twice = [
            entry(Anywhere, Command::Edit, &["x"]),
            entry(Anywhere, Command::Trace, &["x"]),
        ];
        let error = KeyMap::with(&twice).unwrap_err();
        assert_eq!(error, "“x” is given to both edit and trace");
        let error = KeyMap::with(&[entry(In(Pane::Fact), Command::Edit, &["x"])]).unwrap_err();
        assert_eq!(
            error,
            "edit has no keys in [keys.in.fact]: it stands in [keys]"
        );
    }
}
