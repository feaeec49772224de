//! The request in other words: does the edit hold where it was not made?

use super::case::{COUNT, Case};
use super::check::Part;
use super::error::{Result, ValidateError};
use crate::edit::Request;
use crate::facts::World;
use crate::measure::neighbours;
use crate::measure::rescore::Rescore;
use crate::measure::score::Ask;
use crate::model::probe::Probe;
use crate::model::{Decoder, Tokens};

/// Seven templates with `{}` for the subject, other than the request's own prompt:
/// the user's, then the other wordings of the fact's relation where the world
/// knows it (the one that no training text had first), then the prompt itself in
/// the contexts of its kind of case. `old` is the unedited model's answer.
pub fn templates(
    world: &World,
    request: &Request,
    old: &str,
    case: Case,
    own: &[String],
) -> Vec<String> {
    let around = case
        .contexts()
        .map(|c| c.replacen("{}", &request.prompt, 1));
    let known = neighbours::other_wordings(world, request, old);
    let mut all: Vec<String> = Vec::with_capacity(COUNT);
    for template in own.iter().cloned().chain(known).chain(around) {
        if all.len() < COUNT && template != request.prompt && !all.contains(&template) {
            all.push(template);
        }
    }
    all
}

/// The paraphrases of some facts, made ready for one model.
pub struct Paraphrases {
    asks: Rescore,
    /// Of the first fact, or of the only one.
    templates: Vec<String>,
    /// What the figures are told by: the templates of one fact, or the facts.
    names: Vec<String>,
    /// Asks of each fact.
    counts: Vec<usize>,
}

impl Paraphrases {
    /// `facts`: each request with its templates.
    pub fn new(
        tokens: &Tokens,
        decoder: &Decoder,
        facts: &[(Request, Vec<String>)],
    ) -> Result<Paraphrases> {
        let mut asks = Vec::new();
        for (request, templates) in facts {
            for template in templates {
                let prompt = template.replacen("{}", &request.subject, 1);
                asks.push(Ask::new(tokens, &prompt, &[request.target.as_str()])?);
            }
        }
        let (templates, names) = match facts {
            [(_, templates)] => (templates.clone(), templates.clone()),
            many => {
                let names = many.iter().map(|(request, _)| request.text()).collect();
                let first = many.first().map(|(_, templates)| templates.clone());
                (first.unwrap_or_default(), names)
            }
        };
        Ok(Paraphrases {
            asks: Rescore::new(decoder, asks)?,
            templates,
            names,
            counts: facts.iter().map(|(_, templates)| templates.len()).collect(),
        })
    }

    pub fn templates(&self) -> &[String] {
        &self.templates
    }

    /// p(new) by paraphrase of one fact; of several facts each one's mean. `next`
    /// is the layer that is about to change: what lies below is kept.
    pub fn ask<P: Probe>(
        &mut self,
        decoder: &Decoder,
        next: Option<usize>,
        probe: &mut P,
    ) -> Result<Vec<Part>> {
        let mut p = Vec::new();
        self.asks.run(decoder, next, probe, |_, scored| {
            p.extend(scored.log_p.first().map(|log_p| log_p.exp()));
        })?;
        if !p.iter().all(|p| p.is_finite()) {
            return Err(ValidateError::NotFinite("p(new)"));
        }
        if self.counts.len() > 1 {
            let mut left = p.as_slice();
            p = (self.counts.iter())
                .map(|&count| {
                    let (own, rest) = left.split_at(count.min(left.len()));
                    left = rest;
                    own.iter().sum::<f64>() / own.len().max(1) as f64
                })
                .collect();
        }
        let named = self.names.iter().cloned().zip(p);
        Ok(named.map(|(name, value)| Part { name, value }).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(prompt: &str, subject: &str, target: &str) -> Request {
        Request {
            prompt: prompt.into(),
            subject: subject.into(),
            target: target.into(),
        }
    }

    #[test]
    fn there_are_seven_and_none_is_the_prompt() {
        let world = World::atlas().unwrap();
        let known = request("{} is located in", "The Eiffel Tower", "Rome");
        let unknown = request("{} lies on the shore of", "The Round House", "Rome");
        for case in Case::ALL {
            for request in [&known, &unknown] {
                let all = templates(&world, request, "Paris", case, &[]);
                assert_eq!(all.len(), COUNT);
                assert!(all.iter().all(|t| t.matches("{}").count() == 1), "{all:?}");
                assert!(!all.contains(&request.prompt));
            }
        }
    }

    #[test]
    fn the_users_come_first_then_the_relations_then_contexts() {
        let world = World::atlas().unwrap();
        let known = request("{} is located in", "The Eiffel Tower", "Rome");
        let own = ["You will find {} in".to_owned(), known.prompt.clone()];
        let all = templates(&world, &known, "Paris", Case::WrongFact, &own);
        assert_eq!(all[0], own[0]);
        let city = world.wordings("LOC");
        assert!(city.contains(&all[1]), "{all:?}");
        assert!(all[6].contains(&known.prompt), "{all:?}");
    }

    #[test]
    fn a_wording_is_known_by_its_target_where_the_subject_is_not() {
        let world = World::atlas().unwrap();
        let tower = request("Visitors see {} in", "The Round House", "Rome");
        let all = templates(&world, &tower, "", Case::WrongFact, &[]);
        assert!(all.contains(&"{} is located in".to_owned()), "{all:?}");
        let nowhere = request("Visitors see {} in", "The Round House", "Nowhere");
        let all = templates(&world, &nowhere, "", Case::WrongFact, &[]);
        assert!(all.iter().all(|t| t.contains(&nowhere.prompt)), "{all:?}");
    }
}
