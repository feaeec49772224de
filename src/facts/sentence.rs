//! True sentences that any model may know, in an order in which to ask for them.

/// The list inside the binary; `assets/facts/SOURCES.md` says where it is from.
const LIST: &str = include_str!("../../assets/facts/sentences.tsv");

/// A true sentence that stops before its object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sentence {
    /// A Wikidata property (`P36`) or a name (`STATE`).
    pub relation: &'static str,
    pub subject: &'static str,
    pub object: &'static str,
    /// With `{}` for the subject.
    pub wording: &'static str,
    /// Another object to begin an edit with, where one was chosen by hand.
    pub new: Option<&'static str>,
}

impl Sentence {
    /// The sentences of the binary: well-known ones first, then each relation in
    /// turn.
    pub fn all() -> impl Iterator<Item = Sentence> {
        LIST.lines().filter_map(|line| {
            let mut columns = line.split('\t');
            Some(Sentence {
                relation: columns.next()?,
                subject: columns.next()?,
                object: columns.next()?,
                wording: columns.next()?,
                new: columns.next(),
            })
        })
    }

    /// How many well-known ones come first.
    pub fn first() -> usize {
        Self::all().take_while(|one| one.new.is_some()).count()
    }

    pub fn prompt(&self) -> String {
        self.wording.replacen("{}", self.subject, 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_line_is_a_sentence_and_none_comes_twice() {
        let all: Vec<Sentence> = Sentence::all().collect();
        assert_eq!(all.len(), LIST.lines().count());
        let mut prompts = BTreeSet::new();
        for one in &all {
            assert_eq!(one.wording.matches("{}").count(), 1, "{one:?}");
            for part in [one.relation, one.subject, one.object] {
                assert!(!part.is_empty() && part.trim() == part, "{one:?}");
            }
            assert!(one.new.is_none_or(|new| new != one.object), "{one:?}");
            assert!(prompts.insert(one.prompt()), "{one:?}");
        }
        let first: BTreeSet<&str> = all[..Sentence::first()]
            .iter()
            .map(|s| s.relation)
            .collect();
        assert!(first.len() > 5, "{first:?}");
    }
}
