//! The board of probes: what is on it, and asking for it.

use super::act;
use crate::engine::Spec;
use crate::measure::board::Imported;
use crate::measure::{Probe, ProbeRow};
use crate::tui::app::{Ask, Effect, Entry, Health, JobKind, Overlay, Pane, State};
use std::path::Path;

/// Probes that are proposed where no number is named.
const PROPOSED: usize = 200;
/// And at most: more than any world has subjects.
const MOST: usize = 5000;

pub fn ask_for_file(state: &mut State) {
    // Empty: a path may be pasted whole. A name is one of the settings' folder.
    let entry = Entry::default();
    state.overlays.push(Overlay::Ask(Ask::Probes, entry));
}

pub fn ask_how_many(state: &mut State) {
    let entry = Entry::new(&PROPOSED.to_string());
    state.overlays.push(Overlay::Ask(Ask::Propose, entry));
}

pub fn ask_what_to_find(state: &mut State) {
    let entry = Entry::new(&state.watch.find);
    state.overlays.push(Overlay::Ask(Ask::Find, entry));
}

pub fn find(state: &mut State, text: String) {
    state.focus_on(Pane::Neighbours);
    state.watch.cursor = 0;
    state.watch.find = text;
}

/// Reads a file of probes; what is in it is probed once it has come.
pub fn import(state: &mut State, name: &str) -> Vec<Effect> {
    let path = state.settings.folder.join(name.trim());
    state.say(format!("reading {} …", path.display()));
    vec![Effect::ReadProbes(path)]
}

pub fn read(state: &mut State, path: &Path, result: Result<Imported, String>) -> Vec<Effect> {
    let Imported {
        probes,
        damaged,
        left_out,
    } = match result {
        Ok(imported) => imported,
        Err(words) => {
            state.complain(words);
            return vec![];
        }
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    /// Damaged lines that one message names.
    const NAMED: usize = 3;
    let lines = damaged.iter().take(NAMED);
    let mut words: Vec<String> = lines
        .map(|d| format!("line {}: {}", d.line, d.reason))
        .collect();
    if damaged.len() > NAMED {
        words.push(format!("and {} more lines", damaged.len() - NAMED));
    }
    let words = words.join("; ");
    if probes.is_empty() {
        let why = if words.is_empty() {
            "it is empty"
        } else {
            &words
        };
        state.complain(format!("{name} holds no probes: {why}"));
        return vec![];
    }
    let new = state.watch.pin(probes);
    let known = match left_out {
        0 => String::new(),
        n => format!(", {n} of the file left out"),
    };
    if damaged.is_empty() {
        state.say(format!("{new} new probes from {name}{known}"));
    } else {
        state.warn(format!(
            "{new} new probes from {name}{known}; damaged and not taken: {words}"
        ));
    }
    show(state)
}

/// Proposes probes for the fact, also by how near other subjects' keys are.
pub fn propose(state: &mut State, text: &str) -> Vec<Effect> {
    if !act::ready(state) {
        return vec![];
    }
    let count = match text.trim().parse::<usize>() {
        Ok(count) if (1..=MOST).contains(&count) => count,
        _ => {
            state.complain(format!("{text:?}: write how many, from 1 to {MOST}"));
            return vec![];
        }
    };
    if let Err(missing) = state.fact.traceable() {
        return act::ask_for(state, missing);
    }
    let (Some(prompt), Some(subject)) = (state.fact.template(), state.fact.subject()) else {
        return vec![];
    };
    let middle = state.layers() / 2;
    let spec = Spec::Propose {
        prompt,
        subject: subject.to_string(),
        true_answer: state.fact.named_answer(),
        count,
        near: Some(state.edit_layer().unwrap_or(middle)),
    };
    state.focus_on(Pane::Neighbours);
    let (ticket, effect) = state.jobs.submit(spec);
    state.watch.proposing = Some(ticket);
    vec![effect]
}

pub fn proposed(state: &mut State, probes: Vec<Probe>) -> Vec<Effect> {
    state.watch.proposing = None;
    if probes.is_empty() {
        state.say("no neighbours are known for this fact");
        return vec![];
    }
    let new = state.watch.pin(probes);
    state.say(format!("{new} new probes proposed"));
    show(state)
}

/// Lets go of what was imported or proposed.
pub fn forget(state: &mut State) -> Vec<Effect> {
    let pinned = std::mem::take(&mut state.watch.pinned);
    let kept = |probe: &Probe| !pinned.contains(probe) || state.settings.probes.contains(probe);
    let probes: Vec<Probe> = state.watch.probes().into_iter().filter(kept).collect();
    let gone = state.watch.probes().len() - probes.len();
    state.say(format!("{gone} probes forgotten"));
    if probes.is_empty() {
        let effects = stop(state);
        state.watch.wanted.clear();
        state.watch.finish(Vec::new());
        return effects;
    }
    ask(state, probes)
}

/// The board with all that is pinned to it, in sight.
fn show(state: &mut State) -> Vec<Effect> {
    state.focus_on(Pane::Neighbours);
    let all = state.watch.with_pinned(state.watch.probes());
    if state.health != Health::Ready {
        return vec![];
    }
    ask(state, all)
}

/// Asks for these rows, in the place of what is being asked.
pub fn ask(state: &mut State, probes: Vec<Probe>) -> Vec<Effect> {
    let mut effects = stop(state);
    state.watch.wanted.clone_from(&probes);
    effects.push(state.jobs.submit(Spec::Probe { probes }).1);
    effects
}

fn stop(state: &mut State) -> Vec<Effect> {
    // What is still said of other rows is of no use.
    state.watch.looking_back = None;
    let older: Vec<_> = [JobKind::Probe, JobKind::History]
        .into_iter()
        .flat_map(|kind| state.jobs.of_kind(kind))
        .map(|job| job.ticket)
        .collect();
    let cancel = |ticket| state.jobs.cancel(ticket);
    older.into_iter().filter_map(cancel).collect()
}

/// An edit came with its own rows: the pinned ones are wanted beside them.
pub fn edited(state: &mut State) {
    // A course that is still being asked for is of the rows before.
    state.watch.looking_back = None;
    if state.watch.pinned.is_empty() {
        return;
    }
    let all = state.watch.with_pinned(state.watch.probes());
    state.watch.wanted = all;
}

/// What is still wanted after an edit, on the weights that it made; else the
/// courses, where somebody looks at them.
pub fn rest(state: &mut State) -> Vec<Effect> {
    let wanted = state.watch.wanted.clone();
    if wanted.is_empty() || state.watch.pinned.is_empty() {
        return follow(state);
    }
    ask(state, wanted)
}

/// A session's rows. Those that came with no edit are pinned: they were before.
pub fn restore(state: &mut State, rows: Vec<ProbeRow>) {
    state.watch.pinned.clear();
    state.watch.looking_back = None;
    let stack = state.edits.stack.iter();
    let records: Vec<_> = stack
        .filter_map(|s| state.edits.records.get(&s.id))
        .collect();
    let came = |row: &ProbeRow| {
        let seen = records.iter().flat_map(|record| &record.report.probes);
        seen.into_iter()
            .any(|other| (&other.prompt, &other.expected) == (&row.prompt, &row.expected))
    };
    let pinned = rows.iter().filter(|row| !came(row)).map(ProbeRow::probe);
    state.watch.pinned = pinned.collect();
    state.watch.wanted.clear();
    state.watch.finish(rows);
}

/// Looks back over the stack where somebody looks at the board: what each row said
/// after every edit.
pub fn follow(state: &mut State) -> Vec<Effect> {
    let watch = &state.watch;
    let looked_at = state.zoomed && state.focus == Pane::Neighbours;
    let whole = !watch.rows.is_empty() && watch.rows.values().all(|row| row.after);
    let asked = (watch.looking_back)
        .is_some_and(|own| (state.jobs.of_kind(JobKind::History)).any(|job| job.ticket == own));
    let probing = state.jobs.of_kind(JobKind::Probe).next().is_some();
    let known = state.courses_hold() && watch.rows.values().all(|row| !row.course.is_empty());
    let ready = state.health == Health::Ready && !state.edits.stack.is_empty();
    if !ready || !looked_at || !whole || asked || probing || known {
        return vec![];
    }
    let probes = watch.probes();
    let (ticket, effect) = state.jobs.submit(Spec::History { probes });
    state.watch.looking_back = Some(ticket);
    vec![effect]
}
