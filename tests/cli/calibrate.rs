//! A model's own defaults, found by measurement, on Atlas with few facts.

use crate::{pentimento, text};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Output;

fn run(cache: &Path, arguments: &[&str], status: i32) -> Output {
    let mut command = pentimento(arguments);
    let output = command.env("XDG_CACHE_HOME", cache).output().unwrap();
    let words = text(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{arguments:?}: {words}");
    output
}

fn info(cache: &Path) -> (Value, String) {
    let output = run(cache, &["model", "info", "--json"], 0);
    let found = serde_json::from_str(text(&output.stdout).trim()).unwrap();
    (found, text(&output.stderr))
}

/// The one file in the cache's folder of calibrations that ends so.
fn kept(cache: &Path, ending: &str) -> PathBuf {
    let folder = std::fs::read_dir(cache.join("pentimento/calibrated")).unwrap();
    let mut files = folder.map(|entry| entry.unwrap().path());
    let own = |path: &PathBuf| path.to_str().unwrap().ends_with(ending);
    files.find(own).expect("a file is kept")
}

#[test]
fn what_is_found_goes_on_after_a_break_is_kept_by_hash_and_used_from_then_on() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("cache");
    let out = folder.path().join("table.json");
    let mut words = vec!["model", "calibrate", "-q", "--facts", "2", "--few", "1"];
    words.extend(["--layers", "0,2", "--no-memit", "--json"]);
    let table = |output: Output| -> Value {
        let mut table: Value = serde_json::from_str(text(&output.stdout).trim()).unwrap();
        table["date"] = Value::Null;
        table
    };
    let first = table(run(&cache, &words, 0));
    assert_eq!(first["facts"], 2);
    let layer = first["rome"]["layer"].as_u64().unwrap();
    assert!(layer == 0 || layer == 2);
    assert!(first.get("memit").is_none());

    // Broken off in the middle of a line: what is missing is made again, the same.
    let lines = kept(&cache, ".jsonl");
    let whole = std::fs::read_to_string(&lines).unwrap();
    std::fs::write(&lines, &whole[..whole.len() / 2]).unwrap();
    let again = table(run(&cache, &words, 0));
    assert_eq!(std::fs::read_to_string(&lines).unwrap(), whole);
    assert_eq!(again["rome"], first["rome"]);
    assert_eq!(again["command"], first["command"]);

    // Used from then on; what the user names goes before it.
    let (found, _) = info(&cache);
    assert_eq!(
        (&found["calibrated"], &found["default_layer"]),
        (&2.into(), &layer.into())
    );
    let edit = |more: &[&str]| -> Value {
        let mut words = vec!["edit", "-p", "{} is located in", "-s", "The Space Needle"];
        words.extend(["-t", "Paris", "-q", "--propose", "0", "--json"]);
        words.extend(more);
        serde_json::from_str(text(&run(&cache, &words, 0).stdout).trim()).unwrap()
    };
    let report = edit(&[]);
    assert_eq!(report["layer"], layer);
    assert_eq!(report["hyper"]["steps"], first["rome"]["steps"]);
    let own = edit(&["--layer", "1", "--steps", "7"]);
    assert_eq!(
        (&own["layer"], &own["hyper"]["steps"]),
        (&1.into(), &7.into())
    );
    assert_eq!(own["hyper"]["clamp"], first["rome"]["clamp"]);

    // A shared table is taken where it is for these weights, and refused elsewhere.
    let shared = out.to_str().unwrap();
    std::fs::copy(kept(&cache, ".json"), &out).unwrap();
    let other = folder.path().join("other");
    assert!(info(&other).0.get("calibrated").is_none());
    run(&other, &["model", "calibrate", "-q", "--from", shared], 0);
    assert_eq!(info(&other).0["calibrated"], 2);
    let text_of = std::fs::read_to_string(&out).unwrap();
    let hash = first["sha256"].as_str().unwrap();
    std::fs::write(&out, text_of.replace(hash, &"0".repeat(64))).unwrap();
    let refused = run(&other, &["model", "calibrate", "-q", "--from", shared], 1);
    assert!(text(&refused.stderr).contains("other weights"));

    // A damaged table is named and ignored.
    let file = kept(&other, ".json");
    std::fs::write(&file, &text_of[..40]).unwrap();
    let (found, said) = info(&other);
    assert!(found.get("calibrated").is_none());
    assert!(
        said.contains(file.to_str().unwrap()) && said.contains("ignored"),
        "{said}"
    );
}

#[test]
fn a_layer_that_is_not_there_is_refused_before_anything_is_measured() {
    let folder = tempfile::tempdir().unwrap();
    let refused = run(
        folder.path(),
        &["model", "calibrate", "-q", "--layers", "9"],
        1,
    );
    assert!(text(&refused.stderr).contains("layer 9 does not exist; the last one is 7"));
}
