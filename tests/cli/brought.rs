//! `session import`, `session diff` and `model diff` on Atlas, from end to end.

use super::{run, text};
use serde_json::Value;
use std::path::Path;

fn json(arguments: &[&str], status: i32) -> Value {
    let output = run(&[arguments, &["--json", "--quiet"]].concat(), status);
    serde_json::from_str(&text(&output.stdout)).expect("JSON")
}

/// The statue moved to Paris: its session in `folder`, and what was measured.
fn edited(folder: &Path) -> (String, Value) {
    let path = folder.join("statue.toml").to_str().unwrap().to_owned();
    let edit = [
        "edit",
        "-p",
        "{} is located in",
        "-s",
        "The Statue of Liberty",
        "-t",
        "Paris",
        "--propose",
        "0",
        "--save",
        &path,
    ];
    let report = json(&edit, 0);
    (path, report)
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or(f64::NAN)
}

#[test]
fn an_edit_in_a_merged_model_is_found_out_and_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (session, report) = edited(folder.path());
    let merged = at("merged");
    run(
        &[
            "-q", "session", "export", &session, "--as", "merged", "-o", &merged,
        ],
        0,
    );

    let found = json(&["model", "diff", "atlas", &merged], 1);
    let changes = found["changes"].as_array().unwrap();
    assert_eq!((changes.len(), &found["same"]), (1, &Value::Bool(false)));
    assert_eq!(number(&found["same_bytes"]) + 1.0, number(&found["both"]));
    let change = &changes[0];
    assert_eq!(change["down_of"], report["layer"]);
    assert_eq!(change["spectrum"]["rank"], 1);
    assert!(number(&change["spectrum"]["energy"]) > 0.999_99);
    let norm = number(&change["norm"]) / number(&report["update_norm"]);
    assert!((norm - 1.0).abs() < 1e-4, "{norm}");
    let strongest = &change["keys"]["strongest"];
    assert_eq!(strongest[0]["subject"], "The Statue of Liberty");
    assert!(number(&strongest[0]["response"]) > 2.0 * number(&strongest[1]["response"]));
    let said = &found["said"][0];
    assert!(
        said["prompt"]
            .as_str()
            .unwrap()
            .contains("The Statue of Liberty")
    );
    assert_eq!(
        (&said["before"], &said["after"]),
        (&" New".into(), &" Paris".into())
    );

    // Taken back, merged, and held against the original: nothing but rounding.
    let back = at("back.toml");
    let reversed = json(
        &[
            "model",
            "diff",
            "atlas",
            &merged,
            "--reverse",
            "--save",
            &back,
        ],
        0,
    );
    assert_eq!(reversed["reversal"]["ranks"], serde_json::json!([1]));
    let restored = at("restored");
    run(
        &[
            "-q", "-m", &merged, "session", "export", &back, "--as", "merged", "-o", &restored,
        ],
        0,
    );
    let left = json(&["model", "diff", "atlas", &restored, "--no-keys"], 1);
    let change = &left["changes"][0];
    assert_eq!(change["spectrum"]["rank"], 0);
    assert!(number(&change["relative_norm"]) < 1e-6, "{change}");
    let people = run(&["model", "diff", "atlas", &restored, "--no-keys", "-q"], 1);
    assert!(text(&people.stdout).contains("no more than rounding"));
    assert_eq!(json(&["model", "diff", "atlas", "atlas"], 0)["same"], true);

    // The session on the merged model holds an edit with an origin.
    let shown = text(&run(&["session", "show", &back], 0).stdout);
    assert!(
        shown.contains("imported at layer 0: back to atlas"),
        "{shown}"
    );
    let two = json(&["session", "diff", &session, &back], 1);
    let words: Vec<&str> = (two["differences"].as_array().unwrap().iter())
        .map(|finding| finding["words"].as_str().unwrap())
        .collect();
    assert!(
        words.contains(&"only B has this edit: back to atlas"),
        "{words:?}"
    );
    assert!(
        words
            .iter()
            .any(|w| w.starts_with("the weights are not the same")),
        "{words:?}"
    );
}

#[test]
fn an_adapter_comes_back_scaled_and_is_replayed_from_its_factors() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (session, report) = edited(folder.path());
    let adapter = at("my-lora");
    run(
        &[
            "-q", "session", "export", &session, "--as", "peft", "-o", &adapter,
        ],
        0,
    );
    let saved = at("imported.toml");
    let kept = json(&["session", "import", &adapter, "--save", &saved], 0);
    assert_eq!(kept["origin"], "adapter my-lora");
    let norm = number(&kept["relative_update_norm"]) / number(&report["relative_update_norm"]);
    assert!((norm - 1.0).abs() < 1e-4, "{norm}");
    // Once more on top: the second edit of the same session.
    let again = [
        "-q", "session", "import", &adapter, "--on", &saved, "--save", &saved,
    ];
    let said = text(&run(&again, 0).stdout);
    assert!(
        said.contains("imported at layer 0: adapter my-lora"),
        "{said}"
    );
    let replayed = text(&run(&["-q", "session", "replay", "--check", &saved], 0).stdout);
    assert!(
        replayed.contains("edit 2 (adapter my-lora) was imported"),
        "{replayed}"
    );
    assert!(replayed.contains("made again: 0 edits"), "{replayed}");
    // A session is not overwritten by accident, and not without its factors.
    run(&["-q", "session", "import", &adapter, "--save", &saved], 1);
    std::fs::remove_file(at("imported.safetensors")).unwrap();
    let lost = run(&["-q", "session", "replay", &saved], 1);
    assert!(
        text(&lost.stderr).contains("import again"),
        "{}",
        text(&lost.stderr)
    );
}

#[test]
fn what_cannot_be_compared_is_trouble_and_not_a_difference() {
    for arguments in [
        &["model", "diff", "atlas", "/no/such/model"][..],
        &["session", "diff", "/no/such.toml", "/no/such.toml"],
        &["model", "diff", "atlas", "tests/goldens/gpt2", "--reverse"],
    ] {
        run(&[arguments, &["-q"]].concat(), 2);
    }
}
