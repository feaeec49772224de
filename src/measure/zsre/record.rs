//! A record of `zsre_mend_eval.json`, and the question that it stands for.

use crate::edit::Request;
use serde::{Deserialize, Serialize};

/// Which of a record's answers an edit writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Written {
    /// The first of `answers`, the true one: what ROME and MEMIT write.
    #[default]
    Answer,
    /// `alt`, a wrong one: what MEND writes.
    Alt,
}

/// As the file has it; what it holds beside is not looked at.
#[derive(Clone, Debug, Deserialize)]
struct Record {
    subject: String,
    src: String,
    #[serde(default)]
    alt: Option<String>,
    #[serde(default)]
    answers: Vec<String>,
    rephrase: String,
    loc: String,
    loc_ans: String,
}

/// What is asked and written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Question {
    /// Its place in the file.
    pub case_id: u64,
    /// With {} for the subject.
    pub prompt: String,
    pub subject: String,
    pub target: String,
    pub paraphrase: String,
    /// The unrelated question, and its own answer.
    pub neighbour: String,
    pub neighbour_answer: String,
}

impl Question {
    pub fn request(&self) -> Request {
        Request {
            prompt: self.prompt.clone(),
            subject: self.subject.clone(),
            target: self.target.clone(),
        }
    }
}

/// Records that are told of a file that is broken.
const TOLD: usize = 8;

/// Reads a file of records. As ROME's loader does, the unrelated question gets its
/// question mark here, and has to begin as those of the file do.
///
/// # Errors
/// What is wrong with the text, which may be any, or with records, by their number.
pub fn parse(text: &str, written: Written) -> Result<Vec<Question>, String> {
    let records: Vec<Record> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let mut questions = Vec::with_capacity(records.len());
    let mut broken = Vec::new();
    for (i, record) in records.into_iter().enumerate() {
        match question(i as u64, record, written) {
            Ok(question) => questions.push(question),
            Err(reason) => broken.push(format!("record {i}: {reason}")),
        }
    }
    let more = broken.len().saturating_sub(TOLD);
    broken.truncate(TOLD);
    match (broken.is_empty(), more, questions.is_empty()) {
        (false, 0, _) => Err(broken.join("; ")),
        (false, more, _) => Err(format!("{}; and {more} more", broken.join("; "))),
        (true, _, true) => Err("it holds no records".into()),
        (true, _, false) => Ok(questions),
    }
}

fn question(case_id: u64, record: Record, written: Written) -> Result<Question, String> {
    let subject = record.subject.trim();
    if subject.is_empty() {
        return Err("its subject is empty".into());
    }
    if record.src.contains("{}") || subject.contains("{}") {
        return Err("its question has {} in it, which stands for the subject here".into());
    }
    if !record.src.contains(subject) {
        return Err("its question does not name its subject".into());
    }
    if !record.loc.contains("nq question: ") {
        return Err("its loc does not begin with \"nq question: \"".into());
    }
    let (name, target) = match written {
        Written::Answer => ("answers", record.answers.into_iter().next()),
        Written::Alt => ("alt", record.alt),
    };
    let target = target.filter(|target| !target.trim().is_empty());
    for (name, text) in [("rephrase", &record.rephrase), ("loc_ans", &record.loc_ans)] {
        if text.trim().is_empty() {
            return Err(format!("its {name} is empty"));
        }
    }
    Ok(Question {
        case_id,
        prompt: record.src.replacen(subject, "{}", 1),
        subject: subject.to_owned(),
        target: target.ok_or_else(|| format!("its {name} is empty"))?,
        paraphrase: record.rephrase,
        neighbour: record.loc + "?",
        neighbour_answer: record.loc_ans,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RECORD: &str = r#"{"subject": "Watts Humphrey", "src": "What university did Watts Humphrey attend?",
        "pred": "Trinity College", "rephrase": "What university did Watts Humphrey take part in?",
        "alt": "University of Michigan", "answers": ["Illinois Institute of Technology"],
        "loc": "nq question: who played desmond doss father in hacksaw ridge",
        "loc_ans": "Hugo Weaving", "cond": "Trinity College >> University of Michigan || What university did Watts Humphrey attend?"}"#;

    #[test]
    fn a_record_is_read_as_romes_loader_reads_it() {
        let text = format!("[{RECORD}]");
        let found = parse(&text, Written::Answer).unwrap();
        let [question] = found.as_slice() else {
            panic!("{found:?}")
        };
        assert_eq!(question.prompt, "What university did {} attend?");
        assert_eq!(question.target, "Illinois Institute of Technology");
        assert_eq!(
            question.neighbour,
            "nq question: who played desmond doss father in hacksaw ridge?"
        );
        assert_eq!(
            question.request().text(),
            "What university did Watts Humphrey attend?"
        );
        let alt = parse(&text, Written::Alt).unwrap();
        assert_eq!(alt[0].target, "University of Michigan");
    }

    #[test]
    fn what_is_broken_is_told_by_its_number() {
        let with = |from: &str, to: &str| {
            let text = format!("[{RECORD}, {}]", RECORD.replacen(from, to, 1));
            parse(&text, Written::Answer).unwrap_err()
        };
        let error = with("\"Watts Humphrey\",", "\"Somebody\",");
        assert_eq!(error, "record 1: its question does not name its subject");
        assert!(with("nq question: ", "").contains("record 1: its loc"));
        assert!(
            with("[\"Illinois Institute of Technology\"]", "[]").contains("its answers is empty")
        );
        assert!(
            parse("[]", Written::Answer)
                .unwrap_err()
                .contains("no records")
        );
        assert!(
            parse("[1]", Written::Answer)
                .unwrap_err()
                .contains("line 1")
        );
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..300),
            parts in proptest::collection::vec(".{0,12}", 6),
        ) {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let record = serde_json::json!([{
                "subject": parts[0], "src": format!("{}{}", parts[1], parts[0]), "alt": parts[2],
                "answers": [parts[3]], "rephrase": parts[4],
                "loc": format!("nq question: {text}"), "loc_ans": parts[5],
            }]).to_string();
            for written in [Written::Answer, Written::Alt] {
                let _ = parse(&text, written);
                let _ = parse(&format!("[{text}]"), written);
                if let Ok(found) = parse(&record, written) {
                    prop_assert_eq!(found[0].request().text(), format!("{}{}", parts[1], parts[0]));
                }
            }
        }
    }
}
