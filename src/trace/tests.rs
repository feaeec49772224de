//! The grid against the goldens, against plain forward passes, and against the
//! identities that hold for any model.

use super::full::FullTrace;
use super::prepare::Prepared;
use super::*;
use crate::model::{Brake, Loaded, Source};
use candle_core::Device;
use serde_json::Value;
use std::path::Path;
use std::sync::atomic::AtomicBool;

fn golden() -> (Loaded, Value) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/gpt2");
    let json = std::fs::read(folder.join("golden.json")).unwrap();
    let loaded = Source::Folder(folder).load(&Device::Cpu).unwrap();
    (loaded, serde_json::from_slice(&json).unwrap())
}

fn golden_spec(json: &Value) -> TraceSpec {
    TraceSpec {
        prompt: json["prompt"].as_str().unwrap().into(),
        subject: json["subject"].as_str().unwrap().into(),
        window: Some(2),
        ..TraceSpec::default()
    }
}

/// A number to its last bit: serde_json's own parser may be one off.
fn exactly(name: &str) -> f64 {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/gpt2");
    let text = std::fs::read_to_string(folder.join("golden.json")).unwrap();
    let after = text.split(&format!("\"{name}\":")).nth(1).unwrap();
    after
        .split([',', '}'])
        .next()
        .unwrap()
        .trim()
        .parse()
        .unwrap()
}

/// The subjects of both requests set the golden's σ.
fn golden_subjects(json: &Value) -> Vec<String> {
    let requests = json["memit"]["requests"].as_array().unwrap();
    let subject = |r: &Value| r["subject"].as_str().unwrap().to_owned();
    requests.iter().map(subject).collect()
}

fn run(loaded: &Loaded, spec: &TraceSpec, known: &[String]) -> Result<(TraceReport, Vec<Step>)> {
    let traced = Traced {
        name: &loaded.name,
        decoder: &loaded.decoder,
        tokens: &loaded.tokens,
        known_subjects: known,
    };
    let mut steps = Vec::new();
    let report = trace(
        traced,
        spec,
        Brake::new(&AtomicBool::new(false)),
        &mut |s| steps.push(s),
    )?;
    Ok((report, steps))
}

#[test]
fn noise_and_grids_are_the_goldens() {
    let (loaded, json) = golden();
    let (spec, known) = (golden_spec(&json), golden_subjects(&json));
    let prepared = Prepared::new(&loaded.decoder, &loaded.tokens, &spec, &known).unwrap();
    let scale = exactly("noise_scale");
    assert!((prepared.noise_scale - scale).abs() < 1e-6 * scale);

    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/gpt2");
    let tensors =
        candle_core::safetensors::load(path.join("activations.safetensors"), &Device::Cpu);
    let want: Vec<f64> = tensors.unwrap()["noise"]
        .flatten_all()
        .unwrap()
        .to_vec1()
        .unwrap();
    let (samples, tokens) = (spec.samples, prepared.subject.len());
    let noise = noise::draw(spec.seed, samples, tokens, loaded.decoder.config.d, scale);
    assert!(noise == want, "the noise is the golden's to the last bit");

    let (report, _) = run(&loaded, &spec, &known).unwrap();
    assert_eq!(
        u64::from(report.answer.id),
        json["answer_id"].as_u64().unwrap()
    );
    assert!((report.high - json["high"].as_f64().unwrap()).abs() < 1e-5);
    assert!((report.low - json["low"].as_f64().unwrap()).abs() < 1e-5);
    for kind in Kind::ALL {
        let want: Grid = serde_json::from_value(json["trace"][kind.name()].clone()).unwrap();
        let got = report.grids.get(kind).unwrap();
        assert_eq!((got.len(), got[0].len()), (want.len(), want[0].len()));
        for (t, (got, want)) in got.iter().zip(&want).enumerate() {
            for (layer, (got, want)) in got.iter().zip(want).enumerate() {
                let name = kind.name();
                assert!(
                    (got - want).abs() < 1e-5,
                    "{name} {t} {layer}: {got}, not {want}"
                );
            }
        }
    }
}

#[test]
fn incremental_is_full_for_every_window_and_severed_variant() {
    let (loaded, json) = golden();
    let decoder = &loaded.decoder;
    let layers = decoder.layers();
    // A short prompt whose subject stands in its middle.
    let mut spec = golden_spec(&json);
    spec.prompt = "In 1962 the Space Needle was".into();
    spec.samples = 3;
    spec.severed = true;
    for width in [1, 2, 3, 9] {
        spec.window = Some(width);
        let prepared = Prepared::new(decoder, &loaded.tokens, &spec, &[]).unwrap();
        let full = FullTrace::new(decoder, &prepared.scene()).unwrap();
        let (report, _) = run(&loaded, &spec, &[]).unwrap();
        assert!((report.high - full.high).abs() < 1e-6 && (report.low - full.low).abs() < 1e-6);
        for kind in Kind::ALL {
            for (t, row) in report.grids.get(kind).unwrap().iter().enumerate() {
                for (layer, p) in row.iter().enumerate() {
                    let want = full
                        .score(&Restoration::new(kind, layer, width, layers), t)
                        .unwrap();
                    let name = kind.name();
                    assert!(
                        (p - want).abs() < 1e-6,
                        "w{width} {name} {t} {layer}: {p}, {want}"
                    );
                }
            }
        }
        let severed = report.severed.unwrap();
        for module in [Module::Mlp, Module::Attn] {
            let row = match module {
                Module::Mlp => &severed.mlp,
                Module::Attn => &severed.attn,
            };
            let last = prepared.subject.end - 1;
            for (layer, p) in row.iter().enumerate() {
                let restoration = Restoration::severed(layer, module, layers);
                let want = full.score(&restoration, last).unwrap();
                assert!(
                    (p - want).abs() < 1e-6,
                    "severed {module:?} {layer}: {p}, {want}"
                );
            }
        }
    }
}

#[test]
fn patching_everything_is_clean_and_nothing_is_corrupted() {
    let (loaded, json) = golden();
    let spec = golden_spec(&json);
    let prepared = Prepared::new(&loaded.decoder, &loaded.tokens, &spec, &[]).unwrap();
    let full = FullTrace::new(&loaded.decoder, &prepared.scene()).unwrap();
    assert!((full.patched(full.everything()).unwrap() - full.high).abs() < 1e-6);
    assert!((full.patched(vec![]).unwrap() - full.low).abs() < 1e-9);
    assert!(
        (full.high - full.low).abs() > 0.01,
        "the noise must matter for this to mean anything"
    );
}

#[test]
fn cells_come_once_each_and_those_of_most_interest_first() {
    let (loaded, json) = golden();
    let (report, steps) = run(&loaded, &golden_spec(&json), &[]).unwrap();
    let (tokens, layers) = (report.tokens.len(), loaded.decoder.layers());
    assert!(matches!(
        steps.iter().find(|s| !matches!(s, Step::Warning(_))),
        Some(Step::Ready(_))
    ));
    let cells: Vec<Cell> = steps
        .iter()
        .filter_map(|s| match s {
            Step::Cell(cell) => Some(*cell),
            _ => None,
        })
        .collect();
    let mut seen: Vec<_> = cells.iter().map(|c| (c.kind, c.token, c.layer)).collect();
    seen.sort();
    seen.dedup();
    assert_eq!(
        (cells.len(), seen.len()),
        (3 * tokens * layers, 3 * tokens * layers)
    );
    for cell in &cells {
        assert_eq!(
            report.grids.get(cell.kind).unwrap()[cell.token][cell.layer],
            cell.p
        );
    }
    // After the free cells, the last subject token's row is done before anything else begins.
    let last_subject = report.subject_range[1] - 1;
    let computed: Vec<usize> = cells
        .iter()
        .filter(|c| c.p != report.low && c.p != report.high)
        .map(|c| c.token)
        .collect();
    let row = computed.iter().filter(|&&t| t == last_subject).count();
    assert!(row > 0 && computed[..row].iter().all(|&t| t == last_subject));
    assert_eq!(computed[row], tokens - 1);
}

#[test]
fn a_cancelled_trace_stops_at_the_next_layer() {
    let (loaded, json) = golden();
    let cancel = AtomicBool::new(false);
    let traced = Traced {
        name: "golden",
        decoder: &loaded.decoder,
        tokens: &loaded.tokens,
        known_subjects: &[],
    };
    let mut cells = 0;
    let outcome = trace(
        traced,
        &golden_spec(&json),
        Brake::new(&cancel),
        &mut |step| {
            if let Step::Cell(cell) = step
                && cell.layer == 0
                && cell.kind == Kind::Mlp
            {
                cancel.store(true, std::sync::atomic::Ordering::Relaxed);
                cells += 1;
            }
        },
    );
    assert!(outcome.is_err_and(|e| e.is_cancelled()));
    // The row in hand may still be told, no other.
    assert!(cells < 10);
}

#[test]
fn refusals_and_warnings_say_what_to_do() {
    let (loaded, json) = golden();
    let spec = |edit: &dyn Fn(&mut TraceSpec)| {
        let mut spec = golden_spec(&json);
        edit(&mut spec);
        spec
    };
    let refused = |edit: &dyn Fn(&mut TraceSpec)| {
        run(&loaded, &spec(edit), &[])
            .map(|_| ())
            .unwrap_err()
            .to_string()
    };
    assert!(refused(&|s| s.subject = "the Eiffel Tower".into()).contains("not in the prompt"));
    assert!(refused(&|s| s.prompt = String::new()).contains("empty"));
    assert!(refused(&|s| s.subject = " ".into()).contains("subject is empty"));
    assert!(refused(&|s| s.prompt += &" of the".repeat(100)).contains("shorten"));
    assert!(refused(&|s| s.samples = 0).contains("sample"));
    assert!(refused(&|s| s.kinds.clear()).contains("kind"));
    assert!(refused(&|s| s.noise_scale = Some(f64::NAN)).contains("noise scale"));
    assert!(refused(&|s| s.answer = Some(" ".into())).contains("no token"));

    let told = |edit: &dyn Fn(&mut TraceSpec)| {
        run(&loaded, &spec(edit), &[])
            .unwrap()
            .0
            .warnings
            .join("\n")
    };
    assert!(told(&|s| s.answer = Some("Seattle, Washington".into())).contains("tokens: the first"));
    let twice = |s: &mut TraceSpec| {
        s.prompt = "the Space Needle is the Space Needle in".into();
        s.samples = 1;
    };
    assert!(told(&twice).contains("more than once"));
}

#[test]
fn a_prompt_of_one_token_and_a_subject_at_its_end() {
    let (loaded, _) = golden();
    for (prompt, subject) in [("a", "a"), ("of the", "the")] {
        let spec = TraceSpec {
            prompt: prompt.into(),
            subject: subject.into(),
            samples: 2,
            ..TraceSpec::default()
        };
        let (report, _) = run(&loaded, &spec, &[]).unwrap();
        let state = report.grids.state.unwrap();
        assert!((state.last().unwrap().last().unwrap() - report.high).abs() < 1e-9);
    }
}
