//! The prompts of an edit, asked of one set of weights after another.

use super::prompt::Prompt;
use super::row::{Row, Said, asks, said};
use super::score::Rows;
use super::view::View;
use crate::edit::error::Result;
use crate::measure::rescore::Rescore;
use crate::measure::score::{Scored, score};
use crate::model::probe::Probe;
use crate::model::{Decoder, Tokens};
use std::collections::BTreeMap;

/// Prompts that tell something of an edit, made ready for one model, with what it
/// said without the edit.
pub struct Asked {
    prompts: Vec<Prompt>,
    before: Vec<Said>,
    asks: Rescore,
    left_out: BTreeMap<View, usize>,
}

impl Asked {
    /// Asks the weights without the edit, `before`, and keeps of each view the
    /// first `most(view)` prompts that they answer. Those that ask for no answer
    /// (long-form) are left aside.
    pub fn new<P: Probe>(
        tokens: &Tokens,
        before: &Decoder,
        prompts: &[Prompt],
        most: impl Fn(View) -> usize,
        probe: &mut P,
    ) -> Result<Asked> {
        let all = prompts.iter().filter(|p| p.view != View::LongForm);
        let all: Vec<&Prompt> = all.collect();
        let questions = |prompts: &[&Prompt]| {
            let each = prompts.iter().map(|prompt| asks(prompt, tokens));
            Ok::<_, crate::edit::EditError>(each.collect::<Result<Vec<_>>>()?.concat())
        };
        let scored = score(before, &questions(&all)?, probe, |_, _| ())?;
        let mut scored = scored.iter();
        let mut kept = Vec::new();
        let mut left_out: BTreeMap<View, usize> = BTreeMap::new();
        let mut taken: BTreeMap<View, usize> = BTreeMap::new();
        for prompt in all {
            let said = said(prompt, &mut scored, tokens);
            let taken = taken.entry(prompt.view).or_default();
            if !tells(prompt, &said) {
                *left_out.entry(prompt.view).or_default() += 1;
            } else if *taken < most(prompt.view) {
                *taken += 1;
                kept.push(prompt);
            }
        }
        let mut asked = Asked {
            asks: Rescore::new(before, questions(&kept)?)?,
            prompts: kept.into_iter().cloned().collect(),
            before: Vec::new(),
            left_out,
        };
        // Asked again in the passes that the edited weights will be asked in:
        // where nothing has changed, the answers are then the same to the bit.
        asked.before = asked.ask(tokens, before, probe)?;
        Ok(asked)
    }

    /// What `decoder` says of every prompt that is kept.
    fn ask<P: Probe>(
        &mut self,
        tokens: &Tokens,
        decoder: &Decoder,
        probe: &mut P,
    ) -> Result<Vec<Said>> {
        let mut scored: Vec<Scored> = Vec::new();
        self.asks
            .run(decoder, None, probe, |_, one| scored.push(one.clone()))?;
        let mut scored = scored.iter();
        let all = self.prompts.iter();
        Ok(all.map(|p| said(p, &mut scored, tokens)).collect())
    }

    /// Every prompt before, and in the weights of `decoder`.
    pub fn after<P: Probe>(
        &mut self,
        tokens: &Tokens,
        decoder: &Decoder,
        probe: &mut P,
    ) -> Result<After> {
        let all = self.ask(tokens, decoder, probe)?;
        let mut rows: BTreeMap<View, Rows> = BTreeMap::new();
        for (&view, &left_out) in &self.left_out {
            rows.entry(view).or_default().left_out = left_out;
        }
        let both = self.before.iter().zip(&all);
        for (prompt, (before, after)) in self.prompts.iter().zip(both) {
            let row = Row::new(prompt, before, after);
            rows.entry(prompt.view).or_default().rows.push(row);
        }
        Ok(After(rows))
    }
}

/// Whether what was said before makes this a question about the edit.
fn tells(prompt: &Prompt, before: &Said) -> bool {
    match prompt.view {
        // The edited prompt counts whatever was said before.
        View::Retention => true,
        View::Extraction => before.tells(&prompt.wish) && before.rival_exact,
        _ => before.tells(&prompt.wish),
    }
}

/// Every prompt before and after, by view.
#[derive(Clone, Debug, Default)]
pub struct After(BTreeMap<View, Rows>);

impl After {
    pub fn of(&self, view: View) -> Rows {
        self.0.get(&view).cloned().unwrap_or_default()
    }

    /// Those that an edit is to leave alone.
    pub fn kept(&self) -> Vec<Row> {
        let both = [View::Ripple, View::CrossDomain].map(|view| self.of(view).rows);
        both.concat()
    }
}
