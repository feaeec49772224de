//! Judging CounterFact's cases one after the other, by the method that is chosen, on
//! the model as it was loaded; stopping, and going on.

use super::act;
use crate::edit::EditSpec;
use crate::engine::{Outcome, Spec};
use crate::measure::counterfact::{CasesFile, Judged, Verdict};
use crate::tui::app::counterfact::TEXTS;
use crate::tui::app::{Ask, CounterfactView, Effect, Entry, Overlay, Pane, State, Ticket};
use crate::tui::store::CasesRead;

const EDITED: &str = "edits are on: ‹toggle-all› switches them off, and :counterfact goes on";

/// Shows what is open and goes on with it; with nothing open, asks for a file.
pub fn command(state: &mut State) -> Vec<Effect> {
    if state.counterfact.path.is_none() {
        let entry = Entry::default();
        state.overlays.push(Overlay::Ask(Ask::Counterfact, entry));
        return vec![];
    }
    state.focus_on(Pane::Counterfact);
    next(state)
}

/// "FILE" or "FILE N".
pub fn typed(state: &mut State, text: &str) -> Vec<Effect> {
    let text = text.trim();
    let (file, limit) = match text.rsplit_once(char::is_whitespace) {
        Some((file, count)) => match count.parse() {
            Ok(count) => (file.trim_end(), Some(count)),
            Err(_) => (text, None),
        },
        None => (text, None),
    };
    if limit == Some(0) {
        state.complain("of 0 cases nothing can be said: name a number from 1");
        return vec![];
    }
    let path = state.settings.folder.join(file);
    vec![Effect::ReadCases(path, limit)]
}

/// A file was read.
pub fn took(state: &mut State, read: CasesRead) -> Vec<Effect> {
    let CasesRead {
        path,
        limit,
        file,
        references,
    } = read;
    let mut effects: Vec<Effect> = stop(state);
    let method = state.fact.method;
    let head = state.counterfact_head(method);
    let old = std::mem::take(&mut state.counterfact);
    let mut view = CounterfactView {
        path: Some(path),
        references,
        head: head.clone(),
        ..CounterfactView::default()
    };
    match file {
        CasesFile::Records(mut records) => {
            records.truncate(limit.unwrap_or(usize::MAX));
            view.records = records;
            view.method = Some(method);
            // What is known of cases under these very conditions holds.
            if old.head == head {
                view.verdicts = old.verdicts;
            }
        }
        CasesFile::Verdicts(found, verdicts) => {
            let methods = verdicts.methods();
            // The method that is chosen, where the file has it; else its last one.
            let own = methods.iter().find(|m| **m == Some(method));
            view.method = own.or(methods.last()).copied().flatten();
            view.verdicts = verdicts;
            let same = found == state.counterfact_head(view.method.unwrap_or(method));
            if same {
                view.records = old.records;
            } else {
                view.problem = Some("these verdicts are of another run, and are only shown".into());
            }
            view.head = found;
        }
    }
    view.add_up();
    state.counterfact = view;
    state.focus_on(Pane::Counterfact);
    effects.extend(next(state));
    effects
}

/// Asks for the next case, unless one is under way or all are judged.
pub fn next(state: &mut State) -> Vec<Effect> {
    let view = &state.counterfact;
    if view.running.is_some() || view.next().is_none() || !act::ready(state) {
        return vec![];
    }
    if !state.edits.on().is_empty() || !state.edits.making.is_empty() {
        state.counterfact.problem = Some(state.tell(EDITED));
        return vec![];
    }
    let view = &mut state.counterfact;
    view.problem = None;
    view.since.get_or_insert((state.now, 0));
    let Some((record, method)) = state.counterfact.next() else {
        return vec![];
    };
    let edit = method.map(|method| {
        Box::new(EditSpec {
            method,
            hyper: state.fact.tuned.get(&method).cloned(),
            seed: state.settings.seed,
            ..EditSpec::default()
        })
    });
    let (record, case_id) = (record.clone(), record.case_id);
    let (ticket, effect) = state.jobs.submit(Spec::Judge {
        records: vec![record],
        edit,
        texts: TEXTS,
    });
    state.counterfact.running = Some((ticket, method, case_id));
    vec![effect]
}

/// A case is judged, or was stopped.
pub fn over(state: &mut State, ticket: Ticket, result: Result<Outcome, String>) -> Vec<Effect> {
    let Some((_, method, case_id)) = state.counterfact.running.filter(|own| own.0 == ticket) else {
        return vec![];
    };
    // An edit that was made in between stands under what was found.
    let clean = state.edits.on().is_empty();
    let edited = state.tell(EDITED);
    let view = &mut state.counterfact;
    view.running = None;
    let verdict = |failed: Option<String>, judged: Option<Judged>| Verdict {
        method,
        case_id,
        failed,
        judged,
    };
    match result {
        _ if !clean => {
            view.since = None;
            view.problem = Some(edited);
            return vec![];
        }
        Ok(Outcome::Judged(mut all)) if !all.is_empty() => {
            let judged = all.swap_remove(0);
            view.take(verdict(None, Some(judged)));
        }
        // An edit that cannot be made is a result; a case that cannot be asked of the
        // unedited model is not.
        Err(words) if method.is_some() => view.take(verdict(Some(words), None)),
        Err(words) => {
            view.since = None;
            view.problem = Some(words);
            return vec![];
        }
        Ok(_) => {
            view.since = None;
            view.problem = Some("stopped; :counterfact goes on from here".into());
            return vec![];
        }
    }
    if state.counterfact.next().is_none() {
        state.counterfact.since = None;
        state.say("CounterFact: every case is judged");
    }
    next(state)
}

/// Lets go of the case under way.
pub fn stop(state: &mut State) -> Vec<Effect> {
    let ticket = state.counterfact.running.take().map(|own| own.0);
    let stopped = ticket.and_then(|ticket| state.jobs.cancel(ticket));
    stopped.into_iter().collect()
}
