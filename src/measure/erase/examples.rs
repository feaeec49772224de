//! The labelled prompts: which there are, which labels are told apart, and which
//! subjects are held out.

use super::data::{Class, EraseSpec, Examples, Labelled, OwnFact, Position};
use super::error::{EraseError, Result};
use crate::edit::context::Row;
use crate::facts::{Fact, World};
use crate::model::sample::Rng;
use crate::model::{ModelError, Tokens};
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// Subjects that a label needs to be told apart by itself where nobody names it: as
/// few as leave one to hold out and some to learn from.
const LEAST: usize = 4;
/// And where somebody does.
const NAMED: usize = 2;
/// What all other labels are called together.
pub const OTHER: &str = "other";

/// Prompts in two halves.
type Pair = [Vec<usize>; 2];
/// Classes, and what they are called anew.
type Numbers = BTreeMap<usize, usize>;

/// Labelled prompts, ready for one model.
pub struct Set {
    /// One a prompt; `subject_last` is where it is read.
    pub rows: Vec<Row>,
    /// Below the number of classes, one a prompt.
    pub labels: Vec<usize>,
    pub classes: Vec<Class>,
    /// Which subject each prompt is about.
    pub subjects: Vec<usize>,
    pub relation: Option<String>,
    /// Prompts that are fitted on, and those that are held out.
    pub fitted: Vec<usize>,
    pub held_out: Vec<usize>,
}

impl Set {
    pub fn new(tokens: &Tokens, world: &World, spec: &EraseSpec) -> Result<Set> {
        let (mut given, relation) = match &spec.examples {
            Examples::Given(given) => (given.clone(), None),
            Examples::World { relation } => {
                let relation = match relation {
                    Some(relation) => relation.clone(),
                    None => own_relation(world, spec.fact.as_ref())?,
                };
                (of_world(world, &relation)?, Some(relation))
            }
        };
        if let Some(fact) = &spec.fact {
            let own = fact.subject.trim();
            given.retain(|one| own.is_empty() || one.subject.trim() != own);
        }
        let mut set = Set::classed(&given, &spec.labels)?;
        for (i, one) in given.iter().enumerate() {
            set.rows.push(row(tokens, one, spec.position, i + 1)?);
        }
        set.split(spec.held_out, spec.seed);
        set.relation = relation;
        Ok(set)
    }

    /// Labels as numbers, rare ones together; no rows yet.
    fn classed(given: &[Labelled], named: &[String]) -> Result<Set> {
        let mut ids: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        let mut subjects = Vec::with_capacity(given.len());
        for (i, one) in given.iter().enumerate() {
            // Prompts that name no subject are each about their own.
            let name = match one.subject.trim() {
                "" => one.prompt.as_str(),
                name => name,
            };
            let next = ids.len();
            let id = *ids.entry((name, one.label.trim())).or_insert(next);
            debug_assert!(id <= i);
            subjects.push(id);
        }
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        ids.keys()
            .for_each(|(_, label)| *counts.entry(label).or_default() += 1);
        let least = if named.is_empty() { LEAST } else { NAMED };
        let wanted = |label: &str| named.is_empty() || named.iter().any(|n| n.trim() == label);
        let mut own: Vec<(&str, usize)> = (counts.iter())
            .filter(|(label, count)| **count >= least && wanted(label))
            .map(|(label, count)| (*label, *count))
            .collect();
        // The commonest first; of alike ones in the order of the alphabet.
        own.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let mut names: Vec<String> = own.iter().map(|(label, _)| (*label).to_owned()).collect();
        let place: BTreeMap<&str, usize> = own
            .iter()
            .enumerate()
            .map(|(i, (label, _))| (*label, i))
            .collect();
        let rest: usize = ids.len() - own.iter().map(|(_, count)| count).sum::<usize>();
        let other = (rest >= least).then(|| {
            names.push(OTHER.into());
            names.len() - 1
        });
        if names.len() < 2 {
            return Err(EraseError::OneLabel { least });
        }
        // Too few others for a class of their own are as good as not there.
        let labels = given.iter().map(|one| {
            let own = place.get(one.label.trim()).copied();
            own.or(other).unwrap_or(usize::MAX)
        });
        Ok(Set {
            labels: labels.collect(),
            rows: Vec::new(),
            classes: (names.into_iter())
                .map(|label| Class {
                    label,
                    ..Class::default()
                })
                .collect(),
            subjects,
            relation: None,
            fitted: Vec::new(),
            held_out: Vec::new(),
        })
    }

    /// Holds out this share of each class's subjects: one at least, and never all.
    fn split(&mut self, share: f64, seed: u64) {
        let mut rng = Rng::new(seed);
        let mut held = HashSet::new();
        for class in 0..self.classes.len() {
            let of_class = self.subjects.iter().zip(&self.labels);
            let own: BTreeSet<usize> = of_class
                .filter(|(_, label)| **label == class)
                .map(|(subject, _)| *subject)
                .collect();
            let mut own: Vec<usize> = own.into_iter().collect();
            rng.shuffle(&mut own);
            let count = (share * own.len() as f64).round() as usize;
            let count = count.clamp(1, own.len().saturating_sub(1).max(1));
            held.extend(own.into_iter().take(count));
        }
        for (i, (subject, &label)) in self.subjects.iter().zip(&self.labels).enumerate() {
            let Some(class) = self.classes.get_mut(label) else {
                continue;
            };
            if held.contains(subject) {
                class.held_out += 1;
                self.held_out.push(i);
            } else {
                class.fitted += 1;
                self.fitted.push(i);
            }
        }
    }

    /// How many subjects these prompts are about.
    pub fn subjects_of(&self, at: &[usize]) -> usize {
        let own: HashSet<usize> = at.iter().map(|&i| self.subjects[i]).collect();
        own.len()
    }

    pub fn labels_of(&self, at: &[usize]) -> Vec<usize> {
        at.iter().map(|&i| self.labels[i]).collect()
    }

    /// The held-out prompts in two halves that share no subject, with the classes
    /// that have subjects in both, numbered anew; `None`: fewer than two have.
    pub fn halves(&self) -> Option<(Pair, Numbers)> {
        let mut by_class: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for &i in &self.held_out {
            let own = by_class.entry(self.labels[i]).or_default();
            if !own.contains(&self.subjects[i]) {
                own.push(self.subjects[i]);
            }
        }
        by_class.retain(|_, subjects| subjects.len() >= 2);
        let second: HashSet<usize> = by_class
            .values()
            .flat_map(|own| own.iter().skip(1).step_by(2).copied())
            .collect();
        let numbers: BTreeMap<usize, usize> = by_class
            .keys()
            .enumerate()
            .map(|(new, class)| (*class, new))
            .collect();
        let known = self.held_out.iter().copied();
        let known = known.filter(|&i| numbers.contains_key(&self.labels[i]));
        let (b, a) = known.partition(|&i| second.contains(&self.subjects[i]));
        (numbers.len() >= 2).then_some(([a, b], numbers))
    }
}

fn row(tokens: &Tokens, one: &Labelled, position: Position, number: usize) -> Result<Row> {
    if one.prompt.trim().is_empty() {
        return Err(ModelError::EmptyPrompt.into());
    }
    let encoded = tokens.encode(&one.prompt)?;
    let at = match position {
        Position::Last => encoded.ids.len().checked_sub(1),
        Position::SubjectLast => {
            let subject = one.subject.trim();
            let found = one.prompt.find(subject).filter(|_| !subject.is_empty());
            let range = found.and_then(|at| encoded.tokens_over(at..at + subject.len()));
            range.and_then(|range| range.end.checked_sub(1))
        }
    };
    Ok(Row {
        subject_last: at.ok_or(EraseError::NoSubject { number })?,
        ids: encoded.ids,
    })
}

/// Where a fact's own prompt is read.
pub fn own_row(tokens: &Tokens, fact: &OwnFact, position: Position) -> Result<Row> {
    let own = Labelled {
        prompt: fact.prompt.clone(),
        subject: fact.subject.clone(),
        label: fact.old.clone(),
    };
    row(tokens, &own, position, 0).map_err(|error| match error {
        EraseError::NoSubject { .. } => crate::edit::EditError::EmptySubject.into(),
        error => error,
    })
}

/// The relation in which the fact's subject stands to its old answer.
fn own_relation(world: &World, fact: Option<&OwnFact>) -> Result<String> {
    let (subject, object) = fact.map_or(("", ""), |f| (f.subject.trim(), f.old.trim()));
    let own = world.about(subject).find(|f| f.object == object);
    let relation = own.map(|f| f.relation.clone());
    relation.ok_or_else(|| EraseError::WhichRelation {
        subject: subject.into(),
        object: object.into(),
    })
}

/// A relation's facts in all their wordings, the first of each subject.
fn of_world(world: &World, relation: &str) -> Result<Vec<Labelled>> {
    let mut seen = HashSet::new();
    let own: Vec<&Fact> = (world.facts().iter())
        .filter(|fact| fact.relation == relation && seen.insert(fact.subject.as_str()))
        .collect();
    if own.is_empty() {
        return Err(EraseError::NoRelation {
            relation: relation.into(),
            known: world.relations().collect::<Vec<_>>().join(", "),
        });
    }
    let of = |fact: &&Fact| {
        let asked = world.asked(fact);
        let wordings: Vec<&str> = asked.train.into_iter().chain(asked.held_out).collect();
        let labelled = |wording: &&str| Labelled {
            prompt: wording.replacen("{}", &fact.subject, 1),
            subject: fact.subject.clone(),
            label: fact.object.clone(),
        };
        wordings.iter().map(labelled).collect::<Vec<_>>()
    };
    Ok(own.iter().flat_map(of).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(labels: &[(&str, usize)]) -> Vec<Labelled> {
        let of = |(label, subjects): &(&str, usize)| {
            let label = (*label).to_owned();
            (0..2 * subjects)
                .map(|i| Labelled {
                    prompt: format!("{label} {} in words {}", i / 2, i % 2),
                    subject: format!("{label} {}", i / 2),
                    label: label.clone(),
                })
                .collect::<Vec<_>>()
        };
        labels.iter().flat_map(of).collect()
    }

    #[test]
    fn rare_labels_stand_together_and_no_subject_is_on_both_sides() {
        let all = given(&[("a", 8), ("b", 4), ("c", 2), ("d", 2)]);
        let mut set = Set::classed(&all, &[]).unwrap();
        set.split(0.25, 7);
        let names: Vec<&str> = set.classes.iter().map(|c| c.label.as_str()).collect();
        assert_eq!(names, ["a", "b", OTHER]);
        let counts: Vec<_> = set.classes.iter().map(|c| (c.fitted, c.held_out)).collect();
        assert_eq!(counts, [(12, 4), (6, 2), (6, 2)]);
        let sides = [&set.fitted, &set.held_out].map(|side| {
            let own: HashSet<usize> = side.iter().map(|&i| set.subjects[i]).collect();
            own
        });
        assert!(sides[0].is_disjoint(&sides[1]));
        let mut again = Set::classed(&all, &[]).unwrap();
        again.split(0.25, 7);
        assert_eq!(again.held_out, set.held_out);
    }

    #[test]
    fn named_labels_need_two_subjects_and_the_rest_may_be_too_few_to_count() {
        let all = given(&[("a", 3), ("b", 2), ("c", 1)]);
        let named = ["b".to_owned(), " a ".into()];
        let mut set = Set::classed(&all, &named).unwrap();
        set.split(0.5, 1);
        assert_eq!(set.classes.len(), 2);
        assert_eq!(set.fitted.len() + set.held_out.len(), 10, "c is left out");
        let alone = Set::classed(&given(&[("a", 9), ("b", 1)]), &[]);
        assert!(matches!(alone, Err(EraseError::OneLabel { .. })));
    }

    #[test]
    fn halves_share_no_subject_and_have_every_class_they_name() {
        let mut set = Set::classed(&given(&[("a", 9), ("b", 8), ("c", 4)]), &[]).unwrap();
        set.split(0.5, 3);
        let ([a, b], numbers) = set.halves().unwrap();
        assert_eq!(numbers.len(), 3);
        for half in [&a, &b] {
            let classes: BTreeSet<usize> = half.iter().map(|&i| set.labels[i]).collect();
            assert_eq!(classes.len(), 3);
        }
        assert!(
            a.iter()
                .all(|i| b.iter().all(|j| set.subjects[*i] != set.subjects[*j]))
        );
        set.held_out.truncate(1);
        assert!(set.halves().is_none());
    }
}
