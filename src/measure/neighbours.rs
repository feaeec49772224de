//! The probes that the workbench proposes for an edit: the fact in other
//! words, what follows from it, and the neighbours that should stay.

use super::known::KnownFact;
use super::spec::{Probe, ProbeGroup};
use crate::edit::Request;
use crate::facts::{Fact, World};

/// Why a probe is proposed.
const EDITED: &str = "the edited prompt";
const REWORDED: &str = "the fact in other words";
const FOLLOWS: &str = "follows from the fact";
const ALIKE: &str = "same relation, same old object";
const OF_NEW: &str = "same relation, the new object";
const SAME_RELATION: &str = "same relation";
const SAME_OBJECT: &str = "the old object in another relation";
const SAME_SUBJECT: &str = "the same subject in another relation";

/// Up to `count` probes for `request`, the nearest first. `old` is the answer
/// that the unedited model gives. Without a matching fact in the world only
/// the edited prompt itself is proposed.
pub fn propose(world: &World, request: &Request, old: &str, count: usize) -> Vec<Probe> {
    let probe = |prompt: String, about: (&str, &str), group, why: &str| Probe {
        prompt,
        expected: about.1.into(),
        group,
        subject: Some(about.0.into()),
        why: Some(why.into()),
    };
    let own = (request.subject.as_str(), old);
    let mut found = vec![probe(request.text(), own, ProbeGroup::Fact, EDITED)];
    let Some(fact) = edited_fact(world, request, old) else {
        found.truncate(count);
        return found;
    };
    let ask = |fact: &Fact, wording: &str| wording.replacen("{}", &fact.subject, 1);
    let asked = world.asked(fact);
    for wording in asked
        .held_out
        .into_iter()
        .chain(asked.train)
        .filter(|w| *w != request.prompt)
        .take(3)
    {
        found.push(probe(
            ask(fact, wording),
            (&fact.subject, &fact.object),
            ProbeGroup::Paraphrase,
            REWORDED,
        ));
    }
    for other in world.following(fact).into_iter().take(4) {
        if let Some(wording) = first_wording(world, other) {
            found.push(probe(
                ask(other, wording),
                (&other.subject, &other.object),
                ProbeGroup::Derived,
                FOLLOWS,
            ));
        }
    }
    let mut neighbour = |other: &Fact, wording: Option<&str>, why: &str| {
        let known = other.subject == fact.subject;
        if let (false, Some(wording)) = (known, wording) {
            let about = (other.subject.as_str(), other.object.as_str());
            let new = probe(ask(other, wording), about, ProbeGroup::Neighbour, why);
            if !found.iter().any(|old| old.prompt == new.prompt) {
                found.push(new);
            }
        }
    };
    // Same relation and same old object: what an edit most easily drags along.
    let shares = |other: &Fact| world.wordings(&other.relation).contains(&request.prompt);
    for other in world.alike(&fact.relation, &fact.object).take(count / 2) {
        let wording = if shares(other) {
            Some(request.prompt.as_str())
        } else {
            first_wording(world, other)
        };
        neighbour(other, wording, ALIKE);
    }
    // The same relation with other objects, among them the new one.
    let same = world
        .facts()
        .iter()
        .filter(|f| f.relation == fact.relation && f.object != fact.object);
    let (new, others): (Vec<&Fact>, Vec<&Fact>) =
        same.partition(|f| f.object == request.target.trim());
    let stride = (others.len() / count.max(1)).max(1);
    let new = new.into_iter().take(count / 8 + 1).map(|f| (f, OF_NEW));
    let others = others.into_iter().step_by(stride);
    for (other, why) in new
        .chain(others.map(|f| (f, SAME_RELATION)))
        .take(count / 2)
    {
        neighbour(other, first_wording(world, other), why);
    }
    // The old object in other relations.
    let elsewhere = world
        .facts()
        .iter()
        .filter(|f| f.object == fact.object && f.relation != fact.relation);
    for other in elsewhere.take(count / 4) {
        neighbour(other, first_wording(world, other), SAME_OBJECT);
    }
    // What else is known of the subject and does not follow from the fact.
    let following = world.following(fact);
    for other in world
        .about(&fact.subject)
        .filter(|other| *other != fact && !following.contains(other))
    {
        if let Some(wording) = first_wording(world, other) {
            found.push(probe(
                ask(other, wording),
                (&other.subject, &other.object),
                ProbeGroup::Neighbour,
                SAME_SUBJECT,
            ));
        }
    }
    found.truncate(count);
    found
}

/// A neighbour of the same relation, of a fact that the model was seen to know.
pub fn same_relation(fact: &KnownFact) -> Probe {
    Probe {
        prompt: fact.prompt(),
        expected: fact.object.clone(),
        group: ProbeGroup::Neighbour,
        subject: Some(fact.subject.clone()),
        why: Some(SAME_RELATION.into()),
    }
}

/// A question about another subject of the world: a probe before its key is known.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    pub subject: String,
    /// With {} for the subject.
    pub wording: String,
    pub object: String,
}

impl Candidate {
    /// The probe, once it is known how near its key is: `cosine` with that of the
    /// edit, in the metric of C⁻¹ or plain.
    pub fn probe(&self, cosine: f64, in_c: bool) -> Probe {
        let metric = if in_c {
            "with C⁻¹"
        } else {
            "without C⁻¹"
        };
        Probe {
            prompt: self.wording.replacen("{}", &self.subject, 1),
            expected: self.object.clone(),
            group: ProbeGroup::Neighbour,
            subject: Some(self.subject.clone()),
            why: Some(format!("near in key space: cosine {cosine:.2} {metric}")),
        }
    }
}

/// Every subject of the world but the request's own with one question about it:
/// the request's where the world can answer it, else of the first that is known.
pub fn candidates(world: &World, request: &Request) -> Vec<Candidate> {
    let others = world.subjects().filter(|name| *name != request.subject);
    let of = |subject: &str| {
        let worded = |f: &&Fact| world.wordings(&f.relation).contains(&request.prompt);
        let (fact, wording) = match world.about(subject).find(worded) {
            Some(fact) => (fact, request.prompt.as_str()),
            None => {
                let mut about = world.about(subject);
                about.find_map(|fact| Some((fact, first_wording(world, fact)?)))?
            }
        };
        Some(Candidate {
            subject: subject.to_owned(),
            wording: wording.to_owned(),
            object: fact.object.clone(),
        })
    };
    others.filter_map(of).collect()
}

/// The whole name of an answer of which the model has begun to say `old`: of
/// "New" for a tower in New York City.
pub fn whole_answer(world: &World, request: &Request, old: &str) -> Option<String> {
    let fact = edited_fact(world, request, old)?;
    (!old.is_empty() && fact.object.starts_with(old)).then(|| fact.object.clone())
}

/// The other wordings of what a request rewrites, the one that no training text
/// had first. Of a subject that is not in the world, those of the relation that
/// takes this prompt and knows the new object; none where that is not known.
pub fn other_wordings(world: &World, request: &Request, old: &str) -> Vec<String> {
    let target = request.target.trim();
    let worded = |fact: &&Fact| world.wordings(&fact.relation).contains(&request.prompt);
    let fact = edited_fact(world, request, old)
        .or_else(|| (world.facts().iter()).find(|fact| fact.object == target && worded(fact)));
    let Some(fact) = fact else {
        return Vec::new();
    };
    let asked = world.asked(fact);
    let all = asked.held_out.into_iter().chain(asked.train);
    let others = all.filter(|wording| *wording != request.prompt);
    others.map(str::to_owned).collect()
}

/// The fact of the world that a request rewrites: by its wording, else by the
/// old object.
pub(super) fn edited_fact<'w>(world: &'w World, request: &Request, old: &str) -> Option<&'w Fact> {
    let about = || world.about(&request.subject);
    let worded = |fact: &&Fact| world.wordings(&fact.relation).contains(&request.prompt);
    let old = old.trim();
    about()
        .find(|fact| worded(fact) && fact.object == old)
        .or_else(|| about().find(|fact| !old.is_empty() && fact.object.starts_with(old)))
        .or_else(|| about().find(worded))
}

pub(super) fn first_wording<'w>(world: &'w World, fact: &Fact) -> Option<&'w str> {
    world.asked(fact).train.first().copied()
}
