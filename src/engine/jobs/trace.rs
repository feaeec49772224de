//! A causal trace, cell by cell.

use super::Job;
use crate::edit::{Request, defaults};
use crate::engine::error::Result;
use crate::engine::event::{EventKind, Outcome, Stage};
use crate::engine::pace::Pace;
use crate::engine::state::Model;
use crate::model::ModelError;
use crate::trace::noise::embedding_deviation;
use crate::trace::{self, Step, SubjectRow, TraceSpec, Traced};
use std::path::Path;

/// The subjects of the facts that GPT-2 XL knows: the published list for the
/// noise scale. See `assets/trace/SOURCES.md`.
const KNOWN_SUBJECTS: &[u8] = include_bytes!("../../../assets/trace/known_subjects.json");

pub fn run(job: &Job, spec: &TraceSpec, model: &Model) -> Result<Outcome> {
    let pace = Pace::after(0);
    let mut total = 0_u64;
    let mut done = 0_u64;
    let kinds = spec.kinds.len();
    let spec = with_noise_scale(spec.clone(), model)?;
    let mut tell = |step| match step {
        Step::Ready(header) => {
            let cells = header.tokens.len() * header.layers * kinds;
            total = cells as u64;
            job.started(Stage::Trace, cells);
            job.say(EventKind::TraceReady(header));
        }
        Step::Cell(cell) => {
            let (kind, token, layer, p) = (cell.kind, cell.token, cell.layer, cell.p);
            job.say(EventKind::Cell {
                kind,
                token,
                layer,
                p,
            });
            done += 1;
            job.progress(Stage::Trace, done, total, &pace);
        }
        Step::Warning(text) => job.say(EventKind::Warning(text)),
    };
    let mut report = trace::trace(traced(model), &spec, job.brake(), &mut tell)?;
    // Of Atlas nothing is published; its default is its own.
    let known = defaults::defaults(&model.pristine.config, model.is_atlas).layer;
    report.published_layer = known.filter(|_| !model.is_atlas);
    Ok(Outcome::Traced(Box::new(report)))
}

/// The layer that a trace of this fact suggests.
pub fn suggest(job: &Job, request: &Request, model: &Model) -> Result<usize> {
    let spec = with_noise_scale(of(request), model)?;
    Ok(trace::suggest(traced(model), &spec, job.brake())?)
}

/// How strongly each layer recalls it.
pub fn subject_row(job: &Job, request: &Request, model: &Model) -> Result<SubjectRow> {
    let spec = with_noise_scale(of(request), model)?;
    Ok(trace::subject_row(traced(model), &spec, job.brake())?)
}

/// What each layer's MLPs regain of the answer.
pub fn recalled(job: &Job, request: &Request, model: &Model) -> Result<Outcome> {
    let row = subject_row(job, request, model)?;
    let regained = row.scores.iter().map(|p| p - row.low);
    Ok(Outcome::Recalled(regained.collect()))
}

fn of(request: &Request) -> TraceSpec {
    TraceSpec {
        prompt: request.text(),
        subject: request.subject.clone(),
        ..TraceSpec::default()
    }
}

fn traced(model: &Model) -> Traced<'_> {
    Traced {
        name: &model.info.name,
        decoder: &model.current,
        tokens: &model.tokens,
        known_subjects: &[],
    }
}

/// Fills in the noise scale from σ, which thousands of subjects are tokenised
/// for: once for as long as the model is open. No edit changes embeddings.
fn with_noise_scale(mut spec: TraceSpec, model: &Model) -> Result<TraceSpec> {
    if spec.noise_scale.is_none() {
        let sigma = match model.sigma.get() {
            Some(&sigma) => sigma,
            None => {
                let subjects = known_subjects(model)?;
                let sigma = embedding_deviation(&model.pristine, &model.tokens, &subjects)?;
                *model.sigma.get_or_init(|| sigma.unwrap_or(f64::NAN))
            }
        };
        spec.noise_scale = Some(spec.noise * sigma);
    }
    Ok(spec)
}

fn known_subjects(model: &Model) -> Result<Vec<String>> {
    if model.is_atlas {
        return Ok(model.world.subjects().map(str::to_owned).collect());
    }
    let damaged = |e: serde_json::Error| ModelError::Config {
        path: Path::new("assets/trace/known_subjects.json").to_owned(),
        reason: e.to_string(),
    };
    Ok(serde_json::from_slice(KNOWN_SUBJECTS).map_err(damaged)?)
}
