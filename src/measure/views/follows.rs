//! What follows from a fact once its object is another one.

use crate::facts::{Fact, World};

/// What rests on `fact`, one step or more, and what would rest there in its place
/// if its object were `new`: another subject of which the same is known tells.
/// What stays the same, or of which the world knows nothing, is left out.
pub fn changed<'w>(world: &'w World, fact: &'w Fact, new: &str) -> Vec<(&'w Fact, String)> {
    // Each old premise with the object it has now.
    let mut now: Vec<(&Fact, String)> = vec![(fact, new.to_owned())];
    let mut changed = Vec::new();
    for was in world.following(fact) {
        let Some(rests_on) = &was.derived_from else {
            continue;
        };
        let premise = now.iter().find(|(premise, _)| {
            premise.relation == rests_on.relation && premise.object == rests_on.object
        });
        let Some((premise, object)) = premise else {
            continue;
        };
        let follows = |other: &&Fact| {
            let from = other.derived_from.as_ref();
            other.relation == was.relation
                && from.is_some_and(|d| d.relation == premise.relation && d.object == *object)
        };
        // Of a country it is stated, of a tower in it derived.
        let stated = |other: &&Fact| other.relation == was.relation;
        let alike = world.facts().iter().find(follows);
        let Some(known) = alike.or_else(|| world.about(object).find(stated)) else {
            continue;
        };
        now.push((was, known.object.clone()));
        if known.object != was.object {
            changed.push((was, known.object.clone()));
        }
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn follows(subject: &str, relation: &str, new: &str) -> Vec<(String, String, String)> {
        let world = World::atlas().unwrap();
        let fact = world.about(subject).find(|f| f.relation == relation);
        let fact = fact.unwrap().clone();
        let fact = world.facts().iter().find(|f| **f == fact).unwrap();
        changed(&world, fact, new)
            .into_iter()
            .map(|(was, new)| (was.relation.clone(), was.object.clone(), new))
            .collect()
    }

    #[test]
    fn a_moved_tower_takes_its_country_with_it_and_what_the_country_gives() {
        let changes = follows("The Eiffel Tower", "LOC", "London");
        let has = |relation: &str, old: &str, new: &str| {
            changes.contains(&(relation.into(), old.into(), new.into()))
        };
        assert!(
            has("COUNTRY", "France", "England")
                || has("COUNTRY", "France", "the United Kingdom")
                || has("COUNTRY", "France", "United Kingdom"),
            "{changes:?}"
        );
        assert!(has("LANGUAGE", "French", "English"), "{changes:?}");
        // Both are in Europe.
        assert!(!changes.iter().any(|(relation, ..)| relation == "CONTINENT"));
    }

    #[test]
    fn nothing_follows_from_what_is_not_known() {
        assert!(follows("The Eiffel Tower", "LOC", "Nowhere").is_empty());
        assert!(follows("The Eiffel Tower", "LOC", "Paris").is_empty());
    }
}
