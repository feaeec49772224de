//! What an edit needs before its values are sought, and the seeking.
//!
//! Getting ready may write templates and collect a second moment, which the model
//! keeps; edits that are ready only read it, and can be made side by side.

use crate::edit::context::Context;
use crate::edit::value::Loss;
use crate::edit::{
    EditError, EditSpec, Hyper, LayerChoice, Made, Method, Metric, Request, Task, defaults, make,
    recall, templates,
};
use crate::engine::error::Result;
use crate::engine::event::{EventKind, LossStep, Stage};
use crate::engine::jobs::{Job, moment, trace};
use crate::engine::kept::Written;
use crate::engine::pace::Pace;
use crate::engine::state::{Model, State};
use crate::measure::MomentHealth;
use std::time::Instant;

/// An edit that only its values are missing of.
pub struct Ready {
    method: Method,
    pub hyper: Hyper,
    /// Ascending.
    layers: Vec<usize>,
    pub templates: Vec<String>,
    /// Each fact in its contexts.
    pub facts: Vec<Context>,
    /// What is known of the other keys at each of the layers.
    metrics: Vec<Metric>,
    /// Of the last layer, where the method needs it.
    pub health: Option<MomentHealth>,
    /// Keys of the edits beneath.
    kept_keys: Vec<faer::Mat<f64>>,
    /// Seconds that templates and second moments took.
    pub elapsed: [f64; 2],
    /// That it took in all: a trace for the layer, too.
    pub seconds: f64,
}

impl Ready {
    /// Checks the request and gets what it needs.
    pub fn new(job: &Job, spec: &EditSpec, state: &mut State) -> Result<Ready> {
        let begun = Instant::now();
        let folders = state.folders.clone();
        let model = state.model()?;
        if spec.is_imported() {
            return Err(EditError::Imported.into());
        }
        let asked: Vec<Request> = spec.requests().cloned().collect();
        check(&asked, spec.method, model)?;
        let defaults = defaults::for_method(spec.method, &model.pristine.config, model.is_atlas);
        let defaults = match &model.calibrated {
            Some(table) => table.over(spec.method, defaults),
            None => defaults,
        };
        let hyper = spec.hyper.clone().unwrap_or(defaults.hyper);
        hyper.check()?;
        let layers = layers(job, spec, defaults.layers, model)?;

        let start = Instant::now();
        let templates = match spec.templates.clone() {
            Some(given) => given,
            None => contexts(job, spec, model)?,
        };
        let facts = asked
            .iter()
            .map(|request| Context::new(&model.tokens, request, &templates))
            .collect::<Result<Vec<_>, _>>()?;
        let written = start.elapsed().as_secs_f64();

        let start = Instant::now();
        let known = match spec.method.seeks_value() {
            true => moment::metrics(job, model, &folders, spec, &layers, &hyper)?,
            false => Vec::new(),
        };
        let kept_keys = match spec.method {
            Method::AlphaEdit => kept_keys(job, model, &layers)?,
            _ => Vec::new(),
        };
        Ok(Ready {
            method: spec.method,
            hyper,
            layers,
            templates,
            facts,
            health: known.last().map(|(_, health)| *health),
            metrics: known.into_iter().map(|(metric, _)| metric).collect(),
            kept_keys,
            elapsed: [written, start.elapsed().as_secs_f64()],
            seconds: begun.elapsed().as_secs_f64(),
        })
    }

    /// Seeks the values and makes the change, on top of the current stack.
    pub fn make(&self, job: &Job, model: &Model) -> Result<Made> {
        let mut task = Task {
            decoder: &model.current,
            facts: &self.facts,
            layers: &self.layers,
            hyper: &self.hyper,
            metrics: &self.metrics,
            kept_keys: &self.kept_keys,
            probe: &mut job.brake(),
            each: &mut losses_to(job, self.hyper.steps, self.facts.len(), self.method),
        };
        Ok(make(self.method, &mut task)?)
    }

    /// The layer that a method of one layer rewrites, the last of several.
    pub fn layer(&self) -> usize {
        self.layers.last().copied().unwrap_or(0)
    }
}

/// Refuses requests before anything is computed for them.
pub fn check(asked: &[Request], method: Method, model: &Model) -> Result<()> {
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
            let suggested = trace::suggest(job, &spec.request, model)?;
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
