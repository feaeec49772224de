//! What a model knows, found by asking it: true sentences that it finishes with the
//! right word as its first choice.

use super::score::{Ask, score};
use crate::edit::error::Result;
use crate::facts::Sentence;
use crate::model::probe::Probe;
use crate::model::{Decoder, Tokens};
use serde::{Deserialize, Serialize};

/// p of the object from which a first choice counts as knowledge.
pub const DECENT: f64 = 0.2;
/// With so many facts there are enough for examples, neighbours and averaged traces.
pub const ENOUGH: usize = 100;
/// So many are asked at most.
pub const MOST: usize = 600;
/// A model that has this many is not asked for longer than [`SECONDS`].
const FEW: usize = 12;
/// Seconds after which a slow model with [`FEW`] facts is left in peace; with fewer it
/// is asked for four times as long.
const SECONDS: f64 = 30.0;

/// A sentence that the model finishes rightly.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KnownFact {
    pub relation: String,
    pub subject: String,
    pub object: String,
    /// With `{}` for the subject.
    pub wording: String,
    /// An answer that an edit may write instead.
    pub new: Option<String>,
    /// p of the object: the geometric mean over its tokens.
    pub p: f64,
}

/// What a model was asked so far, and what it knows of that.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Known {
    /// Sentences that were asked, from the list's first.
    pub asked: usize,
    /// In the list's order.
    pub facts: Vec<KnownFact>,
    /// Seconds that this took.
    pub seconds: f64,
}

impl Known {
    /// Whether nothing more is asked.
    pub fn is_done(&self) -> bool {
        let known = self.facts.len();
        let limit = if known >= FEW { SECONDS } else { 4.0 * SECONDS };
        known >= ENOUGH || self.asked >= Self::most() || self.seconds > limit
    }

    /// Sentences that are asked at most.
    pub fn most() -> usize {
        MOST.min(Sentence::all().count())
    }

    /// Asks the next `count` sentences, all in one batch.
    pub fn ask<P: Probe>(
        &mut self,
        decoder: &Decoder,
        tokens: &Tokens,
        count: usize,
        probe: &mut P,
    ) -> Result<()> {
        let new: Vec<Sentence> = Sentence::all()
            .take(Self::most())
            .skip(self.asked)
            .take(count)
            .collect();
        // What the tokenizer cannot tell, or what is too long, is not known.
        let asks: Vec<(Sentence, Ask)> = new
            .iter()
            .filter_map(|one| Some((*one, Ask::new(tokens, &one.prompt(), &[one.object]).ok()?)))
            .filter(|(_, ask)| {
                let length = ask.prompt.len() + ask.answers[0].len();
                !ask.prompt.is_empty() && decoder.check_length(length).is_ok()
            })
            .collect();
        let batch: Vec<Ask> = asks.iter().map(|(_, ask)| ask.clone()).collect();
        let scored = score(decoder, &batch, probe, |_, _| ())?;
        let known = asks.iter().zip(&scored).filter_map(|((one, _), said)| {
            let p = said.log_p.first()?.exp();
            (said.exact.first() == Some(&true) && p >= DECENT).then(|| KnownFact {
                relation: one.relation.into(),
                subject: one.subject.into(),
                object: one.object.into(),
                wording: one.wording.into(),
                new: other_object(one),
                p,
            })
        });
        self.facts.extend(known);
        self.asked += new.len();
        Ok(())
    }

    /// Facts to begin with: short, clean, well known, of several relations. As more is
    /// known the list grows at its end. (prompt with {}, subject, old object, new one)
    pub fn examples(&self) -> Vec<[String; 4]> {
        const AT_MOST: usize = 8;
        const EACH: usize = 2;
        let mut found: Vec<(&KnownFact, &String)> = Vec::new();
        for fact in self.facts.iter().filter(|fact| fact.is_clean()) {
            let Some(new) = &fact.new else { continue };
            let alike = found
                .iter()
                .filter(|(one, _)| one.relation == fact.relation);
            if alike.count() < EACH {
                found.push((fact, new));
            }
        }
        let row = |(fact, new): (&KnownFact, &String)| {
            [&fact.wording, &fact.subject, &fact.object, new].map(String::clone)
        };
        found.into_iter().take(AT_MOST).map(row).collect()
    }

    /// Other facts of the relation that `wording` or `subject` belongs to: those with
    /// the object `old` first.
    pub fn alike(&self, wording: &str, subject: &str, old: &str) -> Vec<&KnownFact> {
        let own = (Sentence::all()).find(|one| one.wording == wording || one.subject == subject);
        let Some(relation) = own.map(|one| one.relation) else {
            return Vec::new();
        };
        let others =
            (self.facts.iter()).filter(|fact| fact.relation == relation && fact.subject != subject);
        let (mut same, other): (Vec<_>, Vec<_>) = others.partition(|fact| fact.object == old);
        same.extend(other);
        same
    }
}

impl KnownFact {
    pub fn prompt(&self) -> String {
        self.wording.replacen("{}", &self.subject, 1)
    }

    /// Whether it makes a good first example.
    fn is_clean(&self) -> bool {
        let short = self.subject.chars().count() <= 24 && self.wording.chars().count() <= 48;
        let words = self.wording.split(' ').count() >= 4 && !self.wording.contains(',');
        short && words && self.p >= 0.5 && self.subject.starts_with(char::is_uppercase)
    }
}

/// The answer chosen by hand, else the next other object of the relation.
fn other_object(of: &Sentence) -> Option<String> {
    let alike = |one: &Sentence| one.relation == of.relation && one.object != of.object;
    let after = Sentence::all().skip_while(|one| one != of).find(alike);
    let other = after
        .or_else(|| Sentence::all().find(alike))
        .map(|one| one.object);
    of.new.or(other).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fact(relation: &str, subject: &str, wording: &str, p: f64) -> KnownFact {
        KnownFact {
            relation: relation.into(),
            subject: subject.into(),
            object: "Paris".into(),
            wording: wording.into(),
            new: Some("Rome".into()),
            p,
        }
    }

    #[test]
    fn examples_are_clean_of_several_relations_and_grow_at_their_end() {
        let good = "The capital city of {} is";
        let mut known = Known {
            facts: vec![
                fact("P36", "France", good, 0.9),
                fact("P36", "Doubtful", good, 0.3),
                fact("P36", "Gaul", "{}, of", 0.9),
                fact("P36", "Second", good, 0.9),
                fact("P36", "Third", good, 0.9),
                fact("LOC", "The Louvre", "{} is located in the city of", 0.9),
            ],
            ..Known::default()
        };
        let subjects = |known: &Known| -> Vec<String> {
            let all = known.examples();
            all.into_iter().map(|[_, subject, ..]| subject).collect()
        };
        let before = subjects(&known);
        assert_eq!(before, ["France", "Second", "The Louvre"]);
        known
            .facts
            .push(fact("P30", "Kenya", "{} lies in the continent of", 0.9));
        assert_eq!(subjects(&known)[..3], before);
        assert_eq!(subjects(&known).len(), 4);
    }

    #[test]
    fn asking_ends_with_enough_facts_with_the_list_or_with_time() {
        let many = vec![fact("P36", "France", "The capital of {} is", 0.9); ENOUGH];
        let known = |facts: usize, asked: usize, seconds: f64| Known {
            facts: many[..facts].to_vec(),
            asked,
            seconds,
        };
        assert!(!known(0, 0, 0.0).is_done());
        assert!(known(ENOUGH, 200, 5.0).is_done());
        assert!(known(3, MOST, 5.0).is_done());
        assert!(known(FEW, 50, 31.0).is_done());
        assert!(!known(FEW - 1, 50, 31.0).is_done());
        assert!(known(0, 50, 121.0).is_done());
    }

    #[test]
    fn a_new_answer_is_another_object_of_the_relation() {
        for one in Sentence::all().take(MOST) {
            let other = other_object(&one);
            assert_ne!(other.as_deref(), Some(one.object), "{one:?}");
        }
    }

    #[test]
    fn neighbours_share_the_relation_and_come_by_their_object() {
        let mut rome = fact("P36", "Italy", "The capital city of {} is", 0.9);
        rome.object = "Rome".into();
        let known = Known {
            facts: vec![
                rome,
                fact("P36", "Gaul", "The capital city of {} is", 0.9),
                fact("LOC", "The Louvre", "{} is located in the city of", 0.9),
            ],
            ..Known::default()
        };
        let found = known.alike("The capital city of {} is", "France", "Paris");
        let subjects: Vec<&str> = found.iter().map(|f| f.subject.as_str()).collect();
        assert_eq!(subjects, ["Gaul", "Italy"]);
        assert!(known.alike("{} is a kind of", "Nobody", "x").is_empty());
    }
}
