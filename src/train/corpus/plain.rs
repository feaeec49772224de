//! Plain text beside the facts, so that there is language besides facts.

use serde::Deserialize;
use std::path::Path;

/// Sentences of a text file: plain, or one JSON object with a `text` a line.
pub fn read(path: &Path) -> std::io::Result<Vec<Vec<String>>> {
    #[derive(Deserialize)]
    struct Article {
        text: String,
    }
    let whole = std::fs::read_to_string(path)?;
    let articles = whole.lines().map(serde_json::from_str::<Article>);
    Ok(match articles.collect::<Result<Vec<_>, _>>() {
        Ok(articles) => articles.iter().flat_map(|a| paragraphs(&a.text)).collect(),
        Err(_) => paragraphs(&whole),
    })
}

/// Paragraphs of at least one usable sentence, as their sentences.
pub fn paragraphs(text: &str) -> Vec<Vec<String>> {
    text.lines()
        .map(sentences)
        .filter(|s| !s.is_empty())
        .collect()
}

/// The sentences of a line that are of ordinary length and letters.
fn sentences(line: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = line.trim();
    while let Some(end) = rest.find(". ") {
        found.push(&rest[..=end]);
        rest = rest[end + 1..].trim_start();
    }
    found.push(rest);
    let ordinary = |s: &&str| {
        (40..220).contains(&s.len())
            && s.ends_with('.')
            && s.starts_with(|c: char| c.is_ascii_uppercase())
            && s.chars()
                .all(|c| c == '–' || c == 'é' || (' '..='~').contains(&c))
            && !s.contains("()")
            && !s.contains("  ")
    };
    found
        .into_iter()
        .filter(ordinary)
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ordinary_sentences_are_kept() {
        let long = "The river runs through the old town and into the northern sea.";
        let text = format!("Heading.\n{long} {long} Too short.\nno capital at its start {long}\n");
        assert_eq!(paragraphs(&text), [vec![long.to_owned(), long.to_owned()]]);
    }

    #[test]
    fn articles_and_plain_files_read_alike() {
        let dir = tempfile::tempdir().unwrap();
        let line = "The river runs through the old town and into the northern sea.";
        let plain = dir.path().join("a.txt");
        std::fs::write(&plain, format!("{line}\n")).unwrap();
        let articles = dir.path().join("a.jsonl");
        std::fs::write(
            &articles,
            format!("{{\"id\": 1, \"text\": \"{line}\\nx\"}}\n"),
        )
        .unwrap();
        assert_eq!(read(&plain).unwrap(), read(&articles).unwrap());
        assert!(read(&dir.path().join("none")).is_err());
    }
}
