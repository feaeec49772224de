//! One prompt of a view, before and after.

use super::prompt::{Prompt, Wish};
use crate::edit::error::Result;
use crate::measure::score::{Ask, Scored};
use crate::measure::shifted;
use crate::model::Tokens;
use serde::{Deserialize, Serialize};

/// What some weights say after a prompt.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Said {
    /// p of the wanted answer.
    pub p: f64,
    /// p of the old answer, or of the subject the other way round; 0 where an
    /// answer is to be kept.
    pub rival: f64,
    /// Whether every token of the wanted answer is the first choice.
    pub exact: bool,
    /// As `exact`, of the old answer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rival_exact: bool,
    /// The likeliest next token.
    pub top: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Row {
    pub prompt: String,
    #[serde(flatten)]
    pub wish: Wish,
    pub before: Said,
    pub after: Said,
    /// Whether the edited model says what is wished for.
    pub holds: bool,
}

/// From which p(right) on the model knows an answer, if it is not its first choice.
const KNOWN: f64 = 0.3;

impl Said {
    /// Whether the model says what it is to keep saying, or prefers the old answer:
    /// else it says nothing of an edit.
    pub fn tells(&self, wish: &Wish) -> bool {
        match wish {
            Wish::Say { .. } | Wish::Reverse { .. } => self.rival > self.p,
            Wish::Keep { .. } => self.exact || self.p >= KNOWN,
        }
    }
}

impl Row {
    pub fn new(prompt: &Prompt, before: &Said, after: &Said) -> Row {
        let holds = match prompt.wish {
            Wish::Say { .. } | Wish::Reverse { .. } => after.p > after.rival,
            // As a neighbour moves (ALGORITHMS §5).
            Wish::Keep { .. } => {
                let known = before.p.is_finite() && after.p.is_finite();
                known && !shifted((before.p, &before.top), (after.p, &after.top))
            }
        };
        Row {
            prompt: prompt.prompt.clone(),
            wish: prompt.wish.clone(),
            before: before.clone(),
            after: after.clone(),
            holds,
        }
    }
}

/// The questions that a prompt comes to, one or two.
pub(super) fn asks(prompt: &Prompt, tokens: &Tokens) -> Result<Vec<Ask>> {
    let text = prompt.prompt.as_str();
    Ok(match &prompt.wish {
        Wish::Say { new, old } => vec![Ask::new(tokens, text, &[new, old])?],
        Wish::Keep { expected } => vec![Ask::new(tokens, text, &[expected])?],
        Wish::Reverse { subject, instead } => vec![
            Ask::new(tokens, text, &[subject])?,
            Ask::new(tokens, instead, &[subject])?,
        ],
    })
}

/// The answers to these, the next ones of `scored`.
pub(super) fn said<'s>(
    prompt: &Prompt,
    scored: &mut impl Iterator<Item = &'s Scored>,
    tokens: &Tokens,
) -> Said {
    let p = |scored: &Scored, at: usize| scored.log_p.get(at).map_or(f64::NAN, |p| p.exp());
    let exact = |scored: &Scored, at: usize| scored.exact.get(at).copied().unwrap_or(false);
    let Some(first) = scored.next() else {
        return Said::default();
    };
    let mut said = Said {
        p: p(first, 0),
        exact: exact(first, 0),
        top: tokens.show(first.top.0),
        ..Said::default()
    };
    match prompt.wish {
        Wish::Say { .. } => (said.rival, said.rival_exact) = (p(first, 1), exact(first, 1)),
        Wish::Reverse { .. } => said.rival = scored.next().map_or(f64::NAN, |s| p(s, 0)),
        Wish::Keep { .. } => {}
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::views::View;

    fn said(p: f64, rival: f64, top: &str) -> Said {
        Said {
            p,
            rival,
            top: top.into(),
            ..Said::default()
        }
    }

    #[test]
    fn what_is_wished_for_holds_strictly() {
        let row = |wish: Wish, before: Said, after: Said| {
            let prompt = Prompt {
                view: View::Ripple,
                prompt: "x".into(),
                wish,
            };
            Row::new(&prompt, &before, &after).holds
        };
        let say = || Wish::Say {
            new: "a".into(),
            old: "b".into(),
        };
        assert!(row(say(), said(0.1, 0.9, "b"), said(0.6, 0.2, "a")));
        assert!(
            !row(say(), said(0.1, 0.9, "b"), said(0.4, 0.4, "a")),
            "a tie"
        );
        assert!(!row(say(), said(0.1, 0.9, "b"), said(f64::NAN, 0.4, "a")));
        let keep = || Wish::default();
        assert!(row(keep(), said(0.9, 0.0, "a"), said(0.7, 0.0, "a")));
        assert!(!row(keep(), said(0.9, 0.0, "a"), said(0.9, 0.0, "b")));
        assert!(!row(keep(), said(0.9, 0.0, "a"), said(0.5, 0.0, "a")));
    }

    #[test]
    fn a_prompt_that_the_model_gets_wrong_tells_nothing() {
        let say = Wish::Say {
            new: "a".into(),
            old: "b".into(),
        };
        assert!(said(0.1, 0.9, "b").tells(&say));
        assert!(!said(0.9, 0.1, "a").tells(&say));
        assert!(!said(0.1, 0.0, "b").tells(&Wish::default()));
        assert!(said(0.4, 0.0, "b").tells(&Wish::default()));
    }
}
