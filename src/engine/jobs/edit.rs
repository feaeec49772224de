//! Making an edit, and watching what it moves.

use super::{Job, moment, overlaps, probe, warnings};
use crate::edit::context::{Context, norm};
use crate::edit::value::{Loss, Value};
use crate::edit::{
    Delta, EditError, EditSpec, LayerChoice, Made, Method, Metric, Request, Task, defaults, make,
    recall, stack, templates,
};
use crate::engine::error::Result;
use crate::engine::event::{EventKind, LossStep, Outcome, Stage};
use crate::engine::kept::Written;
use crate::engine::pace::Pace;
use crate::engine::spec::EditId;
use crate::engine::state::{Model, State};
use crate::measure::score::{Ask, score};
use crate::measure::{
    EditReport, Elapsed, FactRow, Generation, LayerNorm, Pair, ProbeRow, Watch, sample,
};
use crate::model::Decoder;
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
    Ok(Outcome::Tried(Box::new(report)))
}

/// The edit as it would be on top of the current stack, and its factors.
pub(super) fn attempt(
    job: &Job,
    spec: &EditSpec,
    watch: &Watch,
    state: &mut State,
) -> Result<(EditReport, Vec<Delta>)> {
    let folders = state.folders.clone();
    let model = state.model()?;
    let start = Instant::now();
    let mut elapsed = Elapsed::default();
    if spec.is_imported() {
        return Err(EditError::Imported.into());
    }
    let request = &spec.request;
    let asked: Vec<Request> = spec.requests().cloned().collect();
    check(&asked, spec.method, model)?;
    let true_answer = old_answer(job, spec, model)?;
    let config = &model.pristine.config;
    let defaults = defaults::for_method(spec.method, config, model.is_atlas);
    let hyper = spec.hyper.clone().unwrap_or(defaults.hyper);
    hyper.check()?;
    let layers = layers(job, spec, defaults.layers, model)?;
    let layer = layers.last().copied().unwrap_or(0);

    let stage = Instant::now();
    let templates = match spec.templates.clone() {
        Some(given) => given,
        None => contexts(job, spec, model)?,
    };
    let facts = asked
        .iter()
        .map(|request| Context::new(&model.tokens, request, &templates))
        .collect::<Result<Vec<_>, _>>()?;
    elapsed.templates = stage.elapsed().as_secs_f64();

    let stage = Instant::now();
    let known = match spec.method.seeks_value() {
        true => moment::metrics(job, model, &folders, spec, &layers, &hyper)?,
        false => Vec::new(),
    };
    let kept_keys = match spec.method {
        Method::AlphaEdit => kept_keys(job, model, &layers)?,
        _ => Vec::new(),
    };
    elapsed.second_moment = stage.elapsed().as_secs_f64();

    let stage = Instant::now();
    let metrics: Vec<Metric> = known.iter().map(|(metric, _)| metric.clone()).collect();
    let mut task = Task {
        decoder: &model.current,
        facts: &facts,
        layers: &layers,
        hyper: &hyper,
        metrics: &metrics,
        kept_keys: &kept_keys,
        probe: &mut job.brake(),
        each: &mut losses_to(job, hyper.steps, facts.len(), spec.method),
    };
    let made = make(spec.method, &mut task)?;
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
    let (update_norm, relative) = norms
        .last()
        .map_or((0.0, 0.0), |(n, l)| (*n, l.relative_update_norm));
    let largest = norms
        .iter()
        .map(|(_, l)| l.relative_update_norm)
        .fold(relative, f64::max);
    let mean = |of: fn(&Value) -> &Vec<f64>| {
        let all = made.values.iter().map(|value| norm(of(value)));
        all.sum::<f64>() / made.values.len().max(1) as f64
    };
    let mut report = EditReport {
        model: model.info.name.clone(),
        method: spec.method.name().into(),
        layer,
        hyper,
        templates,
        target_ids: facts[0].target.clone(),
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
        second_moment: known.last().map(|(_, health)| *health),
        norm_percentile: sample::percentile(&model.info.norm_sample, largest),
        seed: spec.seed,
        facts: rows,
        probes,
        generations,
        warnings: Vec::new(),
        validation: None,
        elapsed_s: elapsed,
    };
    let moved: Vec<usize> = made.deltas.iter().map(|delta| delta.layer).collect();
    report.warnings = warnings::of(&report, &facts, &made, &asked);
    let crowded = overlaps::warning(job, model, &folders, &asked, &moved)?;
    report.warnings.extend(crowded);
    for warning in &report.warnings {
        job.say(EventKind::Warning(warning.clone()));
    }
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

/// Refuses requests before anything is computed for them.
pub(super) fn check(asked: &[Request], method: Method, model: &Model) -> Result<()> {
    if asked.len() > 1 && !method.takes_many() {
        let method = method.name();
        return Err(EditError::OneAtATime { method }.into());
    }
    for request in asked {
        Context::new(&model.tokens, request, &["{}".into()])?;
    }
    for (i, request) in asked.iter().enumerate() {
        let alike = |other: &&Request| {
            (&other.prompt, &other.subject) == (&request.prompt, &request.subject)
        };
        if let Some(other) = asked[..i].iter().find(alike) {
            return Err(EditError::Conflict {
                text: request.text(),
                first: other.target.trim().into(),
                second: request.target.trim().into(),
            }
            .into());
        }
    }
    Ok(())
}

/// The layers to rewrite, ascending: the user's, the model's known ones, else
/// around what a trace suggests.
fn layers(
    job: &Job,
    spec: &EditSpec,
    known: Option<(usize, usize)>,
    model: &Model,
) -> Result<Vec<usize>> {
    let last = model.pristine.layers() - 1;
    let (first, end) = match (spec.layer, known) {
        (LayerChoice::At(layer), _) => (layer, layer),
        (LayerChoice::Span(first, end), _) => (first, end),
        (LayerChoice::Auto, Some(known)) => known,
        (LayerChoice::Auto, None) => {
            let suggested = super::trace::suggest(job, &spec.request, model)?;
            defaults::around(spec.method, suggested, last + 1)
        }
    };
    if first > end || end > last {
        return Err(EditError::NoSuchLayer {
            layer: end.max(first),
            last,
        }
        .into());
    }
    if first < end && !spec.method.spreads() {
        let method = spec.method.name();
        return Err(EditError::OneLayer { method }.into());
    }
    Ok((first..=end).collect())
}

/// The templates that a method averages over, written by the model as it is now.
fn contexts(job: &Job, spec: &EditSpec, model: &mut Model) -> Result<Vec<String>> {
    if !spec.method.seeks_value() {
        return Ok(vec!["{}".into()]);
    }
    let few = !matches!(spec.method, Method::Rome | Method::RRome);
    let written = Written {
        on: model.recipes().clone(),
        seed: spec.seed,
        few,
    };
    if let Some((_, known)) = model.kept.templates.iter().find(|(w, _)| *w == written) {
        return Ok(known.clone());
    }
    job.started(Stage::Templates, 1);
    let (decoder, tokens) = (&model.current, &model.tokens);
    let new = match few {
        false => templates::sample(decoder, tokens, spec.seed, &mut job.brake())?,
        true => templates::sample_few(decoder, tokens, spec.seed, &mut job.brake())?,
    };
    // One of each kind: what other weights wrote is not asked for again.
    model.kept.templates.retain(|(w, _)| w.few != few);
    model.kept.templates.push((written, new.clone()));
    Ok(new)
}

/// The keys of the edits that are on, at each of `layers`.
fn kept_keys(job: &Job, model: &Model, layers: &[usize]) -> Result<Vec<faer::Mat<f64>>> {
    let facts = model
        .requests_on()
        .map(|request| Context::new(&model.tokens, request, &["{}".into()]))
        .collect::<Result<Vec<_>, _>>()?;
    let keys = |&layer: &usize| recall::keys(&model.current, &facts, layer, &mut job.brake());
    Ok(layers.iter().map(keys).collect::<Result<_, _>>()?)
}

/// Tells the losses of one fact as they fall, and of many how far they are.
fn losses_to<'a>(
    job: &'a Job,
    steps: usize,
    facts: usize,
    method: Method,
) -> impl FnMut(usize, usize, Loss) + 'a {
    job.started(Stage::Value, steps);
    let alone = facts == 1 || !method.seeks_value();
    let (pace, mut done) = (Pace::after(0), 0);
    move |_, step, loss| {
        let Loss { nll, kl, wd, total } = loss;
        done += 1;
        if alone {
            job.say(EventKind::Loss(LossStep {
                step,
                steps,
                nll,
                kl,
                wd,
                total,
            }));
        } else if done % facts as u64 == 0 {
            job.progress(Stage::Value, done, (facts * steps) as u64, &pace);
        }
    }
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
