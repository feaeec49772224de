//! What no edit should change: 25 prompts whose continuation is compared before
//! and after (see `assets/validation/SOURCES.md`).

use super::error::{Result, ValidateError};
use serde::{Deserialize, Serialize};

const BATTERY: &str = include_str!("../../../assets/validation/battery.toml");

/// What a probe of the battery is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Category {
    Instruction,
    Refusal,
    Structured,
}

impl Category {
    pub const ALL: [Category; 3] = [
        Category::Instruction,
        Category::Refusal,
        Category::Structured,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Category::Instruction => "instruction following",
            Category::Refusal => "refusal boundary",
            Category::Structured => "structured output",
        }
    }
}

/// One prompt.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    pub category: Category,
    /// "question", "task", "refusal", "json" or "layout".
    pub kind: String,
    pub prompt: String,
}

/// All of them, in the file's order.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Battery {
    #[serde(rename = "probe")]
    pub items: Vec<Item>,
}

impl Battery {
    /// The one inside the program.
    pub fn embedded() -> Result<Battery> {
        toml::from_str(BATTERY).map_err(|e| ValidateError::Battery(e.message().to_owned()))
    }

    /// The first probe of each kind: those that the fingerprint is taken on.
    pub fn firsts(&self) -> Vec<usize> {
        let kind = |at: usize| &self.items[at].kind;
        let first = |&at: &usize| (0..at).all(|before| kind(before) != kind(at));
        (0..self.items.len()).filter(first).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_battery_is_whole() {
        let battery = Battery::embedded().unwrap();
        let of = |category| battery.items.iter().filter(move |i| i.category == category);
        let counts = Category::ALL.map(|category| of(category).count());
        assert_eq!(counts, [10, 5, 10]);
        let firsts = battery.firsts();
        let kinds: Vec<&str> = (firsts.iter())
            .map(|&at| battery.items[at].kind.as_str())
            .collect();
        assert_eq!(kinds, ["question", "task", "refusal", "json", "layout"]);
        let prompts: BTreeSet<&str> = battery.items.iter().map(|i| i.prompt.as_str()).collect();
        assert_eq!(prompts.len(), 25, "no prompt twice");
        // A space at the end would stand where the next token's own begins.
        assert!(prompts.iter().all(|p| p.trim_end() == *p && !p.is_empty()));
    }
}
