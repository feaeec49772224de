//! What a model is called: ORGANISATION/NAME[@REVISION], or a short name.

use super::error::{HubError, Result};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Names that people say, and what the hub calls them.
pub const SHORT_NAMES: [(&str, &str); 27] = [
    ("gpt2", "openai-community/gpt2"),
    ("gpt2-medium", "openai-community/gpt2-medium"),
    ("gpt2-large", "openai-community/gpt2-large"),
    ("gpt2-xl", "openai-community/gpt2-xl"),
    ("distilgpt2", "distilbert/distilgpt2"),
    ("gpt-j-6b", "EleutherAI/gpt-j-6b"),
    ("gpt-neox-20b", "EleutherAI/gpt-neox-20b"),
    ("pythia-70m", "EleutherAI/pythia-70m"),
    ("pythia-160m", "EleutherAI/pythia-160m"),
    ("pythia-410m", "EleutherAI/pythia-410m"),
    ("pythia-1b", "EleutherAI/pythia-1b"),
    ("pythia-1.4b", "EleutherAI/pythia-1.4b"),
    ("pythia-2.8b", "EleutherAI/pythia-2.8b"),
    ("pythia-6.9b", "EleutherAI/pythia-6.9b"),
    ("pythia-12b", "EleutherAI/pythia-12b"),
    ("tinyllama-1.1b", "TinyLlama/TinyLlama-1.1B-Chat-v1.0"),
    ("llama-2-7b", "meta-llama/Llama-2-7b-hf"),
    ("llama-3-8b", "meta-llama/Meta-Llama-3-8B"),
    ("llama-3.2-1b", "meta-llama/Llama-3.2-1B"),
    ("llama-3.2-3b", "meta-llama/Llama-3.2-3B"),
    ("mistral-7b", "mistralai/Mistral-7B-v0.1"),
    ("qwen2.5-0.5b", "Qwen/Qwen2.5-0.5B"),
    ("qwen2.5-1.5b", "Qwen/Qwen2.5-1.5B"),
    ("qwen2.5-3b", "Qwen/Qwen2.5-3B"),
    ("qwen2.5-7b", "Qwen/Qwen2.5-7B"),
    ("qwen3-0.6b", "Qwen/Qwen3-0.6B"),
    ("qwen3-1.7b", "Qwen/Qwen3-1.7B"),
];

/// A model of the hub.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ModelId {
    /// ORGANISATION/NAME.
    pub repo: String,
    /// A branch, a tag or a commit; `None` is `main`.
    pub revision: Option<String>,
}

impl ModelId {
    /// Reads a short name or ORGANISATION/NAME, with @REVISION or without.
    ///
    /// # Errors
    /// What cannot be an id; nothing else ever becomes part of a path or URL.
    pub fn parse(text: &str) -> Result<ModelId> {
        let (name, revision) = match text.split_once('@') {
            Some((name, revision)) => (name, Some(revision)),
            None => (text, None),
        };
        let short = SHORT_NAMES
            .iter()
            .find(|(short, _)| short.eq_ignore_ascii_case(name));
        let repo = short.map_or(name, |(_, repo)| repo);
        let fits =
            matches!(repo.split_once('/'), Some((org, name)) if is_word(org) && is_word(name));
        // A branch may have slashes; the URL takes them escaped.
        if !fits || !revision.is_none_or(|r| r.split('/').all(is_word)) {
            return Err(HubError::Name(text.to_owned()));
        }
        Ok(ModelId {
            repo: repo.to_owned(),
            revision: revision.map(str::to_owned),
        })
    }

    pub fn revision(&self) -> &str {
        self.revision.as_deref().unwrap_or("main")
    }
}

impl fmt::Display for ModelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.repo)?;
        match &self.revision {
            Some(revision) => write!(f, "@{revision}"),
            None => Ok(()),
        }
    }
}

/// Letters, digits, `-`, `_` and `.`, as the hub allows; nothing like `..`.
fn is_word(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    (1..=96).contains(&text.len())
        && text.bytes().all(allowed)
        && !text.starts_with('.')
        && !text.contains("..")
        && !text.contains("--")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_and_ids_are_read() {
        let medium = ModelId::parse("gpt2-medium").unwrap();
        assert_eq!(medium.repo, "openai-community/gpt2-medium");
        assert_eq!(medium.revision(), "main");
        let pinned = ModelId::parse("EleutherAI/pythia-70m@step1000").unwrap();
        assert_eq!(pinned.revision(), "step1000");
        assert_eq!(pinned.to_string(), "EleutherAI/pythia-70m@step1000");
    }

    #[test]
    fn every_short_name_is_an_id() {
        for (short, repo) in SHORT_NAMES {
            assert_eq!(ModelId::parse(short).unwrap().repo, repo);
            assert_eq!(ModelId::parse(repo).unwrap().repo, repo);
        }
    }

    #[test]
    fn nothing_else_reaches_a_path() {
        for text in [
            "", "/", "a/b/c", "../etc", "a/..", "a b/c", "a/b@", "a/b@..", "x", "a/b?c",
        ] {
            assert!(ModelId::parse(text).is_err(), "{text:?}");
        }
    }
}
