//! Making an edit, and watching what it moves.

use super::{Job, moment, probe};
use crate::edit::context::{Context, norm, target_ids};
use crate::edit::moment::THIN;
use crate::edit::value::Loss;
use crate::edit::{
    EditSpec, LayerChoice, Made, Method, Plan, Request, defaults, make, stack, templates,
};
use crate::engine::error::Result;
use crate::engine::event::{EventKind, LossStep, Outcome, Stage};
use crate::engine::spec::EditId;
use crate::engine::state::{Model, State};
use crate::measure::score::{Ask, score};
use crate::measure::{EditReport, Elapsed, LayerNorm, Pair, Watch, neighbours, sample};
use crate::model::Decoder;
use std::time::Instant;

/// The published thresholds of ‖ΔW‖/‖W‖.
const DOUBTFUL: f64 = 0.15;
const BROKEN: f64 = 0.50;

pub fn run(
    job: &Job,
    id: EditId,
    spec: EditSpec,
    watch: Watch,
    state: &mut State,
) -> Result<Outcome> {
    let folders = state.folders.clone();
    let model = state.model()?;
    let start = Instant::now();
    let mut elapsed = Elapsed::default();
    let request = &spec.request;
    check(request, model)?;
    let true_answer = match spec.true_answer.as_deref().map(str::trim) {
        Some(answer) if !answer.is_empty() => answer.to_owned(),
        _ => probe::model_answer(job, model, request)?,
    };
    let defaults = defaults::defaults(&model.pristine.config, model.is_atlas);
    let hyper = spec.hyper.clone().unwrap_or(defaults.hyper);
    defaults::check(&hyper)?;
    let layer = match (spec.layer, defaults.layer) {
        (LayerChoice::At(layer), _) | (LayerChoice::Auto, Some(layer)) => layer,
        (LayerChoice::Auto, None) => super::trace::suggest(job, request, model)?,
    };

    let stage = Instant::now();
    let templates = match (spec.templates.clone(), spec.method) {
        (Some(given), _) => given,
        (None, Method::Direct) => vec!["{}".into()],
        (None, _) => {
            job.started(Stage::Templates, 1);
            templates::sample(&model.current, &model.tokens, spec.seed, &mut job.brake())?
        }
    };
    let context = Context::new(&model.tokens, request, &templates)?;
    elapsed.templates = stage.elapsed().as_secs_f64();

    let stage = Instant::now();
    let factor = match spec.method {
        Method::Direct => None,
        _ => Some(moment::factor(
            job,
            model,
            &folders,
            &spec.moments,
            layer,
            hyper.ridge,
        )?),
    };
    elapsed.second_moment = stage.elapsed().as_secs_f64();

    let stage = Instant::now();
    job.started(Stage::Value, hyper.steps);
    let say = |step: usize, loss: Loss| {
        let Loss { nll, kl, wd, total } = loss;
        job.say(EventKind::Loss(LossStep {
            step,
            steps: hyper.steps,
            nll,
            kl,
            wd,
            total,
        }));
    };
    let plan = Plan {
        method: spec.method,
        layer,
        hyper: &hyper,
        factor: factor.as_deref().map(|(factor, _)| factor),
    };
    let made = make(&model.current, &context, plan, &mut job.brake(), say)?;
    elapsed.value = stage.elapsed().as_secs_f64();

    // The new weights, beside the ones in use until the job is done.
    let stage = Instant::now();
    let edited = model.with(&made.update.delta)?;
    elapsed.update = stage.elapsed().as_secs_f64();

    let stage = Instant::now();
    let (p_target, p_true) = answers(job, model, &edited, request, &true_answer)?;
    let mut probes = watch.probes.clone();
    probes.extend(neighbours::propose(
        model.world.as_ref(),
        request,
        &true_answer,
        watch.propose,
    ));
    let rows = match probes.is_empty() {
        true => Vec::new(),
        false => probe::watch(job, &probes, model, &edited)?,
    };
    elapsed.probes = stage.elapsed().as_secs_f64();
    let prompts = if watch.generate.is_empty() {
        vec![request.text()]
    } else {
        watch.generate.clone()
    };
    let generations = match watch.tokens {
        0 => Vec::new(),
        count => probe::continuations(job, &prompts, count, watch.seed, model, &edited)?,
    };
    elapsed.total = start.elapsed().as_secs_f64();

    let relative = made.update.norm / stack::weight_norm(&model.pristine, layer)?;
    let mut report = EditReport {
        model: model.info.name.clone(),
        method: spec.method.name().into(),
        layer,
        hyper,
        templates,
        target_ids: context.target.clone(),
        losses: losses(&made),
        delta_norm: made.value.as_ref().map_or(0.0, |v| norm(&v.delta)),
        t0_norm: made.value.as_ref().map_or(0.0, |v| norm(&v.t0)),
        division_factor: made.update.division_factor,
        update_norm: made.update.norm,
        relative_update_norm: relative,
        p_target,
        p_true,
        true_answer,
        layers: vec![LayerNorm {
            layer,
            relative_update_norm: relative,
        }],
        second_moment: factor.as_ref().map(|f| moment::health(&f.0, &f.1)),
        norm_percentile: sample::percentile(&model.info.norm_sample, relative),
        seed: spec.seed,
        probes: rows,
        generations,
        warnings: Vec::new(),
        elapsed_s: elapsed,
    };
    report.warnings = warnings(&report, &context, &made, request);
    for warning in &report.warnings {
        job.say(EventKind::Warning(warning.clone()));
    }
    if job.cancelled() {
        return Ok(Outcome::Cancelled);
    }
    let deltas = vec![made.update.delta];
    model.push(id, deltas.clone())?;
    Ok(Outcome::Edited {
        id,
        report: Box::new(report),
        deltas,
    })
}

/// Refuses a request before anything is computed for it.
fn check(request: &Request, model: &Model) -> Result<()> {
    Context::new(&model.tokens, request, &["{}".into()])?;
    target_ids(&model.tokens, &request.target)?;
    Ok(())
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

fn losses(made: &Made) -> Vec<[f64; 4]> {
    let losses = made.value.iter().flat_map(|value| &value.losses);
    losses.map(|l| [l.nll, l.kl, l.wd, l.total]).collect()
}

/// What a user should know before trusting the edit, in words.
fn warnings(report: &EditReport, context: &Context, made: &Made, request: &Request) -> Vec<String> {
    let mut said = Vec::new();
    if context.rows[0].subject_last == 0 {
        said.push(
            "the subject is one token at position 0: its key has seen no context; put some words before it".into(),
        );
    }
    if let Some(moment) = report.second_moment.filter(|m| m.tokens_per_dim < THIN) {
        said.push(format!(
            "the second moment is thin: {:.1} tokens per dimension; below {THIN} updates swell, collect it over more text",
            moment.tokens_per_dim
        ));
    }
    if made.value.as_ref().is_some_and(|v| v.clamped) {
        said.push(format!(
            "δ reached its clamp of {} × ‖t₀‖: the fact may need another layer or a larger --clamp",
            report.hyper.clamp
        ));
    }
    let percent = 100.0 * report.relative_update_norm;
    if report.relative_update_norm > BROKEN {
        said.push(format!(
            "the update is {percent:.0} % of the layer's weights: above 50 % models have broken"
        ));
    } else if report.relative_update_norm > DOUBTFUL {
        said.push(format!(
            "the update is {percent:.0} % of the layer's weights: above 15 % is doubtful"
        ));
    }
    if request.target.trim() == report.true_answer {
        said.push("the target is what the model says already".into());
    }
    if report.p_target.after < 0.5 {
        said.push(format!(
            "the edit did not take: p(target) is {:.2} after it",
            report.p_target.after
        ));
    }
    said
}
