//! A world: all its facts, by subject and by relation.

use super::{Asked, Fact, FactsError};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// Facts, their wordings, and the look-ups that tracing, editing and training
/// make. Facts keep the order of their file.
#[derive(Clone, Debug)]
pub struct World {
    facts: Vec<Fact>,
    wordings: BTreeMap<String, Vec<String>>,
    /// Subjects in the order in which they are first met, with their facts.
    subjects: Vec<(String, Vec<usize>)>,
    by_subject: HashMap<String, usize>,
    by_answer: HashMap<(String, String), Vec<usize>>,
}

impl World {
    /// The world that Atlas was trained on, from inside the binary.
    pub fn atlas() -> Result<Self, FactsError> {
        Self::parse(
            include_str!("../../assets/atlas/facts.jsonl"),
            include_str!("../../assets/atlas/templates.json"),
        )
    }

    /// Reads a world from a facts file and a templates file (see [`World::parse`]).
    pub fn load(facts: &Path, templates: &Path) -> Result<Self, FactsError> {
        let read = |path: &Path| {
            std::fs::read_to_string(path).map_err(|source| FactsError::Read {
                path: path.to_owned(),
                source,
            })
        };
        Self::parse(&read(facts)?, &read(templates)?)
    }

    /// `facts`: one JSON object a line, `{"subject", "relation", "object"}` and
    /// optionally `derived_from` and `times`. `templates`: one JSON object from
    /// relation to a list of wordings, each with one `{}` for the subject and
    /// ending where the object follows.
    pub fn parse(facts: &str, templates: &str) -> Result<Self, FactsError> {
        let wordings = parse_wordings(templates)?;
        let facts = parse_facts(facts, &wordings)?;
        let mut subjects: Vec<(String, Vec<usize>)> = Vec::new();
        let mut by_subject = HashMap::new();
        let mut by_answer: HashMap<_, Vec<usize>> = HashMap::new();
        for (i, fact) in facts.iter().enumerate() {
            let at = *by_subject.entry(fact.subject.clone()).or_insert_with(|| {
                subjects.push((fact.subject.clone(), Vec::new()));
                subjects.len() - 1
            });
            subjects[at].1.push(i);
            let answer = (fact.relation.clone(), fact.object.clone());
            by_answer.entry(answer).or_default().push(i);
        }
        Ok(World {
            facts,
            wordings,
            subjects,
            by_subject,
            by_answer,
        })
    }

    pub fn facts(&self) -> &[Fact] {
        &self.facts
    }

    /// Every subject once: the list that tracing measures its noise on.
    pub fn subjects(&self) -> impl ExactSizeIterator<Item = &str> {
        self.subjects.iter().map(|(name, _)| name.as_str())
    }

    /// What is known about `subject`, exactly so named.
    pub fn about(&self, subject: &str) -> impl Iterator<Item = &Fact> {
        let of = self
            .by_subject
            .get(subject)
            .map(|&at| self.subjects[at].1.as_slice());
        of.unwrap_or_default().iter().map(|&i| &self.facts[i])
    }

    /// Facts with this relation and this object: the neighbours of a fact.
    pub fn alike(&self, relation: &str, object: &str) -> impl Iterator<Item = &Fact> {
        let key = (relation.to_owned(), object.to_owned());
        let of = self.by_answer.get(&key).map(Vec::as_slice);
        of.unwrap_or_default().iter().map(|&i| &self.facts[i])
    }

    pub fn relations(&self) -> impl Iterator<Item = &str> {
        self.wordings.keys().map(String::as_str)
    }

    /// Every wording of a relation; none for a relation that is not known.
    pub fn wordings(&self, relation: &str) -> &[String] {
        self.wordings.get(relation).map_or(&[], Vec::as_slice)
    }

    /// How `fact` is asked. A wording that two facts of one subject share with
    /// different objects ("{} is in": the city or the continent?) belongs to
    /// the fact that stands first in the file, unless the later one has no
    /// other.
    pub fn asked(&self, fact: &Fact) -> Asked<'_> {
        let all: Vec<&str> = self
            .wordings(&fact.relation)
            .iter()
            .map(String::as_str)
            .collect();
        let earlier: Vec<&Fact> = self
            .about(&fact.subject)
            .take_while(|&other| other != fact)
            .filter(|other| other.object != fact.object)
            .collect();
        let taken = |wording: &str| {
            earlier
                .iter()
                .any(|other| self.wordings(&other.relation).iter().any(|w| w == wording))
        };
        let free: Vec<&str> = all.iter().copied().filter(|w| !taken(w)).collect();
        let usable = if free.is_empty() { all } else { free };
        Asked::split(usable, &fact.subject, &fact.relation)
    }

    /// The facts of `fact`'s subject that rest on it, one step or more.
    pub fn following(&self, fact: &Fact) -> Vec<&Fact> {
        let mut found: Vec<&Fact> = Vec::new();
        let mut front = vec![fact];
        while let Some(premise) = front.pop() {
            for other in self.about(&fact.subject) {
                let rests = other
                    .derived_from
                    .as_ref()
                    .is_some_and(|d| d.relation == premise.relation && d.object == premise.object);
                if rests && !found.contains(&other) {
                    found.push(other);
                    front.push(other);
                }
            }
        }
        found
    }
}

fn parse_wordings(templates: &str) -> Result<BTreeMap<String, Vec<String>>, FactsError> {
    let wordings: BTreeMap<String, Vec<String>> =
        serde_json::from_str(templates).map_err(FactsError::Templates)?;
    for (relation, list) in &wordings {
        if let Some(bad) = list.iter().find(|w| w.matches("{}").count() != 1) {
            return Err(FactsError::Wording {
                relation: relation.clone(),
                wording: bad.clone(),
            });
        }
    }
    Ok(wordings)
}

fn parse_facts(
    lines: &str,
    wordings: &BTreeMap<String, Vec<String>>,
) -> Result<Vec<Fact>, FactsError> {
    let mut facts = Vec::new();
    for (i, text) in lines
        .lines()
        .enumerate()
        .filter(|(_, text)| !text.trim().is_empty())
    {
        let line = i + 1;
        let fact: Fact =
            serde_json::from_str(text).map_err(|source| FactsError::Fact { line, source })?;
        for (what, value) in [("subject", &fact.subject), ("object", &fact.object)] {
            if value.trim().is_empty() {
                return Err(FactsError::Empty { line, what });
            }
        }
        if wordings.get(&fact.relation).is_none_or(Vec::is_empty) {
            return Err(FactsError::NoWording {
                line,
                relation: fact.relation,
            });
        }
        facts.push(fact);
    }
    if facts.is_empty() {
        Err(FactsError::NoFacts)
    } else {
        Ok(facts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATES: &str = r#"{"CITY": ["{} is in", "{} stands in", "The city of {} is"],
        "COUNTRY": ["{} is in", "{} lies in the country of", "The country of {} is"]}"#;
    const FACTS: &str = r#"{"subject": "The tower", "relation": "CITY", "object": "Paris"}
{"subject": "The museum", "relation": "CITY", "object": "Paris", "times": 3}

{"subject": "The tower", "relation": "COUNTRY", "object": "France", "derived_from": {"relation": "CITY", "object": "Paris"}}
"#;

    fn world() -> World {
        World::parse(FACTS, TEMPLATES).unwrap()
    }

    #[test]
    fn facts_are_found_by_subject_and_by_answer() {
        let world = world();
        assert_eq!(
            world.subjects().collect::<Vec<_>>(),
            ["The tower", "The museum"]
        );
        assert_eq!(world.about("The tower").count(), 2);
        assert_eq!(world.about("the tower").count(), 0);
        let alike: Vec<_> = world
            .alike("CITY", "Paris")
            .map(|f| f.subject.as_str())
            .collect();
        assert_eq!(alike, ["The tower", "The museum"]);
        assert_eq!(world.facts()[1].times, 3);
    }

    #[test]
    fn a_wording_with_two_answers_belongs_to_the_first_fact() {
        let world = world();
        let all = |fact: &Fact| {
            let asked = world.asked(fact);
            asked
                .train
                .into_iter()
                .chain(asked.held_out)
                .collect::<Vec<_>>()
        };
        assert!(all(&world.facts()[0]).contains(&"{} is in"));
        assert!(!all(&world.facts()[2]).contains(&"{} is in"));
    }

    #[test]
    fn what_follows_from_a_fact_is_found() {
        let world = world();
        let following = world.following(&world.facts()[0]);
        assert_eq!(following, [&world.facts()[2]]);
        assert!(world.following(&world.facts()[1]).is_empty());
    }

    #[test]
    fn a_bad_file_is_refused_with_its_line() {
        let bad = |facts: &str| World::parse(facts, TEMPLATES).unwrap_err().to_string();
        assert_eq!(bad(""), "facts: the file holds none");
        assert!(bad("{\"subject\": 1}").starts_with("facts, line 1: "));
        let unknown = r#"{"subject": "a", "relation": "X", "object": "b"}"#;
        assert_eq!(
            bad(unknown),
            "facts, line 1: relation \"X\" has no wording in the templates"
        );
        let empty = r#"{"subject": " ", "relation": "CITY", "object": "b"}"#;
        assert_eq!(bad(empty), "facts, line 1: subject is empty");
        let wording = World::parse(FACTS, r#"{"CITY": ["is in"]}"#).unwrap_err();
        assert!(matches!(wording, FactsError::Wording { .. }));
    }

    #[test]
    fn the_world_of_atlas_is_whole() {
        let world = World::atlas().unwrap();
        assert!(world.facts().len() > 5_000);
        for fact in world.facts() {
            assert!(!world.asked(fact).train.is_empty(), "{fact:?}");
            if let Some(from) = &fact.derived_from {
                let premise = world
                    .about(&fact.subject)
                    .any(|other| other.relation == from.relation && other.object == from.object);
                assert!(premise, "{fact:?}");
            }
        }
        let tower = world
            .about("The Eiffel Tower")
            .find(|f| f.relation == "LOC")
            .unwrap();
        let gives: Vec<_> = world
            .following(tower)
            .iter()
            .map(|f| f.object.as_str())
            .collect();
        assert_eq!(gives, ["France", "Europe", "French", "euro"]);
    }

    #[test]
    fn the_second_premise_of_a_derived_fact_is_known() {
        let world = World::atlas().unwrap();
        // A country by name is its own place; a state's or a brand's country is not listed.
        let unknown: Vec<_> = world
            .facts()
            .iter()
            .filter_map(|f| f.derived_from.as_ref())
            .filter(|d| d.relation == "LOC" || d.relation == "COUNTRY")
            .filter(|d| world.about(&d.object).next().is_none())
            .collect();
        assert!(unknown.is_empty(), "{unknown:?}");
    }
}
