//! `eval zsre` on Atlas: the unedited model, edits one by one and many at once, going
//! on where a run stopped, and what is refused.

use super::{pentimento, run, text};
use serde_json::Value;
use std::fs;

const FILE: &str = "tests/zsre/atlas.json";

fn json(arguments: &[&str]) -> Value {
    let command = [&["eval", "zsre", FILE], arguments, &["--json", "--quiet"]].concat();
    let line = text(&run(&command, 0).stdout);
    serde_json::from_str(&line).expect("JSON")
}

fn mean(line: &Value, score: &str) -> f64 {
    line[score]["mean"].as_f64().unwrap()
}

#[test]
fn the_unedited_model_knows_its_answers_and_an_edit_writes_others() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap().to_owned();
    let direct = ["--methods", "direct,r-rome", "--target", "alt"];
    let few = [&direct[..], &["--limit", "2", "--out", &out]].concat();
    let found = json(&few);
    assert_eq!(found["cases"], 2);
    let [base, direct_line, rome] = found["scores"].as_array().unwrap().as_slice() else {
        panic!("{found}");
    };
    assert_eq!(
        (&base["method"], &rome["method"]),
        (&"unedited".into(), &"r-rome".into())
    );
    assert!(mean(base, "efficacy") < 50.0, "{base}");
    assert!(mean(rome, "efficacy") > mean(base, "efficacy"), "{rome}");
    assert_eq!(direct_line["failed"], 0);
    // Its own answer to the unrelated question is what the file has there.
    assert_eq!(mean(base, "specificity"), 100.0);
    assert_eq!(
        (mean(base, "unchanged"), base["unchanged"]["ci"].as_f64()),
        (100.0, Some(0.0))
    );
    assert!(base["seconds_an_edit"].is_null() && rome["seconds_an_edit"].is_number());

    // What is there is not asked again; what is new is.
    let path = folder.path().join("zsre.jsonl");
    let first = fs::read_to_string(&path).unwrap();
    assert_eq!(first.lines().count(), 1 + 3 * 2);
    let more = [&direct[..], &["--limit", "3", "--out", &out]].concat();
    let again = json(&more);
    let now = fs::read_to_string(&path).unwrap();
    assert!(now.starts_with(&first));
    assert_eq!(
        (now.lines().count(), &again["cases"]),
        (1 + 3 * 3, &3.into())
    );
    assert!(
        fs::read_to_string(folder.path().join("zsre.svg"))
            .unwrap()
            .starts_with("<svg")
    );
    assert!(
        fs::read_to_string(folder.path().join("zsre.md"))
            .unwrap()
            .contains("| r-rome |")
    );
    let other = ["eval", "zsre", FILE, "-q", "--out", &out, "--seed", "2"];
    let words = text(&pentimento(&other).output().unwrap().stderr);
    assert!(
        words.contains("is of another model, target, seed"),
        "{words}"
    );

    // The true answers, which Atlas was trained on.
    let known = json(&["--methods", "direct", "--limit", "16", "--steps", "1"]);
    assert!(mean(&known["scores"][0], "efficacy") > 90.0, "{known}");
}

#[test]
fn many_questions_are_written_at_once() {
    let found = json(&[
        "--methods",
        "memit",
        "--at-once",
        "4",
        "--limit",
        "4",
        "--target",
        "alt",
    ]);
    let memit = &found["scores"][1];
    assert_eq!((&memit["cases"], &memit["failed"]), (&4.into(), &0.into()));
    let one = ["eval", "zsre", FILE, "--methods", "rome", "--at-once", "4"];
    let words = text(&pentimento(&one).output().unwrap().stderr);
    assert!(words.contains("rewrites one fact at a time"), "{words}");
}

#[test]
fn a_file_that_is_none_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("zsre.json");
    let refused = |content: &[u8]| {
        fs::write(&path, content).unwrap();
        let output = run(&["eval", "zsre", path.to_str().unwrap(), "-q"], 1);
        text(&output.stderr)
    };
    assert!(refused(b"[]").contains("it holds no records"));
    assert!(refused(b"{}").contains("zsre.json"));
    assert!(refused(&[0xff, 0xfe]).contains("zsre.json"));
    let lost = br#"[{"subject": "Big Ben", "src": "It is in", "answers": ["London"],
        "rephrase": "x", "loc": "nq question: y", "loc_ans": "z"}]"#;
    assert!(refused(lost).contains("record 0: its question does not name its subject"));
}
