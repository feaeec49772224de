//! The second moment an edit needs: brought, cached, or collected now.

use super::Job;
use crate::edit::moment::{
    About, Cache, CacheKey, Collection, SecondMoment, TOKENS_PER_DIM, Text, partial,
};
use crate::edit::{EditError, Factor, MomentSource};
use crate::engine::error::Result;
use crate::engine::event::{EventKind, Outcome, Stage};
use crate::engine::folders::Folders;
use crate::engine::pace::Pace;
use crate::engine::state::{Model, State};
use crate::measure::MomentHealth;
use std::path::Path;
use std::sync::Arc;

/// The job by itself: collects what is missing at `layers` in one pass.
pub fn run(
    job: &Job,
    layers: &[usize],
    source: &MomentSource,
    lambda: f64,
    state: &mut State,
) -> Result<Outcome> {
    let folders = state.folders.clone();
    let model = state.model()?;
    let text = text(source, model)?;
    let found = moments(job, model, &folders, &text, layers)?;
    let mut rows = Vec::with_capacity(found.len());
    for moment in found {
        let factor = moment.factor(lambda)?;
        rows.push((moment.about.layer, health(&factor, &moment.about)));
    }
    Ok(Outcome::Moments(rows))
}

/// What is to be told of a second moment.
pub fn health(factor: &Factor, about: &About) -> MomentHealth {
    MomentHealth {
        tokens: about.tokens,
        tokens_per_dim: about.tokens as f64 / factor.d_k() as f64,
        condition: factor.condition,
        ridge: factor.ridge,
        drift: about.drift,
    }
}

/// C's factor at `layer` with its ridge; kept for as long as the model is open.
pub fn factor(
    job: &Job,
    model: &mut Model,
    folders: &Folders,
    source: &MomentSource,
    layer: usize,
    lambda: f64,
) -> Result<Arc<(Factor, About)>> {
    // A user's file may change under the same name: it is read each time.
    if let MomentSource::File(path) = source {
        let moment = SecondMoment::read(path, model.pristine.config.d_mlp, layer)?;
        return Ok(Arc::new((moment.factor(lambda)?, moment.about)));
    }
    let text = text(source, model)?;
    let name = format!("{layer} {lambda} {}", text.hash());
    if let Some(factor) = model.factors.get(&name) {
        return Ok(Arc::clone(factor));
    }
    let found = moments(job, model, folders, &text, &[layer])?;
    let last = model.pristine.layers() - 1;
    let moment = (found.into_iter().next()).ok_or(EditError::NoSuchLayer { layer, last })?;
    let factor = Arc::new((moment.factor(lambda)?, moment.about));
    model.factors.insert(name, Arc::clone(&factor));
    Ok(factor)
}

fn text(source: &MomentSource, model: &Model) -> Result<Text> {
    Ok(match (source, &model.world) {
        (MomentSource::Text(path), _) => Text::file(path)?,
        (_, Some(world)) => Text::of_world(world),
        (_, None) => Text::plain(),
    })
}

/// C at each of `layers`, from the cache where it is there; the others are
/// collected in one pass. A broken-off pass is kept and gone on with.
fn moments(
    job: &Job,
    model: &Model,
    folders: &Folders,
    text: &Text,
    layers: &[usize],
) -> Result<Vec<SecondMoment>> {
    let d_k = model.pristine.config.d_mlp;
    let wanted = TOKENS_PER_DIM * d_k;
    let text_hash = text.hash();
    let key = |layer: usize| CacheKey {
        weights: model.info.sha256.clone(),
        layer,
        text: text_hash.clone(),
        wanted_tokens: wanted,
    };
    let cache = folders.cache.as_ref().map(Cache::new);
    let cached = |layer: usize| cache.as_ref()?.load(&key(layer), d_k);
    let mut found: Vec<(usize, Option<SecondMoment>)> =
        layers.iter().map(|&layer| (layer, cached(layer))).collect();
    let missing: Vec<usize> = (found.iter().filter(|(_, moment)| moment.is_none()))
        .map(|(layer, _)| *layer)
        .collect();
    if !missing.is_empty() {
        let keys: Vec<CacheKey> = missing.iter().map(|&layer| key(layer)).collect();
        let partly = cache.as_ref().map(|cache| cache.partial(&keys));
        let kept = partly
            .as_deref()
            .and_then(|path| partial::load(path, d_k, &missing));
        let collection = match kept {
            Some(kept) => kept,
            // Of the pristine model: an edit must not change what the next is measured with.
            None => Collection::new(&model.pristine, &missing)?,
        };
        let collected = collect(job, model, text, wanted, collection, partly.as_deref())?;
        for (key, moment) in keys.iter().zip(&collected) {
            if let Some(Err(error)) = cache.as_ref().map(|cache| cache.store(key, moment)) {
                let words = format!("the second moment was not kept: {error}");
                job.say(EventKind::Warning(words));
            }
        }
        if let Some(path) = partly {
            // Often there is none.
            let _ = std::fs::remove_file(path);
        }
        let mut collected = collected.into_iter();
        for (_, moment) in found.iter_mut().filter(|(_, moment)| moment.is_none()) {
            *moment = collected.next();
        }
    }
    Ok(found.into_iter().filter_map(|(_, moment)| moment).collect())
}

/// Goes on until there is enough. What was read is kept in `partly` where that
/// is cut short: a cancelled collection goes on where it was.
fn collect(
    job: &Job,
    model: &Model,
    text: &Text,
    wanted: usize,
    mut collection: Collection,
    partly: Option<&Path>,
) -> Result<Vec<SecondMoment>> {
    job.started(Stage::SecondMoment, wanted);
    let first = collection.tokens();
    let pace = Pace::after(first as u64);
    let sequences = text.sequences(&model.tokens, &model.pristine);
    let run = collection.run(&model.pristine, sequences, wanted, &mut job.brake(), |p| {
        job.progress(Stage::SecondMoment, p.tokens as u64, p.wanted as u64, &pace);
    });
    if let (Err(_), Some(path)) = (&run, partly)
        && collection.tokens() > first
        && let Err(error) = partial::save(&collection, path)
    {
        tracing::warn!(%error, "a collection that was broken off was not kept");
    }
    run?;
    Ok(collection.finish()?)
}
