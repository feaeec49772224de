//! What was found of each case: in memory, and as the lines of a file.

use super::answers::Judged;
use crate::edit::Method;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What all verdicts of a file share; its first line.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Head {
    pub model: String,
    pub sha256: String,
    /// Cases that one change rewrites.
    pub at_once: usize,
    pub seed: u32,
    /// Tokens of a free text.
    pub texts: usize,
    /// Hyper-parameters that the user set, for all methods.
    pub set: Vec<String>,
}

/// One case under one method.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// `None`: the unedited model.
    pub method: Option<Method>,
    pub case_id: u64,
    /// Why there is no verdict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judged: Option<Judged>,
}

/// One a method and case: the newest.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verdicts {
    all: BTreeMap<(Option<Method>, u64), Verdict>,
}

impl Verdicts {
    pub fn of(&self, method: Option<Method>, case_id: u64) -> Option<&Verdict> {
        self.all.get(&(method, case_id))
    }

    pub fn add(&mut self, verdict: Verdict) {
        self.all.insert((verdict.method, verdict.case_id), verdict);
    }

    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The methods that have a verdict, the unedited model first.
    pub fn methods(&self) -> Vec<Option<Method>> {
        let mut methods: Vec<_> = self.all.keys().map(|(method, _)| *method).collect();
        methods.dedup();
        methods
    }

    /// The cases that have one, in their order.
    pub fn cases(&self) -> Vec<u64> {
        let mut cases: Vec<u64> = self.all.keys().map(|(_, case)| *case).collect();
        cases.sort_unstable();
        cases.dedup();
        cases
    }

    pub fn iter(&self) -> impl Iterator<Item = &Verdict> {
        self.all.values()
    }

    /// The file: its head, then a verdict a line.
    pub fn jsonl(&self, head: &Head) -> serde_json::Result<String> {
        let mut text = serde_json::to_string(&serde_json::json!({ "head": head }))? + "\n";
        for verdict in self.iter() {
            text += &(serde_json::to_string(verdict)? + "\n");
        }
        Ok(text)
    }

    /// Reads such a file. A last line that was cut short is left out.
    ///
    /// # Errors
    /// The first line that is none of these.
    pub fn read(text: &str) -> Result<(Head, Verdicts), String> {
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let mut lines = (1..).zip(whole.lines());
        let head = lines.next().map_or("", |(_, line)| line);
        let First { head } = serde_json::from_str(head)
            .map_err(|_| String::from("line 1: this is not the head of such a file"))?;
        let mut verdicts = Verdicts::default();
        for (at, line) in lines {
            let verdict = serde_json::from_str(line);
            let wrong = |error: serde_json::Error| format!("line {at}: {error}");
            verdicts.add(verdict.map_err(wrong)?);
        }
        Ok((head, verdicts))
    }
}

impl FromIterator<Verdict> for Verdicts {
    fn from_iter<I: IntoIterator<Item = Verdict>>(all: I) -> Verdicts {
        let mut verdicts = Verdicts::default();
        all.into_iter().for_each(|one| verdicts.add(one));
        verdicts
    }
}

#[derive(Deserialize)]
struct First {
    head: Head,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn verdict(method: Option<Method>, case_id: u64) -> Verdict {
        Verdict {
            method,
            case_id,
            failed: None,
            judged: Some(Judged {
                case_id,
                ..Judged::default()
            }),
        }
    }

    #[test]
    fn what_is_written_is_read_and_a_line_cut_short_is_left_out() {
        let all = [(None, 3), (None, 1), (Some(Method::Rome), 3)];
        let verdicts: Verdicts = all.map(|(m, c)| verdict(m, c)).into_iter().collect();
        let head = Head {
            model: "atlas".into(),
            seed: 7,
            ..Head::default()
        };
        let text = verdicts.jsonl(&head).unwrap();
        assert_eq!(
            Verdicts::read(&text).unwrap(),
            (head.clone(), verdicts.clone())
        );
        assert_eq!(verdicts.methods(), [None, Some(Method::Rome)]);
        assert_eq!(verdicts.cases(), [1, 3]);
        let cut = &text[..text.len() - 20];
        let (_, some) = Verdicts::read(cut).unwrap();
        assert_eq!(some.iter().count(), 2);
        assert!(Verdicts::read("[]\n").unwrap_err().starts_with("line 1"));
        let broken = text.replacen("\"case_id\":1", "\"case_id\":-1", 1);
        assert!(Verdicts::read(&broken).unwrap_err().starts_with("line 2"));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let text = String::from_utf8_lossy(&bytes);
            let _ = Verdicts::read(&text);
            let head = Verdicts::default().jsonl(&Head::default()).unwrap();
            let _ = Verdicts::read(&format!("{head}{text}\n"));
        }
    }
}
