//! A validation in words: as it goes, and what came of it.

use super::table::{Align, Table};
use crate::measure::validate::{Attempt, Candidates, Check, Step, Validation, report};
use crate::session::text::shown;
use std::io::{self, Write};

/// A line for stderr.
pub fn step(step: &Step) -> String {
    match step {
        Step::Candidates(Candidates { layers, origin }) => {
            let each: Vec<String> = layers.iter().map(|set| numbers(*set)).collect();
            format!("layers to try: {} ({})", each.join(", "), origin.about())
        }
        Step::Baseline { probes, p_new } => {
            format!("baseline: {probes} probes, p(new) {p_new:.3} over the paraphrases")
        }
        Step::Trying(layers) => format!("{}:", report::place(*layers)),
        Step::Check(check) => format!("  {}", line(check)),
        Step::Rejected(why) => format!("  given up: {}", shown(why)),
    }
}

/// "5", or "5–9".
fn numbers([first, last]: [usize; 2]) -> String {
    match first == last {
        true => first.to_string(),
        false => format!("{first}–{last}"),
    }
}

/// "behaviour: KL 0.012, below 0.05: pass".
fn line(check: &Check) -> String {
    let (name, figure) = (check.kind.name(), check.figure());
    format!("{name}: {figure}, {}: {}", check.wants(), check.said())
}

/// Every layer that was tried, with its checks, and why it was given up.
pub fn write(found: &Validation, out: &mut dyn Write) -> io::Result<()> {
    let tried = found.attempts.len();
    let layers = match tried {
        1 => "layer".to_owned(),
        n => format!("{n} layers"),
    };
    let ended = match found.kept() {
        Some(kept) if tried == 1 => format!("passed at {}", kept.place()),
        Some(kept) => format!("passed at {}, the last of {layers} tried", kept.place()),
        None if tried == 1 => "the layer that was tried did not pass".into(),
        None => format!("none of {layers} passed"),
    };
    let (case, origin) = (found.case.name(), found.origin.about());
    writeln!(out, "\nvalidation ({case}): {ended}; {origin}")?;
    use Align::{Left, Right};
    let mut table = Table::new(&[Left, Left, Left, Right, Left, Left]);
    for attempt in &found.attempts {
        rows(attempt, &mut table);
    }
    table.write(out)
}

fn rows(attempt: &Attempt, table: &mut Table) {
    let place = |nth: usize| match nth {
        0 => attempt.place(),
        _ => String::new(),
    };
    for (nth, check) in attempt.checks.iter().enumerate() {
        table.row([
            place(nth),
            check.kind.name().into(),
            check.kind.figure().into(),
            format!("{:.3}", check.value),
            check.wants(),
            check.said(),
        ]);
    }
    // What failed stands in the rows above; what went wrong stands nowhere yet.
    if attempt.checks.is_empty() {
        table.row([attempt.place(), attempt.rejected.clone()]);
    }
}
