//! `eval lens` on Atlas: what was asked by hand, what a session's edit is about,
//! and what cannot be looked at.

use super::{run, text, tower_in_rome};
use serde_json::Value;

const TOWER: &str = "The Eiffel Tower";
const PROMPT: &str = "The Eiffel Tower is in the city of";

fn json(arguments: &[&str]) -> Value {
    let command = [&["eval", "lens"], arguments, &["--json", "--quiet"]].concat();
    let line = text(&run(&command, 0).stdout);
    assert_eq!(line.lines().count(), 1, "one line of JSON: {line}");
    serde_json::from_str(&line).expect("JSON")
}

fn row(grid: &Value) -> Vec<f64> {
    let last = grid.as_array().unwrap().last().unwrap();
    let cells = last.as_array().unwrap().iter();
    cells.map(|p| p.as_f64().unwrap()).collect()
}

#[test]
fn a_sessions_edit_is_looked_at_and_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let session = tower_in_rome(folder.path());
    let picture = folder.path().join("lens.svg");
    let drawn = picture.to_str().unwrap();
    let seen = json(&["--on", &session, "--out", drawn, "--top", "3"]);
    assert_eq!(seen["prompt"], PROMPT);
    let first = seen["first_edited"].as_u64().unwrap() as usize;
    let columns = seen["columns"].as_array().unwrap();
    assert_eq!((&columns[0], columns.len()), (&(-1).into(), 9));
    let tokens = seen["tokens"].as_array().unwrap().len();
    for of in ["before", "after", "difference"] {
        for answer in ["p_old", "p_new"] {
            assert_eq!(seen[of][answer].as_array().unwrap().len(), tokens);
            assert_eq!(row(&seen[of][answer]).len(), columns.len());
        }
    }
    assert_eq!(seen["after"]["top"][0][0].as_array().unwrap().len(), 3);
    // Below the edit nothing moves; at the output the new answer comes in.
    for answer in ["p_old", "p_new"] {
        let difference = row(&seen["difference"][answer]);
        assert!(
            difference[..=first].iter().all(|d| *d == 0.0),
            "{difference:?}"
        );
    }
    let output = |side: &str, answer| *row(&seen[side][answer]).last().unwrap();
    assert!(output("before", "p_old") > output("before", "p_new"));
    assert!(output("after", "p_new") > output("after", "p_old"));
    assert!(seen["after"]["overtakes"].as_u64().unwrap() >= first as u64);
    assert!(seen["before"]["overtakes"].is_null());
    let svg = std::fs::read_to_string(&picture).unwrap();
    // Three maps an answer, and the ground.
    assert_eq!(svg.matches("<rect").count(), 1 + 6 * tokens * columns.len());
    let words = seen["sentence"].as_str().unwrap();
    let said = text(&run(&["eval", "lens", "--on", &session, "-q"], 0).stdout);
    assert!(said.contains(words), "{said}");
    assert!(said.contains(&format!("before layer {first}")), "{said}");

    // The model's own probabilities, by another command.
    let trace = ["trace", "-p", PROMPT, "-s", TOWER, "-a", "Rome"];
    let on = ["--on", &session, "-k", "state", "--json", "--quiet"];
    let trace = text(&run(&[&trace[..], &on[..]].concat(), 0).stdout);
    let trace: Value = serde_json::from_str(&trace).unwrap();
    assert_eq!(trace["answer"]["id"], seen["new"]["id"]);
    let high = trace["high"].as_f64().unwrap();
    assert!((high - output("after", "p_new")).abs() < 1e-6);

    let no_such = run(&["eval", "lens", "--on", &session, "--edit", "7"], 1);
    assert!(text(&no_such.stderr).contains("no edit 7"));
}

#[test]
fn the_unedited_model_differs_from_itself_by_nothing() {
    let seen = json(&["-p", PROMPT, "--new", "Rome"]);
    assert_eq!(seen["before"], seen["after"]);
    assert!(seen["first_edited"].is_null());
    let output = row(&seen["before"]["p_old"]);
    let most = seen["before"]["top"].as_array().unwrap().last().unwrap();
    assert_eq!(most[output.len() - 1][0]["id"], seen["old"]["id"]);
    let said = text(&run(&["eval", "lens", "-p", PROMPT, "--new", "Rome", "-q"], 0).stdout);
    assert!(said.contains("no edit is on"), "{said}");
}

#[test]
fn what_cannot_be_looked_at_is_told() {
    let refused = |rest: &[&str], status, words: &str| {
        let said = run(&[&["eval", "lens", "-q"], rest].concat(), status);
        let said = text(&said.stderr);
        assert!(said.contains(words), "{said}");
    };
    let long = "the ".repeat(400);
    refused(
        &["-p", PROMPT, "--old", "Rome", "--new", " Rome"],
        1,
        "name two that differ",
    );
    refused(&["-p", &long, "--new", "Rome"], 1, "shorten it");
    refused(
        &[
            "-p",
            PROMPT,
            "--new",
            "Rome",
            "--out",
            "/no/such/folder/a.svg",
        ],
        1,
        "/no/such",
    );
    refused(
        &["-p", PROMPT, "--new", "Paris"],
        1,
        "own answer begins with",
    );
    refused(&["-p", PROMPT, "--new", " "], 2, "it is empty");
    refused(&["-p", PROMPT], 2, "--new");
    refused(&[], 2, "--prompt");
}
