//! Going over to another model.

use crate::script::{Bench, answer, model};
use pentimento::engine::{EventKind, Outcome, Source, Spec, Stage};
use pentimento::tui::app::{Confirm, Effect, Health, Msg, Overlay, Ticket};
use pentimento::tui::store::{ModelEntry, Reply};
use pentimento::tui::update::update;

fn entry(name: &str, here: bool) -> ModelEntry {
    ModelEntry {
        name: name.into(),
        about: "gpt2 · 355 M parameters".into(),
        here,
    }
}

/// The list is open and has been read.
fn listed(bench: &mut Bench) {
    assert_eq!(bench.effects("M"), [Effect::ListModels]);
    let entries = vec![entry("atlas", true), entry("gpt2-medium", false)];
    update(&mut bench.state, Msg::Store(Reply::Models(entries)));
}

/// The one load among some effects.
fn load(effects: &[Effect]) -> (Ticket, Source) {
    let loads: Vec<_> = effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Submit(ticket, spec) => match &**spec {
                Spec::Load(load) => Some((*ticket, load.source.clone())),
                _ => None,
            },
            _ => None,
        })
        .collect();
    assert_eq!(loads.len(), 1, "{effects:?}");
    loads[0].clone()
}

fn finish(bench: &mut Bench, ticket: Ticket, result: Result<Outcome, String>) -> Vec<Effect> {
    let msg = Msg::Engine(ticket, EventKind::Finished(result));
    update(&mut bench.state, msg)
}

#[test]
fn a_model_is_found_by_a_few_letters_and_nothing_is_kept_of_the_old_one() {
    let mut bench = Bench::open(120, 40);
    bench.play("te");
    bench.state.session.saved = bench.state.session.changes;
    listed(&mut bench);
    let effects = bench.effects("med<enter>");
    let (ticket, source) = load(&effects);
    assert_eq!(source, Source::parse("gpt2-medium"));
    assert_eq!(
        bench.state.health,
        Health::Ready,
        "the old one stays until then"
    );
    assert!(!bench.state.edits.stack.is_empty());
    let mut other = model();
    other.name = "openai-community/gpt2-medium".into();
    finish(&mut bench, ticket, Ok(Outcome::Loaded(Box::new(other))));
    let state = &bench.state;
    assert!(state.edits.stack.is_empty() && state.trace.grid.is_none());
    assert_eq!(
        state.model.as_ref().unwrap().name,
        "openai-community/gpt2-medium"
    );
    assert!(!state.session.unsaved());
}

#[test]
fn unsaved_work_is_asked_for_first() {
    let mut bench = Bench::open(120, 40);
    bench.play("e");
    listed(&mut bench);
    assert!(bench.effects("med<enter>").is_empty());
    let asks = matches!(
        bench.state.overlays.last(),
        Some(Overlay::Confirm(Confirm::Model(_)))
    );
    assert!(asks);
    let effects = bench.effects("s");
    assert!(matches!(effects[0], Effect::Autosave(_)), "{effects:?}");
    load(&effects);
}

#[test]
fn a_model_that_does_not_come_leaves_the_one_that_is_open() {
    let mut bench = Bench::open(120, 40);
    listed(&mut bench);
    let (ticket, _) = load(&bench.effects("med<enter>"));
    finish(&mut bench, ticket, Err("no network".into()));
    assert_eq!(bench.state.health, Health::Ready);
    assert_eq!(bench.state.notice.as_ref().unwrap().text, "no network");
    assert_eq!(bench.state.model.as_ref().unwrap().name, "atlas");
}

#[test]
fn a_fetch_can_be_stopped() {
    let mut bench = Bench::open(120, 40);
    listed(&mut bench);
    let (ticket, _) = load(&bench.effects("org/name<enter>"));
    let total = 1_400_000_000;
    for kind in [
        EventKind::Started {
            stage: Stage::Fetch,
            total: 0,
        },
        EventKind::Progress {
            stage: Stage::Fetch,
            done: total / 2,
            total,
            eta_s: Some(60.0),
        },
    ] {
        update(&mut bench.state, Msg::Engine(ticket, kind));
    }
    assert_eq!(bench.effects("<c-c>"), [Effect::Cancel(ticket)]);
    finish(&mut bench, ticket, Ok(Outcome::Cancelled));
    assert_eq!(bench.state.health, Health::Ready);
    assert!(bench.state.notice.is_some());
    // And the workbench goes on as before.
    assert!(!answer(&Spec::Stack { edits: vec![] }, false).is_empty());
    bench.play("t");
    assert!(bench.state.trace.grid.is_some());
}

#[test]
fn a_folder_can_be_typed() {
    let mut bench = Bench::open(120, 40);
    listed(&mut bench);
    let (_, source) = load(&bench.effects("/models/mine<enter>"));
    assert_eq!(source, Source::Folder("/models/mine".into()));
}
