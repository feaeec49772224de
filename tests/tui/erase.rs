//! A concept erased: asked once, looked at through a switch.

use crate::script::Bench;
use pentimento::engine::{EventKind, Outcome, Spec};
use pentimento::measure::erase::EraseSpec;
use pentimento::tui::app::{Effect, Msg, Pane, Ticket};
use pentimento::tui::theme::Depth;

const ERASE: &str = ":erase<enter>";

fn asked(effects: &[Effect]) -> Vec<(Ticket, EraseSpec)> {
    let of = |effect: &Effect| match effect {
        Effect::Submit(ticket, spec) => match &**spec {
            Spec::Erase(spec) => Some((*ticket, (**spec).clone())),
            _ => None,
        },
        _ => None,
    };
    effects.iter().filter_map(of).collect()
}

#[test]
fn an_erasure_is_asked_once_of_the_fact_or_the_selected_edit() {
    let mut bench = Bench::open(120, 40);
    let first = asked(&bench.effects(ERASE));
    assert_eq!(bench.state.focus, Pane::Erasure);
    let fact = first[0].1.fact.clone().unwrap();
    assert_eq!(fact.prompt, "The Space Needle is in the city of");
    assert_eq!(
        (fact.subject.as_str(), fact.new.as_str()),
        ("Space Needle", "Paris")
    );
    assert!(asked(&bench.effects(ERASE)).is_empty(), "it is under way");
    let mut bench = Bench::open(120, 40);
    bench.play("en");
    let made = asked(&bench.effects(ERASE));
    assert_eq!(made[0].1.fact.as_ref().unwrap().prompt, fact.prompt);
}

#[test]
fn a_stopped_erasure_can_be_had_again_and_a_refused_one_says_why() {
    let mut bench = Bench::open(80, 24);
    let (ticket, _) = asked(&bench.effects(ERASE)).remove(0);
    assert!(bench.effects("<c-c>").contains(&Effect::Cancel(ticket)));
    bench.send(Msg::Engine(
        ticket,
        EventKind::Finished(Ok(Outcome::Cancelled)),
    ));
    let (ticket, _) = asked(&bench.effects(ERASE)).remove(0);
    let words = "no \u{1b}[31mrelation".to_owned();
    bench.send(Msg::Engine(ticket, EventKind::Finished(Err(words))));
    let text = bench.text();
    assert!(
        text.contains("relation") && !text.contains('\u{1b}'),
        "{text}"
    );
}

#[test]
fn the_switch_and_the_screen() {
    let mut bench = Bench::open(120, 40);
    bench.play(&format!("e{ERASE}"));
    assert!(bench.text().contains("not erased"));
    insta::assert_snapshot!("erase_off", bench.text());
    bench.play("v");
    assert!(bench.state.erase.on);
    insta::assert_snapshot!("erase_on", crate::screens::styled(&bench.draw(Depth::True)));
    bench.send(Msg::Resize(80, 24));
    insta::assert_snapshot!("erase_on_80x24", bench.text());
    let effects = bench.effects("y");
    let Some(Effect::Copy(text)) = effects.first() else {
        panic!("{effects:?}");
    };
    let value: serde_json::Value = serde_json::from_str(text).unwrap();
    assert_eq!(value["rank"], 2);
}
