//! What `y` copies and `Y` writes: the pane's content in a form other tools read.

use super::app::{Pane, State};
use crate::edit::{Knob, LayerChoice};
use crate::measure::{counterfact, lens};
use crate::trace::TraceReport;
use serde::Serialize;
use std::path::Path;

/// The pane's content; `None` where there is nothing yet.
pub fn text(state: &State, pane: Pane) -> Option<String> {
    match pane {
        Pane::Fact => command_line(state),
        Pane::Trace => {
            let grid = state.trace.grid.as_ref()?;
            let kept = state.trace.kept.iter().rev().map(|t| &t.result);
            let same = |r: &&TraceReport| {
                r.prompt == grid.prompt && r.subject_range == grid.header.subject_range
            };
            json(kept.into_iter().find(same)?)
        }
        Pane::Edit => json(&state.edits.selected_record()?.report),
        Pane::Stack => stack(state),
        Pane::Duel => duel(state),
        Pane::Lens => json(state.lens.report.as_ref()?),
        Pane::Erasure => json(state.erase.report.as_ref()?),
        Pane::Counterfact => {
            let view = &state.counterfact;
            (!view.verdicts.is_empty()).then(|| counterfact::report::table(&view.lines))
        }
        Pane::Neighbours => {
            let rows = state.watch.known();
            let lines = rows.iter().map(serde_json::to_string);
            let lines: Result<Vec<_>, _> = lines.collect();
            lines
                .ok()
                .filter(|l| !l.is_empty())
                .map(|l| l.join("\n") + "\n")
        }
        Pane::Confabulations => {
            let list = &state.confabs.list;
            let texts = list.iter().map(|c| {
                format!(
                    "prompt: {}\nbefore: {}\nafter:  {}\n",
                    c.prompt,
                    c.before.concat(),
                    c.after.concat()
                )
            });
            (!list.is_empty()).then(|| texts.collect::<Vec<_>>().join("\n"))
        }
    }
}

/// What a file of this name gets: a picture where it ends in `.svg` and the pane has
/// one, of an evaluation its verdicts where it ends in `.jsonl`.
pub fn for_file(state: &State, pane: Pane, name: &Path) -> Option<String> {
    match (pane, name.extension()) {
        (Pane::Lens, Some(svg)) if svg.eq_ignore_ascii_case("svg") => {
            state.lens.report.as_deref().map(lens::svg)
        }
        (Pane::Counterfact, Some(end)) if !state.counterfact.verdicts.is_empty() => {
            let view = &state.counterfact;
            if end.eq_ignore_ascii_case("svg") {
                return Some(counterfact::report::svg(&view.head.model, &view.lines));
            }
            if end.eq_ignore_ascii_case("jsonl") {
                return view.verdicts.jsonl(&view.head).ok();
            }
            text(state, pane)
        }
        _ => text(state, pane),
    }
}

/// What the text is, in a word.
pub fn what(pane: Pane) -> &'static str {
    match pane {
        Pane::Fact => "the command line",
        Pane::Trace => "the trace",
        Pane::Edit => "the edit's report",
        Pane::Stack => "the stack",
        Pane::Duel => "the duel",
        Pane::Lens => "the lens",
        Pane::Erasure => "the erasure",
        Pane::Counterfact => "the scores",
        Pane::Neighbours => "the probes",
        Pane::Confabulations => "the continuations",
    }
}

pub fn file_name(pane: Pane) -> &'static str {
    match pane {
        Pane::Fact => "edit.sh",
        Pane::Trace => "trace.json",
        Pane::Edit => "edit.json",
        Pane::Stack => "stack.tsv",
        Pane::Duel => "duel.json",
        Pane::Lens => "lens.json",
        Pane::Erasure => "erase.json",
        Pane::Counterfact => "cases.jsonl",
        Pane::Neighbours => "probes.jsonl",
        Pane::Confabulations => "continuations.txt",
    }
}

/// A line an edit, with tabs between its columns.
fn stack(state: &State) -> Option<String> {
    let edits = &state.edits;
    let mut text = String::from(
        "edit\tsubject\ttarget\tmethod\tfirst_layer\tlast_layer\ton\talpha\trelative_update_norm\tp_made\tp_now\n",
    );
    let plain = |text: &str| text.trim().replace(['\t', '\n'], " ");
    for (at, stacked) in edits.stack.iter().enumerate() {
        let record = edits.records.get(&stacked.id)?;
        let (request, report) = (&record.spec.request, &record.report);
        let (first, last) = report.span();
        let now = edits.check.held.get(&stacked.id);
        let columns = [
            (at + 1).to_string(),
            plain(&request.subject),
            plain(&request.target),
            record.spec.method.name().into(),
            first.to_string(),
            last.to_string(),
            stacked.on.to_string(),
            stacked.alpha.to_string(),
            report.relative_update_norm.to_string(),
            report.p_target.after.to_string(),
            now.map_or(String::new(), f64::to_string),
        ];
        text += &(columns.join("\t") + "\n");
    }
    (!edits.stack.is_empty()).then_some(text)
}

/// The reports of the methods that are done, as `eval duel --json` has them.
fn duel(state: &State) -> Option<String> {
    let reports: Vec<_> = state.duel.tries.iter().filter_map(|t| t.report()).collect();
    let request = state.duel.request()?;
    let duel = serde_json::json!({"request": request, "duel": reports});
    (!reports.is_empty()).then(|| json(&duel)).flatten()
}

fn json(value: &impl Serialize) -> Option<String> {
    serde_json::to_string_pretty(value).ok().map(|s| s + "\n")
}

/// The same edit (or trace, while no answer is written) from a shell.
fn command_line(state: &State) -> Option<String> {
    let model = state.model.as_ref()?;
    let model = match model.name.as_str() {
        "atlas" => String::new(),
        name => format!(" --model {}", quote(name)),
    };
    if let Ok(request) = state.fact.request() {
        let layer = match state.fact.layer {
            LayerChoice::Auto => String::new(),
            LayerChoice::At(layer) => format!(" --layer {layer}"),
            LayerChoice::Span(first, last) => format!(" --layer {first}-{last}"),
        };
        let tuned = state.tuned(state.fact.method).into_iter();
        let tuned = tuned.map(|(knob, value)| match knob {
            Knob::RelativeThreshold => " --relative-threshold".to_owned(),
            _ => format!(" --{} {value}", knob.name()),
        });
        let tuned: String = tuned.collect();
        return Some(format!(
            "pentimento{model} edit --prompt {} --subject {} --target {} --method {}{layer}{tuned}\n",
            quote(&request.prompt),
            quote(&request.subject),
            quote(&request.target),
            state.fact.method.name(),
        ));
    }
    let (prompt, subject) = state.fact.traceable().ok()?;
    let (prompt, subject) = (quote(&prompt), quote(&subject));
    Some(format!(
        "pentimento{model} trace --prompt {prompt} --subject {subject}\n"
    ))
}

/// For a POSIX shell.
fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
