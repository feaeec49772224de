//! The prompts that the program has for an edit: from what is known about the
//! subject, its relation, and everything else.

use super::follows;
use super::prompt::{Prompt, Wish};
use super::view::View;
use super::wordings::Wordings;
use crate::edit::Request;
use crate::facts::{Fact, World, continuation};
use crate::measure::neighbours::{edited_fact, first_wording, other_wordings};
use crate::model::sample::Rng;
use std::collections::{BTreeMap, BTreeSet};

/// Sentences that stand before the prompt, one at a time.
const LEADS: usize = 5;

/// What is known of the edited fact.
struct About<'w> {
    world: &'w World,
    request: &'w Request,
    new: &'w str,
    old: &'w str,
    /// The fact itself, where the world has it.
    fact: Option<&'w Fact>,
    /// Its relation, where its wording gives it away.
    relation: Option<&'w str>,
}

/// Up to `most` prompts a view, in the order of the views. Those views that no
/// prompt can be made for have none.
pub fn propose(
    world: &World,
    wordings: &Wordings,
    request: &Request,
    old: &str,
    most: usize,
) -> Vec<Prompt> {
    let about = About::new(world, request, old);
    let mut all = about.retention();
    for (view, prompts) in [
        (View::Generalisation, about.generalisation()),
        (View::Ripple, about.ripple(most)),
        (View::CrossDomain, about.cross_domain(most)),
        (View::TwoHop, about.two_hop()),
        (View::Portability, about.portability(wordings)),
        (View::Extraction, about.extraction(wordings)),
        (View::LongForm, about.long_form()),
    ] {
        let mut seen = BTreeSet::new();
        let fresh = prompts.into_iter().filter(|(p, _)| seen.insert(p.clone()));
        let own = fresh.take(most);
        all.extend(own.map(|(prompt, wish)| Prompt { view, prompt, wish }));
    }
    all
}

/// A prompt and what is wished for.
type Wished = (String, Wish);

impl<'w> About<'w> {
    fn new(world: &'w World, request: &'w Request, old: &'w str) -> About<'w> {
        let new = request.target.trim();
        let old = old.trim();
        let fact = edited_fact(world, request, old);
        let worded = |relation: &&str| world.wordings(relation).contains(&request.prompt);
        let answers = |relation: &&str| world.alike(relation, new).next().is_some();
        let relation = fact.map(|fact| fact.relation.as_str()).or_else(|| {
            let of_prompt = || world.relations().filter(worded);
            of_prompt().find(answers).or_else(|| of_prompt().next())
        });
        About {
            world,
            request,
            new,
            old,
            fact,
            relation,
        }
    }

    fn say(&self) -> Wish {
        Wish::Say {
            new: self.new.into(),
            old: self.old.into(),
        }
    }

    /// The prompt as it was edited, alone and after true sentences about others.
    fn retention(&self) -> Vec<Prompt> {
        let text = self.request.text();
        let leads = self.elsewhere().take(LEADS).filter_map(|fact| {
            let sentence = first_wording(self.world, fact)?.replacen("{}", &fact.subject, 1);
            Some(format!("{sentence} {}. {text}", fact.object))
        });
        let prompts = [text.clone()].into_iter().chain(leads);
        let prompt = |prompt| Prompt {
            view: View::Retention,
            prompt,
            wish: self.say(),
        };
        prompts.map(prompt).collect()
    }

    fn generalisation(&self) -> Vec<Wished> {
        let others = other_wordings(self.world, self.request, self.old);
        let asked =
            |wording: String| (wording.replacen("{}", &self.request.subject, 1), self.say());
        others.into_iter().map(asked).collect()
    }

    /// A fact as it is most often worded; it is to stay.
    fn keep(&self, fact: &Fact) -> Option<Wished> {
        let prompt = first_wording(self.world, fact)?.replacen("{}", &fact.subject, 1);
        let expected = fact.object.clone();
        (prompt != self.request.text()).then_some((prompt, Wish::Keep { expected }))
    }

    /// The subject's facts that do not follow from the edited one, then by turns
    /// subjects with the same answer and subjects with others.
    fn ripple(&self, most: usize) -> Vec<Wished> {
        let (world, subject) = (self.world, &self.request.subject);
        let following = self.fact.map_or(Vec::new(), |fact| world.following(fact));
        let own = world
            .about(subject)
            .filter(|other| Some(*other) != self.fact && !following.contains(other));
        let own = own.filter(|other| Some(other.relation.as_str()) != self.relation);
        let mut all: Vec<Wished> = own.filter_map(|fact| self.keep(fact)).collect();
        let Some(relation) = self.relation else {
            return all;
        };
        let alike = world.alike(relation, self.old);
        let alike = alike.filter(|other| other.subject != *subject);
        let differ: Vec<&Fact> = (world.facts().iter())
            .filter(|f| f.relation == relation && f.object != self.old && f.subject != *subject)
            .collect();
        let stride = (differ.len() / most.max(1)).max(1);
        let mut differ = differ.into_iter().step_by(stride);
        let mut alike = alike.take(most);
        loop {
            let turn = [alike.next(), differ.next()];
            if turn == [None, None] {
                return all;
            }
            all.extend(
                turn.into_iter()
                    .flatten()
                    .filter_map(|fact| self.keep(fact)),
            );
        }
    }

    /// Facts of other relations about other subjects with other answers, one a
    /// relation before a second of any, in an order that is the same every time.
    fn elsewhere(&self) -> impl Iterator<Item = &'w Fact> {
        let other = |fact: &&Fact| {
            Some(fact.relation.as_str()) != self.relation
                && fact.subject != self.request.subject
                && fact.object != self.old
                && fact.object != self.new
        };
        let stated = |fact: &&Fact| fact.derived_from.is_none();
        let mut all: Vec<&Fact> = self
            .world
            .facts()
            .iter()
            .filter(stated)
            .filter(other)
            .collect();
        Rng::new(1).shuffle(&mut all);
        let mut met: BTreeMap<&str, usize> = BTreeMap::new();
        let mut turn = |fact: &'w Fact| {
            let times = met.entry(&fact.relation).or_default();
            *times += 1;
            *times
        };
        let mut by_turn: Vec<(usize, &Fact)> = all.into_iter().map(|f| (turn(f), f)).collect();
        by_turn.sort_by_key(|(turn, _)| *turn);
        by_turn.into_iter().map(|(_, fact)| fact)
    }

    fn cross_domain(&self, most: usize) -> Vec<Wished> {
        // Those that stand before the prompt elsewhere are not asked here.
        let others = self.elsewhere().skip(LEADS);
        others
            .filter_map(|fact| self.keep(fact))
            .take(most)
            .collect()
    }

    /// What followed from the old fact and does not from the new one.
    fn two_hop(&self) -> Vec<Wished> {
        let Some(fact) = self.fact else {
            return Vec::new();
        };
        let asked = |(was, new): (&Fact, String)| {
            let wish = Wish::Say {
                new,
                old: was.object.clone(),
            };
            let wording = first_wording(self.world, was)?;
            Some((wording.replacen("{}", &was.subject, 1), wish))
        };
        let changed = follows::changed(self.world, fact, self.new);
        changed.into_iter().filter_map(asked).collect()
    }

    /// With a pronoun, with other forms of the name, and the other way round.
    fn portability(&self, wordings: &Wordings) -> Vec<Wished> {
        let (world, subject) = (self.world, self.request.subject.as_str());
        let person = world.about(subject).any(Fact::is_about_a_person);
        let mut all: Vec<Wished> = Vec::new();
        let own: Vec<String> = match self.relation {
            Some(relation) => world.wordings(relation).to_vec(),
            None => vec![self.request.prompt.clone()],
        };
        let pronoun = if person { "This person" } else { "It" };
        for rest in own.iter().filter_map(|w| continuation(w)).take(2) {
            let prompt = format!("{subject} is well known. {pronoun} {rest}");
            all.push((prompt, self.say()));
        }
        for alias in aliases(subject, person) {
            all.push((self.request.prompt.replacen("{}", &alias, 1), self.say()));
        }
        if let Some(wording) = self
            .relation
            .and_then(|relation| wordings.reversal(relation))
        {
            let about = |answer: &str| wording.replacen("{}", answer, 1);
            let wish = Wish::Reverse {
                subject: subject.to_owned(),
                instead: about(self.old),
            };
            all.push((about(self.new), wish));
        }
        all
    }

    /// The relation's question in two dresses.
    fn extraction(&self, wordings: &Wordings) -> Vec<Wished> {
        let question = self
            .relation
            .and_then(|relation| wordings.question(relation));
        let Some(question) = question else {
            return Vec::new();
        };
        let question = question.replacen("{}", &self.request.subject, 1);
        let dressed = [
            format!("Question: {question} Answer:"),
            format!("{question} The answer is"),
            question,
        ];
        dressed.map(|prompt| (prompt, self.say())).into()
    }

    /// The edited prompt, another wording, and the subject alone.
    fn long_form(&self) -> Vec<Wished> {
        let subject = &self.request.subject;
        let others = self.generalisation().into_iter().map(|(prompt, _)| prompt);
        let mut prompts = vec![self.request.text()];
        prompts.extend(others.take(1));
        prompts.extend([subject.clone(), format!("{subject} is")]);
        prompts.into_iter().map(|p| (p, Wish::default())).collect()
    }
}

/// Other forms of a name: without its article, or a person's last name.
fn aliases(subject: &str, person: bool) -> Vec<String> {
    let bare = subject
        .strip_prefix("The ")
        .or(subject.strip_prefix("the "));
    let last = subject.rsplit_once(' ').map(|(_, last)| last);
    let last = last.filter(|last| person && bare.is_none() && last.chars().count() > 2);
    [bare, last]
        .into_iter()
        .flatten()
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn world() -> (World, Wordings) {
        (World::atlas().unwrap(), Wordings::embedded().unwrap())
    }

    fn tower() -> Request {
        Request {
            prompt: "{} is located in".into(),
            subject: "The Eiffel Tower".into(),
            target: " Rome".into(),
        }
    }

    fn of(prompts: &[Prompt], view: View) -> Vec<&Prompt> {
        prompts.iter().filter(|p| p.view == view).collect()
    }

    #[test]
    fn a_fact_of_the_world_has_prompts_for_every_view_that_asks() {
        let (world, wordings) = world();
        let prompts = propose(&world, &wordings, &tower(), "Paris", 12);
        let count = |view| of(&prompts, view).len();
        assert_eq!(count(View::Retention), 1 + LEADS);
        assert_eq!(count(View::CrossDomain), 12);
        assert_eq!(count(View::Ripple), 12);
        for view in [
            View::Generalisation,
            View::TwoHop,
            View::Portability,
            View::Extraction,
            View::LongForm,
        ] {
            assert!(count(view) > 0, "{view:?}");
        }
        for prompt in &prompts {
            assert!(!prompt.prompt.contains("{}"), "{prompt:?}");
        }
    }

    #[test]
    fn what_follows_is_no_neighbour_and_changes_with_the_fact() {
        let (world, wordings) = world();
        let prompts = propose(&world, &wordings, &tower(), "Paris", 12);
        let hops = of(&prompts, View::TwoHop);
        let country = hops.iter().find(|p| p.prompt.contains("country")).unwrap();
        let wish = Wish::Say {
            new: "Italy".into(),
            old: "France".into(),
        };
        assert_eq!(country.wish, wish);
        let about = |p: &&&Prompt| p.prompt.contains("The Eiffel Tower");
        let ripple = of(&prompts, View::Ripple);
        for own in ripple.iter().filter(about) {
            assert_ne!(own.wish.wanted(), "France", "{own:?}");
            assert_ne!(own.wish.wanted(), "Paris", "{own:?}");
        }
    }

    #[test]
    fn other_domains_are_other_relations_one_of_each_first() {
        let (world, wordings) = world();
        let prompts = propose(&world, &wordings, &tower(), "Paris", 12);
        let relations: BTreeSet<&str> = of(&prompts, View::CrossDomain)
            .iter()
            .map(|prompt| {
                let expected = prompt.wish.wanted();
                let fact = world
                    .facts()
                    .iter()
                    .find(|f| f.object == expected && prompt.prompt.contains(f.subject.as_str()));
                fact.unwrap().relation.as_str()
            })
            .collect();
        assert!(
            relations.len() >= 10 && !relations.contains("LOC"),
            "{relations:?}"
        );
    }

    #[test]
    fn an_unknown_prompt_leaves_what_can_be_asked_of_anything() {
        let (world, wordings) = world();
        let request = Request {
            prompt: "{} smells of".into(),
            subject: "The Round House".into(),
            target: "tar".into(),
        };
        let prompts = propose(&world, &wordings, &request, "salt", 12);
        let has = |view| !of(&prompts, view).is_empty();
        assert!(has(View::Retention) && has(View::CrossDomain) && has(View::Portability));
        assert!(!has(View::Generalisation) && !has(View::TwoHop) && !has(View::Extraction));
    }

    #[test]
    fn names_have_other_forms() {
        assert_eq!(aliases("The Eiffel Tower", false), ["Eiffel Tower"]);
        assert_eq!(aliases("Danielle Darrieux", true), ["Darrieux"]);
        assert!(aliases("Toyota", true).is_empty());
        assert!(aliases("Danielle Darrieux", false).is_empty());
    }
}
