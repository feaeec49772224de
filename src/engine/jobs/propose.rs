//! The probes that the workbench proposes: by relation and object, and by how near
//! other subjects' keys are to the request's.

use super::{Job, moment, probe};
use crate::edit::context::{Row, read_at_subject};
use crate::edit::overlap::cosines;
use crate::edit::{EditError, Request};
use crate::engine::error::{EngineError, Result};
use crate::engine::event::{Outcome, Stage};
use crate::engine::folders::Folders;
use crate::engine::pace::Pace;
use crate::engine::state::{Model, State};
use crate::measure::Probe;
use crate::measure::neighbours::{self, Candidate};
use crate::measure::probes::Probes;
use crate::model::ModelError;
use crate::model::probe::Point;
use faer::Mat;

/// What is asked for.
pub struct Asked {
    pub request: Request,
    pub true_answer: Option<String>,
    pub count: usize,
    /// The layer at which keys are compared; `None`: they are not.
    pub near: Option<usize>,
}

/// Subjects that one pass reads, and whose keys are compared at once.
const ROWS: usize = 64;
/// Of what is proposed, the part that is kept for what is near in key space.
const NEAR: usize = 3;
/// Candidates that are tried for each that is wanted, of a model that may not
/// know them.
const TRIED: usize = 4;

pub fn run(job: &Job, asked: Asked, state: &mut State) -> Result<Outcome> {
    let folders = state.folders.clone();
    let model = state.model()?;
    let (request, count) = (&asked.request, asked.count);
    let old = match asked.true_answer {
        Some(answer) => answer,
        None => probe::model_answer(job, model, request)?,
    };
    let mut found = probe::proposals(job, model, request, &old, count)?;
    let Some(layer) = asked.near else {
        return Ok(Outcome::Proposed(found));
    };
    found.truncate(count - count / NEAR);
    let wanted = count - found.len();
    let near = nearest(job, model, &folders, request, layer)?;
    let near = near
        .into_iter()
        .filter(|new| !found.iter().any(|old| old.prompt == new.prompt));
    let near: Vec<Probe> = match model.is_atlas {
        true => near.take(wanted).collect(),
        false => known(job, model, near.take(TRIED * wanted).collect())?,
    };
    found.extend(near.into_iter().take(wanted));
    Ok(Outcome::Proposed(found))
}

/// A question about every other subject, the one with the nearest key first.
fn nearest(
    job: &Job,
    model: &mut Model,
    folders: &Folders,
    request: &Request,
    layer: usize,
) -> Result<Vec<Probe>> {
    let last = model.pristine.layers() - 1;
    if layer > last {
        return Err(EditError::NoSuchLayer { layer, last }.into());
    }
    let factor = moment::at_hand(model, folders, layer);
    let candidates = neighbours::candidates(&model.world, request);
    let pace = Pace::after(0);
    job.started(Stage::Keys, candidates.len());
    let keys = |rows: &[Row]| -> Result<Mat<f64>> {
        let (decoder, mut brake) = (&model.pristine, job.brake());
        let read = read_at_subject(decoder, rows, layer, &[Point::MlpKey], &mut brake)?;
        Ok(Mat::from_fn(decoder.config.d_mlp, rows.len(), |i, j| {
            read[0][j][i]
        }))
    };
    let row = |wording: &str, subject: &str| Row::new(&model.tokens, "{}", wording, subject);
    let own = keys(&[row(&request.prompt, &request.subject)?])?;
    let mut ranked: Vec<(f64, &Candidate)> = Vec::with_capacity(candidates.len());
    for some in candidates.chunks(ROWS) {
        if job.cancelled() {
            return Err(EngineError::Model(ModelError::Cancelled));
        }
        // What the tokenizer cannot tell, or what is too long, is no neighbour.
        let some: Vec<(&Candidate, Row)> = some
            .iter()
            .filter_map(|one| Some((one, row(&one.wording, &one.subject).ok()?)))
            .filter(|(_, row)| model.pristine.check_length(row.ids.len()).is_ok())
            .collect();
        let rows: Vec<Row> = some.iter().map(|(_, row)| row.clone()).collect();
        if !rows.is_empty() {
            let near = cosines(&keys(&rows)?, &own, factor.as_deref())?;
            ranked.extend(near.into_iter().zip(some.iter().map(|(one, _)| *one)));
        }
        job.progress(
            Stage::Keys,
            ranked.len() as u64,
            candidates.len() as u64,
            &pace,
        );
    }
    ranked.sort_by(|a, b| b.0.abs().total_cmp(&a.0.abs()));
    let probe = |(cosine, one): (f64, &Candidate)| one.probe(cosine, factor.is_some());
    Ok(ranked.into_iter().map(probe).collect())
}

/// Those that the unedited model knows.
fn known(job: &Job, model: &Model, tried: Vec<Probe>) -> Result<Vec<Probe>> {
    let (tokens, pristine) = (&model.tokens, &model.pristine);
    let mut probes = Probes::new(tokens, pristine, &tried)?;
    let rows = probes.before(tokens, pristine, None, &mut job.brake(), |_, _| {})?;
    let all = tried.into_iter().zip(&rows);
    Ok(all
        .filter(|(_, row)| probe::known(row))
        .map(|(p, _)| p)
        .collect())
}
