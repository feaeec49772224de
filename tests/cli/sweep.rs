//! Averaged traces, and edits at every layer beside them, on Atlas.

use crate::{run, text};
use serde_json::Value;

fn json(args: &[&str]) -> Value {
    serde_json::from_str(text(&run(args, 0).stdout).trim()).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    let all = value.as_array().unwrap().iter();
    all.map(|x| x.as_f64().unwrap()).collect()
}

#[test]
fn one_fact_averaged_is_its_trace() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("t");
    let words = ["eval", "traces", "-q", "--facts", "1", "--out"];
    let words = [&words[..], &[out.to_str().unwrap()]].concat();
    let told = text(&run(&words, 0).stdout);
    assert!(
        told.contains("1 facts") && told.contains("cut off"),
        "{told}"
    );
    for file in ["traces.svg", "severed.svg"] {
        let picture = std::fs::read_to_string(out.join(file)).unwrap();
        assert!(picture.contains("last subject token"), "{file}");
    }
    let kept = std::fs::read_to_string(out.join("traces.jsonl")).unwrap();
    let report: Value = serde_json::from_str(kept.lines().nth(1).unwrap()).unwrap();
    // What is there is not traced again.
    let found = json(&[&words[..], &["--json"]].concat());
    assert_eq!(
        kept,
        std::fs::read_to_string(out.join("traces.jsonl")).unwrap()
    );
    let low = report["low"].as_f64().unwrap();
    let last = report["subject_range"][1].as_u64().unwrap() as usize - 1;
    let averages = &found["averages"];
    let rows = averages["rows"].as_array().unwrap();
    let row = |row: &&Value| row["kind"] == "state" && row["bucket"] == "last-subject";
    let effect = numbers(&rows.iter().find(row).unwrap()["effect"]);
    let scores = numbers(&report["grids"]["state"][last]);
    assert_eq!(effect.len(), 8);
    for (effect, score) in effect.iter().zip(&scores) {
        assert!((effect - (score - low)).abs() < 1e-12);
    }
    // After the last layer there is nothing left to cut off.
    for module in ["attn", "mlp"] {
        let severed = numbers(&averages["severed"][module]);
        assert!((severed[7] - effect[7]).abs() < 1e-6, "{module}");
    }
    // Another window is another average.
    let refused = run(&[&words[..], &["--window", "3"]].concat(), 1);
    assert!(text(&refused.stderr).contains("choose another folder"));
}

#[test]
fn every_layer_is_edited_beside_its_trace() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("s");
    let words = ["eval", "sweep", "-q", "--facts", "2", "--method", "ft"];
    let words = [
        &words[..],
        &["--steps", "3", "--out", out.to_str().unwrap()],
    ]
    .concat();
    let told = text(&run(&words, 0).stdout);
    for word in [
        "mlp restored",
        "95 % interval",
        "r within a layer",
        "sweep.svg",
    ] {
        assert!(told.contains(word), "{word} is not in\n{told}");
    }
    let path = out.join("sweep.jsonl");
    let whole = std::fs::read_to_string(&path).unwrap();
    assert_eq!(whole.lines().count(), 1 + 2 * 8);
    // Broken off in the middle of a fact: the rest of it is made again, the same.
    let cut: String = whole.split_inclusive('\n').take(12).collect();
    std::fs::write(&path, cut).unwrap();
    let found = json(&[&words[..], &["--json"]].concat());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), whole);
    let layers = found["layers"].as_array().unwrap();
    assert_eq!(layers.len(), 8);
    // The means are those of the file's lines.
    let lines = whole.lines().skip(1);
    let lines: Vec<Value> = lines.map(|l| serde_json::from_str(l).unwrap()).collect();
    for (layer, at) in layers.iter().enumerate() {
        let own = lines.iter().filter(|l| l["layer"] == layer);
        let mean = own.map(|l| l["success"].as_f64().unwrap()).sum::<f64>() / 2.0;
        assert!((at["outcomes"][0].as_f64().unwrap() - mean).abs() < 1e-12);
    }
    let relations = found["relations"].as_array().unwrap();
    assert_eq!(relations.len(), 2 * 4);
    assert_eq!(relations[0]["overall"]["pairs"], 16);
}
