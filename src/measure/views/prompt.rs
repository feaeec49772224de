//! What a view asks of the model: plain data, the program's own or the user's.

use super::view::View;
use serde::{Deserialize, Serialize};

/// A prompt and what would be a good answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Prompt {
    pub view: View,
    pub prompt: String,
    #[serde(flatten)]
    pub wish: Wish,
}

/// What the edited model is to say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Wish {
    /// The new answer rather than the old one.
    Say { new: String, old: String },
    /// The subject, rather than after `instead`, which names the old answer where
    /// the prompt names the new one.
    Reverse { subject: String, instead: String },
    /// What it said before.
    Keep { expected: String },
}

impl Default for Wish {
    fn default() -> Self {
        Wish::Keep {
            expected: String::new(),
        }
    }
}

impl Wish {
    /// The answer whose probability is asked first.
    pub fn wanted(&self) -> &str {
        match self {
            Wish::Say { new, .. } => new,
            Wish::Reverse { subject, .. } => subject,
            Wish::Keep { expected } => expected,
        }
    }
}

/// A line of a user's file: what it leaves out is the edit's.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    view: View,
    prompt: String,
    new: Option<String>,
    old: Option<String>,
    expected: Option<String>,
    subject: Option<String>,
    instead: Option<String>,
}

/// Reads the user's prompts, JSONL of {view, prompt} with `expected` for those
/// views that want an answer kept, `new` and `old` (else the edit's) for the
/// others, and `subject` and `instead` for a prompt the other way round.
///
/// # Errors
/// Every line that is none, by its number (from 1), and why.
pub fn read(text: &str, new: &str, old: &str) -> Result<Vec<Prompt>, Vec<(usize, String)>> {
    let (mut prompts, mut broken) = (Vec::new(), Vec::new());
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim().is_empty() {
            continue;
        }
        let read = serde_json::from_str::<Line>(line).map_err(|error| {
            let words = error.to_string();
            words.split(" at line ").next().unwrap_or(&words).to_owned()
        });
        match read.and_then(|line| line.prompt([new, old])) {
            Ok(prompt) => prompts.push(prompt),
            Err(why) => broken.push((number, why)),
        }
    }
    match broken.is_empty() {
        true => Ok(prompts),
        false => Err(broken),
    }
}

impl Line {
    fn prompt(self, [new, old]: [&str; 2]) -> Result<Prompt, String> {
        let view = self.view;
        let wish = match (view, self.expected, self.subject, self.instead) {
            (View::Ripple | View::CrossDomain, Some(expected), None, None) => {
                Wish::Keep { expected }
            }
            (View::Ripple | View::CrossDomain, ..) => {
                return Err(format!("{} wants an \"expected\" answer", view.name()));
            }
            (View::Portability, None, Some(subject), Some(instead)) => {
                Wish::Reverse { subject, instead }
            }
            (
                View::Retention
                | View::Generalisation
                | View::TwoHop
                | View::Portability
                | View::Extraction,
                None,
                None,
                None,
            ) => Wish::Say {
                new: self.new.unwrap_or_else(|| new.to_owned()),
                old: self.old.unwrap_or_else(|| old.to_owned()),
            },
            (View::LongForm, None, None, None) => Wish::default(),
            (
                View::Signal | View::Collapse | View::Batch | View::Later | View::Memorisation,
                ..,
            ) => return Err(format!("{} has no prompts of its own", view.name())),
            _ => {
                return Err(format!(
                    "these are no fields of a prompt of {}",
                    view.name()
                ));
            }
        };
        let empty = |text: &str| text.trim().is_empty();
        let answer = view != View::LongForm && empty(wish.wanted());
        if empty(&self.prompt) || answer {
            return Err("the prompt or its answer is empty".into());
        }
        if matches!(&wish, Wish::Say { new, old } if new.trim() == old.trim() || empty(old)) {
            return Err("it names no old answer beside the new one".into());
        }
        Ok(Prompt {
            view,
            prompt: self.prompt,
            wish,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_users_line_takes_what_it_leaves_out_from_the_edit() {
        let text = r#"
{"view": "generalisation", "prompt": "One sees it in"}
{"view": "two-hop", "prompt": "Its country is", "new": "France", "old": "Spain"}
{"view": "ripple", "prompt": "Big Ben is in", "expected": "London"}
{"view": "portability", "prompt": "In Paris is", "subject": "the tower", "instead": "In Rome is"}
{"view": "long-form", "prompt": "The tower"}
"#;
        let prompts = read(text, "Paris", "Rome").unwrap();
        let say = |new: &str, old: &str| Wish::Say {
            new: new.into(),
            old: old.into(),
        };
        let wishes: Vec<Wish> = prompts.into_iter().map(|p| p.wish).collect();
        assert_eq!(wishes[..2], [say("Paris", "Rome"), say("France", "Spain")]);
        assert_eq!(wishes[3].wanted(), "the tower");
    }

    #[test]
    fn every_broken_line_is_named() {
        let text = r#"{"view": "radar", "prompt": "x"}
{"view": "ripple", "prompt": "x"}

{"view": "batch", "prompt": "x"}
{"view": "retention", "prompt": " "}
{"view": "retention", "prompt": "x", "old": "Paris"}
{"view": "retention", "prompt": "x", "typo": 1}
not json"#;
        let broken = read(text, "Paris", "Rome").unwrap_err();
        let lines: Vec<usize> = broken.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [1, 2, 4, 5, 6, 7, 8]);
        assert_eq!(broken[1].1, "ripple wants an \"expected\" answer");
    }

    proptest! {
        #[test]
        fn no_text_is_too_much(text in "\\PC{0,80}") {
            let _ = read(&text, "a", "b");
        }
    }
}
