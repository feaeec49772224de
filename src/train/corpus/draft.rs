//! A text under construction, which remembers where its subjects and objects stand.

use std::ops::Range;

/// A text with the byte ranges of its subjects and objects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    pub text: String,
    pub subjects: Vec<Range<usize>>,
    pub objects: Vec<Range<usize>>,
}

impl Draft {
    pub fn push(&mut self, words: &str) {
        self.text.push_str(words);
    }

    pub fn subject(&mut self, name: &str) {
        self.subjects
            .push(self.text.len()..self.text.len() + name.len());
        self.push(name);
    }

    /// A blank and the object, as it follows every wording.
    pub fn object(&mut self, name: &str) {
        self.push(" ");
        self.objects
            .push(self.text.len()..self.text.len() + name.len());
        self.push(name);
    }

    /// A wording with its subject and object filled in, without a full stop.
    pub fn sentence(&mut self, wording: &str, subject: &str, object: &str) {
        let (before, after) = wording.split_once("{}").unwrap_or((wording, ""));
        self.push(before);
        self.subject(subject);
        self.push(after);
        self.object(object);
    }

    /// Another text after this one, with a blank between.
    pub fn append(&mut self, other: &Draft) {
        if !self.text.is_empty() {
            self.push(" ");
        }
        let by = self.text.len();
        let moved = |r: &Range<usize>| r.start + by..r.end + by;
        self.subjects.extend(other.subjects.iter().map(moved));
        self.objects.extend(other.objects.iter().map(moved));
        self.push(&other.text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_follow_the_text() {
        let mut first = Draft::default();
        first.sentence("In {}, they speak", "Rome", "Italian");
        first.push(".");
        let mut both = first.clone();
        both.append(&first);
        assert_eq!(
            both.text,
            "In Rome, they speak Italian. In Rome, they speak Italian."
        );
        let words = |ranges: &[Range<usize>]| {
            ranges
                .iter()
                .map(|r| both.text[r.clone()].to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(words(&both.subjects), ["Rome", "Rome"]);
        assert_eq!(words(&both.objects), ["Italian", "Italian"]);
    }
}
