//! CounterFact's scores from the command line, on Atlas.

use crate::{run, text};
use std::path::Path;

const RECORDS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/assets/counterfact/counterfact_400.json"
);

fn words<'a>(out: &'a Path, more: &'a [&'a str]) -> Vec<&'a str> {
    let fixed = [
        "eval",
        "counterfact",
        RECORDS,
        "-q",
        "--limit",
        "3",
        "--known",
        "0.3",
    ];
    let rest = ["--methods", "ft", "--steps", "3", "--texts", "24", "--out"];
    let mut all: Vec<&str> = fixed.into_iter().chain(rest).collect();
    all.push(out.to_str().expect("a plain path"));
    all.extend(more);
    all
}

#[test]
fn cases_are_judged_once_and_a_broken_run_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("cf");
    let first = text(&run(&words(&out, &[]), 0).stdout);
    for word in [
        "3 of 400 cases",
        "unedited",
        "ft",
        "NS+",
        "GE",
        "built-in facts",
    ] {
        assert!(first.contains(word), "{word} is not in\n{first}");
    }
    for file in ["counterfact.md", "counterfact.svg"] {
        assert!(out.join(file).is_file(), "{file}");
    }
    let path = out.join("cases.jsonl");
    let whole = std::fs::read_to_string(&path).unwrap();
    // Broken off within the last verdict: that one is found again, the same but
    // for its seconds.
    std::fs::write(&path, &whole[..whole.len() - 40]).unwrap();
    run(&words(&out, &[]), 0);
    let again = std::fs::read_to_string(&path).unwrap();
    let timeless = |text: &str| -> Vec<serde_json::Value> {
        let lines = text.lines().map(|line| {
            let mut value: serde_json::Value = serde_json::from_str(line).unwrap();
            value["judged"]["seconds"] = 0.into();
            value
        });
        lines.collect()
    };
    assert_eq!(timeless(&again), timeless(&whole));
    // Other texts are another evaluation.
    let refused = run(&words(&out, &["--seed", "2"]), 1);
    assert!(text(&refused.stderr).contains("choose another folder"));
}

/// On the unedited model every difference is zero: an edit that changes nothing
/// is scored as no edit.
#[test]
fn what_changes_nothing_scores_as_the_unedited_model() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("cf");
    // A box so small that no weight leaves its float.
    let nothing = ["--methods", "ft-l", "--epsilon", "1e-30", "--json"];
    let mut words = words(&out, &nothing);
    words.retain(|word| *word != "ft");
    words.remove(words.iter().position(|word| *word == "--methods").unwrap());
    let line = text(&run(&words, 0).stdout);
    let found: serde_json::Value = serde_json::from_str(line.trim()).unwrap();
    let (base, edited) = (&found["scores"][0], &found["scores"][1]);
    assert_eq!(
        (base["method"].as_str(), edited["method"].as_str()),
        (Some("unedited"), Some("ft-l"))
    );
    for figure in [
        "s", "es", "em", "ps", "pm", "ns", "nm", "ns_plus", "ge", "rs", "exact", "free",
    ] {
        assert_eq!(base[figure], edited[figure], "{figure}");
    }
    assert_eq!(edited["mean_relative_update_norm"], 0.0);
}

#[test]
fn what_cannot_be_is_said_before_anything_runs() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("cf");
    let refused = |more: &[&str], words: &str| {
        let command = ["eval", "counterfact"].iter().chain(more).copied();
        let command: Vec<&str> = command.collect();
        let said = text(&run(&command, 1).stderr);
        assert!(said.contains(words), "{said}");
    };
    refused(&[RECORDS, "--at-once", "5"], "one fact at a time");
    refused(&["no-such.json"], "no-such.json");
    let bad = folder.path().join("bad.json");
    std::fs::write(&bad, "[{\"case_id\": 1,\n \"requested\": 2}]").unwrap();
    refused(&[bad.to_str().unwrap()], "line 2");
    std::fs::write(&bad, "[\"Rome\"]").unwrap();
    refused(
        &[RECORDS, "--references", bad.to_str().unwrap()],
        "one JSON object",
    );
    refused(
        &[RECORDS, "-q", "--limit", "2", "--known", "1"],
        "none of 400 cases",
    );
    assert!(!out.exists());
}
