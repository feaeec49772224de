//! What was seen in two sessions: figures, probes, continuations, traces.

use super::{Finding, Part, two};
use crate::measure::{Generation, ProbeRow};
use crate::session::compare::{Difference, differences};
use crate::session::schema::SavedTrace;
use std::collections::BTreeMap;

/// The figures of a report that people read, and what they call them.
const HEADLINES: [(&str, &str); 6] = [
    ("p_target.before", "p(target) before"),
    ("p_target.after", "p(target) after"),
    ("p_true.before", "p(old answer) before"),
    ("p_true.after", "p(old answer) after"),
    ("relative_update_norm", "‖ΔW‖/‖W‖"),
    ("division_factor", "the division factor"),
];
/// What is told elsewhere: by what was asked, or row by row.
const ELSEWHERE: [&str; 8] = [
    "model",
    "method",
    "layer",
    "hyper",
    "templates",
    "true_answer",
    "seed",
    "probes",
];

/// A report's figures. Headlines one by one, the others (where `all` are wanted)
/// counted by what they are of: a loss has a hundred.
pub fn figures(about: &str, all: Vec<Difference>, others: bool) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut counted: BTreeMap<String, (usize, Difference)> = BTreeMap::new();
    for difference in all {
        let field = difference.field.trim_start_matches('.');
        let root = field.split(['.', '[']).next().unwrap_or_default();
        let headline = HEADLINES.iter().find(|(name, _)| *name == field);
        if let Some((_, name)) = headline {
            found.extend(two(
                Part::Figures,
                about,
                name,
                &difference.saved,
                &difference.now,
            ));
        } else if others && !ELSEWHERE.contains(&root) && root != "generations" {
            let of = counted.entry(root.to_owned());
            of.or_insert_with(|| (0, difference)).0 += 1;
        }
    }
    found.extend(counted.into_iter().map(|(root, (count, first))| {
        let Difference { field, saved, now } = first;
        let field = field.trim_start_matches('.');
        let words = match count {
            1 => format!("{field} is {saved} in A and {now} in B"),
            n => format!("{n} figures of {root} differ; {field} is {saved} in A and {now} in B"),
        };
        Finding::new(Part::Figures, about, words)
    }));
    found
}

/// Probes, matched by prompt and expected answer.
pub fn probes(about: &str, a: &[ProbeRow], b: &[ProbeRow], tolerance: f64) -> Vec<Finding> {
    let same = |a: &ProbeRow, b: &ProbeRow| (&a.prompt, &a.expected) == (&b.prompt, &b.expected);
    let name = |row: &ProbeRow| format!("“{}” ({})", row.prompt, row.expected.trim());
    let say = |words: String| Finding::new(Part::Probes, about, words);
    let mut found = Vec::new();
    for (row, others, which) in a
        .iter()
        .map(|row| (row, b, "A"))
        .chain(b.iter().map(|row| (row, a, "B")))
    {
        if !others.iter().any(|other| same(row, other)) {
            found.push(say(format!("only {which} watches {}", name(row))));
        }
    }
    for row in a {
        let Some(other) = b.iter().find(|other| same(row, other)) else {
            continue;
        };
        let far = |x: f64, y: f64| (x - y).abs() > tolerance * x.abs().max(y.abs()).max(1.0);
        for (when, [p, q], [top, other_top]) in [
            (
                "before",
                [row.p_before, other.p_before],
                [&row.top_before, &other.top_before],
            ),
            (
                "after",
                [row.p_after, other.p_after],
                [&row.top_after, &other.top_after],
            ),
        ] {
            let name = name(row);
            if far(p, q) {
                found.push(say(format!(
                    "{name}: p {when} is {p:.3} in A and {q:.3} in B"
                )));
            }
            if top != other_top {
                let (top, other) = (top.trim(), other_top.trim());
                let words = format!("{name}: the answer {when} is {top} in A and {other} in B");
                found.push(say(words));
            }
        }
        if row.moved != other.moved {
            let which = if row.moved { "A" } else { "B" };
            found.push(say(format!("{} moved in {which} alone", name(row))));
        }
    }
    found
}

/// Continuations, matched by prompt and seed.
pub fn generations(about: &str, a: &[Generation], b: &[Generation]) -> Vec<Finding> {
    let same = |a: &Generation, b: &Generation| (&a.prompt, a.seed) == (&b.prompt, b.seed);
    let say = |words: String| Finding::new(Part::Generations, about, words);
    let mut found = Vec::new();
    for (one, others, which) in a
        .iter()
        .map(|one| (one, b, "A"))
        .chain(b.iter().map(|one| (one, a, "B")))
    {
        if !others.iter().any(|other| same(one, other)) {
            found.push(say(format!("only {which} continues “{}”", one.prompt)));
        }
    }
    for one in a {
        let Some(other) = b.iter().find(|other| same(one, other)) else {
            continue;
        };
        for (when, x, y) in [
            ("before", &one.before, &other.before),
            ("after", &one.after, &other.after),
        ] {
            if x != y {
                let (prompt, x, y) = (&one.prompt, x.trim(), y.trim());
                found.push(say(format!(
                    "“{prompt}” goes on, {when} the edits, with “{x}” in A and “{y}” in B"
                )));
            }
        }
    }
    found
}

/// Traces, matched by what was asked.
pub fn traces(
    a: &[SavedTrace],
    b: &[SavedTrace],
    tolerance: f64,
) -> Result<Vec<Finding>, toml::ser::Error> {
    let same =
        |a: &SavedTrace, b: &SavedTrace| a.asked == b.asked && a.made_on.len() == b.made_on.len();
    let mut found = Vec::new();
    for (trace, others, which) in a
        .iter()
        .map(|trace| (trace, b, "A"))
        .chain(b.iter().map(|trace| (trace, a, "B")))
    {
        let prompt = &trace.asked.prompt;
        let of_one_prompt = others.iter().any(|other| other.asked.prompt == *prompt);
        if !others.iter().any(|other| same(trace, other)) {
            let words = match of_one_prompt {
                true => format!("only {which} traces “{prompt}” in this way"),
                false => format!("only {which} traces “{prompt}”"),
            };
            found.push(Finding::new(Part::Traces, prompt, words));
        }
    }
    for trace in a {
        let Some(other) = b.iter().find(|other| same(trace, other)) else {
            continue;
        };
        let figures = differences("", &trace.result, &other.result, tolerance)?;
        let prompt = &trace.asked.prompt;
        if let Some(Difference { field, saved, now }) = figures.first() {
            let field = field.trim_start_matches('.');
            let count = match figures.len() {
                1 => "1 figure".into(),
                n => format!("{n} figures"),
            };
            let words = format!(
                "the trace of “{prompt}” differs in {count}; {field} is {saved} in A and {now} in B"
            );
            found.push(Finding::new(Part::Traces, prompt, words));
        }
    }
    Ok(found)
}
