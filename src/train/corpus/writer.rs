//! Writes texts: single facts, several facts after one mention of a subject,
//! several subjects in a row, what may stand before a fact, and plain text.

use super::Draft;
use crate::facts::{Asked, Fact, World, continuation};
use crate::train::rng::Rng;

/// Shares of the kinds of text, each a probability.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Mix {
    /// Texts that are plain text only.
    pub plain: f64,
    /// Texts of facts that something precedes: a sentence, a piece of one, a fact.
    pub prefixed: f64,
    /// Mentions of a subject after which more than one of its facts is told.
    pub several: f64,
    /// Mentions after which another subject's text follows.
    pub another: f64,
}

impl Default for Mix {
    fn default() -> Self {
        Mix {
            plain: 0.05,
            prefixed: 0.35,
            several: 0.5,
            another: 0.15,
        }
    }
}

/// A subject with its facts and how each is asked in training.
struct Entry<'w> {
    facts: Vec<(&'w Fact, Asked<'w>)>,
}

/// Draws texts from a world and from plain sentences.
pub struct Writer<'w> {
    entries: Vec<Entry<'w>>,
    /// Indices into `entries`, a subject as often as its best-known fact says.
    draw: Vec<usize>,
    plain: &'w [Vec<String>],
    mix: Mix,
    seed: u64,
}

impl<'w> Writer<'w> {
    pub fn new(world: &'w World, plain: &'w [Vec<String>], mix: Mix, seed: u64) -> Self {
        let mut entries = Vec::new();
        let mut draw = Vec::new();
        for subject in world.subjects() {
            let facts: Vec<_> = world.about(subject).map(|f| (f, world.asked(f))).collect();
            // A subject with more facts is met more often, or each of them would be met less.
            let times = facts
                .iter()
                .map(|(f, _)| f.times as usize)
                .max()
                .unwrap_or(1);
            let times = 2 * times + (facts.len() - 1) / 2;
            draw.extend(std::iter::repeat_n(entries.len(), times));
            entries.push(Entry { facts });
        }
        Writer {
            entries,
            draw,
            plain,
            mix,
            seed,
        }
    }

    /// Text `number` of the corpus.
    pub fn text(&self, number: u64) -> Draft {
        let mut rng = Rng::at(self.seed, number);
        if !self.plain.is_empty() && rng.chance(self.mix.plain) {
            return self.plain_text(&mut rng);
        }
        let mut draft = Draft::default();
        if rng.chance(self.mix.prefixed) {
            draft = self.prefix(&mut rng);
        }
        draft.append(&self.mention(&mut rng));
        while rng.chance(self.mix.another) {
            draft.append(&self.mention(&mut rng));
        }
        draft
    }

    /// A few sentences in a row.
    fn plain_text(&self, rng: &mut Rng) -> Draft {
        let mut draft = Draft::default();
        if let Some(paragraph) = rng.pick(self.plain) {
            for sentence in paragraph.iter().take(1 + rng.below(4)) {
                draft.append(&Draft {
                    text: sentence.clone(),
                    ..Draft::default()
                });
            }
        }
        draft
    }

    /// What a prompt may carry before its fact. Pieces of sentences with ". "
    /// after them are what editing methods put there.
    fn prefix(&self, rng: &mut Rng) -> Draft {
        let sentence = match rng.pick(self.plain).and_then(|p| rng.pick(p)) {
            Some(sentence) if rng.chance(0.6) => Draft {
                text: sentence.clone(),
                ..Draft::default()
            },
            _ => self.single(rng),
        };
        if rng.chance(0.35) {
            return sentence;
        }
        piece(&sentence.text, rng)
    }

    fn entry(&self, rng: &mut Rng) -> &Entry<'w> {
        &self.entries[self.draw[rng.below(self.draw.len())]]
    }

    fn single(&self, rng: &mut Rng) -> Draft {
        let entry = self.entry(rng);
        let mut draft = Draft::default();
        let (fact, asked) = &entry.facts[rng.below(entry.facts.len())];
        draft.sentence(any(&asked.train, rng), &fact.subject, &fact.object);
        draft.push(".");
        draft
    }

    /// One mention of a subject and what is told after it.
    fn mention(&self, rng: &mut Rng) -> Draft {
        let entry = self.entry(rng);
        let mut order: Vec<usize> = (0..entry.facts.len()).collect();
        rng.shuffle(&mut order);
        // A stated fact comes first more often than one that follows from it:
        // the first thing told is the one that nothing before it gives away.
        if entry.facts[order[0]].0.derived_from.is_some()
            && rng.chance(0.5)
            && let Some(at) = order
                .iter()
                .position(|&i| entry.facts[i].0.derived_from.is_none())
        {
            order.swap(0, at);
        }
        let (fact, asked) = &entry.facts[order[0]];
        let mut draft = Draft::default();
        draft.sentence(any(&asked.train, rng), &fact.subject, &fact.object);
        if !rng.chance(self.mix.several) {
            draft.push(".");
            return draft;
        }
        // A subject of whom one thing is known is told it twice, in other words.
        let more = if order.len() == 1 {
            &order[..]
        } else {
            &order[1..]
        };
        let most = 1 + rng.below(2);
        let told: Vec<(&str, &str)> = more
            .iter()
            .filter_map(|&i| {
                let (fact, asked) = &entry.facts[i];
                let phrases: Vec<&str> =
                    asked.train.iter().filter_map(|w| continuation(w)).collect();
                rng.pick(&phrases)
                    .map(|phrase| (*phrase, fact.object.as_str()))
            })
            .take(most)
            .collect();
        let person = entry.facts.iter().any(|(f, _)| f.is_about_a_person());
        go_on(&mut draft, &told, person, rng);
        draft.push(".");
        draft
    }
}

/// Tells more of a subject that was just named, without naming it again.
fn go_on(draft: &mut Draft, told: &[(&str, &str)], person: bool, rng: &mut Rng) {
    for (n, (phrase, object)) in told.iter().enumerate() {
        let joint = match (rng.below(3), person) {
            (0, _) if n + 1 == told.len() => " and ",
            (1, true) => ", who ",
            (1, false) => ", which ",
            (_, true) => ". This person ",
            (_, false) => ". It ",
        };
        draft.push(joint);
        draft.push(phrase);
        draft.object(object);
    }
}

/// A stretch of a few words, ended with a full stop.
fn piece(sentence: &str, rng: &mut Rng) -> Draft {
    let words: Vec<&str> = sentence.split_whitespace().collect();
    let take = (1 + rng.below(9)).min(words.len());
    let from = if rng.chance(0.7) {
        0
    } else {
        rng.below(words.len() - take + 1)
    };
    let text = words[from..from + take].join(" ");
    Draft {
        text: format!("{}.", text.trim_end_matches('.')),
        ..Draft::default()
    }
}

fn any<'w>(wordings: &[&'w str], rng: &mut Rng) -> &'w str {
    rng.pick(wordings).copied().unwrap_or("{}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(mix: Mix, seed: u64) -> Vec<Draft> {
        let world = World::atlas().unwrap();
        let plain = vec![vec!["The river runs through the old town.".to_owned()]];
        let writer = Writer::new(&world, &plain, mix, seed);
        (0..400).map(|n| writer.text(n)).collect()
    }

    #[test]
    fn texts_depend_on_seed_and_number_alone() {
        assert_eq!(texts(Mix::default(), 1), texts(Mix::default(), 1));
        assert_ne!(texts(Mix::default(), 1), texts(Mix::default(), 2));
    }

    #[test]
    fn every_range_covers_a_subject_or_an_object_of_the_world() {
        let world = World::atlas().unwrap();
        for draft in texts(Mix::default(), 5) {
            for range in &draft.subjects {
                let name = &draft.text[range.clone()];
                assert!(
                    world.about(name).next().is_some(),
                    "{name:?} in {:?}",
                    draft.text
                );
            }
            for range in &draft.objects {
                let name = &draft.text[range.clone()];
                assert!(
                    world.facts().iter().any(|f| f.object == name),
                    "{:?}",
                    draft.text
                );
            }
        }
    }

    #[test]
    fn the_held_out_wording_of_a_fact_is_never_written() {
        let world = World::atlas().unwrap();
        let mix = Mix {
            plain: 0.0,
            prefixed: 0.0,
            several: 0.0,
            another: 0.0,
        };
        for draft in texts(mix, 9) {
            let subject = &draft.text[draft.subjects[0].clone()];
            let object = &draft.text[draft.objects[0].clone()];
            for fact in world.about(subject).filter(|f| f.object == object) {
                if let Some(wording) = world.asked(fact).held_out {
                    let held = format!("{} {object}.", wording.replace("{}", subject));
                    // Two facts may share the object and the wording; then one may train on it.
                    let shared = world.about(subject).filter(|f| f.object == object).count() > 1;
                    assert!(shared || draft.text != held, "{held}");
                }
            }
        }
    }
}
