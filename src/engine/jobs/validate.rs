//! Making an edit that has to prove itself: layer after layer, until one passes
//! every check (ALGORITHMS §5, the validation loop).
//!
//! A layer that is given up needs no undoing. Its edit stood in matrices of its
//! own beside the ones in use, which no job writes: dropping them is the exact
//! restore.

use super::{Job, edit, trace};
use crate::edit::{Delta, EditError, EditSpec, LayerChoice, Request};
use crate::engine::error::Result;
use crate::engine::event::{EventKind, Outcome, Stage};
use crate::engine::spec::EditId;
use crate::engine::state::{Model, State};
use crate::measure::validate::{
    Attempt, Baseline, Battery, Candidates, Check, Paraphrases, Plan, Step, Validation, paraphrases,
};
use crate::measure::{EditReport, Watch};
use std::time::Instant;

/// Tries the plan's layers and keeps the first edit that passes as edit `id`.
pub fn run(
    job: &Job,
    id: EditId,
    mut spec: EditSpec,
    watch: &Watch,
    plan: &Plan,
    state: &mut State,
) -> Result<Outcome> {
    let started = Instant::now();
    if spec.is_imported() {
        return Err(EditError::Imported.into());
    }
    let model = state.model()?;
    let asked: Vec<Request> = spec.requests().cloned().collect();
    edit::check(&asked, spec.method, model)?;
    spec.true_answer = Some(edit::old_answer(job, &spec, model)?);
    let candidates = candidates(job, &spec, plan, model)?;
    say(job, Step::Candidates(candidates.clone()));

    let mut checks = Checks::prepare(job, &spec, plan, &candidates, model)?;
    let mut found = Validation {
        case: plan.case,
        thresholds: plan.thresholds,
        origin: candidates.origin,
        paraphrases: checks.paraphrases.templates().to_vec(),
        p_new_before: checks.p_new_before,
        ..Validation::default()
    };
    for layers in candidates.layers {
        say(job, Step::Trying(layers));
        let [first, last] = layers;
        let here = EditSpec {
            layer: match first == last {
                true => LayerChoice::At(last),
                false => LayerChoice::Span(first, last),
            },
            ..spec.clone()
        };
        let mut attempt = Attempt {
            layers,
            ..Attempt::default()
        };
        match checks.attempt(job, &here, plan, &mut attempt, state) {
            Ok(made) => match Attempt::failure(&attempt.checks) {
                None => {
                    found.attempts.push(attempt);
                    let whole = (found, started);
                    return keep(job, id, &here, watch, whole, made, state);
                }
                Some(why) => attempt.rejected = why,
            },
            Err(error) if error.is_of_layer() => attempt.rejected = error.to_string(),
            Err(error) => return Err(error),
        }
        say(job, Step::Rejected(attempt.rejected.clone()));
        found.attempts.push(attempt);
    }
    found.elapsed_s = started.elapsed().as_secs_f64();
    Ok(Outcome::Rejected(Box::new(found)))
}

fn say(job: &Job, step: Step) {
    job.say(EventKind::Validating(Box::new(step)));
}

/// The user's layers, else what a trace of the first fact says.
fn candidates(job: &Job, spec: &EditSpec, plan: &Plan, model: &Model) -> Result<Candidates> {
    let layers = model.pristine.layers();
    let found = match Candidates::named(plan, spec, layers) {
        Some(named) => named,
        None => {
            job.started(Stage::Trace, layers);
            Candidates::traced(&trace::subject_row(job, &spec.request, model)?, plan, spec)
        }
    };
    let last = layers - 1;
    match found.layers.iter().find(|[_, end]| *end > last) {
        Some(&[_, layer]) => Err(EditError::NoSuchLayer { layer, last }.into()),
        None => Ok(found),
    }
}

/// The unedited side, and what is compared with it.
struct Checks {
    battery: Battery,
    baseline: Baseline,
    paraphrases: Paraphrases,
    p_new_before: f64,
}

impl Checks {
    /// Captures the baseline, once for all layers.
    fn prepare(
        job: &Job,
        spec: &EditSpec,
        plan: &Plan,
        candidates: &Candidates,
        model: &Model,
    ) -> Result<Checks> {
        job.started(Stage::Baseline, 1);
        let (decoder, tokens) = (&model.current, &model.tokens);
        // Only of the first fact is the old answer known.
        let old = |at: usize| match at {
            0 => spec.true_answer.as_deref().unwrap_or_default(),
            _ => "",
        };
        let templates = |(at, request): (usize, &Request)| {
            let own = plan.paraphrases.get(at).map_or(&[][..], Vec::as_slice);
            let case = plan.case;
            let templates = paraphrases::templates(&model.world, request, old(at), case, own);
            (request.clone(), templates)
        };
        let facts: Vec<_> = spec.requests().enumerate().map(templates).collect();
        let mut paraphrases = Paraphrases::new(tokens, decoder, &facts)?;
        let tried = candidates.firsts();
        let before = paraphrases.ask(decoder, tried.first().copied(), &mut job.brake())?;
        let before = Check::paraphrases(before, &plan.thresholds).value;
        let battery = Battery::embedded()?;
        let baseline = Baseline::capture(decoder, tokens, &battery, &tried, &mut job.brake())?;
        say(
            job,
            Step::Baseline {
                probes: baseline.probes(),
                p_new: before,
            },
        );
        Ok(Checks {
            battery,
            baseline,
            paraphrases,
            p_new_before: before,
        })
    }

    /// Makes the edit and checks it; each check is said as it is known. All three
    /// are made of every layer: their figures say how far it was from passing.
    fn attempt(
        &mut self,
        job: &Job,
        spec: &EditSpec,
        plan: &Plan,
        attempt: &mut Attempt,
        state: &mut State,
    ) -> Result<(EditReport, Vec<Delta>)> {
        let (report, deltas) = edit::attempt(job, spec, &Watch::default(), state)?;
        job.started(Stage::Checks, 3);
        let model = state.model()?;
        let edited = model.with(&deltas)?;
        let mut tell = |check: Check| {
            say(job, Step::Check(check.clone()));
            attempt.checks.push(check);
        };
        let next = deltas.iter().map(|delta| delta.layer).min();
        let parts = self.paraphrases.ask(&edited, next, &mut job.brake())?;
        tell(Check::paraphrases(parts, &plan.thresholds));
        let shift = self.baseline.compare(&edited, &mut job.brake())?;
        tell(Check::behaviour(
            &shift,
            &self.battery,
            plan.case,
            &plan.thresholds,
        ));
        tell(Check::fingerprint(&shift, &plan.thresholds));
        Ok((report, deltas))
    }
}

/// Puts an edit that passed on top of the stack, with what is watched beside it.
fn keep(
    job: &Job,
    id: EditId,
    spec: &EditSpec,
    watch: &Watch,
    (mut found, started): (Validation, Instant),
    (mut report, deltas): (EditReport, Vec<Delta>),
    state: &mut State,
) -> Result<Outcome> {
    let model = state.model()?;
    let stage = Instant::now();
    let (request, old) = (&spec.request, report.true_answer.clone());
    let edited = model.with(&deltas)?;
    (report.probes, report.generations) = edit::watched(job, model, &edited, request, &old, watch)?;
    report.elapsed_s.probes += stage.elapsed().as_secs_f64();
    report.elapsed_s.total = started.elapsed().as_secs_f64();
    found.elapsed_s = report.elapsed_s.total;
    report.validation = Some(found);
    if job.cancelled() {
        return Ok(Outcome::Cancelled);
    }
    let asked = spec.requests().cloned().collect();
    model.push(id, asked, deltas.clone())?;
    Ok(Outcome::Edited {
        id,
        report: Box::new(report),
        deltas,
    })
}
