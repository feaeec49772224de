//! A disk that is full at each thing the command line writes: told by name, what was
//! there before stays, nothing half-written is left. The disk is full by a limit on
//! how large a file may grow.

use super::{pentimento, run, text, tower_in_rome};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

/// Every file below `folder`, with its bytes.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => {
                    all.insert(path.display().to_string(), std::fs::read(&path).unwrap());
                }
            }
        }
    }
    all
}

/// The same command where no file may grow beyond `blocks` of 512 bytes.
fn on_full(command: &Command, blocks: usize) -> Command {
    // Without the trap the signal ends the process before it sees the error.
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
    let mut shell = Command::new("/bin/sh");
    shell.arg("-c").arg(script);
    shell.arg(command.get_program()).args(command.get_args());
    let set = |(name, value): (_, Option<_>)| Some((name, value?));
    shell.envs(command.get_envs().filter_map(set));
    shell
}

#[test]
fn what_cannot_be_written_is_told_and_what_was_there_stays() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let tower = tower_in_rome(folder.path());
    let adapter = at("adapter");
    run(
        &[
            "session", "export", &tower, "--as", "peft", "--out", &adapter,
        ],
        0,
    );
    for name in ["trace.svg", "lens.svg", "probes.csv"] {
        std::fs::write(folder.path().join(name), "what was there").unwrap();
    }
    let probes = at("some.jsonl");
    let probe = r#"{"prompt": "The Louvre is in the city of", "expected": "Paris"}"#;
    std::fs::write(&probes, probe).unwrap();
    let before = files(folder.path());

    let fact = ["-p", "{} is in the city of", "-s", "The Eiffel Tower"];
    let trace = |flag, to| [&["trace"], &fact[..], &["--samples", "1", flag, to]].concat();
    let edit = [
        &["edit"],
        &fact[..],
        &["-t", "Lyon", "--steps", "1", "--on", &tower],
    ]
    .concat();
    let export = |form, to| vec!["session", "export", &tower, "--as", form, "--out", to];
    let (new, svg) = (at("new.toml"), at("trace.svg"));
    let (lens, csv) = (at("lens.svg"), at("probes.csv"));
    let gone = at("gone");
    let writes: [(Vec<&str>, &str); 10] = [
        (trace("--save", &new), &new),
        (trace("--out", &svg), &svg),
        ([&edit[..], &["--save", &tower]].concat(), &tower),
        (vec!["session", "import", &adapter, "--save", &new], &new),
        (export("peft", &gone), &gone),
        (export("merged", &gone), &gone),
        (export("gguf", &gone), &gone),
        (export("delta", &gone), &gone),
        (vec!["eval", "lens", "--on", &tower, "--out", &lens], &lens),
        (
            vec!["eval", "probes", &tower, "--probes", &probes, "--out", &csv],
            &csv,
        ),
    ];
    for blocks in [0, 1] {
        for (command, name) in &writes {
            let output = on_full(&pentimento(command), blocks).output().unwrap();
            let words = String::from_utf8_lossy(&output.stderr);
            let error = words.lines().last().unwrap_or_default();
            // A thing so small that it fits in one block is written.
            if output.status.code() == Some(0) && blocks > 0 {
                continue;
            }
            assert_eq!(output.status.code(), Some(1), "{command:?}: {words}");
            assert!(
                error.contains(name) && error.contains("File too large"),
                "{command:?}: {words}"
            );
            assert_eq!(files(folder.path()), before, "{command:?}");
        }
    }
}

/// An evaluation that a full disk broke off goes on where it was, to the same end.
#[test]
fn lines_that_no_longer_fit_are_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let cases = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/assets/counterfact/counterfact_400.json"
    );
    let score = |out: &Path| {
        let out = out.display().to_string();
        let hyper = ["--methods", "direct", "--limit", "3", "--out", &out, "-q"];
        pentimento(&[&["eval", "counterfact", cases][..], &hyper].concat())
    };
    let (whole, broken) = (folder.path().join("whole"), folder.path().join("broken"));
    assert!(score(&whole).output().unwrap().status.success());
    let lines = std::fs::read_to_string(whole.join("cases.jsonl")).unwrap();
    let blocks = lines.len() / 512 / 2;

    let output = on_full(&score(&broken), blocks).output().unwrap();
    let words = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{words}");
    let path = broken.join("cases.jsonl");
    let error = words.lines().last().unwrap();
    assert!(
        error.contains(&*path.to_string_lossy()) && error.contains("File too large"),
        "{words}"
    );
    let kept = std::fs::read_to_string(&path).unwrap();
    assert!(kept.len() > 512 && kept.len() < lines.len());

    assert!(score(&broken).output().unwrap().status.success());
    // Each is scored as it is alone, whatever came before it and however long it took.
    let same = |lines: &str| {
        let plain = |line: &str| {
            let mut value: serde_json::Value = serde_json::from_str(line).unwrap();
            value["judged"]["seconds"] = 0.into();
            value.to_string()
        };
        lines.lines().map(plain).collect::<BTreeSet<_>>()
    };
    let again = std::fs::read_to_string(&path).unwrap();
    assert!(same(&again) == same(&lines), "{again}\n{lines}");
}

/// A cache that cannot be written costs time, not the edit; who asked for nothing but
/// the cache is told that it failed.
#[test]
fn a_cache_without_room_or_right_is_told_and_the_edit_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("cache");
    std::fs::create_dir(&cache).unwrap();
    let edit = [
        "edit",
        "-p",
        "{} is in the city of",
        "-s",
        "The Louvre",
        "-t",
        "Rome",
    ];
    let edit = [
        &edit[..],
        &["--layer", "2", "--steps", "1", "--propose", "0"],
    ]
    .concat();
    let moments = ["model", "moments", "--layers", "2"];
    // Where nobody may write, root neither; where there is such a place.
    let locked = Path::new("/sys/kernel");
    let limits = [(cache.as_path(), 1), (locked, 1 << 20)];
    for (cache, blocks) in limits.into_iter().filter(|(folder, _)| folder.is_dir()) {
        let kept = format!("was not kept in {}", cache.join("pentimento").display());
        let output = on_full(pentimento(&edit).env("XDG_CACHE_HOME", cache), blocks).output();
        let output = output.unwrap();
        let words = text(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{words}");
        assert!(
            words.contains(&format!("warning: the second moment {kept}")),
            "{words}"
        );
        assert!(text(&output.stdout).contains("r-rome at layer 2"));

        let output = on_full(pentimento(&moments).env("XDG_CACHE_HOME", cache), blocks).output();
        let output = output.unwrap();
        let words = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{words}");
        let error = words.lines().last().unwrap();
        assert!(
            error.starts_with("error: the second moment") && error.contains(&kept),
            "{words}"
        );
        assert!(
            text(&output.stdout).contains("per dimension"),
            "the figures are told all the same"
        );
    }
    assert!(
        files(&cache)
            .keys()
            .all(|name| !name.contains("second-moment"))
    );
}
