//! Probes from files: JSONL, CSV, or CounterFact's own form. What is damaged is
//! named by its line; the rest is kept.

use super::json::objects;
use crate::measure::counterfact::Record;
use crate::measure::{Probe, ProbeGroup};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::HashSet;

/// So many probes are taken from one file.
pub const MOST: usize = 20_000;

/// Bytes of a text in such a file: more is no prompt, and slow to show.
const LONGEST: usize = 1 << 16;

/// What a file holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Imported {
    pub probes: Vec<Probe>,
    pub damaged: Vec<Damaged>,
    /// Probes that stand in the file more than once, or beyond [`MOST`].
    pub left_out: usize,
}

/// A line that is no probe, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Damaged {
    /// From 1.
    pub line: usize,
    pub reason: String,
}

/// A probe as a file has it. The other columns are those that a board is written
/// with: what was exported can be read again.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    prompt: String,
    expected: String,
    #[serde(default)]
    group: Option<ProbeGroup>,
    #[serde(default)]
    subject: Option<String>,
    #[serde(default)]
    why: Option<String>,
    #[serde(default, rename = "p_before")]
    _p_before: Option<IgnoredAny>,
    #[serde(default, rename = "p_after")]
    _p_after: Option<IgnoredAny>,
    #[serde(default, rename = "change")]
    _change: Option<IgnoredAny>,
    #[serde(default, rename = "top_before")]
    _top_before: Option<IgnoredAny>,
    #[serde(default, rename = "top_after")]
    _top_after: Option<IgnoredAny>,
    #[serde(default, rename = "moved")]
    _moved: Option<IgnoredAny>,
    #[serde(default, rename = "history")]
    _history: Option<IgnoredAny>,
}

/// The probes of one place in the file, or why there are none.
type Found = (usize, Result<Vec<Probe>, String>);

/// Reads what `text` holds: a list in `[…]` of CounterFact's records or of
/// probes, else an object a line, else CSV with the columns prompt and expected
/// named in its first row.
pub fn parse(text: &str) -> Imported {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let found = match text.trim_start().chars().next() {
        Some('[') => (objects(text).into_iter())
            .map(|(line, object)| (line, one(object)))
            .collect(),
        Some('{') => jsonl(text),
        _ => csv(text),
    };
    let mut all = Imported::default();
    let mut seen = HashSet::new();
    for (line, probes) in found {
        let probes = match probes {
            Ok(probes) => probes,
            Err(reason) => {
                all.damaged.push(Damaged { line, reason });
                continue;
            }
        };
        for probe in probes {
            let new = seen.insert((probe.prompt.clone(), probe.expected.clone()));
            match new && all.probes.len() < MOST {
                true => all.probes.push(probe),
                false => all.left_out += 1,
            }
        }
    }
    all
}

fn jsonl(text: &str) -> Vec<Found> {
    let lines = (1..).zip(text.lines());
    let lines = lines.filter(|(_, line)| !line.trim().is_empty());
    lines.map(|(line, text)| (line, one(text))).collect()
}

/// One object: a probe, or a record of CounterFact with all its prompts.
fn one(text: &str) -> Result<Vec<Probe>, String> {
    let value: serde_json::Value = serde_json::from_str(text).map_err(|e| words(&e))?;
    if value.get("requested_rewrite").is_some() {
        let record: Record = serde_json::from_value(value).map_err(|e| words(&e))?;
        return prompts(&record);
    }
    let line: Line = serde_json::from_value(value).map_err(|e| words(&e))?;
    Ok(vec![sound(line)?])
}

/// What is wrong, without the place within the object.
fn words(error: &serde_json::Error) -> String {
    let words = error.to_string();
    words.split(" at line ").next().unwrap_or(&words).to_owned()
}

fn csv(text: &str) -> Vec<Found> {
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::Headers)
        .from_reader(text.as_bytes());
    let headers = match reader.headers() {
        Ok(headers) => headers.clone(),
        Err(error) => return vec![(1, Err(error.to_string()))],
    };
    let has = |name: &str| headers.iter().any(|header| header == name);
    let missing = ["prompt", "expected"].into_iter().find(|name| !has(name));
    if let Some(missing) = missing.filter(|_| !text.trim().is_empty()) {
        let words = format!("the first row names no column {missing:?}");
        return vec![(1, Err(words))];
    }
    let line = |at: Option<&csv::Position>| at.map_or(1, |at| at.line() as usize);
    let row = |record: Result<csv::StringRecord, csv::Error>| match record {
        Ok(record) => {
            let row = record.deserialize::<Line>(Some(&headers));
            let row = row.map_err(|e| match e.kind() {
                csv::ErrorKind::Deserialize { err, .. } => err.kind().to_string(),
                _ => e.to_string(),
            });
            (
                line(record.position()),
                row.and_then(sound).map(|p| vec![p]),
            )
        }
        Err(error) => (line(error.position()), Err(error.to_string())),
    };
    reader.records().map(row).collect()
}

/// Refuses texts that nobody wrote as prompts.
pub fn fits<'a>(texts: impl IntoIterator<Item = &'a String>) -> Result<(), String> {
    match texts.into_iter().map(String::len).max() {
        Some(bytes) if bytes > LONGEST => Err(format!(
            "a text of {bytes} bytes is no prompt ({LONGEST} at most)"
        )),
        _ => Ok(()),
    }
}

fn sound(line: Line) -> Result<Probe, String> {
    let told = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
    let subject = told(line.subject);
    if line.prompt.trim().is_empty() {
        return Err("the prompt is empty".into());
    }
    if line.expected.trim().is_empty() {
        return Err("the expected answer is empty".into());
    }
    let texts = [&line.prompt, &line.expected];
    fits(texts.into_iter().chain(&subject).chain(&line.why))?;
    if let Some(name) = subject.as_ref().filter(|name| !line.prompt.contains(*name)) {
        return Err(format!("the subject {name:?} does not stand in the prompt"));
    }
    Ok(Probe {
        prompt: line.prompt,
        expected: line.expected,
        group: line.group.unwrap_or(ProbeGroup::User),
        subject,
        why: told(line.why),
    })
}

/// A record's own prompt, its paraphrases and its neighbours, each with the answer
/// that is true.
fn prompts(record: &Record) -> Result<Vec<Probe>, String> {
    let rewrite = &record.requested_rewrite;
    let (subject, id) = (rewrite.subject.trim(), record.case_id);
    let probe = |prompt: &String, group, what: &str| {
        let names = !subject.is_empty() && prompt.contains(subject);
        sound(Line {
            prompt: prompt.clone(),
            expected: rewrite.target_true.text.clone(),
            group: Some(group),
            subject: names.then(|| subject.to_owned()),
            why: Some(format!("CounterFact {id}: {what}")),
            _p_before: None,
            _p_after: None,
            _change: None,
            _top_before: None,
            _top_after: None,
            _moved: None,
            _history: None,
        })
    };
    let own = record.request().text();
    let own = std::iter::once(probe(&own, ProbeGroup::Fact, "the fact"));
    let others = (record.paraphrase_prompts.iter())
        .map(|prompt| probe(prompt, ProbeGroup::Paraphrase, "paraphrase"));
    let neighbours = (record.neighborhood_prompts.iter())
        .map(|prompt| probe(prompt, ProbeGroup::Neighbour, "neighbourhood"));
    own.chain(others).chain(neighbours).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(imported: &Imported) -> Vec<(usize, &str)> {
        let damaged = imported.damaged.iter();
        damaged.map(|d| (d.line, d.reason.as_str())).collect()
    }

    #[test]
    fn three_forms_say_the_same() {
        let jsonl = "{\"prompt\": \"Big Ben, the bell, is in\", \"expected\": \"London\"}\n\n";
        let list = "[{\"prompt\": \"Big Ben, the bell, is in\", \"expected\": \"London\"}]";
        let csv = "\u{feff}expected,prompt\nLondon,\"Big Ben, the bell, is in\"\n";
        let want = Probe {
            prompt: "Big Ben, the bell, is in".into(),
            expected: "London".into(),
            group: ProbeGroup::User,
            ..Probe::default()
        };
        for text in [jsonl, list, csv] {
            let read = parse(text);
            assert_eq!(read.probes, std::slice::from_ref(&want), "{text}");
            assert_eq!((read.damaged.len(), read.left_out), (0, 0));
        }
    }

    #[test]
    fn what_is_damaged_is_named_and_the_rest_kept() {
        let read = parse(
            "{\"prompt\": \"a\", \"expected\": \"b\"}\n\n{\"prompt\": \"a\"}\n{\"prompt\"\n\
             {\"prompt\": \" \", \"expected\": \"b\"}\n\
             {\"prompt\": \"c\", \"expected\": \"d\", \"subject\": \"e\"}\n\
             {\"prompt\": \"c\", \"expected\": \"d\", \"colour\": 1}\n\
             {\"prompt\": \"a\", \"expected\": \"b\"}\n\
             {\"prompt\": \"c\", \"expected\": \"d\", \"group\": \"derived\", \"moved\": true}",
        );
        assert_eq!((read.probes.len(), read.left_out), (2, 1));
        assert_eq!(read.probes[1].group, ProbeGroup::Derived);
        let lines: Vec<usize> = told(&read).iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [3, 4, 5, 6, 7]);
        let reasons = told(&read);
        assert_eq!(reasons[0].1, "missing field `expected`");
        assert!(
            reasons[4].1.contains("unknown field `colour`"),
            "{reasons:?}"
        );
        // Rows of the wrong length, of an unknown group, without an answer.
        let read = parse("prompt,expected,group\na,b,\nc,d\ne,f,friend\ng,,user\nh,i,neighbour\n");
        assert_eq!(read.probes.len(), 2);
        let lines: Vec<usize> = told(&read).iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [3, 4, 5]);
        assert_eq!(told(&parse("a,b\n1,2\n3,4\n")).len(), 1, "said once");
        assert_eq!(parse("").probes.len() + parse("").damaged.len(), 0);
    }

    #[test]
    fn a_line_as_long_as_a_book_is_named_and_the_rest_kept() {
        let book = "The Space Needle is in ".repeat(1 << 18);
        let lines = [("a", "b"), (&book, "c"), ("d", &book), ("e", "f")];
        let lines = lines.map(|(prompt, expected)| {
            serde_json::json!({"prompt": prompt, "expected": expected}).to_string()
        });
        let read = parse(&lines.join("\n"));
        assert_eq!(read.probes.len(), 2);
        let lines: Vec<usize> = told(&read).iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [2, 3]);
        assert!(
            told(&read)[0].1.contains("no prompt"),
            "{:?}",
            told(&read)[0]
        );
    }

    #[test]
    fn counterfact_brings_its_prompts_in_their_groups() {
        let record = |id: u32, truth: &str| {
            format!(
                "{{\"case_id\": {id}, \"requested_rewrite\": {{\"prompt\": \"{{}} is in\",\n\
                 \"subject\": \"Big Ben\", \"target_new\": {{\"str\": \"Rome\"}}{truth}}},\n\
                 \"paraphrase_prompts\": [\"Yes. You find Big Ben in\"],\n\
                 \"neighborhood_prompts\": [\"Hyde Park is in\", \"The Thames is in\"],\n\
                 \"attribute_prompts\": [\"x\"]}}"
            )
        };
        let truth = ", \"target_true\": {\"str\": \"London\"}";
        let text = format!("[{},\n{}]", record(7, truth), record(8, ""));
        let read = parse(&text);
        assert_eq!(told(&read), [(6, "missing field `target_true`")]);
        let groups: Vec<_> = read.probes.iter().map(|p| p.group).collect();
        use ProbeGroup::{Fact, Neighbour, Paraphrase};
        assert_eq!(groups, [Fact, Paraphrase, Neighbour, Neighbour]);
        assert!(read.probes.iter().all(|p| p.expected == "London"));
        let named: Vec<_> = read.probes.iter().map(|p| p.subject.as_deref()).collect();
        assert_eq!(named, [Some("Big Ben"), Some("Big Ben"), None, None]);
        let why = read.probes[2].why.as_deref();
        assert_eq!(why, Some("CounterFact 7: neighbourhood"));
    }
}
