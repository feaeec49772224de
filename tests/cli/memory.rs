//! A limit of memory that is passed in the middle of a job: told, and nothing
//! half-made is left.

use super::pentimento;
use std::path::Path;

/// What became of a command under a limit.
#[derive(Debug, PartialEq)]
enum End {
    /// There was no room for the model itself.
    NotOpened,
    /// The job had begun when there was no more.
    Stopped(String),
    Done,
}

fn under(megabytes: f64, command: &[&str], cache: &Path) -> End {
    let limit = format!("{megabytes:.2}MB");
    let output = pentimento(command)
        .args(["--memory", &limit])
        .env("XDG_CACHE_HOME", cache)
        .output()
        .expect("the binary starts");
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    match output.status.code() {
        Some(0) => End::Done,
        Some(1) if words.contains("the model needs") => End::NotOpened,
        Some(1) if words.contains("out of memory:") => End::Stopped(words),
        other => panic!("{command:?} under {limit}: {other:?} {words}"),
    }
}

/// Looks for a limit under which the model opens and the job does not end; each
/// try in a cache of its own.
fn stopped(command: &[&str]) -> String {
    let (mut low, mut high) = (20.0, 2000.0);
    for _ in 0..16 {
        let cache = tempfile::tempdir().unwrap();
        let middle = f64::sqrt(low * high);
        match under(middle, command, cache.path()) {
            End::NotOpened => low = middle,
            End::Done => high = middle,
            End::Stopped(words) => {
                // Nothing that another run could take for whole.
                let kept = std::fs::read_dir(cache.path().join("pentimento"));
                let kept = kept.into_iter().flatten().flatten();
                let names = kept.map(|entry| entry.file_name().into_string().unwrap());
                let whole: Vec<String> = names.filter(|name| !name.contains("partial")).collect();
                assert!(whole.is_empty(), "{whole:?}");
                return words;
            }
        }
    }
    panic!("{command:?}: no limit between {low} and {high} MB stops it");
}

#[test]
fn a_trace_an_edit_and_a_second_moment_that_need_more_say_so() {
    // Where the system does not tell what is held, nothing can be limited.
    if !Path::new("/proc/self/status").exists() {
        return;
    }
    let subject = ["--subject", "The Space Needle", "--prompt"];
    let trace = [
        &["trace"],
        &subject[..],
        &["The Space Needle is located in", "--samples", "300"],
    ];
    let edit = [
        &["edit"],
        &subject[..],
        &["{} is located in", "--target", "Rome"],
    ];
    let (trace, edit) = (trace.concat(), edit.concat());
    for command in [&trace[..], &edit, &["model", "moments", "--layers", "2"]] {
        let words = stopped(command);
        assert!(words.contains("MB are held and --memory allows"), "{words}");
        assert!(words.contains("Nothing was changed"), "{words}");
    }
}
