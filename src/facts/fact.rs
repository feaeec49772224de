//! One true sentence of a world, and what is asked of it.

use serde::{Deserialize, Serialize};

/// One true sentence, up to its wording: `relation` of `subject` is `object`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Fact {
    pub subject: String,
    /// A key of the templates: a Wikidata property (`P36`) or a name (`CITY`).
    pub relation: String,
    pub object: String,
    /// Where this fact follows from another one of the same subject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub derived_from: Option<Derivation>,
    /// How often the fact is met in training, relative to the others.
    #[serde(default = "once", skip_serializing_if = "is_once")]
    pub times: u32,
}

impl Fact {
    /// Whether the relation is one whose subjects are people (or bands): "who", not
    /// "which".
    pub fn is_about_a_person(&self) -> bool {
        const PERSONAL: [&str; 15] = [
            "P19", "P20", "P27", "P101", "P103", "P106", "P108", "P136", "P1303", "P1412", "P39",
            "P413", "P641", "P937", "P264",
        ];
        PERSONAL.contains(&self.relation.as_str())
    }
}

/// The subject's own fact that another one rests on. The second premise is
/// what is known of `object`: the tower is in Paris, and Paris is in France.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Derivation {
    pub relation: String,
    pub object: String,
}

fn once() -> u32 {
    1
}

fn is_once(times: &u32) -> bool {
    *times == 1
}
