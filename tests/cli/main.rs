//! The binary itself: its help, its usage errors, what it prints, and what it
//! computes on Atlas.

mod atlas;
mod board;
mod brought;
mod calibrate;
mod counterfact;
mod erase;
mod full;
mod lens;
mod memory;
mod methods;
mod models;
mod process;
mod sweep;
mod validate;
mod views;
mod zsre;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The binary, with folders of its own. The cache outlives the test, as it
/// does for a user: what is in it is named by what it depends on.
fn pentimento(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pentimento"));
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    command
        .args(arguments)
        .env("XDG_STATE_HOME", folder.join("state"))
        .env("XDG_CACHE_HOME", folder.join("cache"))
        .env("XDG_CONFIG_HOME", folder.join("config"));
    command
}

/// Runs it; what it said, and whether it ended as it should.
fn run(arguments: &[&str], status: i32) -> Output {
    let output = pentimento(arguments).output().expect("the binary starts");
    let words = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{arguments:?}: {words}");
    output
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("output is text")
}

/// Saves the edit that writes Rome over the Eiffel Tower's city.
fn tower_in_rome(folder: &Path) -> String {
    let path = folder.join("tower.toml");
    let name = path.to_str().unwrap().to_owned();
    let fact = [
        "edit",
        "-p",
        "{} is in the city of",
        "-s",
        "The Eiffel Tower",
        "-t",
        "Rome",
    ];
    let rest = [
        "--steps",
        "15",
        "--propose",
        "0",
        "--quiet",
        "--save",
        &name,
    ];
    run(&[&fact[..], &rest[..]].concat(), 0);
    name
}

#[test]
fn help_errors_and_reports_read_as_they_should() {
    let state = tempfile::tempdir().unwrap();
    let state = state.path().to_string_lossy().into_owned();
    trycmd::TestCases::new()
        .env("XDG_STATE_HOME", &state)
        .env("XDG_CACHE_HOME", &state)
        .env("NO_COLOR", "1")
        .case("tests/cmd/*.trycmd");
}
