//! Fuzzy search for the palette and the lists of sessions and models.

use super::app::overlay::{Ask, Hit};
use super::keymap::{BINDINGS, Command};
use super::store::{Facts, ModelEntry, SessionEntry};
use super::theme::Theme;
use crate::session::export::Form;
use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

/// A command typed with what it asks for: `export peft DIR`, `alpha 0.5`.
pub fn argument(text: &str) -> Option<(Ask, &str)> {
    let (name, rest) = text.trim().split_once(char::is_whitespace)?;
    let rest = rest.trim();
    let first = rest.split_whitespace().next().unwrap_or_default();
    match name {
        "export" if Form::ALL.iter().any(|form| form.name() == first) => Some((Ask::Export, rest)),
        "counterfact" => Some((Ask::Counterfact, rest)),
        "alpha" | "α" if first.replace('−', "-").parse::<f64>().is_ok() => {
            Some((Ask::Alpha, rest))
        }
        "probes" => Some((Ask::Probes, rest)),
        "propose" if first.parse::<usize>().is_ok() => Some((Ask::Propose, rest)),
        "snapshot" => Some((Ask::Snapshot, rest)),
        "find" => Some((Ask::Find, rest)),
        "theme" if Theme::named(first).is_some() => Some((Ask::Theme, rest)),
        _ => None,
    }
}

/// Commands whose words match, best first; all of them for an empty text.
pub fn commands(text: &str) -> Vec<Hit> {
    if let Some((ask, _)) = argument(text) {
        let command = ask.command();
        let matched = Vec::new();
        return vec![Hit { command, matched }];
    }
    // A command's own name, as it is shown where it has no key.
    if let Some(command) = Command::named(text.trim()) {
        let matched = Vec::new();
        return vec![Hit { command, matched }];
    }
    let mut seen: Vec<Command> = Vec::new();
    let all = BINDINGS.iter().filter(|b| {
        let new = !seen.contains(&b.command);
        seen.push(b.command);
        new
    });
    rank(text, all.map(|b| (b.command, b.long)))
        .into_iter()
        .map(|(command, matched)| Hit { command, matched })
        .collect()
}

/// Sessions whose name or description matches.
pub fn sessions<'a>(text: &str, entries: &'a [SessionEntry]) -> Vec<&'a SessionEntry> {
    matching(text, entries, |e| format!("{} {}", e.name, e.about))
}

/// Models whose name, family, quantisation or place matches.
/// What begins like a path is one, and only names that begin with it match.
pub fn models<'a>(text: &str, entries: &'a [ModelEntry]) -> Vec<&'a ModelEntry> {
    let path = text.trim();
    if path.starts_with(['/', '.', '~']) {
        let below = entries.iter().filter(|e| e.name.starts_with(path));
        return below.collect();
    }
    matching(text, entries, |e| {
        let facts = match &e.facts {
            Facts::Known {
                family,
                quantisation,
                ..
            } => format!("{family} {quantisation}"),
            Facts::Unread | Facts::Refused(_) => String::new(),
        };
        let repo = if e.bytes.is_none() { &e.about } else { "" };
        format!("{} {facts} {} {repo}", e.name, e.origin.title())
    })
}

/// Entries whose words match, best first.
fn matching<'a, T>(text: &str, entries: &'a [T], words: impl Fn(&T) -> String) -> Vec<&'a T> {
    let words: Vec<String> = entries.iter().map(words).collect();
    let items = entries.iter().zip(words.iter().map(String::as_str));
    rank(text, items).into_iter().map(|(e, _)| e).collect()
}

fn rank<'a, T>(text: &str, items: impl Iterator<Item = (T, &'a str)>) -> Vec<(T, Vec<u32>)> {
    let pattern = Pattern::parse(text, CaseMatching::Smart, Normalization::Smart);
    // Of two that say the same word, the one that begins with it.
    let mut config = Config::DEFAULT;
    config.prefer_prefix = true;
    let mut matcher = Matcher::new(config);
    let mut scratch = Vec::new();
    let mut hits: Vec<(u32, T, Vec<u32>)> = items
        .filter_map(|(item, words)| {
            let mut matched = Vec::new();
            let words = Utf32Str::new(words, &mut scratch);
            let score = pattern.indices(words, &mut matcher, &mut matched)?;
            matched.sort_unstable();
            matched.dedup();
            Some((score, item, matched))
        })
        .collect();
    // A stable sort: equal scores keep the key map's order.
    hits.sort_by_key(|(score, _, _)| std::cmp::Reverse(*score));
    hits.into_iter().map(|(_, item, m)| (item, m)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::pane::Pane;

    #[test]
    fn commands_are_found_by_a_few_letters() {
        assert_eq!(commands("undo")[0].command, Command::Undo);
        assert_eq!(commands("transp")[0].command, Command::Transpose);
        assert_eq!(commands("swap axes")[0].command, Command::Transpose);
        assert_eq!(commands("stack")[0].command, Command::Go(Pane::Stack));
        assert_eq!(commands("solo")[0].command, Command::Solo);
        assert_eq!(commands("export")[0].command, Command::Export);
        assert!(commands("qqqqzz").is_empty());
        assert!(commands("").len() > 40);
    }

    #[test]
    fn a_command_may_bring_what_it_asks_for() {
        assert_eq!(
            argument(" export peft my dir "),
            Some((Ask::Export, "peft my dir"))
        );
        assert_eq!(commands("export gguf x")[0].command, Command::Export);
        assert_eq!(argument("alpha 0.5"), Some((Ask::Alpha, "0.5")));
        assert_eq!(argument("probes a b.csv"), Some((Ask::Probes, "a b.csv")));
        assert_eq!(argument("propose 200"), Some((Ask::Propose, "200")));
        assert_eq!(commands("find Seattle")[0].command, Command::Find);
        for text in [
            "propose",
            "propose many",
            "probes",
            "export",
            "export the",
            "alpha",
            "alpha x",
            "layer lower",
        ] {
            assert_eq!(argument(text), None, "{text}");
        }
    }
}
