//! The text that keys are collected over.

use crate::edit::error::{EditError, Result};
use crate::facts::World;
use crate::model::sample::Rng;
use crate::model::{Decoder, Tokens};
use sha2::{Digest, Sha256};
use std::path::Path;

/// English Wikipedia, CC BY-SA; see `assets/text/SOURCES.md`.
const WIKIPEDIA: &str = include_str!("../../../assets/text/wikipedia.txt");
/// Articles are separated by two blank lines.
const BREAK: &str = "\n\n\n";

/// Documents, in the order in which they are read.
#[derive(Clone, Debug)]
pub struct Text {
    documents: Vec<String>,
}

impl Text {
    /// Plain text: what a real model is measured on.
    pub fn plain() -> Text {
        Text {
            documents: WIKIPEDIA.split(BREAK).map(str::to_owned).collect(),
        }
    }

    /// Half plain text, half the facts of a world: what a model that was trained
    /// on that world has seen.
    pub fn of_world(world: &World) -> Text {
        let mut rng = Rng::new(1);
        let mut facts: Vec<String> = world
            .facts()
            .iter()
            .filter_map(|fact| {
                let asked = world.asked(fact);
                let wording = asked.train.get(rng.below(asked.train.len().max(1)))?;
                Some(format!(
                    "{} {}.",
                    wording.replacen("{}", &fact.subject, 1),
                    fact.object
                ))
            })
            .collect();
        rng.shuffle(&mut facts);
        // A fact is some 15 tokens, a context some ten of them.
        let facts = facts.chunks(10).map(|chunk| chunk.join(" "));
        let mut documents = Vec::new();
        for (fact, article) in facts.zip(WIKIPEDIA.split(BREAK).cycle()) {
            let words: Vec<&str> = article.split_whitespace().take(110).collect();
            documents.push(words.join(" "));
            documents.push(fact);
        }
        Text { documents }
    }

    /// A user's file: paragraphs separated by blank lines.
    pub fn file(path: &Path) -> Result<Text> {
        let bad = |reason: String| EditError::Text {
            path: path.to_owned(),
            reason,
        };
        let bytes = std::fs::read(path).map_err(|e| bad(e.to_string()))?;
        let text = String::from_utf8(bytes).map_err(|_| bad("it is not UTF-8 text".into()))?;
        let documents: Vec<String> = text
            .split("\n\n")
            .map(str::trim)
            .filter(|d| !d.is_empty())
            .map(str::to_owned)
            .collect();
        match documents.is_empty() {
            true => Err(bad("it is empty".into())),
            false => Ok(Text { documents }),
        }
    }

    /// sha256 of the documents, hex.
    pub fn hash(&self) -> String {
        let mut hash = Sha256::new();
        for document in &self.documents {
            hash.update(document.as_bytes());
            hash.update([0]);
        }
        hash.finalize().iter().map(|b| format!("{b:02x}")).collect()
    }

    /// Token sequences of at most one context each.
    pub fn sequences<'a>(
        &'a self,
        tokens: &'a Tokens,
        decoder: &Decoder,
    ) -> impl Iterator<Item = Vec<u32>> + 'a {
        // Long contexts cost attention and add nothing to C.
        let width = decoder.config.context.min(512);
        self.documents.iter().flat_map(move |document| {
            let ids = tokens.encode_document(document).unwrap_or_default();
            ids.chunks(width).map(<[u32]>::to_vec).collect::<Vec<_>>()
        })
    }
}
