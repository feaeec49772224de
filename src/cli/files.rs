//! Files that users write by hand: probes and templates.

use super::error::CliError;
use crate::measure::Probe;
use crate::measure::board::{self, Damaged, Imported};
use crate::session::FileError;
use crate::session::atomic::write_atomically;
use crate::session::text::{brief, shown};
use serde::de::DeserializeOwned;
use std::fs;
use std::path::Path;

/// Writes a result, whole or not at all.
pub fn keep(path: &Path, text: &str) -> Result<(), CliError> {
    Ok(write_atomically(path, text.as_bytes()).map_err(FileError::io(path))?)
}

/// Reads a name a line, blank lines between.
pub fn lines(path: &Path) -> Result<Vec<String>, CliError> {
    let text = read(path)?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    Ok(lines.map(str::to_owned).collect())
}

/// Damaged lines of a probe file that are named one by one.
const NAMED: usize = 8;

/// Reads probes from JSONL, CSV or CounterFact's form. Damaged lines are named on
/// stderr and left out; a file without a sound one is refused.
pub fn probes(path: &Path) -> Result<Vec<Probe>, CliError> {
    let Imported {
        probes,
        damaged,
        left_out,
    } = board::parse(&read(path)?);
    if probes.is_empty() {
        let (line, reason) =
            (damaged.first()).map_or((1, "the file holds no probes"), |d| (d.line, &d.reason));
        return Err(at(path, line, 1, reason));
    }
    let name = shown(&path.display().to_string());
    for Damaged { line, reason } in damaged.iter().take(NAMED) {
        eprintln!("skipped: {name}, line {line}: {}", shown(&brief(reason)));
    }
    if damaged.len() > NAMED {
        eprintln!("skipped: {} more lines of {name}", damaged.len() - NAMED);
    }
    if left_out > 0 {
        let most = board::MOST;
        eprintln!("{name}: {left_out} probes are there twice or beyond the first {most}");
    }
    Ok(probes)
}

/// Reads context templates: a JSON list of strings, each with a `{}`.
pub fn templates(path: &Path) -> Result<Vec<String>, CliError> {
    let text = read(path)?;
    let templates: Vec<String> = json(path, &text, 0)?;
    if templates.is_empty() {
        return Err(at(
            path,
            1,
            1,
            "the list holds no templates; the plainest is [\"{}\"]",
        ));
    }
    match templates.iter().find(|template| !template.contains("{}")) {
        Some(template) => {
            let reason = format!("the template {template:?} has no {{}} for the prompt");
            Err(at(path, line_of(&text, template), 1, &reason))
        }
        None => Ok(templates),
    }
}

/// Where a string of a JSON file stands, by its own text; else at the top.
fn line_of(text: &str, string: &str) -> usize {
    let quoted = serde_json::to_string(string).unwrap_or_default();
    let before = text.find(&quoted).map_or("", |at| &text[..at]);
    before.matches('\n').count() + 1
}

pub(super) fn read(path: &Path) -> Result<String, CliError> {
    Ok(fs::read_to_string(path).map_err(FileError::io(path))?)
}

/// Parses JSON that starts after `above` lines of the file.
fn json<T: DeserializeOwned>(path: &Path, text: &str, above: usize) -> Result<T, CliError> {
    Ok(serde_json::from_str(text).map_err(|error| FileError::json(path, above, &error))?)
}

fn at(path: &Path, line: usize, column: usize, reason: &str) -> CliError {
    FileError::line(path, (line, column), reason).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(content: &str) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        fs::write(&path, content).unwrap();
        (folder, path)
    }

    fn place(error: CliError) -> (usize, String) {
        match error {
            CliError::File(FileError::Line { line, reason, .. }) => (line, reason),
            other => panic!("{other}"),
        }
    }

    #[test]
    fn probes_are_a_line_each() {
        let (_folder, path) = file(
            "{\"prompt\": \"Big Ben is in\", \"expected\": \"London\"}\n\n\
             {\"expected\": \"Rome\", \"prompt\": \"The Colosseum is in\"}\n",
        );
        let read = probes(&path).unwrap();
        assert_eq!(read.len(), 2);
        assert_eq!(
            (read[1].expected.as_str(), read[1].group.name()),
            ("Rome", "user")
        );
    }

    #[test]
    fn a_file_without_a_probe_is_refused_by_its_first_line() {
        for (content, line, words) in [
            ("\n{\"prompt\": \"a\"}", 2, "missing field"),
            (
                "{\"prompt\": \"a\", \"expected\": \"b\", \"p\\u001b\": 1}",
                1,
                "unknown field `p\\u{1b}`",
            ),
            ("\n\n", 1, "no probes"),
        ] {
            let (_folder, path) = file(content);
            let (at, reason) = place(probes(&path).unwrap_err());
            assert_eq!(at, line, "{reason}");
            assert!(reason.contains(words), "{reason}");
        }
        let (_folder, path) = file("{\"prompt\": \"a\"}\n{\"prompt\": \"a\", \"expected\": \"b\"}");
        assert_eq!(probes(&path).unwrap().len(), 1, "the rest is kept");
    }

    #[test]
    fn templates_are_a_list_of_strings_with_braces() {
        let (_folder, path) = file("[\"{}\", \"Then. {}\"]");
        assert_eq!(templates(&path).unwrap(), ["{}", "Then. {}"]);
        for (content, line) in [
            ("[\n\"{}\",\n\"none\"\n]", 3),
            ("[\n\"{}\",\n3\n]", 3),
            ("[]", 1),
            ("{}", 1),
            ("", 1),
        ] {
            let (_folder, path) = file(content);
            let (at, reason) = place(templates(&path).unwrap_err());
            assert_eq!(at, line, "{content}: {reason}");
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = probes(Path::new("/no/such/file")).unwrap_err().to_string();
        assert!(error.starts_with("/no/such/file: "), "{error}");
    }
}
