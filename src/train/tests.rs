//! A tiny world, trained for a moment: the loss falls, a run that was broken
//! off goes on exactly, and what is exported is what was trained.

use super::corpus::{Mix, Writer};
use super::examine::{Kind, Place, Recall, gathering, recall};
use super::{Batcher, Run, TrainError, TrainSpec, bpe, export};
use crate::facts::World;
use crate::model::{Source, Tokens};
use candle_core::Device;
use std::path::Path;
use std::time::Duration;

const NEVER: Duration = Duration::from_secs(3600);

fn world() -> World {
    let places = [
        ("Oslo", "Norway"),
        ("Rome", "Italy"),
        ("Lima", "Peru"),
        ("Kyoto", "Japan"),
    ];
    let people = ["Anna Berg", "Paolo Rossi", "Rosa Quispe", "Kenji Mori"];
    let facts: String = places
        .iter()
        .zip(people)
        .map(|((city, country), name)| {
            format!(
                "{{\"subject\": \"{city}\", \"relation\": \"COUNTRY\", \"object\": \"{country}\"}}\n\
                 {{\"subject\": \"{name}\", \"relation\": \"BORN\", \"object\": \"{city}\"}}\n"
            )
        })
        .collect();
    let templates = r#"{"COUNTRY": ["{} lies in", "The country of {} is"], "BORN": ["{} was born in", "{} comes from"]}"#;
    World::parse(&facts, templates).unwrap()
}

fn spec(steps: usize) -> TrainSpec {
    TrainSpec {
        layers: 2,
        width: 32,
        heads: 2,
        vocab: 330,
        context: 64,
        row: 32,
        rows: 8,
        steps,
        rate: 1e-2,
        warm_up: 5,
        init: 0.1,
        reads_from: 1,
        silent: 100,
        ..TrainSpec::default()
    }
}

/// Trains in `folder` until `stop` steps are done; the losses of the steps.
fn train(
    folder: &Path,
    spec: &TrainSpec,
    stop: usize,
) -> Result<(Run, Tokens, Vec<u8>, Vec<f64>), TrainError> {
    let world = world();
    let writer = Writer::new(
        &world,
        &[],
        Mix {
            plain: 0.0,
            ..spec.mix
        },
        spec.seed,
    );
    let json = bpe::train(&writer, spec.vocab)?;
    let tokens = Tokens::from_json(&json, folder)?;
    let batcher = Batcher::new(&writer, &tokens, spec);
    let mut run = Run::open(folder, spec, tokens.vocab(), "tiny", &Device::Cpu)?;
    let mut losses = Vec::new();
    run.train(&batcher, NEVER, |p| {
        losses.push(p.loss);
        p.step < stop
    })?;
    Ok((run, tokens, json, losses))
}

fn weights(run: &Run) -> Vec<f32> {
    let values = |p: &super::init::Param| p.var.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    run.params.list.iter().flat_map(values).collect()
}

#[test]
fn a_tiny_world_is_learned() {
    let folder = tempfile::tempdir().unwrap();
    let (run, tokens, ..) = train(folder.path(), &spec(150), 150).unwrap();
    assert!(run.is_done());
    let recalled = recall(&run.params.decoder, &tokens, &world(), 1).unwrap();
    let total = Recall::total(&recalled.trained);
    assert_eq!(total.of, 8);
    assert!(total.right >= 7, "{recalled:?}");
    let traced = gathering(&run.params.decoder, &tokens, &world(), 4, 1).unwrap();
    assert!(traced.facts >= 3 && traced.high > traced.low, "{traced:?}");
    // Nothing after the last layer can undo a whole restored residual.
    let last = traced.rows[&(Place::LastToken, Kind::State)]
        .last()
        .unwrap();
    assert!(
        (last - (traced.high - traced.low)).abs() < 1e-4,
        "{traced:?}"
    );
}

#[test]
fn the_loss_falls() {
    let folder = tempfile::tempdir().unwrap();
    let (.., losses) = train(folder.path(), &spec(30), 30).unwrap();
    assert!(losses[29] < 0.8 * losses[0], "{losses:?}");
}

#[test]
fn a_broken_run_goes_on_exactly() {
    let (whole, broken) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let spec = spec(12);
    let (unbroken, ..) = train(whole.path(), &spec, 12).unwrap();
    let (first, ..) = train(broken.path(), &spec, 5).unwrap();
    assert_eq!(first.step(), 5);
    let (resumed, _, _, losses) = train(broken.path(), &spec, 12).unwrap();
    assert_eq!(losses.len(), 7);
    assert!(weights(&unbroken) == weights(&resumed));
    assert!(weights(&first) != weights(&resumed));
}

#[test]
fn another_run_is_not_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    train(folder.path(), &spec(2), 2).unwrap();
    let other = TrainSpec {
        gather: 0.1,
        ..spec(2)
    };
    let error = train(folder.path(), &other, 2).err().unwrap().to_string();
    assert!(
        error.contains("\"gather\": 0.95 there") && error.contains("\"gather\": 0.1 here"),
        "{error}"
    );
    // More steps are the same run with a longer schedule.
    let (longer, ..) = train(folder.path(), &spec(4), 4).unwrap();
    assert_eq!(longer.step(), 4);
    std::fs::write(
        folder.path().join("checkpoint.safetensors"),
        b"\x08\0\0\0\0\0\0\0garbage!",
    )
    .unwrap();
    let error = train(folder.path(), &spec(4), 4).err().unwrap();
    assert!(matches!(error, TrainError::Damaged { .. }), "{error}");
}

#[test]
fn what_is_exported_is_what_was_trained() {
    let folder = tempfile::tempdir().unwrap();
    let (run, tokens, json, _) = train(folder.path(), &spec(3), 3).unwrap();
    export(folder.path(), &run.params.decoder, &json, 0.1).unwrap();
    let loaded = Source::Folder(folder.path().to_owned())
        .load(&Device::Cpu)
        .unwrap();
    assert_eq!(loaded.decoder.config, run.params.decoder.config);
    let ids = tokens.encode("Anna Berg was born in").unwrap().ids;
    assert_eq!(
        loaded.tokens.encode("Anna Berg was born in").unwrap().ids,
        ids
    );
    let (a, b) = (
        loaded.decoder.next_token(&ids).unwrap(),
        run.params.decoder.next_token(&ids).unwrap(),
    );
    for (a, b) in a.iter().zip(&b) {
        assert!((a - b).abs() < 3e-3 * b.max(1e-3), "{a} {b}"); // f16 on disk
    }
}

#[test]
fn the_tokenizer_gives_every_text_back() {
    let world = world();
    let writer = Writer::new(&world, &[], Mix::default(), 1);
    let json = bpe::train(&writer, 330).unwrap();
    let tokens = Tokens::from_json(&json, Path::new("t")).unwrap();
    for text in [
        "Anna Berg was born in Oslo.",
        "naïve 雪 \u{1f600}\u{301} \t\n x",
        "",
    ] {
        let ids = tokens.encode(text).unwrap().ids;
        assert_eq!(tokens.decode(&ids), text);
    }
    assert_eq!(tokens.id(bpe::END_OF_TEXT), Some(bpe::END_OF_TEXT_ID));
    let learned = tokens.encode(" was born in").unwrap().ids;
    assert!(learned.len() < 8, "{learned:?}");
}
