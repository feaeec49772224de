//! `[keys]`: a command, and the key or the keys that it is to have; in
//! `[keys.in.trace]`, what holds while that pane has the focus.
//!
//! Read entry by entry, so that an error has the line of the word it is about.

use crate::tui::keymap::{Changes, Command, Entry, KeyMap, Place, Press, has_line, pane_named};
use crate::tui::pane::Pane;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};
use std::fmt;

pub fn read<'de, D: Deserializer<'de>>(from: D) -> Result<KeyMap, D::Error> {
    let changes = Section(Place::Anywhere).deserialize(from)?;
    KeyMap::with(&changes).map_err(D::Error::custom)
}

/// The table of one place.
#[derive(Clone, Copy)]
struct Section(Place);

impl<'de> DeserializeSeed<'de> for Section {
    type Value = Changes;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Changes, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Section {
    type Value = Changes;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "commands and their keys, as in trace = \"t\"")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Changes, A::Error> {
        let mut changes = Changes::new();
        while let Some(name) = map.next_key_seed(NameIn(self.0))? {
            match name {
                Name::Command(command) => changes.push(Entry {
                    place: self.0,
                    command,
                    keys: map.next_value::<Keys>()?.0,
                }),
                Name::Panes => changes.extend(map.next_value_seed(Panes)?),
            }
        }
        Ok(changes)
    }
}

/// What stands on the left.
enum Name {
    Command(Command),
    /// `in`, with a table of panes.
    Panes,
}

/// A name in the table of a place.
struct NameIn(Place);

impl<'de> DeserializeSeed<'de> for NameIn {
    type Value = Name;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Name, D::Error> {
        let name = String::deserialize(from)?;
        match Command::named(&name) {
            Some(command) => match has_line(self.0, command) {
                Ok(_) => Ok(Name::Command(command)),
                Err(words) => Err(D::Error::custom(words)),
            },
            None if name == "in" && self.0 == Place::Anywhere => Ok(Name::Panes),
            None => Err(D::Error::custom(format!(
                "no command is called “{name}”: `pentimento config --print-default` names them all"
            ))),
        }
    }
}

/// The tables of the panes.
struct Panes;

impl<'de> DeserializeSeed<'de> for Panes {
    type Value = Changes;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Changes, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Panes {
    type Value = Changes;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "a table for each pane, as in [keys.in.trace]")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Changes, A::Error> {
        let mut changes = Changes::new();
        while let Some(PaneName(pane)) = map.next_key()? {
            changes.extend(map.next_value_seed(Section(Place::In(pane)))?);
        }
        Ok(changes)
    }
}

struct PaneName(Pane);

impl<'de> Deserialize<'de> for PaneName {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<PaneName, D::Error> {
        let name = String::deserialize(from)?;
        let found = pane_named(&name).map(PaneName);
        found.ok_or_else(|| D::Error::custom(format!("no pane is called “{name}”")))
    }
}

/// A key, or several.
struct Keys(Vec<Press>);

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Keys, D::Error> {
        from.deserialize_any(SomeKeys).map(Keys)
    }
}

struct SomeKeys;

impl<'de> Visitor<'de> for SomeKeys {
    type Value = Vec<Press>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(
            f,
            "a key, as in \"t\", or several, as in [\"t\", \"ctrl-t\"]"
        )
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Vec<Press>, E> {
        Ok(vec![text.parse().map_err(E::custom)?])
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<Vec<Press>, A::Error> {
        let mut keys = Vec::new();
        while let Some(OneKey(key)) = all.next_element()? {
            keys.push(key);
        }
        Ok(keys)
    }
}

struct OneKey(Press);

impl<'de> Deserialize<'de> for OneKey {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<OneKey, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map(OneKey).map_err(D::Error::custom)
    }
}
