//! `edit --validate` on Atlas: the loop, its thresholds, and what is said of it.

use super::{pentimento, text};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Output;

/// Thresholds that nothing can miss, and one that no mean of probabilities reaches.
const LENIENT: &str = "paraphrases = 0\nkl_strict = 100\nkl = 100\nfingerprint = -1\n";
const STRICT: &str = "paraphrases = 1.0\nlayers = 2\n";

/// Runs it with this `[validation]` in the user's config.
fn run(folder: &Path, thresholds: &str, arguments: &[&str], status: i32) -> Output {
    let config = folder.join("pentimento");
    fs::create_dir_all(&config).unwrap();
    let content = format!("[validation]\n{thresholds}");
    fs::write(config.join("config.toml"), content).unwrap();
    let output = pentimento(arguments)
        .env("XDG_CONFIG_HOME", folder)
        .output()
        .expect("the binary starts");
    let words = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{arguments:?}: {words}");
    output
}

const EDIT: [&str; 12] = [
    "edit",
    "--prompt",
    "{} is located in",
    "--subject",
    "The Statue of Liberty",
    "--target",
    "Paris",
    "--method",
    "direct",
    "--propose",
    "3",
    "--validate",
];

fn json(output: &Output) -> Value {
    serde_json::from_str(&text(&output.stdout)).expect("JSON")
}

#[test]
fn an_edit_that_passes_is_kept_with_its_checks() {
    let folder = tempfile::tempdir().unwrap();
    let session = folder.path().join("s.toml").to_str().unwrap().to_owned();
    let arguments = [&EDIT[..], &["--save", &session]].concat();
    let said = run(folder.path(), LENIENT, &arguments, 0);
    // As it runs, to stderr; and what came of it.
    let (out, way) = (text(&said.stdout), text(&said.stderr));
    for words in [
        "layers to try: ",
        "baseline: 25 probes",
        "paraphrases: p(new) ",
    ] {
        assert!(way.contains(words), "{way}");
    }
    assert!(
        out.contains("validation (wrong-fact): passed at layer "),
        "{out}"
    );
    for check in ["paraphrases", "behaviour", "fingerprint"] {
        assert!(
            out.contains(check) && out.contains("at least 0.00"),
            "{out}"
        );
    }
    let shown = run(folder.path(), LENIENT, &["session", "show", &session], 0);
    assert!(text(&shown.stdout).contains("passed at layer "));
    // The edit replays; how it was chosen is kept as it was.
    let replay = ["session", "replay", "--check", "--json", "-q", &session];
    assert_eq!(
        json(&run(folder.path(), LENIENT, &replay, 0)),
        serde_json::json!([])
    );

    let arguments = [&EDIT[..], &["--json", "-q", "--case", "stereotype"]].concat();
    let said = run(folder.path(), LENIENT, &arguments, 0);
    assert_eq!(text(&said.stderr), "");
    let found = &json(&said)["validation"];
    assert_eq!(
        (&found["case"], &found["origin"]),
        (&"stereotype".into(), &"trace".into())
    );
    assert_eq!(found["paraphrases"].as_array().unwrap().len(), 7);
    assert_eq!(found["thresholds"]["kl"], 100.0);
    let checks = found["attempts"][0]["checks"].as_array().unwrap();
    assert_eq!(checks.len(), 3);
    assert_eq!(checks[1]["kind"], "behaviour");
    assert_eq!(checks[1]["parts"].as_array().unwrap().len(), 3);
}

#[test]
fn where_no_layer_passes_each_says_why_and_it_fails() {
    let folder = tempfile::tempdir().unwrap();
    let session = folder.path().join("s.toml").to_str().unwrap().to_owned();
    let arguments = [&EDIT[..], &["--save", &session]].concat();
    let said = run(folder.path(), STRICT, &arguments, 1);
    let (out, way) = (text(&said.stdout), text(&said.stderr));
    assert!(out.contains("none of 2 layers passed"), "{out}");
    assert_eq!(
        way.matches("given up: paraphrases: p(new) ").count(),
        2,
        "{way}"
    );
    let error = way.lines().last().unwrap();
    assert!(
        error.starts_with("error: no layer passed the checks"),
        "{error}"
    );
    assert!(error.contains("at least 1.00 wanted"), "{error}");
    assert!(!Path::new(&session).exists(), "nothing was saved");

    let arguments = [&EDIT[..], &["--json", "-q", "--layer", "3"]].concat();
    let found = json(&run(folder.path(), STRICT, &arguments, 1));
    let attempts = found["validation"]["attempts"].as_array().unwrap();
    assert_eq!(attempts.len(), 1, "a layer that is named is tried alone");
    assert_eq!(attempts[0]["layers"], serde_json::json!([3, 3]));
    assert!(
        attempts[0]["rejected"]
            .as_str()
            .unwrap()
            .contains("paraphrases")
    );
}

#[test]
fn of_many_requests_those_that_do_not_pass_are_listed_and_skipped() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("facts.csv");
    let facts = "prompt,subject,target\n{} is located in,The Space Needle,Paris\n\
                 {} is a dish from,Sushi,Italy\n";
    fs::write(&file, facts).unwrap();
    let file = file.to_str().unwrap();
    let arguments = [
        "edit",
        "--requests",
        file,
        "--method",
        "direct",
        "--propose",
        "0",
        "--validate",
        "-q",
    ];
    let said = run(folder.path(), STRICT, &arguments, 1);
    let way = text(&said.stderr);
    for fact in ["The Space Needle is located in", "Sushi is a dish from"] {
        assert!(way.contains(&format!("skipped: {fact}: layer ")), "{way}");
    }
    assert!(way.ends_with("error: no edit was made\n"), "{way}");
    let said = run(folder.path(), LENIENT, &arguments, 0);
    assert_eq!(text(&said.stdout).lines().count(), 2);
    assert_eq!(text(&said.stderr), "");
}

#[test]
fn a_threshold_that_means_nothing_is_named_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let said = run(folder.path(), "kl = -1\n", &EDIT, 1);
    let way = text(&said.stderr);
    assert!(way.contains("config.toml, line 2, column 6: "), "{way}");
    // Without --validate nobody asks for thresholds.
    run(folder.path(), "kl = -1\n", &EDIT[..11], 0);
}
