//! The first screen of a model that is asked what it knows.

use crate::script::{Bench, model};
use pentimento::engine::{EventKind, Outcome, Spec};
use pentimento::tui::app::{Effect, Msg, State, Ticket};
use pentimento::tui::store::{Facts, ModelEntry, Origin, Reply};
use pentimento::tui::update::update;

fn asks(effects: &[Effect]) -> Option<Ticket> {
    effects.iter().find_map(|effect| match effect {
        Effect::Submit(ticket, spec) if **spec == Spec::Know => Some(*ticket),
        _ => None,
    })
}

fn finish(state: &mut State, ticket: Ticket, outcome: Outcome) -> Vec<Effect> {
    update(state, Msg::Engine(ticket, EventKind::Finished(Ok(outcome))))
}

/// A model with no examples yet; the ticket of the first asking.
fn opened() -> (Bench, Ticket) {
    let mut bench = Bench::open(120, 40);
    bench.state.fact.set_prompt("");
    let mut other = model();
    (other.examples, other.asks) = (vec![], true);
    bench.effects("M");
    let entry = ModelEntry {
        name: "gpt2-medium".into(),
        origin: Origin::Inside,
        facts: Facts::Unread,
        bytes: Some(1_000_000),
        about: "gpt2".into(),
    };
    update(&mut bench.state, Msg::Store(Reply::Models(vec![entry])));
    let effects = bench.effects("med<enter>");
    let load = effects.iter().find_map(|effect| match effect {
        Effect::Submit(ticket, spec) if matches!(**spec, Spec::Load(_)) => Some(*ticket),
        _ => None,
    });
    let outcome = Outcome::Loaded(Box::new(other));
    let effects = finish(&mut bench.state, load.unwrap(), outcome);
    (bench, asks(&effects).expect("the model is asked"))
}

fn known(examples: &[[&str; 4]], done: bool) -> Outcome {
    Outcome::Known {
        examples: examples.iter().map(|e| e.map(str::to_owned)).collect(),
        known: examples.len(),
        done,
    }
}

const HARVARD: [&str; 4] = [
    "{} is located in the state of",
    "Harvard University",
    "Massachusetts",
    "California",
];

#[test]
fn the_first_fact_that_it_knows_is_filled_in_and_the_asking_goes_on() {
    let (mut bench, ticket) = opened();
    let effects = finish(&mut bench.state, ticket, known(&[HARVARD], false));
    assert_eq!(bench.state.fact.subject(), Some("Harvard University"));
    let next = asks(&effects).expect("it goes on");
    bench.state.fact.set_prompt("mine");
    let more = [
        HARVARD,
        ["{} is made by", "The iPhone", "Apple", "Microsoft"],
    ];
    let effects = finish(&mut bench.state, next, known(&more, true));
    assert_eq!(asks(&effects), None);
    assert_eq!(bench.state.fact.text(), "mine");
    assert_eq!(bench.state.model.as_ref().unwrap().examples.len(), 2);
}

#[test]
fn who_stops_the_asking_is_not_asked_again_and_a_model_without_facts_says_so() {
    let (mut bench, ticket) = opened();
    assert_eq!(
        asks(&finish(&mut bench.state, ticket, Outcome::Cancelled)),
        None
    );
    let (mut bench, ticket) = opened();
    finish(&mut bench.state, ticket, known(&[], true));
    assert!(
        bench.text().contains("none of the built-in facts"),
        "{}",
        bench.text()
    );
}
