//! Other facts to rewrite, to see what becomes of an edit and of the model.

use crate::edit::Request;
use crate::facts::{Fact, World};
use crate::measure::neighbours::first_wording;
use crate::model::sample::Rng;
use std::collections::BTreeSet;

/// A fact, and what it is to become: another answer of the same kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Other {
    pub request: Request,
    pub old: String,
}

/// `count` facts about as many subjects, none of `avoid`; the same ones for one
/// seed.
pub fn others(world: &World, avoid: &[String], count: usize, seed: u32) -> Vec<Other> {
    let mut rng = Rng::new(u64::from(seed));
    let stated = world.facts().iter().filter(|f| f.derived_from.is_none());
    let mut facts: Vec<&Fact> = stated.collect();
    rng.shuffle(&mut facts);
    let mut met: BTreeSet<&str> = avoid.iter().map(String::as_str).collect();
    let mut all = Vec::with_capacity(count);
    for fact in facts {
        if all.len() == count {
            break;
        }
        let answers: BTreeSet<&str> = (world.facts().iter())
            .filter(|f| f.relation == fact.relation && f.object != fact.object)
            .map(|f| f.object.as_str())
            .collect();
        let Some(prompt) = first_wording(world, fact).filter(|_| !answers.is_empty()) else {
            continue;
        };
        if !met.insert(&fact.subject) {
            continue;
        }
        let target = answers.iter().nth(rng.below(answers.len()));
        all.push(Other {
            request: Request {
                prompt: prompt.to_owned(),
                subject: fact.subject.clone(),
                target: target.map_or_else(String::new, |t| (*t).to_owned()),
            },
            old: fact.object.clone(),
        });
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_are_other_subjects_with_answers_of_the_same_kind() {
        let world = World::atlas().unwrap();
        let avoid = vec!["The Eiffel Tower".to_owned()];
        let others = others(&world, &avoid, 40, 1);
        assert_eq!(others.len(), 40);
        assert_eq!(others, super::others(&world, &avoid, 40, 1));
        let subjects: BTreeSet<&str> = others.iter().map(|o| o.request.subject.as_str()).collect();
        assert!(subjects.len() == 40 && !subjects.contains("The Eiffel Tower"));
        for other in &others {
            assert_ne!(other.request.target, other.old);
            let kind = world.facts().iter().find(|f| {
                f.object == other.request.target
                    && world.wordings(&f.relation).contains(&other.request.prompt)
            });
            assert!(kind.is_some(), "{other:?}");
        }
    }
}
