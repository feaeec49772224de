//! A limit of memory that is passed in the middle of a job: told, and nothing
//! half-made is left.

use super::pentimento;
use std::path::Path;

/// What became of a command under a limit.
#[derive(Debug, PartialEq)]
enum End {
    /// There was no room for the model, or for the job's first stage.
    TooEarly,
    /// The job was in the middle of its work when there was no more.
    Stopped(String),
    Done,
}

fn under(megabytes: f64, command: &[&str], stages: &[&str], cache: &Path) -> End {
    let limit = format!("{megabytes:.2}MB");
    let output = pentimento(command)
        .args(["--memory", &limit])
        .env("XDG_CACHE_HOME", cache)
        .output()
        .expect("the binary starts");
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    match output.status.code() {
        Some(0) => End::Done,
        Some(1) if words.contains("--memory allows") => {
            match stages.iter().any(|stage| words.contains(stage)) {
                true => End::Stopped(words),
                false => End::TooEarly,
            }
        }
        other => panic!("{command:?} under {limit}: {other:?} {words}"),
    }
}

/// Looks for a limit under which the job begins one of these stages and does not end;
/// each try in a cache of its own.
fn stopped(command: &[&str], stages: &[&str]) -> String {
    let (mut low, mut high) = (20.0, 2000.0);
    for _ in 0..16 {
        let cache = tempfile::tempdir().unwrap();
        let middle = f64::sqrt(low * high);
        match under(middle, command, stages, cache.path()) {
            End::TooEarly => low = middle,
            End::Done => high = middle,
            End::Stopped(words) => {
                // What another run finds is whole, or is named as a part.
                let kept = std::fs::read_dir(cache.path().join("pentimento"));
                let kept = kept.into_iter().flatten().flatten();
                let names = kept.map(|entry| entry.file_name().into_string().unwrap());
                let whole = names.filter(|name| !name.contains("partial")).count();
                let collects = words.trim_end().contains("collecting") && command[0] == "model";
                assert!(!collects || whole == 0, "{words}");
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
    let moments = ["model", "moments", "--layers", "2"];
    let collecting = "collecting the second moment";
    for (command, stages) in [
        (&trace[..], &["tracing"][..]),
        (&edit, &["sampling templates", collecting, "optimising v*"]),
        (&moments, &[collecting]),
    ] {
        let words = stopped(command, stages);
        assert!(words.contains("MB are held and --memory allows"), "{words}");
        assert!(words.contains("This changed nothing"), "{words}");
    }
}
