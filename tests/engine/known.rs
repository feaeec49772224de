//! What the engine finds that a model knows.

use crate::Bench;
use pentimento::engine::{Engine, Folders, LoadSpec, ModelInfo, Outcome, Source, Spec};
use pentimento::measure::known::Known;
use std::path::Path;

/// Asks until nothing more is asked: the examples, how many facts are known, and in
/// how many jobs.
fn asked(bench: &Bench) -> (Vec<[String; 4]>, usize, usize) {
    for jobs in 1..200 {
        match bench.run(Spec::Know) {
            Ok(Outcome::Known {
                examples,
                known,
                done: true,
            }) => return (examples, known, jobs),
            Ok(Outcome::Known { .. }) => {}
            other => panic!("{other:?}"),
        }
    }
    panic!("the asking does not end")
}

fn opened(source: Source, folders: Folders) -> (Bench, ModelInfo) {
    let (engine, events) = Engine::start(folders).unwrap();
    let bench = Bench { engine, events };
    let load = LoadSpec {
        source,
        ..LoadSpec::default()
    };
    match bench.run(Spec::Load(load)) {
        Ok(Outcome::Loaded(info)) => (bench, *info),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_a_model_is_said_to_know_it_says_first() {
    let bench = Bench::open();
    let (examples, known, _) = asked(&bench);
    assert!(known > 20 && !examples.is_empty(), "{known}: {examples:?}");
    for [prompt, subject, old, new] in examples {
        let said = bench.predict(&prompt.replacen("{}", &subject, 1));
        let first = said.before[0].text.trim();
        assert!(
            !first.is_empty() && old.starts_with(first),
            "{prompt} {old}: {first}"
        );
        assert_ne!(old, new);
    }
}

#[test]
fn a_model_that_knows_nothing_is_asked_once_and_remembered_by_its_weights() {
    let folder = tempfile::tempdir().unwrap();
    let folders = || Folders {
        cache: Some(folder.path().to_owned()),
        ..Folders::default()
    };
    let golden = |name: &str| {
        let goldens = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens");
        Source::Folder(goldens.join(name))
    };
    let (bench, info) = opened(golden("gpt2"), folders());
    assert!(info.asks && info.examples.is_empty());
    let (examples, known, jobs) = asked(&bench);
    assert_eq!((examples.len(), known), (0, 0));
    assert!(jobs >= 1);
    // The second time, and other weights.
    let (bench, again) = opened(golden("gpt2"), folders());
    assert!(!again.asks);
    assert_eq!(asked(&bench).2, 1);
    let (_, other) = opened(golden("llama"), folders());
    assert!(other.asks);
    // A damaged file counts as none.
    let file = folder
        .path()
        .join("known")
        .join(format!("{}.json", &info.sha256[..24]));
    let text = std::fs::read_to_string(&file).unwrap();
    let known: Known = serde_json::from_str(&text).unwrap();
    assert!(known.is_done());
    std::fs::write(&file, &text[..text.len() / 2]).unwrap();
    assert!(opened(golden("gpt2"), folders()).1.asks);
}
