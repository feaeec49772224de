//! Names that somebody may have meant who typed another.

/// At most three of `names`, the nearest first: those that contain `text` or
/// are contained in it, then those that a few letters tell from it.
pub fn near<'a>(text: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let text = text.to_lowercase();
    let most = (text.chars().count() / 3).max(2);
    let mut found: Vec<(usize, &str)> = names
        .into_iter()
        .filter_map(|name| {
            let lower = name.to_lowercase();
            let within = lower.contains(&text) || text.contains(&lower);
            let apart = if within { 0 } else { distance(&text, &lower) };
            (apart <= most && text.len() > 1).then_some((apart, name))
        })
        .collect();
    found.sort();
    found.dedup();
    found.into_iter().take(3).map(|(_, name)| name).collect()
}

/// Letters to insert, drop or replace: Levenshtein's distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut corner = i;
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = corner + usize::from(from != *to);
            corner = row[j + 1];
            row[j + 1] = replaced.min(corner + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_seen() {
        let names = ["gpt2-medium", "gpt2-large", "ollama:llama3.2:1b", "atlas"];
        assert_eq!(near("gpt2-meduim", names), ["gpt2-medium"]);
        assert_eq!(near("llama3.2", names), ["ollama:llama3.2:1b"]);
        assert_eq!(near("Atlsa", names), ["atlas"]);
        assert!(near("bert-base", names).is_empty());
        assert!(near("", names).is_empty());
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
