//! What a model is called: ORGANISATION/NAME[:QUANTISATION][@REVISION], its
//! address, or a short name.

use super::error::{HubError, Result};
use super::gguf;
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
    /// Which GGUF of the repository: a quantisation, as in `Q4_K_M`, or the
    /// path of its file. `None`: the safetensors weights, else the usual GGUF.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gguf: Option<String>,
    /// A branch, a tag or a commit; `None` is `main`.
    pub revision: Option<String>,
}

impl ModelId {
    /// Reads a short name or ORGANISATION/NAME, with :QUANTISATION or without,
    /// with @REVISION or without; also the address of a model or of a GGUF file
    /// on the hub's site.
    ///
    /// # Errors
    /// What cannot be an id; nothing else ever becomes part of a path or URL.
    pub fn parse(text: &str) -> Result<ModelId> {
        if let Some(path) = on_the_site(text) {
            return ModelId::of_path(path).ok_or_else(|| HubError::Name(text.to_owned()));
        }
        let (name, revision) = match text.split_once('@') {
            Some((name, revision)) => (name, Some(revision)),
            None => (text, None),
        };
        let (name, gguf) = match name.split_once(':') {
            Some((name, gguf)) => (name, Some(gguf)),
            None => (name, None),
        };
        let short = SHORT_NAMES
            .iter()
            .find(|(short, _)| short.eq_ignore_ascii_case(name));
        let repo = short.map_or(name, |(_, repo)| repo);
        let fits =
            matches!(repo.split_once('/'), Some((org, name)) if is_word(org) && is_word(name));
        // A branch may have slashes; the URL takes them escaped.
        let names_gguf = |tag: &str| is_word(tag) || gguf::stem(tag).is_some_and(gguf::is_plain);
        if !fits
            || !revision.is_none_or(|r| r.split('/').all(is_word))
            || !gguf.is_none_or(names_gguf)
        {
            return Err(HubError::Name(text.to_owned()));
        }
        Ok(ModelId {
            repo: repo.to_owned(),
            gguf: gguf.map(str::to_owned),
            revision: revision.map(str::to_owned),
        })
    }

    /// What a path on the hub's site means: `ORG/NAME`, `ORG/NAME/tree/REVISION`
    /// or `ORG/NAME/blob/REVISION/FILE.gguf`.
    fn of_path(path: &str) -> Option<ModelId> {
        let path = path.split(['?', '#']).next()?.trim_end_matches('/');
        let mut parts = path.splitn(5, '/');
        let id = ModelId::parse(&format!("{}/{}", parts.next()?, parts.next()?)).ok()?;
        let revision = match (parts.next(), parts.next()) {
            (None, None) => return Some(id),
            (Some("tree" | "blob" | "resolve"), Some(revision)) => revision,
            _ => return None,
        };
        let revision = (revision != "main").then(|| revision.to_owned());
        let file = parts.next().map(str::to_owned);
        let fits = revision.as_deref().is_none_or(is_word)
            && file
                .as_deref()
                .is_none_or(|f| gguf::stem(f).is_some_and(gguf::is_plain));
        fits.then_some(ModelId {
            revision,
            gguf: file.or(id.gguf),
            ..id
        })
    }

    pub fn revision(&self) -> &str {
        self.revision.as_deref().unwrap_or("main")
    }
}

impl fmt::Display for ModelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.repo)?;
        if let Some(gguf) = &self.gguf {
            write!(f, ":{gguf}")?;
        }
        match &self.revision {
            Some(revision) => write!(f, "@{revision}"),
            None => Ok(()),
        }
    }
}

/// What follows the host, in an address of the hub's site.
fn on_the_site(text: &str) -> Option<&str> {
    let rest = ["https://", "http://"]
        .iter()
        .find_map(|scheme| text.strip_prefix(scheme));
    let rest = rest.unwrap_or(text);
    ["huggingface.co/", "hf.co/", "www.huggingface.co/"]
        .iter()
        .find_map(|host| rest.strip_prefix(host))
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
    fn a_quantisation_stands_between_name_and_revision() {
        let id = ModelId::parse("ggml-org/gemma-3-270m-GGUF:Q4_K_M").unwrap();
        assert_eq!(id.repo, "ggml-org/gemma-3-270m-GGUF");
        assert_eq!(
            (id.gguf.as_deref(), id.revision()),
            (Some("Q4_K_M"), "main")
        );
        for text in [
            "a/b:Q4_K_M@v1.0",
            "a/b:big/m-F16-00001-of-00002.gguf",
            "a/b@v1",
        ] {
            assert_eq!(ModelId::parse(text).unwrap().to_string(), text);
        }
        // A session of before names none.
        let old: ModelId = serde_json::from_str(r#"{"repo": "a/b", "revision": null}"#).unwrap();
        assert_eq!(old, ModelId::parse("a/b").unwrap());
    }

    #[test]
    fn an_address_of_the_site_is_an_id() {
        for (address, id) in [
            ("https://huggingface.co/a/b", "a/b"),
            ("hf.co/a/b:Q8_0", "a/b:Q8_0"),
            ("https://huggingface.co/a/b/tree/main", "a/b"),
            ("https://huggingface.co/a/b/tree/v1/", "a/b@v1"),
            (
                "https://huggingface.co/a/b/resolve/v1/q/m.gguf?download=true",
                "a/b:q/m.gguf@v1",
            ),
            ("https://hf.co/a/b/blob/main/m-Q4_0.gguf", "a/b:m-Q4_0.gguf"),
        ] {
            assert_eq!(
                ModelId::parse(address).unwrap().to_string(),
                id,
                "{address}"
            );
        }
        for text in [
            "https://example.org/a/b",
            "hf.co/a",
            "hf.co/datasets/a/b",
            "hf.co/a/b/blob/main/../../x.gguf",
            "hf.co/a/b/blob/main/model.bin",
            "hf.co/hf.co/a/b",
        ] {
            assert!(ModelId::parse(text).is_err(), "{text:?}");
        }
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
            "",
            "/",
            "a/b/c",
            "../etc",
            "a/..",
            "a b/c",
            "a/b@",
            "a/b@..",
            "x",
            "a/b?c",
            "a/b:",
            "a/b:../x",
            "a/b:../x.gguf",
            "a/b:/x.gguf",
            "a/b:Q4@",
            "a/b:Q 4",
            "ollama:a",
            "a/b:c/d",
        ] {
            assert!(ModelId::parse(text).is_err(), "{text:?}");
        }
    }
}
