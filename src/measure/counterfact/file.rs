//! A file that is opened to evaluate or to look at: cases, or what was found of them.

use super::record::Record;
use super::verdicts::{Head, Verdicts};

/// What a file holds.
#[derive(Clone, Debug, PartialEq)]
pub enum CasesFile {
    /// CounterFact's own form.
    Records(Vec<Record>),
    /// The `cases.jsonl` of an evaluation.
    Verdicts(Head, Verdicts),
}

impl CasesFile {
    /// Reads either, told apart by how it begins.
    ///
    /// # Errors
    /// What is wrong with the text, which may be any.
    pub fn read(text: &str) -> Result<CasesFile, String> {
        if text.trim_start().starts_with('{') {
            let (head, verdicts) = Verdicts::read(text)?;
            return match verdicts.is_empty() {
                true => Err("it holds no verdicts yet".into()),
                false => Ok(CasesFile::Verdicts(head, verdicts)),
            };
        }
        let records: Vec<Record> = serde_json::from_str(text).map_err(|error| error.to_string())?;
        match records.is_empty() {
            true => Err("it holds no cases".into()),
            false => Ok(CasesFile::Records(records)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_how_it_begins() {
        let refused = |text: &str| CasesFile::read(text).unwrap_err();
        assert_eq!(refused("[]"), "it holds no cases");
        assert!(refused("{\"head\": 1}\n").starts_with("line 1"));
        let head = Verdicts::default().jsonl(&Head::default()).unwrap();
        assert_eq!(refused(&head), "it holds no verdicts yet");
        assert!(refused("").contains("EOF"));
        let one = r#"[{"case_id": 1, "requested_rewrite": {"prompt": "{} is in",
            "subject": "Big Ben", "target_new": {"str": "Rome"}, "target_true": {"str": "London"}},
            "paraphrase_prompts": [], "neighborhood_prompts": []}]"#;
        assert!(matches!(CasesFile::read(one), Ok(CasesFile::Records(r)) if r.len() == 1));
    }
}
