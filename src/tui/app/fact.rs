//! The fact under the knife: a prompt whose subject stands in braces, and the
//! answer to write. The braces in the entry are the only record of the subject,
//! so typing and choosing on the token strip cannot disagree.

use super::Entry;
use crate::edit::{Hyper, LayerChoice, Method, Request};
use crate::engine::Prediction;
use crate::measure::validate::Case;
use std::collections::BTreeMap;
use std::ops::Range;

#[derive(Clone, Debug, Default)]
pub struct Fact {
    /// With braces: `The {Space Needle} is in the city of`.
    pub prompt: Entry,
    pub target: Entry,
    parsed: Parsed,
    /// The last prediction that came, perhaps of an older prompt.
    pub prediction: Option<Prediction>,
    /// The token under the cursor, and where a selection began.
    pub token: usize,
    pub anchor: Option<usize>,
    pub method: Method,
    pub layer: LayerChoice,
    /// Hyper-parameters that the user set, by method; the others are the model's.
    pub tuned: BTreeMap<Method, Hyper>,
    /// What kind of case it is: how a validation puts it in other words.
    pub case: Case,
    /// Which of the model's examples was filled in last.
    pub example: Option<usize>,
    /// The old answer to a prompt, where somebody named it: (plain prompt, answer).
    pub named_old: Option<(String, String)>,
}

/// A prompt without its braces.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parsed {
    pub text: String,
    /// The subject's bytes in `text`; empty and blank ones are none.
    pub subject: Option<Range<usize>>,
}

/// Takes the first `{…}` as the subject; stray braces are dropped.
pub fn parse(raw: &str) -> Parsed {
    let bare = |s: &str| s.replace(['{', '}'], "");
    let Some((open, close)) = raw
        .find('{')
        .and_then(|open| Some((open, open + raw[open..].find('}')?)))
    else {
        return Parsed {
            text: bare(raw),
            subject: None,
        };
    };
    let (before, inside) = (bare(&raw[..open]), bare(&raw[open + 1..close]));
    let lead = inside.len() - inside.trim_start().len();
    let start = before.len() + lead;
    let end = start + inside.trim().len();
    Parsed {
        text: format!("{before}{inside}{}", bare(&raw[close + 1..])),
        subject: (end > start).then_some(start..end),
    }
}

/// What is still missing before something can be asked of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    Prompt,
    Subject,
    Target,
}

impl Missing {
    /// With commands for keys ([`KeyMap::tell`](crate::tui::keymap::KeyMap::tell)).
    pub fn words(self) -> &'static str {
        match self {
            Missing::Prompt => "write a prompt first: press ‹type-prompt›",
            Missing::Subject => {
                "choose the subject first: ‹left› ‹right› and ‹extend-left› ‹extend-right› on the tokens, or {braces} in the prompt"
            }
            Missing::Target => "write the new answer first: press ‹type-target›",
        }
    }
}

impl Fact {
    /// The plain prompt.
    pub fn text(&self) -> &str {
        &self.parsed.text
    }

    pub fn subject_range(&self) -> Option<Range<usize>> {
        self.parsed.subject.clone()
    }

    pub fn subject(&self) -> Option<&str> {
        self.parsed
            .subject
            .clone()
            .map(|range| &self.parsed.text[range])
    }

    pub fn target(&self) -> &str {
        self.target.text().trim()
    }

    /// The prompt with `{}` for the subject.
    pub fn template(&self) -> Option<String> {
        let range = self.subject_range()?;
        let text = self.text();
        Some(format!(
            "{}{{}}{}",
            &text[..range.start],
            &text[range.end..]
        ))
    }

    /// To be called after every change of the prompt's entry.
    pub fn reparse(&mut self) {
        self.parsed = parse(self.prompt.text());
        self.anchor = None;
    }

    pub fn set_prompt(&mut self, raw: &str) {
        self.prompt.set(raw);
        self.reparse();
        self.token = 0;
    }

    /// Puts the braces around these bytes of the plain prompt.
    pub fn choose_subject(&mut self, range: Range<usize>) {
        let text = self.text();
        let raw = format!(
            "{}{{{}}}{}",
            &text[..range.start],
            &text[range.clone()],
            &text[range.end..]
        );
        let anchor = self.anchor;
        self.prompt.set(&raw);
        self.reparse();
        self.anchor = anchor;
    }

    /// The prediction for exactly what the entry says now.
    pub fn current(&self) -> Option<&Prediction> {
        self.prediction
            .as_ref()
            .filter(|p| p.prompt == self.parsed.text)
    }

    /// Tokens that hold the subject.
    pub fn subject_tokens(&self) -> Option<Range<usize>> {
        let range = self.subject_range()?;
        let offsets = &self.current()?.offsets;
        let inside = |o: &[usize; 2]| o[0] < range.end && o[1] > range.start;
        let start = offsets.iter().position(inside)?;
        let end = offsets.iter().rposition(inside)? + 1;
        Some(start..end)
    }

    /// The bytes of tokens `range`, without surrounding spaces; `None` where
    /// nothing is left or the tokens belong to an older prompt.
    pub fn token_bytes(&self, range: Range<usize>) -> Option<Range<usize>> {
        let offsets = self.current()?.offsets.get(range)?;
        let (start, end) = (offsets.first()?[0], offsets.last()?[1]);
        let text = self.parsed.text.get(start..end)?;
        let start = start + (text.len() - text.trim_start().len());
        let end = start + text.trim().len();
        (end > start).then_some(start..end)
    }

    /// The old answer: named with the example, else what the unedited model says.
    pub fn old_answer(&self) -> Option<&str> {
        if let Some((prompt, old)) = &self.named_old
            && *prompt == self.parsed.text
        {
            return Some(old);
        }
        Some(self.current()?.before.first()?.text.trim())
    }

    /// The old answer only where somebody named it for this prompt.
    pub fn named_answer(&self) -> Option<String> {
        self.named_old
            .as_ref()
            .filter(|(prompt, _)| *prompt == self.parsed.text)
            .map(|(_, old)| old.clone())
    }

    pub fn traceable(&self) -> Result<(String, String), Missing> {
        if self.text().trim().is_empty() {
            return Err(Missing::Prompt);
        }
        let subject = self.subject().ok_or(Missing::Subject)?;
        Ok((self.text().to_string(), subject.to_string()))
    }

    pub fn request(&self) -> Result<Request, Missing> {
        let (_, subject) = self.traceable()?;
        if self.target().is_empty() {
            return Err(Missing::Target);
        }
        Ok(Request {
            prompt: self.template().ok_or(Missing::Subject)?,
            subject,
            target: self.target().to_string(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fact(raw: &str) -> Fact {
        let mut fact = Fact::default();
        fact.set_prompt(raw);
        fact
    }

    #[test]
    fn braces_mark_the_subject() {
        let fact = fact("The {Space Needle} is in the city of");
        assert_eq!(fact.text(), "The Space Needle is in the city of");
        assert_eq!(fact.subject(), Some("Space Needle"));
        assert_eq!(fact.template().unwrap(), "The {} is in the city of");
        assert_eq!(fact.request(), Err(Missing::Target));
    }

    #[test]
    fn odd_braces_do_no_harm() {
        for (raw, text, subject) in [
            ("", "", None),
            ("{", "", None),
            ("}{", "", None),
            ("a {} b", "a  b", None),
            ("a {  } b", "a    b", None),
            ("{ Rome } is", " Rome  is", Some("Rome")),
            ("{a {b} c}", "a b c", Some("a b")),
            ("in {🗼 é} {x}", "in 🗼 é x", Some("🗼 é")),
        ] {
            let fact = fact(raw);
            assert_eq!((fact.text(), fact.subject()), (text, subject), "{raw:?}");
        }
    }

    #[test]
    fn a_subject_is_the_tokens_that_touch_it() {
        let mut fact = fact("The {Space Needle} is");
        fact.prediction = Some(Prediction {
            prompt: "The Space Needle is".into(),
            tokens: ["The", " Space", " Need", "le", " is"]
                .map(String::from)
                .into(),
            offsets: vec![[0, 3], [3, 9], [9, 14], [14, 16], [16, 19]],
            before: vec![],
            after: vec![],
        });
        assert_eq!(fact.subject_tokens(), Some(1..4));
        assert_eq!(fact.token_bytes(1..4), Some(4..16));
        fact.choose_subject(0..9);
        assert_eq!(fact.prompt.text(), "{The Space} Needle is");
        assert_eq!(fact.subject_tokens(), Some(0..2));
    }
}
