//! Cases of CounterFact's form from a world's own facts: as many as wanted, of
//! what the model was trained on, with neighbours that none of them rewrites.

use super::counterfact::{Object, Record, References, Rewrite};
use crate::facts::{Fact, World};
use crate::model::sample::Rng;
use std::collections::{BTreeMap, BTreeSet, HashSet};

const PARAPHRASES: usize = 2;
const NEIGHBOURS: usize = 5;

/// One case a subject, in a seeded order, without neighbours yet: which facts
/// may serve depends on which cases are taken ([`add_neighbours`]).
pub fn of_world(world: &World, seed: u64) -> Vec<Record> {
    let mut rng = Rng::new(seed);
    let mut facts: Vec<&Fact> = (world.facts().iter())
        .filter(|fact| fact.derived_from.is_none())
        .collect();
    rng.shuffle(&mut facts);
    let objects = objects(world);
    let mut subjects = HashSet::new();
    let mut records = Vec::new();
    for fact in facts {
        if subjects.contains(fact.subject.as_str()) {
            continue;
        }
        if let Some(record) = record(world, &objects, fact, records.len() as u64, &mut rng) {
            subjects.insert(fact.subject.as_str());
            records.push(record);
        }
    }
    records
}

/// The objects of each relation, in order.
type Objects<'w> = BTreeMap<&'w str, BTreeSet<&'w str>>;

fn objects(world: &World) -> Objects<'_> {
    let mut objects = Objects::new();
    for fact in world.facts() {
        let of = objects.entry(&fact.relation).or_default();
        of.insert(&fact.object);
    }
    objects
}

/// `None` for a fact with one wording, or without another object to take.
fn record(
    world: &World,
    objects: &Objects,
    fact: &Fact,
    case_id: u64,
    rng: &mut Rng,
) -> Option<Record> {
    let asked = world.asked(fact);
    let (prompt, others) = asked.train.split_first()?;
    let paraphrase = |wording: &&str| wording.replacen("{}", &fact.subject, 1);
    let paraphrases = asked.held_out.iter().chain(others).map(paraphrase);
    let paraphrase_prompts: Vec<String> = paraphrases.take(PARAPHRASES).collect();
    let true_of_subject = |object: &str| world.about(&fact.subject).any(|f| f.object == object);
    let all = objects.get(fact.relation.as_str())?.iter().copied();
    let objects: Vec<&str> = all.filter(|object| !true_of_subject(object)).collect();
    if objects.is_empty() || paraphrase_prompts.is_empty() {
        return None;
    }
    let new = objects[rng.below(objects.len())];
    let object = |text: &str| Object { text: text.into() };
    Some(Record {
        case_id,
        requested_rewrite: Rewrite {
            prompt: (*prompt).into(),
            subject: fact.subject.clone(),
            target_new: object(new),
            target_true: object(&fact.object),
        },
        paraphrase_prompts,
        neighborhood_prompts: Vec::new(),
        generation_prompts: Vec::new(),
    })
}

/// Gives each of `records` prompts about other subjects whose answer is its old
/// one, of subjects that none of `records` rewrites.
pub fn add_neighbours(world: &World, records: &mut [Record], seed: u64) {
    let mut rng = Rng::new(seed);
    let rewritten: HashSet<String> = (records.iter())
        .map(|record| record.requested_rewrite.subject.clone())
        .collect();
    for record in records {
        let rewrite = &record.requested_rewrite;
        let of_same = |fact: &&Fact| fact.object == rewrite.target_true.text;
        let Some(own) = world.about(&rewrite.subject).find(of_same) else {
            continue;
        };
        let mut alike: Vec<&Fact> = (world.alike(&own.relation, &own.object))
            .filter(|fact| !rewritten.contains(&fact.subject))
            .collect();
        rng.shuffle(&mut alike);
        record.neighborhood_prompts = (alike.iter())
            .filter_map(|fact| {
                let wording = *world.asked(fact).train.first()?;
                Some(wording.replacen("{}", &fact.subject, 1))
            })
            .take(NEIGHBOURS)
            .collect();
    }
}

/// What a world says of each of its objects: every fact that has it, in words.
pub fn references(world: &World) -> References {
    let mut texts: BTreeMap<String, String> = BTreeMap::new();
    for fact in world.facts() {
        let Some(wording) = world.asked(fact).train.first().copied() else {
            continue;
        };
        let text = texts.entry(fact.object.clone()).or_default();
        let subject = wording.replacen("{}", &fact.subject, 1);
        *text += &format!("{subject} {}. ", fact.object);
    }
    References::new(texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_of_atlas_are_many_and_sound() {
        let world = World::atlas().unwrap();
        let mut records = of_world(&world, 1);
        assert!(records.len() > 2000, "{}", records.len());
        records.truncate(1000);
        add_neighbours(&world, &mut records, 1);
        let subjects: HashSet<&str> = (records.iter())
            .map(|r| r.requested_rewrite.subject.as_str())
            .collect();
        assert_eq!(subjects.len(), records.len(), "one case a subject");
        let mut with = 0;
        for record in &records {
            let rewrite = &record.requested_rewrite;
            assert_ne!(rewrite.target_new, rewrite.target_true);
            assert_eq!(rewrite.prompt.matches("{}").count(), 1);
            with += usize::from(!record.neighborhood_prompts.is_empty());
            for prompt in &record.neighborhood_prompts {
                let of_rewritten = |s: &&&str| prompt.as_str() == rewrite.prompt.replace("{}", s);
                assert!(!subjects.iter().any(|s| of_rewritten(&s)), "{prompt}");
            }
        }
        assert!(with > 800, "{with}");
        assert_eq!(of_world(&world, 1)[..5], of_world(&world, 1)[..5]);
    }
}
