//! An edit's report, for people.

use super::table::{Align, Table, percent, share};
use super::trace::warnings;
use crate::edit::Request;
use crate::measure::{EditReport, Generation, ProbeGroup, ProbeRow};
use crate::session::text::shown;
use std::io::{self, Write};

/// What was asked and what came of it.
pub fn edit(request: &Request, report: &EditReport, out: &mut dyn Write) -> io::Result<()> {
    let text = shown(&request.text());
    let target = shown(request.target.trim());
    writeln!(
        out,
        "{} at layer {}: {text} → {target}\n",
        report.method, report.layer
    )?;
    figures(request, report).write(out)?;
    if !report.probes.is_empty() {
        writeln!(out, "\nprobes: {}", moved(&report.probes))?;
        probes(&report.probes).write(out)?;
    }
    generations(&report.generations, out)?;
    warnings(&report.warnings, out)?;
    let seconds = &report.elapsed_s;
    writeln!(
        out,
        "{:.1} s: templates {:.1}, second moment {:.1}, v* {:.1}, probes {:.1}",
        seconds.total, seconds.templates, seconds.second_moment, seconds.value, seconds.probes
    )
}

fn figures(request: &Request, report: &EditReport) -> Table {
    let mut table = Table::new(&[Align::Left, Align::Left]);
    let pair = |p: crate::measure::Pair| format!("{} → {}", share(p.before), share(p.after));
    table.row([
        format!("p({})", request.target.trim()),
        pair(report.p_target),
    ]);
    if !report.true_answer.trim().is_empty() {
        table.row([
            format!("p({})", report.true_answer.trim()),
            pair(report.p_true),
        ]);
    }
    let rank = report.norm_percentile.map_or(String::new(), |share| {
        format!(
            "; {:.0} % of a sample of this model's edits are smaller",
            100.0 * share
        )
    });
    let norm = percent(report.relative_update_norm);
    table.row([
        "‖ΔW‖/‖W‖".into(),
        format!("{norm} (below 15 % healthy, above 50 % broken{rank})"),
    ]);
    table.row([
        "division factor".into(),
        format!("{:.4}", report.division_factor),
    ]);
    if let (Some(first), Some(last)) = (report.losses.first(), report.losses.last()) {
        let steps = format!("{} of {}", report.losses.len(), report.hyper.steps);
        table.row([
            "loss".into(),
            format!("{:.3} → {:.3} in {steps} steps", first[3], last[3]),
        ]);
        let ratio = report.delta_norm / report.t0_norm;
        table.row([
            "‖δ‖/‖t₀‖".into(),
            format!("{ratio:.2} (clamp {})", report.hyper.clamp),
        ]);
    }
    if let Some(moment) = &report.second_moment {
        table.row([
            "second moment".into(),
            format!(
                "{:.0} tokens per dimension, condition {:.1e}, ridge {:.3e}",
                moment.tokens_per_dim, moment.condition, moment.ridge
            ),
        ]);
    }
    table
}

/// How many of those that should stay have moved: "2 of 12 neighbours moved".
pub fn moved(rows: &[ProbeRow]) -> String {
    let stays = |row: &&ProbeRow| matches!(row.group, ProbeGroup::Neighbour | ProbeGroup::User);
    let (all, moved) = (
        rows.iter().filter(stays),
        rows.iter().filter(stays).filter(|r| r.moved),
    );
    format!("{} of {} neighbours moved", moved.count(), all.count())
}

/// Probes as a table, those that moved first.
pub fn probes(rows: &[ProbeRow]) -> Table {
    use Align::{Left, Right};
    let mut table = Table::new(&[Left, Left, Left, Left, Right, Right, Left, Left]);
    table.row([
        "", "", "prompt", "expected", "before", "after", "said", "says",
    ]);
    let (moved, still): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.moved);
    for row in moved.into_iter().chain(still) {
        let mark = if row.moved { "moved" } else { "" };
        let (before, after) = (share(row.p_before), share(row.p_after));
        table.row([
            mark,
            group(row.group),
            &row.prompt,
            row.expected.trim(),
            &before,
            &after,
            row.top_before.trim(),
            row.top_after.trim(),
        ]);
    }
    table
}

fn group(group: ProbeGroup) -> &'static str {
    match group {
        ProbeGroup::Fact => "fact",
        ProbeGroup::Paraphrase => "paraphrase",
        ProbeGroup::Derived => "follows",
        ProbeGroup::Neighbour => "neighbour",
        ProbeGroup::User => "yours",
    }
}

/// Continuations, before over after.
pub fn generations(generations: &[Generation], out: &mut dyn Write) -> io::Result<()> {
    for generation in generations {
        writeln!(out, "\n{} …", shown(&generation.prompt))?;
        writeln!(out, "  before: {}", shown(generation.before.trim()))?;
        writeln!(out, "  after:  {}", shown(generation.after.trim()))?;
        if let Some(at) = generation.diverges_at {
            writeln!(out, "  they part at token {at}")?;
        }
    }
    if !generations.is_empty() {
        writeln!(out)?;
    }
    Ok(())
}
