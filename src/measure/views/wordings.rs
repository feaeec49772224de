//! A relation's question, and its sentence the other way round.

use serde::Deserialize;
use std::collections::BTreeMap;

const EMBEDDED: &str = include_str!("../../../assets/views/wordings.json");

/// By relation, as the facts name them.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct Wordings(BTreeMap<String, Worded>);

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Worded {
    question: String,
    reversal: String,
}

impl Wordings {
    /// Those inside the program (`assets/views/SOURCES.md`).
    ///
    /// # Errors
    /// Words on what is wrong with them.
    pub fn embedded() -> Result<Wordings, String> {
        serde_json::from_str(EMBEDDED).map_err(|error| error.to_string())
    }

    /// "In which city is {}?": {} is the subject.
    pub fn question(&self, relation: &str) -> Option<&str> {
        self.0.get(relation).map(|worded| worded.question.as_str())
    }

    /// "A famous sight in {} is": {} is the object, and the subject follows.
    pub fn reversal(&self, relation: &str) -> Option<&str> {
        self.0.get(relation).map(|worded| worded.reversal.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::World;

    #[test]
    fn every_relation_of_the_world_is_worded() {
        let wordings = Wordings::embedded().unwrap();
        for relation in World::atlas().unwrap().relations() {
            for wording in [wordings.question(relation), wordings.reversal(relation)] {
                let braces = wording.unwrap().matches("{}").count();
                assert_eq!(braces, 1, "{relation}");
            }
        }
    }
}
