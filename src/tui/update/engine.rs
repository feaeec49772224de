//! What the engine says.

use super::{
    act, board, counterfact, duel, erase, geometry, lens, model, session, show, stack, tour,
    validation, views,
};
use crate::engine::{EventKind, ModelInfo, Outcome, Stacked};
use crate::session::SavedTrace;
use crate::tui::app::{EditRecord, Effect, Health, Job, JobKind, Making, State, Ticket, TraceGrid};

pub fn event(state: &mut State, ticket: Ticket, kind: EventKind) -> Vec<Effect> {
    let Some(job) = state.jobs.get_mut(ticket) else {
        // A job that is not ours any more.
        return vec![];
    };
    let tried = matches!(job.kind, JobKind::Duel | JobKind::Views);
    match kind {
        // What is only tried shows in its report alone.
        EventKind::Row { .. } | EventKind::Warning(_) if tried => {}
        EventKind::Started { stage, total } => {
            let now = state.now;
            if let Some(job) = state.jobs.get_mut(ticket) {
                (job.stage, job.done, job.total, job.eta_s) = (Some(stage), 0, total, None);
                job.since.get_or_insert(now);
            }
            if let Some(making) = making(state, ticket) {
                making.stage = Some(stage);
            }
        }
        EventKind::Progress {
            stage,
            done,
            total,
            eta_s,
        } => {
            if let Some(job) = state.jobs.get_mut(ticket) {
                (job.stage, job.done, job.total, job.eta_s) = (Some(stage), done, total, eta_s);
            }
            if let Some(making) = making(state, ticket) {
                making.stage = Some(stage);
            }
        }
        EventKind::Drift(drift) => {
            if let Some(job) = state.jobs.get_mut(ticket) {
                job.drift = Some(drift);
            }
        }
        EventKind::TraceReady(header) => {
            if state.trace.ticket == Some(ticket)
                && let Some((asked, _)) = &state.trace.asked
            {
                let prompt = asked.prompt.clone();
                state.trace.grid = Some(TraceGrid::new(prompt, *header));
            }
        }
        EventKind::Cell {
            kind,
            token,
            layer,
            p,
        } => {
            if state.trace.ticket == Some(ticket)
                && let Some(grid) = &mut state.trace.grid
            {
                grid.set(kind, token, layer, p);
            }
        }
        EventKind::Loss(step) => {
            if let Some(job) = state.jobs.get_mut(ticket) {
                (job.done, job.total) = (step.step as u64, step.steps as u64);
            }
            if let Some(making) = making(state, ticket) {
                making.losses.push(step);
            }
        }
        EventKind::View(scored) => views::seen(state, ticket, *scored),
        EventKind::Validating(step) => validation::step(state, ticket, *step),
        EventKind::Row { index, row, after } => state.watch.take(ticket, index, row, after),
        EventKind::Held { id, p } => {
            if state.edits.check.ticket == Some(ticket) {
                state.edits.check.held.insert(id, p);
            }
        }
        EventKind::Token { prompt, side, text } => {
            state.confabs.take(ticket, prompt, side, text);
        }
        EventKind::Warning(words) => {
            if let Some(making) = making(state, ticket) {
                making.warnings.push(words);
            } else if let Some(grid) = trace_grid(state, ticket) {
                grid.warnings.push(words);
            } else {
                state.say(words);
            }
        }
        // Cases come one by one here, each as its job's outcome.
        EventKind::Judged { .. } => {}
        EventKind::Finished(result) => return finished(state, ticket, result),
    }
    vec![]
}

fn making(state: &mut State, ticket: Ticket) -> Option<&mut Making> {
    let mut all = state.edits.making.iter_mut();
    all.find(|m| m.ticket == ticket)
}

fn trace_grid(state: &mut State, ticket: Ticket) -> Option<&mut TraceGrid> {
    let ours = state.trace.ticket == Some(ticket);
    state.trace.grid.as_mut().filter(|_| ours)
}

fn finished(state: &mut State, ticket: Ticket, result: Result<Outcome, String>) -> Vec<Effect> {
    let Some(job) = state.jobs.finish(ticket) else {
        return vec![];
    };
    let incomplete = state.edits.incomplete();
    let mut effects = settled(state, job, result);
    if incomplete && !state.edits.incomplete() {
        // The last of a session's edits is made again, or given up.
        effects.extend(stack::restack(state));
    }
    effects
}

fn settled(state: &mut State, job: Job, result: Result<Outcome, String>) -> Vec<Effect> {
    let ticket = job.ticket;
    match job.kind {
        JobKind::Duel => duel::over(state, ticket, result),
        JobKind::Lens => lens::over(state, ticket, result),
        JobKind::Views => views::over(state, ticket, result),
        JobKind::Geometry => geometry::over(state, ticket, result),
        JobKind::Erase => erase::over(state, ticket, result),
        JobKind::Judge => return counterfact::over(state, ticket, result),
        JobKind::Load
        | JobKind::Predict
        | JobKind::Trace
        | JobKind::Edit
        | JobKind::Adopt
        | JobKind::Stack
        | JobKind::Recheck
        | JobKind::Probe
        | JobKind::History
        | JobKind::Propose
        | JobKind::Know
        | JobKind::Moments
        | JobKind::Generate => {
            return plain(state, job, result);
        }
    }
    vec![]
}

/// The end of a job that has no screen of its own to tell it.
fn plain(state: &mut State, job: Job, result: Result<Outcome, String>) -> Vec<Effect> {
    let ticket = job.ticket;
    validation::over(state, ticket, &result);
    state.confabs.asked.remove(&ticket);
    if job.kind == JobKind::Know
        && !matches!(result, Ok(Outcome::Known { .. }))
        && let Some(model) = &mut state.model
    {
        // Who stopped the asking is not asked again.
        model.asks = false;
    }
    let made = state.edits.making.iter().position(|m| m.ticket == ticket);
    let made = made.map(|at| state.edits.making.remove(at));
    if let Some(lost) = made.as_ref().filter(|m| m.again)
        && !matches!(result, Ok(Outcome::Edited { .. }))
    {
        // A session's edit that could not be made again is none.
        state.edits.forget(lost.id);
    }
    match result {
        Ok(Outcome::Cancelled) if job.kind == JobKind::Load => {
            // Another load may have taken its place.
            if state.jobs.of_kind(JobKind::Load).next().is_none() {
                let words = "stopped; what arrived of the model is kept. ‹models› opens one";
                model::failed(state, state.tell(words));
            }
            vec![]
        }
        Ok(Outcome::Cancelled) => {
            // Superseded looks end silently; what the user stopped is confirmed.
            if job.cancelled && !job.kind.quiet() && state.leaving {
                state.say("stopped; nothing was changed");
            }
            vec![]
        }
        Ok(outcome) => done(state, &job, outcome, made),
        Err(words) => {
            if job.kind == JobKind::Load {
                model::failed(state, words);
            } else if !job.cancelled {
                state.complain(words);
            }
            vec![]
        }
    }
}

fn done(state: &mut State, job: &Job, outcome: Outcome, made: Option<Making>) -> Vec<Effect> {
    match outcome {
        Outcome::Loaded(info) => loaded(state, *info),
        Outcome::Predicted(prediction) => {
            if prediction.prompt == state.fact.text() {
                let last = prediction.tokens.len().saturating_sub(1);
                state.fact.token = state.fact.token.min(last);
                state.fact.prediction = Some(prediction);
            }
            vec![]
        }
        Outcome::Traced(report) => {
            let ours = state.trace.ticket == Some(job.ticket);
            let Some((asked, made_on)) = state.trace.asked.clone().filter(|_| ours) else {
                // Another trace took its place while it finished.
                return vec![];
            };
            match &mut state.trace.grid {
                Some(grid) if grid.prompt == report.prompt => grid.finish(&report),
                grid => *grid = Some(TraceGrid::from_report(&report)),
            }
            let kept = &mut state.trace.kept;
            kept.retain(|t| t.asked != asked || t.made_on != made_on);
            kept.push(SavedTrace {
                made_on,
                asked,
                result: *report,
            });
            // A trace alone is no reason to ask before leaving.
            if !state.edits.stack.is_empty() {
                state.session.changes += 1;
            }
            vec![]
        }
        Outcome::Edited { id, report, deltas } => {
            let Some(made) = made else {
                return vec![];
            };
            if !report.probes.is_empty() {
                state.watch.finish(report.probes.clone());
            }
            board::edited(state);
            if !report.generations.is_empty() {
                state.confabs.finish(report.generations.clone());
            }
            let mut report = *report;
            if made.again {
                // How it was chosen is not made again, only the edit.
                let old = state.edits.records.get_mut(&id);
                report.validation = old.and_then(|old| old.report.validation.take());
            }
            let record = EditRecord {
                spec: made.spec,
                watch: made.watch,
                made_on: made.made_on,
                report,
                deltas,
            };
            let stacked = Stacked {
                id,
                alpha: 1.0,
                on: true,
            };
            state.edits.check.joined();
            state.edits.push(stacked, record);
            state.session.changes += 1;
            let mut effects = Vec::new();
            if !made.again {
                // Where the stack was changed while this ran, what came with
                // the edit was seen on other weights.
                state.edits.looked = state.edits.ticket.is_none_or(|t| t < job.ticket);
                // Says which stack is wanted now, and gets the weights' hash.
                effects.extend(stack::restack(state));
            }
            effects.extend(session::autosave(state));
            effects
        }
        Outcome::Stacked { hash } => {
            if state.edits.ticket != Some(job.ticket) {
                return vec![];
            }
            state.edits.ticket = None;
            // Without edits the weights keep the model's own name.
            state.edits.hash = (!state.edits.on().is_empty()).then_some(hash);
            let mut effects = if std::mem::take(&mut state.edits.looked) {
                let mut effects = act::predict(state);
                effects.extend(stack::recheck(state));
                // What came with the edit is not all of a board.
                effects.extend(board::rest(state));
                effects
            } else {
                stack::refresh(state)
            };
            effects.extend(super::follow(state));
            if state.session.unsaved() {
                effects.extend(session::autosave(state));
            }
            effects
        }
        Outcome::Rechecked(found) => {
            if state.edits.check.ticket == Some(job.ticket) {
                stack::rechecked(state, *found);
            }
            vec![]
        }
        Outcome::Probed(rows) => {
            if state.watch.ticket == Some(job.ticket) {
                state.watch.finish(rows);
            }
            super::follow(state)
        }
        Outcome::History(history) => {
            if state.watch.looking_back == Some(job.ticket) {
                let made_on = state.edits.ground();
                state.watch.look_back(history, made_on);
            }
            vec![]
        }
        Outcome::Proposed(probes) if state.watch.proposing == Some(job.ticket) => {
            board::proposed(state, probes)
        }
        Outcome::Proposed(probes) => {
            if probes.is_empty() && state.settings.probes.is_empty() {
                state.say("no neighbours are known for this fact");
                return vec![];
            }
            let mut all = state.settings.probes.clone();
            all.extend(probes);
            let all = state.watch.with_pinned(all);
            board::ask(state, all)
        }
        Outcome::Known {
            examples,
            known,
            done,
        } => model::known(state, examples, known, done),
        Outcome::Generated(generations) => {
            state.confabs.finish(generations);
            vec![]
        }
        Outcome::Rejected(found) => {
            let why = found.rejections();
            let next = state.tell("‹recipe› names other layers, ‹edit› edits unchecked.");
            state.warn(format!(
                "no layer passed the checks, and nothing was kept: {why}. {next}"
            ));
            vec![]
        }
        Outcome::Looked(_)
        | Outcome::Viewed(_)
        | Outcome::Compared(_)
        | Outcome::Erased(_)
        | Outcome::Moments { .. }
        | Outcome::Recalled(_)
        | Outcome::Scored(_)
        | Outcome::Judged(_)
        | Outcome::JudgedEach
        | Outcome::Marked(_)
        | Outcome::Tried(_)
        | Outcome::Adopted(_)
        | Outcome::Cancelled => vec![],
    }
}

fn loaded(state: &mut State, info: ModelInfo) -> Vec<Effect> {
    state.health = Health::Ready;
    if state.model.is_some() {
        model::forget(state);
    }
    // The list tells of sittings that were left behind.
    let mut effects = vec![Effect::List(Box::new(info.clone()))];
    if let Some(path) = state.settings.session.take() {
        effects.push(Effect::Load(path, Box::new(info.clone())));
    }
    state.model = Some(info);
    state.source = state.settings.load.source.clone();
    if !state.fact.text().is_empty() {
        effects.extend(act::predict(state));
    } else if state.model.as_ref().is_some_and(|m| !m.examples.is_empty()) {
        effects.extend(act::example(state, 0));
    }
    effects.extend(model::ask(state));
    if state.settings.show.is_some() && state.guide.is_none() {
        effects.extend(show::start(state));
    } else if std::mem::take(&mut state.settings.tour) {
        effects.extend(tour::begin(state));
    }
    effects
}
