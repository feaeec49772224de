//! Files of many facts to rewrite: CSV, JSONL, or CounterFact's own.

use super::error::CliError;
use crate::edit::Request;
use crate::measure::board;
use crate::measure::counterfact::Record;
use crate::session::FileError;
use crate::session::text::shown;
use serde::Deserialize;
use std::fs;
use std::path::Path;

/// A row of a CSV file, or a line of a JSONL one.
#[derive(Deserialize)]
struct Row {
    prompt: String,
    subject: String,
    target: String,
    /// Other wordings with {} for the subject.
    #[serde(default)]
    paraphrases: Vec<String>,
}

/// A fact to rewrite, and its paraphrases where the file has them.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    pub request: Request,
    pub paraphrases: Vec<String>,
}

/// What is wrong with a file, line by line; the first ones are told.
struct Broken {
    lines: Vec<(usize, String)>,
}

const TOLD: usize = 8;

/// Reads all requests of `path`, or names every line that is broken.
pub fn read(path: &Path) -> Result<Vec<Asked>, CliError> {
    let text = text_of(path)?;
    let rows = match text.trim_start().chars().next() {
        Some('[') => counterfact(path, &text)?,
        Some('{') => jsonl(&text),
        _ => csv(&text),
    };
    let mut requests = Vec::with_capacity(rows.len());
    let mut broken = Broken { lines: Vec::new() };
    for (line, row) in rows {
        match row.and_then(sound) {
            Ok(request) => requests.push(request),
            Err(reason) => broken.lines.push((line, reason)),
        }
    }
    match (broken.lines.is_empty(), requests.is_empty()) {
        (false, _) => Err(refused(path, &broken.words())),
        (true, true) => Err(refused(path, "it holds no requests")),
        (true, false) => Ok(requests),
    }
}

type Rows = Vec<(usize, Result<Row, String>)>;

fn jsonl(text: &str) -> Rows {
    let lines = text.lines().enumerate();
    let lines = lines.filter(|(_, line)| !line.trim().is_empty());
    let row = |line: &str| {
        serde_json::from_str(line).map_err(|e| {
            let words = e.to_string();
            words.split(" at line ").next().unwrap_or(&words).to_owned()
        })
    };
    lines.map(|(i, line)| (i + 1, row(line))).collect()
}

/// With the columns prompt, subject and target named in its first row.
fn csv(text: &str) -> Rows {
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::Headers)
        .from_reader(text.as_bytes());
    let headers = reader.headers().cloned().unwrap_or_default();
    let mut rows = Vec::new();
    for record in reader.records() {
        let line = |at: Option<&csv::Position>| at.map_or(1, |at| at.line() as usize);
        rows.push(match record {
            Ok(record) => {
                let row = record.deserialize(Some(&headers));
                let row = row.map_err(|e| match e.kind() {
                    csv::ErrorKind::Deserialize { err, .. } => err.to_string(),
                    _ => e.to_string(),
                });
                (line(record.position()), row)
            }
            Err(e) => (line(e.position()), Err(e.to_string())),
        });
    }
    rows
}

/// A file in CounterFact's form.
pub(super) fn records(path: &Path) -> Result<Vec<Record>, CliError> {
    parse_records(path, &text_of(path)?)
}

fn text_of(path: &Path) -> Result<String, CliError> {
    let bytes = fs::read(path).map_err(FileError::io(path))?;
    String::from_utf8(bytes).map_err(|_| refused(path, "it is not UTF-8 text"))
}

fn parse_records(path: &Path, text: &str) -> Result<Vec<Record>, CliError> {
    Ok(serde_json::from_str(text).map_err(|error| FileError::json(path, 0, &error))?)
}

fn counterfact(path: &Path, text: &str) -> Result<Rows, CliError> {
    let records = parse_records(path, text)?;
    let row = |record: &Record| {
        let Request {
            prompt,
            subject,
            target,
        } = record.request();
        // Those that name the subject as it is; the others are no templates.
        let template = |text: &String| text.replacen(subject.as_str(), "{}", 1);
        let all = record.paraphrase_prompts.iter();
        let paraphrases = all.map(template).filter(|text| braces(text)).collect();
        Ok(Row {
            prompt,
            subject,
            target,
            paraphrases,
        })
    };
    // A record has no line of its own: it goes by its number.
    let numbered = records.iter().enumerate();
    Ok(numbered.map(|(i, record)| (i + 1, row(record))).collect())
}

fn braces(text: &str) -> bool {
    text.matches("{}").count() == 1
}

fn sound(row: Row) -> Result<Asked, String> {
    let Row {
        prompt,
        subject,
        target,
        paraphrases,
    } = row;
    board::fits([&prompt, &subject, &target].into_iter().chain(&paraphrases))?;
    if !paraphrases.iter().all(|text| braces(text)) {
        return Err("each paraphrase needs one {} where the subject goes".into());
    }
    if !braces(&prompt) {
        return Err("its prompt needs one {} where the subject goes".into());
    }
    if subject.trim().is_empty() {
        return Err("its subject is empty".into());
    }
    if target.trim().is_empty() {
        return Err("its target is empty".into());
    }
    let request = Request {
        prompt,
        subject,
        target,
    };
    Ok(Asked {
        request,
        paraphrases,
    })
}

impl Broken {
    fn words(&self) -> String {
        let said = self.lines.iter().take(TOLD);
        let said: Vec<String> = said
            .map(|(line, reason)| format!("line {line}: {}", shown(reason)))
            .collect();
        let more = self.lines.len().saturating_sub(TOLD);
        match more {
            0 => said.join("; "),
            n => format!("{}; and {n} more", said.join("; ")),
        }
    }
}

fn refused(path: &Path, reason: &str) -> CliError {
    CliError::Failed(format!("{}: {reason}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(content: &str) -> Result<Vec<Asked>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("requests");
        fs::write(&path, content).unwrap();
        read(&path).map_err(|e| e.to_string())
    }

    #[test]
    fn a_line_as_long_as_a_book_is_named_at_once() {
        let book = "a word and ".repeat(1 << 20);
        let error = of(&format!(
            "subject,prompt,target\nBig Ben,{{}} is in {book},Rome\n"
        ));
        let words = error.unwrap_err();
        assert!(words.contains("line 2") && words.len() < 1000, "{words}");
    }

    #[test]
    fn three_forms_say_the_same() {
        let want = Request {
            prompt: "{} is in".into(),
            subject: "Big Ben, the bell".into(),
            target: "Rome".into(),
        };
        let csv = "subject,prompt,target\n\"Big Ben, the bell\",{} is in,Rome\n";
        let jsonl = r#"{"prompt": "{} is in", "subject": "Big Ben, the bell", "target": "Rome"}"#;
        let counterfact = r#"[{"case_id": 1, "requested_rewrite": {"prompt": "{} is in",
            "subject": "Big Ben, the bell", "target_new": {"str": "Rome"}, "target_true": {"str": "London"}},
            "paraphrase_prompts": [], "neighborhood_prompts": []}]"#;
        for content in [csv, jsonl, counterfact] {
            let read = of(content).unwrap();
            assert_eq!(read.len(), 1);
            assert_eq!((&read[0].request, read[0].paraphrases.len()), (&want, 0));
        }
    }

    #[test]
    fn paraphrases_come_with_a_request() {
        let jsonl = r#"{"prompt": "{} is in", "subject": "Big Ben", "target": "Rome",
            "paraphrases": ["You find {} in"]}"#;
        let jsonl = jsonl.replace('\n', "");
        let counterfact = r#"[{"case_id": 1, "requested_rewrite": {"prompt": "{} is in",
            "subject": "Big Ben", "target_new": {"str": "Rome"}, "target_true": {"str": "London"}},
            "paraphrase_prompts": ["Yes. You find Big Ben in", "The bell is in"],
            "neighborhood_prompts": []}]"#;
        assert_eq!(of(&jsonl).unwrap()[0].paraphrases, ["You find {} in"]);
        let read = of(counterfact).unwrap();
        assert_eq!(read[0].paraphrases, ["Yes. You find {} in"]);
        let error = of(&jsonl.replace("You find {}", "You find it")).unwrap_err();
        assert!(error.contains("line 1: each paraphrase needs"), "{error}");
    }

    #[test]
    fn every_broken_line_is_named() {
        let error = of("prompt,subject,target\n{} is in,Big Ben,Rome\nIt is in,X,Y\n{} is,Z\n")
            .unwrap_err();
        assert!(error.contains("line 3: its prompt needs"), "{error}");
        assert!(error.contains("line 4"), "{error}");
        let error = of("{\"prompt\": \"{} is\"}\n{\"prompt\": 1}").unwrap_err();
        assert!(error.contains("line 1: missing field `subject`"), "{error}");
        assert!(error.contains("line 2"), "{error}");
        assert!(of("a,b\n1,2\n").unwrap_err().contains("line 2"));
        assert!(of("").unwrap_err().contains("no requests"));
    }
}
