//! `eval probes` and `eval geometry` on Atlas: a session's edit, a file with damage,
//! what is written.

use super::{run, text, tower_in_rome};
use serde_json::Value;
use std::fs;

fn json(arguments: &[&str]) -> Value {
    let command = [&["eval"], arguments, &["--json", "--quiet"]].concat();
    let line = text(&run(&command, 0).stdout);
    assert_eq!(line.lines().count(), 1, "{line}");
    serde_json::from_str(&line).expect("JSON")
}

#[test]
fn a_session_is_probed_from_files_and_its_keys_are_compared() {
    let folder = tempfile::tempdir().unwrap();
    let session = tower_in_rome(folder.path());
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let csv = file("mine.csv");
    fs::write(
        &csv,
        "prompt,expected,group\nBig Ben is in the city of,London,neighbour\nbroken\n\
         The Eiffel Tower is in the city of,Paris,fact\n",
    )
    .unwrap();
    let out = file("board.csv");
    let seen = json(&[
        "probes",
        &session,
        "--probes",
        &csv,
        "--history",
        "--sort",
        "file",
        "--out",
        &out,
    ]);
    let rows = seen["probes"].as_array().unwrap();
    assert_eq!(rows.len(), 2, "the sound ones are kept");
    assert_eq!(seen["states"].as_array().unwrap().len(), 2);
    let fact = &rows[1];
    assert_eq!(
        (&fact["group"], &fact["moved"]),
        (&"fact".into(), &true.into())
    );
    assert_eq!(fact["history"][0], fact["p_before"]);
    assert_eq!(fact["history"][1], fact["p_after"]);
    // What was written is read again, and the damaged line is named.
    let again = run(
        &[
            "eval", "probes", &session, "--probes", &out, "--only", "fact",
        ],
        0,
    );
    assert!(text(&again.stdout).contains("1 of 2 probes shown"));
    let told = text(&run(&["eval", "probes", &session, "--probes", &csv], 0).stderr);
    assert!(told.contains("mine.csv, line 3: "), "{told}");
    run(&["eval", "probes", &session], 1);

    let picture = file("keys.svg");
    let keys = json(&["geometry", &session, "--propose", "60", "--out", &picture]);
    assert!(fs::read_to_string(&picture).unwrap().starts_with("<svg"));
    assert!(
        keys["ridge"].as_f64().unwrap() > 0.0,
        "C was at hand, or collected"
    );
    let rows = keys["rows"].as_array().unwrap();
    assert!(rows.len() >= 40);
    for row in rows {
        let of = |name: &str| row[name].as_f64().unwrap();
        assert!(of("cosine").abs() <= 1.0 && of("cosine_c").abs() <= 1.0);
        assert!(of("gate").abs() <= of("gate_most").abs() + 1e-9, "{row}");
        if row["subject"] == "The Eiffel Tower" {
            assert_eq!(row["counted"], false);
        }
    }
    let own = rows
        .iter()
        .find(|r| r["prompt"] == "The Eiffel Tower is in the city of");
    let own = own.expect("the fact itself");
    assert!((own["cosine_c"].as_f64().unwrap() - 1.0).abs() < 1e-9);
    assert!((own["gate"].as_f64().unwrap() - 1.0).abs() < 1e-9);
    let found = &keys["centroids"];
    assert_eq!(
        (&found["groups"][0]["role"], &found["groups"][1]["role"]),
        (&"old".into(), &"new".into())
    );
    assert_eq!(keys["predictions"].as_array().unwrap().len(), 4);
}
