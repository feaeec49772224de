//! Going over to another model.

use crate::script::{Bench, answer, model};
use pentimento::engine::{EventKind, Outcome, Source, Spec, Stage};
use pentimento::hub;
use pentimento::tui::app::{Confirm, Effect, Health, Msg, Overlay, Ticket};
use pentimento::tui::store::{Facts, ModelEntry, Origin, Reply};
use pentimento::tui::update::update;

fn entry(name: &str, here: bool) -> ModelEntry {
    ModelEntry {
        name: name.into(),
        origin: if here {
            Origin::Inside
        } else {
            Origin::ToFetch
        },
        facts: Facts::Unread,
        bytes: here.then_some(1_000_000),
        about: String::new(),
    }
}

/// A model in a store.
fn kept(origin: hub::Origin, name: &str, facts: Facts) -> ModelEntry {
    ModelEntry {
        name: name.into(),
        origin: Origin::Kept(origin),
        facts,
        bytes: Some(815_000_000),
        about: "/home/ann/a/place/of/its/own".into(),
    }
}

fn known(family: &str, parameters: u64, quantisation: &str) -> Facts {
    Facts::Known {
        family: family.into(),
        parameters,
        quantisation: quantisation.into(),
    }
}

/// Something of every store.
fn a_machine() -> Vec<ModelEntry> {
    use hub::Origin::{Folder, Hub, LlamaCpp, LmStudio, Ollama};
    let projector = "an image projector (mmproj), not a language model";
    let long = "ollama:hf.co/bartowski/Llama-3.2-3B-Instruct-GGUF:Q4_K_M";
    let mut atlas = entry("atlas", true);
    atlas.facts = known("gpt2", 2_100_000, "F32");
    let mut medium = entry("gpt2-medium", false);
    medium.about = "openai-community/gpt2-medium".into();
    vec![
        atlas,
        kept(
            Hub,
            "google/gemma-3-270m",
            known("gemma3", 268_098_176, "BF16"),
        ),
        kept(
            Hub,
            "ggml-org/gemma-3-270m-GGUF:Q4_K_M",
            known("gemma3", 268_098_176, "Q4_K_M"),
        ),
        kept(
            LlamaCpp,
            "llama.cpp:mmproj-m-f16",
            Facts::Refused(projector.into()),
        ),
        kept(
            Ollama,
            "ollama:llama3.2:1b",
            known("llama", 1_235_814_432, "Q8_0"),
        ),
        kept(Ollama, long, known("llama", 3_212_749_888, "Q4_K_M")),
        kept(Ollama, "ollama:phi4:latest", Facts::Unread),
        kept(
            LmStudio,
            "lmstudio:pub/repo/m-IQ4_XS",
            Facts::Refused(
                "IQ4_XS is not read here: take Q2_K to Q6_K, Q4_0 to Q8_0 or F16".into(),
            ),
        ),
        kept(
            Folder,
            "/home/ann/models/\x1b[2Jodd.gguf",
            Facts::Refused("the file is damaged".into()),
        ),
        medium,
    ]
}

fn shown(width: u16, height: u16, keys: &str) -> String {
    let mut bench = Bench::open(width, height);
    bench.keys("M");
    update(&mut bench.state, Msg::Store(Reply::Models(a_machine())));
    bench.keys(keys);
    bench.text()
}

#[test]
fn models_are_shown_by_where_they_come_from() {
    insta::assert_snapshot!("models", shown(120, 40, "<down><down>"));
    insta::assert_snapshot!("models_80x24", shown(80, 24, &"<down>".repeat(7)));
    insta::assert_snapshot!("models_60x20", shown(60, 20, ""));
    insta::assert_snapshot!("models_found", shown(80, 24, "q4km"));
}

#[test]
fn one_that_cannot_be_opened_says_why() {
    let mut bench = Bench::open(120, 40);
    bench.keys("M");
    update(&mut bench.state, Msg::Store(Reply::Models(a_machine())));
    assert!(bench.effects("mmproj<enter>").is_empty());
    let notice = bench.state.notice.as_ref().unwrap();
    assert!(notice.text.contains("projector"), "{}", notice.text);
    assert!(matches!(
        bench.state.overlays.last(),
        Some(Overlay::Models { .. })
    ));
}

#[test]
fn a_store_and_a_quantisation_are_opened_by_their_names() {
    for (typed, name) in [
        ("3.2:1b<enter>", "ollama:llama3.2:1b"),
        ("other/tiny-GGUF:Q6_K<enter>", "other/tiny-GGUF:Q6_K"),
    ] {
        let mut bench = Bench::open(120, 40);
        bench.keys("M");
        update(&mut bench.state, Msg::Store(Reply::Models(a_machine())));
        let (_, source) = load(&bench.effects(typed));
        assert_eq!(source, Source::parse(name));
        assert_eq!(source.name(), name);
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
