//! Free texts of an edited model: are they still language (GE), and do they
//! speak of the new object as texts about it do (RS)? ALGORITHMS §5.

use std::collections::{BTreeMap, BTreeSet};

/// Words and signs: runs of letters, digits and `_`; any other sign that is no
/// space stands for itself.
pub fn words(text: &str) -> Vec<&str> {
    let within = |c: char| c.is_alphanumeric() || c == '_';
    let mut words = Vec::new();
    let mut begun = None;
    for (at, c) in text.char_indices() {
        match (begun, within(c)) {
            (None, true) => begun = Some(at),
            (Some(from), false) => {
                words.push(&text[from..at]);
                begun = None;
            }
            _ => {}
        }
        if !within(c) && !c.is_whitespace() {
            words.push(&text[at..at + c.len_utf8()]);
        }
    }
    words.extend(begun.map(|from| &text[from..]));
    words
}

/// ½(⅔·H₂ + 4⁄3·H₃) of a text, in bits: the entropies of its pairs and triples
/// of words. A text that repeats itself has little.
pub fn entropy(text: &str) -> f64 {
    let words = words(text);
    let of = |n: usize| {
        let mut counts: BTreeMap<&[&str], f64> = BTreeMap::new();
        for run in words.windows(n) {
            *counts.entry(run).or_default() += 1.0;
        }
        let all: f64 = counts.values().sum();
        let bits = counts
            .values()
            .map(|count| -(count / all) * (count / all).log2());
        bits.sum::<f64>()
    };
    0.5 * (2.0 / 3.0 * of(2) + 4.0 / 3.0 * of(3))
}

/// Reference texts, one an object, and how telling each word is among them:
/// idf = ln((1 + n) / (1 + df)) + 1, over words of two letters and more in
/// lower case.
#[derive(Clone, Debug, Default)]
pub struct References {
    texts: BTreeMap<String, String>,
    idf: BTreeMap<String, f64>,
}

impl References {
    pub fn new(texts: BTreeMap<String, String>) -> References {
        let mut df: BTreeMap<String, f64> = BTreeMap::new();
        for text in texts.values() {
            let words: BTreeSet<String> = terms(text).collect();
            for word in words {
                *df.entry(word).or_default() += 1.0;
            }
        }
        let n = texts.len() as f64;
        let idf = |(word, df): (String, f64)| (word, ((1.0 + n) / (1.0 + df)).ln() + 1.0);
        References {
            idf: df.into_iter().map(idf).collect(),
            texts,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// The cosine of the tf-idf vectors of `texts` (together) and of what is
    /// there about `object`; `None` where nothing is.
    pub fn similarity(&self, object: &str, texts: &[String]) -> Option<f64> {
        let about = self.vector(self.texts.get(object.trim())?);
        let said = self.vector(&texts.join(" "));
        let dot: f64 = (said.iter())
            .filter_map(|(word, weight)| Some(weight * about.get(word)?))
            .sum();
        Some(dot)
    }

    /// Of length 1, or empty; words that no reference has count nothing.
    fn vector(&self, text: &str) -> BTreeMap<String, f64> {
        let mut weights: BTreeMap<String, f64> = BTreeMap::new();
        for word in terms(text) {
            if let Some(idf) = self.idf.get(&word) {
                *weights.entry(word).or_default() += idf;
            }
        }
        let length = weights.values().map(|w| w * w).sum::<f64>().sqrt();
        weights.values_mut().for_each(|weight| *weight /= length);
        weights
    }
}

fn terms(text: &str) -> impl Iterator<Item = String> {
    let words = words(text).into_iter().map(str::to_lowercase);
    let words = words.filter(|w| w.chars().count() > 1);
    words.collect::<Vec<_>>().into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_signs_are_told_apart() {
        assert_eq!(
            words("It's 5 o_k, é!"),
            ["It", "'", "s", "5", "o_k", ",", "é", "!"]
        );
        assert!(words(" \n").is_empty());
    }

    #[test]
    fn entropy_is_that_of_pairs_and_triples() {
        // a b a b a: pairs ab ba ab ba, triples aba bab aba.
        let h3 = -(2.0f64 / 3.0 * (2.0f64 / 3.0).log2() + 1.0 / 3.0 * (1.0f64 / 3.0).log2());
        let expected = 0.5 * (2.0 / 3.0 + 4.0 / 3.0 * h3);
        assert!((entropy("a b a b a") - expected).abs() < 1e-12);
        assert_eq!(entropy("a a a a"), 0.0);
        assert_eq!(entropy("one"), 0.0);
        assert_eq!(entropy(""), 0.0);
    }

    #[test]
    fn a_text_is_nearest_to_what_speaks_of_the_same() {
        let texts = [
            ("Rome", "The Tiber flows through Rome."),
            ("Oslo", "Oslo lies on a fjord."),
        ];
        let texts = texts.map(|(o, t)| (o.to_owned(), t.to_owned()));
        let references = References::new(BTreeMap::from(texts));
        let said = vec!["The Tiber, the TIBER".to_owned(), "flows".into()];
        let near = references.similarity(" Rome", &said).unwrap();
        let far = references.similarity("Oslo", &said).unwrap();
        assert!(near > 0.5 && far == 0.0, "{near} {far}");
        let same = references.similarity("Oslo", &["Oslo lies on a fjord.".into()]);
        assert!((same.unwrap() - 1.0).abs() < 1e-12);
        assert_eq!(references.similarity("Paris", &said), None);
        assert_eq!(references.similarity("Rome", &[]), Some(0.0));
    }
}
