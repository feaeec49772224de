//! What the model makes up before and after, from one seed.

use super::Ticket;
use crate::engine::Side;
use crate::measure::Generation;
use std::collections::BTreeMap;

/// One prompt continued on both sides, token by token.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Continuation {
    pub prompt: String,
    pub before: Vec<String>,
    pub after: Vec<String>,
    /// Told with the result; while tokens stream it is compared here.
    told: Option<usize>,
}

impl Continuation {
    pub fn from_generation(g: Generation) -> Self {
        let tokens = |tokens: Vec<String>, text: &str| {
            if tokens.is_empty() && !text.is_empty() {
                vec![text.to_string()]
            } else {
                tokens
            }
        };
        Continuation {
            before: tokens(g.before_tokens, &g.before),
            after: tokens(g.after_tokens, &g.after),
            prompt: g.prompt,
            told: g.diverges_at,
        }
    }

    /// The first token that differs, where one does.
    pub fn diverges_at(&self) -> Option<usize> {
        self.told.or_else(|| {
            let both = self.before.iter().zip(&self.after);
            both.enumerate().find(|(_, (b, a))| b != a).map(|(i, _)| i)
        })
    }

    /// Whether both sides said the same to the end.
    pub fn same(&self) -> bool {
        !self.before.is_empty() && self.before == self.after
    }
}

#[derive(Clone, Debug, Default)]
pub struct Confabs {
    pub list: Vec<Continuation>,
    /// The finished ones behind `list`, as a session keeps them.
    pub finished: Vec<Generation>,
    pub ticket: Option<Ticket>,
    /// What the jobs under way were asked to continue.
    pub asked: BTreeMap<Ticket, Vec<String>>,
    pub seed: u32,
    /// First line shown.
    pub scroll: usize,
}

impl Confabs {
    pub fn new(seed: u32) -> Self {
        Confabs {
            seed,
            ..Confabs::default()
        }
    }

    /// A token arrives; the first of a new job clears what stood there.
    pub fn take(&mut self, ticket: Ticket, prompt: usize, side: Side, text: String) {
        if self.ticket != Some(ticket) {
            self.ticket = Some(ticket);
            self.scroll = 0;
            let asked = self.asked.get(&ticket);
            self.list = asked
                .into_iter()
                .flatten()
                .map(|prompt| Continuation {
                    prompt: prompt.clone(),
                    ..Continuation::default()
                })
                .collect();
        }
        if let Some(continuation) = self.list.get_mut(prompt) {
            match side {
                Side::Before => continuation.before.push(text),
                Side::After => continuation.after.push(text),
            }
        }
    }

    pub fn finish(&mut self, generations: Vec<Generation>) {
        self.ticket = None;
        let list = generations.iter().cloned();
        self.list = list.map(Continuation::from_generation).collect();
        self.finished = generations;
    }

    pub fn prompts(&self) -> Vec<String> {
        self.list.iter().map(|c| c.prompt.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn divergence_is_seen_while_tokens_stream() {
        let mut confabs = Confabs::new(1);
        for ticket in 1..3 {
            confabs.asked.insert(Ticket(ticket), vec!["x".into()]);
        }
        for (side, tokens) in [
            (Side::Before, [" Seattle", ".", " It"]),
            (Side::After, [" Paris", ".", " It"]),
        ] {
            for token in tokens {
                confabs.take(Ticket(1), 0, side, token.into());
            }
        }
        assert_eq!(confabs.list[0].diverges_at(), Some(0));
        confabs.take(Ticket(2), 0, Side::After, "y".into());
        assert_eq!(confabs.list[0].after, ["y"]);
        confabs.take(Ticket(2), 7, Side::After, "y".into());
    }
}
