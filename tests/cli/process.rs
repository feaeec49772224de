//! How the process ends: closed pipes, signals, exit status.

use super::{pentimento, run, text};
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

const FACT: [&str; 4] = [
    "--prompt",
    "The Statue of Liberty is located in",
    "--subject",
    "The Statue of Liberty",
];

fn words(child: &mut Child) -> String {
    let mut words = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut words)
        .unwrap();
    words
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    for arguments in [
        &["completions", "bash"][..],
        &["model", "info"],
        &["model", "info", "--json"],
    ] {
        let mut child = pentimento(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let words = words(&mut child);
        assert_eq!(
            child.wait().unwrap().code(),
            Some(0),
            "{arguments:?}: {words}"
        );
        assert!(
            !words.contains("panic") && !words.contains("error"),
            "{words}"
        );
    }
}

#[test]
fn a_full_disk_under_the_output_is_an_error() {
    if let Ok(full) = std::fs::File::options().write(true).open("/dev/full") {
        let output = pentimento(&["completions", "bash"])
            .stdout(full)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output.stderr).starts_with("error: cannot write the result"));
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_cancels_the_job_and_prints_nothing() {
    let trace = [&["trace", "--samples", "2000"][..], &FACT].concat();
    let mut child = pentimento(&trace)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("tracing") {
        line.clear();
        assert!(
            stderr.read_line(&mut line).unwrap() > 0,
            "it ended before it traced"
        );
    }
    let id = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &id])
            .status()
            .unwrap()
            .success()
    );
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{rest}");
    assert!(
        rest.ends_with("error: cancelled; nothing was changed\n"),
        "{rest}"
    );
    assert_eq!(text(&output.stdout), "");
}

#[test]
fn quiet_says_nothing_on_the_way() {
    let output = run(&["model", "info", "--quiet"], 0);
    assert_eq!(text(&output.stderr), "");
    assert!(text(&run(&["model", "info"], 0).stderr).contains("opening the model"));
}

#[test]
fn a_failure_is_one_line_that_says_what_to_do() {
    let output = run(
        &[&["trace", "--prompt", "No such words"][..], &FACT[2..]].concat(),
        1,
    );
    let words = text(&output.stderr);
    let error = words.lines().last().unwrap();
    assert!(
        error.starts_with("error: ") && error.contains("The Statue of Liberty"),
        "{words}"
    );
    assert_eq!(text(&output.stdout), "");
}

#[test]
fn nothing_that_was_typed_can_drive_the_terminal() {
    let output = run(&["session", "show", "a\x1b[2Jb\u{202e}.toml"], 1);
    let words = text(&output.stderr);
    assert!(words.contains("a\\u{1b}[2Jb\\u{202e}.toml"), "{words}");
}

#[test]
fn completions_know_the_subcommands() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = text(&run(&["completions", shell], 0).stdout);
        assert!(script.contains("second-moment"), "{shell}");
    }
}
