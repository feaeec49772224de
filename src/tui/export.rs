//! What `y` copies and `Y` writes: the pane's content in a form other tools read.

use super::app::watch::Line;
use super::app::{Pane, State};
use crate::edit::{Knob, LayerChoice};
use crate::measure::board::{self, Sort};
use crate::measure::{ProbeRow, counterfact, geometry, lens, views};
use crate::trace::{self, TraceReport};
use serde::Serialize;
use std::path::Path;

/// The pane's content; `None` where there is nothing yet.
pub fn text(state: &State, pane: Pane) -> Option<String> {
    match pane {
        Pane::Fact => command_line(state),
        Pane::Trace => json(shown_trace(state)?),
        Pane::Edit => json(&state.edits.selected_record()?.report),
        Pane::Stack => stack(state),
        Pane::Duel => duel(state),
        Pane::Lens => json(state.lens.report.as_ref()?),
        Pane::Views => json(state.views.report.as_ref()?),
        Pane::Geometry => json(state.geometry.report.as_ref()?),
        Pane::Neighbours => board::jsonl(probes(state)?).ok(),
        Pane::Erasure => json(state.erase.report.as_ref()?),
        Pane::Counterfact => {
            let view = &state.counterfact;
            (!view.verdicts.is_empty()).then(|| counterfact::report::table(&view.lines))
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

/// The report of the trace that is on the screen, once it is whole.
fn shown_trace(state: &State) -> Option<&TraceReport> {
    let grid = state.trace.grid.as_ref()?;
    let kept = state.trace.kept.iter().rev().map(|t| &t.result);
    let same =
        |r: &&TraceReport| r.prompt == grid.prompt && r.subject_range == grid.header.subject_range;
    kept.into_iter().find(same)
}

/// What a file of this name gets: a picture, where it ends in `.svg`; of probes a
/// table, where it ends in `.csv`.
///
/// # Errors
/// Of some panes there is no picture; in words.
pub fn for_file(state: &State, pane: Pane, name: &Path) -> Result<Option<String>, String> {
    let ends = |form: &str| (name.extension()).is_some_and(|end| end.eq_ignore_ascii_case(form));
    if ends("svg") {
        return match has_picture(pane) {
            true => Ok(picture(state, pane)),
            false => {
                let (what, name) = (what(pane), file_name(pane));
                let words = format!("there is no picture of {what}: give another name, as {name}");
                Err(words)
            }
        };
    }
    Ok(match pane {
        Pane::Neighbours if ends("csv") => probes(state).and_then(|rows| board::csv(rows).ok()),
        Pane::Geometry if ends("jsonl") => {
            let report = state.geometry.report.as_deref();
            report.and_then(|report| geometry::jsonl(report).ok())
        }
        Pane::Counterfact if ends("jsonl") => {
            let view = &state.counterfact;
            match view.verdicts.is_empty() {
                true => None,
                false => view.verdicts.jsonl(&view.head).ok(),
            }
        }
        _ => text(state, pane),
    })
}

fn has_picture(pane: Pane) -> bool {
    matches!(
        pane,
        Pane::Trace
            | Pane::Lens
            | Pane::Views
            | Pane::Geometry
            | Pane::Neighbours
            | Pane::Counterfact
    )
}

/// The pane as SVG, once there is something in it.
fn picture(state: &State, pane: Pane) -> Option<String> {
    match pane {
        Pane::Trace => shown_trace(state).map(trace::svg),
        Pane::Lens => state.lens.report.as_deref().map(lens::svg),
        Pane::Views => state.views.report.as_deref().map(views::svg),
        Pane::Geometry => state.geometry.report.as_deref().map(geometry::svg),
        Pane::Counterfact => {
            let view = &state.counterfact;
            let known = !view.verdicts.is_empty();
            known.then(|| counterfact::report::svg(&view.head.model, &view.lines))
        }
        Pane::Neighbours => {
            let (moved, of) = state.watch.moved();
            let model = state.model.as_ref().map_or("", |model| &model.name);
            let words = vec![format!("{model}: {moved} of {of} neighbours moved")];
            let by_group = state.watch.sort == Sort::Group;
            Some(board::svg(words, &probes(state)?, by_group))
        }
        _ => None,
    }
}

/// The probes that are listed and known on both sides, in the order of the list,
/// with their courses where these are of the edits that are on.
fn probes(state: &State) -> Option<Vec<(&ProbeRow, &[f64])>> {
    let hold = state.courses_hold();
    let rows = state
        .watch
        .lines()
        .into_iter()
        .filter_map(|line| match line {
            Line::Row(watched) if watched.after => {
                let course = if hold { watched.course.as_slice() } else { &[] };
                Some((&watched.row, course))
            }
            _ => None,
        });
    let rows: Vec<_> = rows.collect();
    (!rows.is_empty()).then_some(rows)
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
        Pane::Views => "the views",
        Pane::Geometry => "the geometry",
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
        Pane::Views => "views.json",
        Pane::Geometry => "geometry.json",
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
