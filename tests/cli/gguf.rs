//! A GGUF by the command line.

#[path = "../common/gguf.rs"]
mod golden;

use super::{pentimento, text};
use candle_core::quantized::GgmlDType;
use std::fs::File;
use std::path::Path;
use std::process::Output;
use std::time::{Duration, SystemTime};

/// Runs it in `folder`, with a memory of hashes that lies there.
fn run_in(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = pentimento(arguments);
    command.env("XDG_CACHE_HOME", folder.join("cache"));
    command.current_dir(folder).output().unwrap()
}

#[test]
fn a_session_finds_its_gguf_again() {
    let folder = tempfile::tempdir().unwrap();
    let goldens = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens");
    let model = golden::Model::read(&goldens.join("llama"));
    std::fs::create_dir(folder.path().join("models")).unwrap();
    let path = folder.path().join("models/tiny.gguf");
    std::fs::write(&path, model.gguf(GgmlDType::F32).bytes()).unwrap();
    // A file that has just changed may change again, and is not remembered.
    let old = SystemTime::now() - Duration::from_secs(100);
    let file = File::options().write(true).open(&path).unwrap();
    file.set_modified(old).unwrap();
    drop(file);

    let edit = [
        "--model",
        "models/tiny.gguf",
        "edit",
        "-p",
        "{} is in the city of",
        "-s",
        "The Space Needle",
        "-t",
        "Rome",
        "--method",
        "direct",
        "--layer",
        "1",
        "--propose",
        "0",
        "--quiet",
        "--save",
        "tower.toml",
    ];
    let made = run_in(folder.path(), &edit);
    assert!(made.status.success(), "{}", text(&made.stderr));
    let saved = std::fs::read_to_string(folder.path().join("tower.toml")).unwrap();
    assert!(
        saved.contains("\"tiny.gguf\"") && !saved.contains("models/"),
        "{saved}"
    );

    let replay = ["session", "replay", "--check", "tower.toml", "--quiet"];
    let again = run_in(folder.path(), &replay);
    assert!(again.status.success(), "{}", text(&again.stderr));

    // Other weights under that name are not the session's.
    let other = golden::Model::read(&goldens.join("mistral"));
    std::fs::write(&path, other.gguf(GgmlDType::F32).bytes()).unwrap();
    let gone = run_in(folder.path(), &replay);
    assert!(!gone.status.success());
    let words = text(&gone.stderr);
    assert!(
        words.contains("tiny.gguf") && words.contains("--model"),
        "{words}"
    );
}
