//! Where in a probe's prompt its own subject ends.

use super::data::KeyAt;
use crate::edit::context::Row;
use crate::edit::error::Result;
use crate::facts::World;
use crate::measure::Probe;
use crate::model::Tokens;

/// A prompt with the position at which its key is read.
pub struct Placed {
    pub row: Row,
    pub subject: Option<String>,
    pub key_at: KeyAt,
}

/// The subject that came with the probe, else the longest one of the world that the
/// prompt names, else none: then it is the last token.
pub fn place(tokens: &Tokens, world: &World, probe: &Probe) -> Result<Placed> {
    let given = (probe.subject.as_deref()).filter(|name| probe.prompt.contains(name));
    let known = || {
        let named = world.subjects().filter(|name| names(&probe.prompt, name));
        named.max_by_key(|name| name.len())
    };
    let (subject, key_at) = match given {
        Some(given) => (Some(given), KeyAt::Given),
        None => match known() {
            Some(known) => (Some(known), KeyAt::World),
            None => (None, KeyAt::LastToken),
        },
    };
    if let Some(subject) = subject
        && let Some((head, tail)) = probe.prompt.split_once(subject)
    {
        // A prompt may have braces of its own: the row is made of its parts.
        let before = tokens.encode(&probe.prompt)?;
        let range = head.len()..probe.prompt.len() - tail.len();
        if let Some(over) = before.tokens_over(range) {
            return Ok(Placed {
                row: Row {
                    subject_last: over.end - 1,
                    ids: before.ids,
                },
                subject: Some(subject.to_owned()),
                key_at,
            });
        }
    }
    let ids = tokens.encode(&probe.prompt)?.ids;
    Ok(Placed {
        row: Row {
            subject_last: ids.len().saturating_sub(1),
            ids,
        },
        subject: None,
        key_at: KeyAt::LastToken,
    })
}

/// Whether the name stands in the prompt as words of its own.
fn names(prompt: &str, name: &str) -> bool {
    let letter = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let mut places = prompt.match_indices(name);
    places.any(|(at, _)| {
        let (head, tail) = (&prompt[..at], &prompt[at + name.len()..]);
        !letter(head.chars().next_back()) && !letter(tail.chars().next())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Source;

    #[test]
    fn the_key_is_read_where_the_subject_ends() {
        let loaded = Source::Atlas.load(&candle_core::Device::Cpu).unwrap();
        let world = World::atlas().unwrap();
        let place = |prompt: &str, subject: Option<&str>| {
            let probe = Probe {
                prompt: prompt.into(),
                subject: subject.map(str::to_owned),
                ..Probe::default()
            };
            place(&loaded.tokens, &world, &probe).unwrap()
        };
        let given = place("The Space Needle is in", Some("The Space Needle"));
        assert_eq!(given.key_at, KeyAt::Given);
        let ends = loaded.tokens.encode("The Space Needle").unwrap().ids.len();
        assert_eq!(given.row.subject_last, ends - 1);
        let known = place("Yes. The Space Needle is in", None);
        assert_eq!(known.key_at, KeyAt::World);
        assert_eq!(known.subject.as_deref(), Some("The Space Needle"));
        let none = place("zzz {} qqq", Some("not there"));
        assert_eq!(none.key_at, KeyAt::LastToken);
        assert_eq!(none.row.subject_last, none.row.ids.len() - 1);
        assert!(names("in Rome.", "Rome") && !names("Romeo", "Rome"));
    }
}
