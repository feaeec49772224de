//! An edit's report, for people.

use super::table::{Align, Table, percent, share};
use super::trace::warnings;
use super::validation;
use crate::edit::{EditSpec, Request};
use crate::measure::{EditReport, Generation, HEALTHY, ProbeGroup, ProbeRow};
use crate::session::text::shown;
use std::io::{self, Write};

/// What was asked and what came of it.
pub fn edit(asked: &EditSpec, report: &EditReport, out: &mut dyn Write) -> io::Result<()> {
    let request = &asked.request;
    let target = shown(request.target.trim());
    let place = match report.span() {
        (first, last) if first < last => format!("layers {first}–{last}"),
        (layer, _) => format!("layer {layer}"),
    };
    let what = match report.facts.len() {
        0 if asked.is_imported() => shown(&asked.origin),
        0 => format!("{} → {target}", shown(&request.text())),
        n => format!("{n} facts"),
    };
    writeln!(out, "{} at {place}: {what}\n", report.method)?;
    figures(asked, report).write(out)?;
    if !report.facts.is_empty() {
        writeln!(out)?;
        facts(report).write(out)?;
    }
    if let Some(found) = &report.validation {
        validation::write(found, out)?;
    }
    if !report.probes.is_empty() {
        writeln!(out, "\nprobes: {}", moved(&report.probes))?;
        probes(&report.probes).write(out)?;
    }
    generations(&report.generations, out)?;
    warnings(&report.warnings, out)?;
    if asked.is_imported() {
        return Ok(());
    }
    if let Some(next) = next(report) {
        writeln!(out, "next: {next}")?;
    }
    let seconds = &report.elapsed_s;
    writeln!(
        out,
        "{:.1} s: templates {:.1}, second moment {:.1}, v* {:.1}, probes {:.1}",
        seconds.total, seconds.templates, seconds.second_moment, seconds.value, seconds.probes
    )
}

/// What one does about an edit that did not take, or is large.
fn next(report: &EditReport) -> Option<&'static str> {
    if report.p_target.missed() {
        Some("another --layer (`trace` suggests one), more --steps")
    } else if report.relative_update_norm > HEALTHY {
        Some("another --layer; in the workbench [ scales the edit down")
    } else {
        None
    }
}

/// One of many edits, on one line.
pub fn line(request: &Request, report: &EditReport, out: &mut dyn Write) -> io::Result<()> {
    let p = report.p_target;
    writeln!(
        out,
        "{} → {}  p {} → {}  ‖ΔW‖/‖W‖ {}",
        shown(&request.text()),
        shown(request.target.trim()),
        share(p.before),
        share(p.after),
        percent(report.relative_update_norm)
    )
}

/// As other programs read it: what is of several layers is a list in their
/// order (DESIGN, "The command line").
pub fn json(report: &EditReport) -> serde_json::Result<serde_json::Value> {
    use serde_json::{Value, json};
    let mut all = serde_json::to_value(report)?;
    let n = report.layers.len();
    if n > 1 {
        let layers: Vec<usize> = report.layers.iter().map(|l| l.layer).collect();
        // The value is sought at the last layer alone; no update has rank one.
        let mut losses = vec![json!([]); n - 1];
        losses.push(json!(report.losses));
        all["layer"] = json!(layers);
        all["losses"] = json!(losses);
        all["division_factor"] = Value::Array(vec![Value::Null; n]);
    }
    Ok(all)
}

/// What came of each of several facts, those that did not take first.
fn facts(report: &EditReport) -> Table {
    use Align::{Left, Right};
    let mut table = Table::new(&[Left, Left, Right, Right, Left, Left]);
    table.row(["fact", "target", "before", "after", "said", "says"]);
    let (missed, took): (Vec<_>, Vec<_>) = report.facts.iter().partition(|f| f.p_target.missed());
    for fact in missed.into_iter().chain(took) {
        let text = fact.prompt.replacen("{}", &fact.subject, 1);
        table.row([
            text.as_str(),
            fact.target.trim(),
            &share(fact.p_target.before),
            &share(fact.p_target.after),
            fact.top_before.trim(),
            fact.top_after.trim(),
        ]);
    }
    table
}

fn figures(asked: &EditSpec, report: &EditReport) -> Table {
    let mut table = Table::new(&[Align::Left, Align::Left]);
    let pair = |p: crate::measure::Pair| format!("{} → {}", share(p.before), share(p.after));
    let of = match report.facts.len() {
        0 => asked.request.target.trim(),
        _ => "target, mean",
    };
    if !asked.is_imported() {
        table.row([format!("p({of})"), pair(report.p_target)]);
    }
    if !report.true_answer.trim().is_empty() && report.facts.is_empty() {
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
    if report.division_factor != 0.0 {
        let factor = format!("{:.4}", report.division_factor);
        table.row(["division factor".into(), factor]);
    }
    if report.layers.len() > 1 {
        let each = |l: &crate::measure::LayerNorm| {
            format!("{} {}", l.layer, percent(l.relative_update_norm))
        };
        let each: Vec<String> = report.layers.iter().map(each).collect();
        table.row(["by layer".into(), each.join(", ")]);
    }
    if let (Some(first), Some(last)) = (report.losses.first(), report.losses.last()) {
        let steps = format!("{} of {}", report.losses.len(), report.hyper.steps);
        table.row([
            "loss".into(),
            format!("{:.3} → {:.3} in {steps} steps", first[3], last[3]),
        ]);
        if report.t0_norm > 0.0 {
            let ratio = report.delta_norm / report.t0_norm;
            let clamp = report.hyper.clamp;
            table.row(["‖δ‖/‖t₀‖".into(), format!("{ratio:.2} (clamp {clamp})")]);
        }
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
    let (moved, all) = counted(rows);
    format!("{moved} of {all} neighbours moved")
}

/// (moved, all) of those that should stay.
pub fn counted(rows: &[ProbeRow]) -> (usize, usize) {
    let stay = rows.iter().filter(|row| !row.group.follows());
    let moved = stay.clone().filter(|row| row.moved);
    (moved.count(), stay.count())
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
            probe_group(row.group),
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

pub(super) fn probe_group(group: ProbeGroup) -> &'static str {
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
