//! Making an edit, and watching what it moves.

mod ready;

use super::{Job, overlaps, probe, warnings};
use crate::edit::context::norm;
use crate::edit::value::Value;
use crate::edit::{Delta, EditSpec, Made, Request, stack};
use crate::engine::error::Result;
use crate::engine::event::{EventKind, Outcome};
use crate::engine::spec::EditId;
use crate::engine::state::{Model, State};
use crate::measure::score::{Ask, score};
use crate::measure::{
    EditReport, Elapsed, FactRow, Generation, LayerNorm, Pair, ProbeRow, Watch, sample,
};
use crate::model::Decoder;
pub(super) use ready::{Ready, check};
use std::time::Instant;

/// Makes an edit and puts it on top of the stack.
pub fn run(
    job: &Job,
    id: EditId,
    spec: EditSpec,
    watch: Watch,
    state: &mut State,
) -> Result<Outcome> {
    let (report, deltas) = attempt(job, &spec, &watch, state)?;
    if job.cancelled() {
        return Ok(Outcome::Cancelled);
    }
    warn(job, &report);
    let asked = spec.requests().cloned().collect();
    state.model()?.push(id, asked, deltas.clone())?;
    Ok(Outcome::Edited {
        id,
        report: Box::new(report),
        deltas,
    })
}

/// Makes an edit, measures it and lets it go.
pub fn trial(job: &Job, spec: EditSpec, watch: Watch, state: &mut State) -> Result<Outcome> {
    let (report, _) = attempt(job, &spec, &watch, state)?;
    warn(job, &report);
    Ok(Outcome::Tried(Box::new(report)))
}

/// Says what the user should know of an edit that he asked for; an edit that is
/// one of many within a measure has its warnings in its report alone.
fn warn(job: &Job, report: &EditReport) {
    for warning in &report.warnings {
        job.say(EventKind::Warning(warning.clone()));
    }
}

/// The edit as it would be on top of the current stack, and its factors.
pub(super) fn attempt(
    job: &Job,
    spec: &EditSpec,
    watch: &Watch,
    state: &mut State,
) -> Result<(EditReport, Vec<Delta>)> {
    let folders = state.folders.clone();
    let start = Instant::now();
    let ready = Ready::new(job, spec, state)?;
    let model = state.model()?;
    let request = &spec.request;
    let asked: Vec<Request> = spec.requests().cloned().collect();
    let true_answer = old_answer(job, spec, model)?;
    let [templates, second_moment] = ready.elapsed;
    let mut elapsed = Elapsed {
        templates,
        second_moment,
        ..Elapsed::default()
    };

    let stage = Instant::now();
    let made = ready.make(job, model)?;
    elapsed.value = stage.elapsed().as_secs_f64();

    // The new weights, beside the ones in use until the job is done.
    let stage = Instant::now();
    let edited = model.with(&made.deltas)?;
    elapsed.update = stage.elapsed().as_secs_f64();

    let stage = Instant::now();
    let (mut p_target, mut p_true) = answers(job, model, &edited, request, &true_answer)?;
    let rows = match asked.len() {
        1 => Vec::new(),
        _ => fact_rows(job, model, &edited, &asked)?,
    };
    if !rows.is_empty() {
        let mean = |of: fn(&FactRow) -> f64| rows.iter().map(of).sum::<f64>() / rows.len() as f64;
        p_target = Pair {
            before: mean(|row| row.p_target.before),
            after: mean(|row| row.p_target.after),
        };
        p_true = Pair::default();
    }
    let (probes, generations) = watched(job, model, &edited, request, &true_answer, watch)?;
    elapsed.probes = stage.elapsed().as_secs_f64();
    elapsed.total = start.elapsed().as_secs_f64();

    let norms = norms(model, &made)?;
    let update_norm = norms.last().map_or(0.0, |(norm, _)| *norm);
    let largest = largest(&norms);
    let mean = |of: fn(&Value) -> &Vec<f64>| {
        let all = made.values.iter().map(|value| norm(of(value)));
        all.sum::<f64>() / made.values.len().max(1) as f64
    };
    let mut report = EditReport {
        model: model.info.name.clone(),
        method: spec.method.name().into(),
        layer: ready.layer(),
        target_ids: ready.facts[0].target.clone(),
        losses: mean_losses(&made.values),
        delta_norm: mean(|value| &value.delta),
        t0_norm: mean(|value| &value.t0),
        division_factor: made.division_factor.unwrap_or(0.0),
        update_norm,
        relative_update_norm: largest,
        p_target,
        p_true,
        true_answer,
        layers: norms.into_iter().map(|(_, layer)| layer).collect(),
        second_moment: ready.health,
        norm_percentile: sample::percentile(&model.info.norm_sample, largest),
        seed: spec.seed,
        facts: rows,
        probes,
        generations,
        warnings: Vec::new(),
        validation: None,
        elapsed_s: elapsed,
        hyper: ready.hyper,
        templates: ready.templates,
    };
    let moved: Vec<usize> = made.deltas.iter().map(|delta| delta.layer).collect();
    report.warnings = warnings::of(&report, &ready.facts, &made, &asked);
    let crowded = overlaps::warning(job, model, &folders, &asked, &moved)?;
    report.warnings.extend(crowded);
    Ok((report, made.deltas))
}

/// What is watched beside an edit: the user's probes and the proposed ones, and
/// the continuations. `old` is the old answer.
pub(super) fn watched(
    job: &Job,
    model: &Model,
    edited: &Decoder,
    request: &Request,
    old: &str,
    watch: &Watch,
) -> Result<(Vec<ProbeRow>, Vec<Generation>)> {
    let mut probes = watch.probes.clone();
    probes.extend(probe::proposals(job, model, request, old, watch.propose)?);
    let probes = match probes.is_empty() {
        true => Vec::new(),
        false => probe::watch(job, &probes, model, edited)?,
    };
    let prompts = match watch.generate.is_empty() {
        true => vec![request.text()],
        false => watch.generate.clone(),
    };
    let generations = match watch.tokens {
        0 => Vec::new(),
        count => probe::continuations(job, &prompts, count, watch.seed, model, edited)?,
    };
    Ok((probes, generations))
}

/// The old answer: the user's, else the unedited model's own.
pub(super) fn old_answer(job: &Job, spec: &EditSpec, model: &Model) -> Result<String> {
    match spec.true_answer.as_deref().map(str::trim) {
        Some(answer) if !answer.is_empty() => Ok(answer.to_owned()),
        _ => probe::model_answer(job, model, &spec.request),
    }
}

/// The largest ‖ΔW‖/‖W‖ of the layers that were rewritten.
pub(super) fn relative_norm(model: &Model, made: &Made) -> Result<f64> {
    let norms = norms(model, made)?;
    Ok(largest(&norms))
}

fn largest(norms: &[(f64, LayerNorm)]) -> f64 {
    let shares = norms.iter().map(|(_, layer)| layer.relative_update_norm);
    shares.fold(0.0, f64::max)
}

/// Each layer's ‖ΔW‖ and its share of ‖W‖.
fn norms(model: &Model, made: &Made) -> Result<Vec<(f64, LayerNorm)>> {
    let config = &model.pristine.config;
    let of = |delta: &Delta| {
        let norm = stack::norm([config.d, config.d_mlp], delta);
        let layer = delta.layer;
        let relative_update_norm = norm / stack::weight_norm(&model.pristine, layer)?;
        Ok((
            norm,
            LayerNorm {
                layer,
                relative_update_norm,
            },
        ))
    };
    made.deltas.iter().map(of).collect()
}

/// Every fact before (the unedited model) and after.
fn fact_rows(
    job: &Job,
    model: &Model,
    edited: &Decoder,
    asked: &[Request],
) -> Result<Vec<FactRow>> {
    let asks = asked
        .iter()
        .map(|r| Ask::new(&model.tokens, &r.text(), &[r.target.as_str()]))
        .collect::<Result<Vec<_>, _>>()?;
    let scored = |decoder| score(decoder, &asks, &mut job.brake(), |_, _| ());
    let (before, after) = (scored(&model.pristine)?, scored(edited)?);
    let rows = asked.iter().zip(before.iter().zip(&after));
    Ok(rows
        .map(|(request, (before, after))| FactRow {
            prompt: request.prompt.clone(),
            subject: request.subject.clone(),
            target: request.target.clone(),
            p_target: Pair {
                before: before.log_p[0].exp(),
                after: after.log_p[0].exp(),
            },
            top_before: model.tokens.show(before.top.0),
            top_after: model.tokens.show(after.top.0),
        })
        .collect())
}

/// p(target) and p(true) on the bare prompt: the unedited model and the edited one.
fn answers(
    job: &Job,
    model: &Model,
    edited: &Decoder,
    request: &Request,
    old: &str,
) -> Result<(Pair, Pair)> {
    let mut answers = vec![request.target.as_str()];
    if !old.is_empty() {
        answers.push(old);
    }
    let ask = [Ask::new(&model.tokens, &request.text(), &answers)?];
    let p = |decoder: &Decoder| -> Result<Vec<f64>> {
        let scored = score(decoder, &ask, &mut job.brake(), |_, _| ())?;
        Ok(scored[0].log_p.iter().map(|log_p| log_p.exp()).collect())
    };
    let (before, after) = (p(&model.pristine)?, p(edited)?);
    let pair = |i: usize| Pair {
        before: before.get(i).copied().unwrap_or(0.0),
        after: after.get(i).copied().unwrap_or(0.0),
    };
    Ok((pair(0), pair(1)))
}

/// `[nll, kl, wd, total]` of each evaluation: the mean over the facts that were
/// still at it.
fn mean_losses(values: &[Value]) -> Vec<[f64; 4]> {
    let steps = values.iter().map(|value| value.losses.len()).max();
    let at = |step: usize| {
        let (mut sum, mut n) = ([0.0; 4], 0.0);
        for l in values.iter().filter_map(|value| value.losses.get(step)) {
            let new = [l.nll, l.kl, l.wd, l.total];
            sum.iter_mut().zip(new).for_each(|(s, x)| *s += x);
            n += 1.0;
        }
        sum.map(|s| s / n)
    };
    (0..steps.unwrap_or(0)).map(at).collect()
}
