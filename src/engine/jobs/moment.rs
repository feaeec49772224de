//! The second moment an edit needs: brought, cached, or collected now.

use super::Job;
use crate::edit::moment::{
    Cache, CacheKey, Collection, NullSpace, SecondMoment, TOKENS_PER_DIM, Text, partial,
};
use crate::edit::{EditError, EditSpec, Factor, Hyper, Method, Metric, MomentSource};
use crate::engine::error::Result;
use crate::engine::event::{EventKind, ModelInfo, Outcome, Stage};
use crate::engine::folders::Folders;
use crate::engine::pace::Pace;
use crate::engine::state::{Model, State};
use crate::facts::World;
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
    let (found, not_kept) = moments(job, model, &folders, &text, layers)?;
    let mut rows = Vec::with_capacity(found.len());
    for moment in found {
        let factor = moment.factor(lambda)?;
        let health = health(&moment, factor.condition, factor.ridge);
        rows.push((moment.about.layer, health));
    }
    Ok(Outcome::Moments {
        layers: rows,
        not_kept: not_kept.map(|error| error.to_string()),
    })
}

/// What is to be told of a second moment.
fn health(moment: &SecondMoment, condition: f64, ridge: f64) -> MomentHealth {
    MomentHealth {
        tokens: moment.about.tokens,
        tokens_per_dim: moment.tokens_per_dim(),
        condition,
        ridge,
        drift: moment.about.drift,
    }
}

/// What `method` is to know of the other keys at each of `layers`: C's factor
/// with its ridge, or its null space; kept for as long as the model is open.
pub fn metrics(
    job: &Job,
    model: &mut Model,
    folders: &Folders,
    spec: &EditSpec,
    layers: &[usize],
    hyper: &Hyper,
) -> Result<Vec<(Metric, MomentHealth)>> {
    let make = |moment: &SecondMoment| metric(spec.method, moment, hyper);
    // A user's file may change under the same name: it is read each time.
    if let MomentSource::File(path) = &spec.moments {
        let d_k = model.pristine.config.d_mlp;
        return match layers {
            [layer] => Ok(vec![make(&SecondMoment::read(path, d_k, *layer)?)?]),
            _ => Err(EditError::Moment {
                path: path.clone(),
                reason: "it is of one layer, and this edit spreads over several".into(),
            }
            .into()),
        };
    }
    let text = text(&spec.moments, model)?;
    let kind = match spec.method {
        Method::AlphaEdit => format!("below {} {}", hyper.threshold, hyper.relative_threshold),
        _ => format!("ridge {}", hyper.ridge),
    };
    let hash = text.hash();
    let name = |layer: usize| format!("{layer} {kind} {hash}");
    let new = |layer: &usize| !model.metrics.contains_key(&name(*layer));
    let missing: Vec<usize> = layers.iter().copied().filter(new).collect();
    let (found, not_kept) = moments(job, model, folders, &text, &missing)?;
    if let Some(error) = not_kept {
        job.say(EventKind::Warning(error.to_string()));
    }
    for moment in found {
        let made = make(&moment)?;
        model.metrics.insert(name(moment.about.layer), made);
    }
    let last = model.pristine.layers() - 1;
    let of = |&layer: &usize| match model.metrics.get(&name(layer)) {
        Some(metric) => Ok(metric.clone()),
        None => Err(EditError::NoSuchLayer { layer, last }.into()),
    };
    layers.iter().map(of).collect()
}

fn metric(method: Method, moment: &SecondMoment, hyper: &Hyper) -> Result<(Metric, MomentHealth)> {
    if method == Method::AlphaEdit {
        let space = NullSpace::of(moment, hyper)?;
        let health = health(moment, space.condition, 0.0);
        return Ok((Metric::NullSpace(Arc::new(space)), health));
    }
    let factor = moment.factor(hyper.ridge)?;
    let health = health(moment, factor.condition, factor.ridge);
    Ok((Metric::Factor(Arc::new(factor)), health))
}

fn text(source: &MomentSource, model: &Model) -> Result<Text> {
    match source {
        MomentSource::Text(path) => Ok(Text::file(path)?),
        _ => Ok(own_text(model.is_atlas.then_some(&model.world))),
    }
}

/// The program's own text for a model that was trained on `world`, or on none of ours.
fn own_text(world: Option<&World>) -> Text {
    world.map_or_else(Text::plain, Text::of_world)
}

/// C's factor at `layer` where it is at hand: in memory from an earlier edit, or
/// cached on disk. Nothing is collected for it.
pub fn at_hand(model: &mut Model, folders: &Folders, layer: usize) -> Option<Arc<Factor>> {
    /// Keys this wide take some seconds to factor, in which nothing else runs.
    const WIDEST: usize = 8192;
    let prefix = format!("{layer} ridge ");
    let of = |metric: &Metric| match metric {
        Metric::Factor(factor) => Some(Arc::clone(factor)),
        Metric::NullSpace(_) => None,
    };
    let mut made = model
        .metrics
        .iter()
        .filter(|(name, _)| name.starts_with(&prefix));
    if let Some(factor) = made.find_map(|(_, (metric, _))| of(metric)) {
        return Some(factor);
    }
    let d_k = model.pristine.config.d_mlp;
    let cache = Cache::new(folders.cache.as_ref().filter(|_| d_k <= WIDEST)?);
    let hash = own_text(model.is_atlas.then_some(&model.world)).hash();
    let moment = cache.load(&key(&model.info, &hash, layer), d_k)?;
    let ridge = Hyper::default().ridge;
    let factor = Arc::new(moment.factor(ridge).ok()?);
    // Under the name by which an edit looks for it.
    let health = health(&moment, factor.condition, factor.ridge);
    let metric = (Metric::Factor(Arc::clone(&factor)), health);
    let name = format!("{prefix}{ridge} {hash}");
    model.metrics.insert(name, metric);
    Some(factor)
}

/// The layers whose second moment over the program's own text is in the cache.
pub fn cached_layers(info: &ModelInfo, world: Option<&World>, folders: &Folders) -> Vec<usize> {
    let Some(cache) = folders.cache.as_ref().map(Cache::new) else {
        return Vec::new();
    };
    let text = own_text(world).hash();
    (0..info.layers)
        .filter(|&layer| cache.holds(&key(info, &text, layer)))
        .collect()
}

/// The name of C at a layer. Other precisions have other keys.
fn key(info: &ModelInfo, text: &str, layer: usize) -> CacheKey {
    let weights = match info.dtype.as_str() {
        "f32" | "packed" => info.sha256.clone(),
        half => format!("{} {half}", info.sha256),
    };
    CacheKey {
        weights,
        layer,
        text: text.to_owned(),
        wanted_tokens: TOKENS_PER_DIM * info.d_mlp,
    }
}

/// C at each of `layers`, from the cache where it is there; the others are
/// collected in one pass. A broken-off pass is kept and gone on with. The error, if
/// there is one, says why the next job has to collect again.
fn moments(
    job: &Job,
    model: &Model,
    folders: &Folders,
    text: &Text,
    layers: &[usize],
) -> Result<(Vec<SecondMoment>, Option<EditError>)> {
    let d_k = model.pristine.config.d_mlp;
    let wanted = TOKENS_PER_DIM * d_k;
    let text_hash = text.hash();
    let key = |layer: usize| key(&model.info, &text_hash, layer);
    let cache = folders.cache.as_ref().map(Cache::new);
    let cached = |layer: usize| cache.as_ref()?.load(&key(layer), d_k);
    let mut found: Vec<(usize, Option<SecondMoment>)> =
        layers.iter().map(|&layer| (layer, cached(layer))).collect();
    let missing: Vec<usize> = (found.iter().filter(|(_, moment)| moment.is_none()))
        .map(|(layer, _)| *layer)
        .collect();
    let mut not_kept = None;
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
                not_kept = Some(error);
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
    let found = found.into_iter().filter_map(|(_, moment)| moment).collect();
    Ok((found, not_kept))
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
    let mut drift = None;
    let run = collection.run(&model.pristine, sequences, wanted, &mut job.brake(), |p| {
        job.progress(Stage::SecondMoment, p.tokens as u64, p.wanted as u64, &pace);
        if p.drift != drift
            && let Some(now) = p.drift
        {
            drift = p.drift;
            job.say(EventKind::Drift(now));
        }
    });
    if let (Err(_), Some(path)) = (&run, partly)
        && collection.tokens() > first
        && let Err(error) = partial::save(&collection, path)
    {
        // Who cancels relies on it: that it is lost is the news.
        return Err(error.into());
    }
    run?;
    Ok(collection.finish()?)
}
