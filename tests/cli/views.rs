//! `eval views` on Atlas: an edit that is made for it, one of a session, the user's
//! own prompts, and what cannot be looked at.

use super::{run, text};
use serde_json::Value;
use std::path::Path;

const FACT: [&str; 6] = [
    "-p",
    "{} is located in",
    "-s",
    "The Eiffel Tower",
    "-t",
    "Rome",
];
/// An edit without a gradient, and little of everything.
const QUICK: [&str; 7] = ["--later", "1", "--tokens", "8", "--most", "4", "--quiet"];

fn views(arguments: &[&[&str]], status: i32) -> std::process::Output {
    let command = [&["eval", "views"][..], &arguments.concat(), &QUICK].concat();
    run(&command, status)
}

fn json(arguments: &[&[&str]]) -> Value {
    let all = [arguments, &[&["--json"][..]]].concat();
    serde_json::from_str(&text(&views(&all, 0).stdout)).expect("JSON")
}

#[test]
fn the_docs_say_what_the_program_says() {
    let docs = include_str!("../../docs/views/README.md").replace('\n', " ");
    let said = text(&run(&["eval", "views", "--explain"], 0).stdout);
    for line in said.lines() {
        let (words, limit) = match line.split_once(" Passes from ") {
            Some((definition, limit)) => (definition, limit.split(' ').next()),
            None => (line.split_once(": ").expect("a question").1, None),
        };
        assert!(docs.contains(words.trim()), "{words}");
        assert!(limit.is_none_or(|limit| docs.contains(limit)), "{limit:?}");
    }
}

#[test]
fn an_edit_is_made_for_it_shown_and_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let picture = folder.path().join("radar.svg");
    let out = picture.to_str().unwrap();
    let method = ["--method", "direct", "--layer", "3"];
    let found = views(&[&FACT, &method, &["--show", "ripple", "--out", out]], 0);
    let told = text(&found.stdout);
    for word in ["retention", "extraction", "Paris → Rome", "drawn to"] {
        assert!(told.contains(word), "{word}\n{told}");
    }
    assert_eq!(told.matches("ripple: do the subject's").count(), 1);
    let svg = std::fs::read_to_string(&picture).unwrap();
    assert!(svg.starts_with("<svg") && svg.contains("cross-domain"));
}

/// Saves an edit of the Eiffel Tower.
fn session(folder: &Path) -> String {
    let path = folder.join("tower.toml").to_str().unwrap().to_owned();
    let method = ["--method", "direct", "--layer", "3", "--propose", "0"];
    let save = ["--quiet", "--save", &path];
    run(&[&["edit"], &FACT[..], &method, &save].concat(), 0);
    path
}

#[test]
fn a_sessions_edit_is_looked_at_with_the_users_prompts() {
    let folder = tempfile::tempdir().unwrap();
    let session = session(folder.path());
    let file = folder.path().join("mine.jsonl");
    let lines = [
        r#"{"view": "generalisation", "prompt": "The Eiffel Tower can be found in"}"#,
        r#"{"view": "ripple", "prompt": "The Colosseum is located in", "expected": "Rome"}"#,
    ];
    std::fs::write(&file, lines.join("\n")).unwrap();
    let own = file.to_str().unwrap();
    let found = json(&[&["--on", &session, "--prompts", own]]);
    assert_eq!(found["old"], "Paris");
    let view = |name: &str| {
        let all = found["views"].as_array().unwrap().iter();
        all.clone().find(|view| view["view"] == name).unwrap()
    };
    assert_eq!(view("ripple")["evidence"].as_array().unwrap().len(), 1);
    let generalised = &view("generalisation")["evidence"][0];
    assert_eq!(generalised["new"], "Rome");
    assert_eq!(generalised["old"], "Paris");
    // A score can be made again from what it rests on.
    let retention = view("retention");
    let rows = retention["evidence"].as_array().unwrap();
    let p = rows.iter().map(|row| row["after"]["p"].as_f64().unwrap());
    let mean = p.sum::<f64>() / rows.len() as f64;
    assert!((mean - retention["score"].as_f64().unwrap()).abs() < 1e-12);
}

#[test]
fn what_cannot_be_looked_at_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let session = session(folder.path());
    let error = |arguments: &[&str], status| text(&views(&[arguments], status).stderr);
    let words = error(&["--on", &session, "--edit", "7"], 1);
    assert!(words.contains("the session holds no edit 7"), "{words}");
    let words = error(&["--on", &session, "--fact", "2"], 1);
    assert!(words.contains("none is number 2"), "{words}");
    let broken = folder.path().join("broken.jsonl");
    std::fs::write(
        &broken,
        "{\"view\": \"batch\", \"prompt\": \"x\"}\n\u{1b}[2J",
    )
    .unwrap();
    let words = error(
        &["--on", &session, "--prompts", broken.to_str().unwrap()],
        1,
    );
    assert!(
        words.contains("line 1") && words.contains("line 2"),
        "{words}"
    );
    assert!(!words.contains('\u{1b}'), "{words:?}");
    error(&[], 2);
    error(&["--prompt", "{} is in"], 2);
}
