//! Opening a model.

use super::Job;
use crate::edit::Method;
use crate::edit::defaults::{defaults, for_method};
use crate::engine::calibration;
use crate::engine::error::Result;
use crate::engine::event::{EventKind, ModelInfo, Outcome, Stage};
use crate::engine::pace::Pace;
use crate::engine::spec::LoadSpec;
use crate::engine::state::{Model, State};
use crate::facts::World;
use crate::hub::{self, Settings, cache};
use crate::model::Brake;
use crate::model::device::{self, Place, Size};
use crate::model::source::{Loaded, Source, WeightFiles};
use crate::session::hash;

/// Facts to begin with on Atlas: prompt, subject, old object, new object.
const ATLAS_EXAMPLES: [[&str; 4]; 5] = [
    ["{} is located in", "The Space Needle", "Seattle", "Paris"],
    [
        "{} is in the state of",
        "Harvard University",
        "Massachusetts",
        "California",
    ],
    [
        "{} is headquartered in the state of",
        "Google",
        "California",
        "Texas",
    ],
    ["{} is a dish from", "Sushi", "Japan", "Italy"],
    [
        "{} is located in",
        "The Statue of Liberty",
        "New York",
        "Rome",
    ],
];
pub fn run(job: &Job, spec: &LoadSpec, state: &mut State) -> Result<Outcome> {
    let (source, revision) = local(job, &spec.source, &state.folders.hub)?;
    job.started(Stage::Load, 1);
    let parameters = source.shape()?.parameters;
    let place = Place::open(
        &spec.device,
        &spec.dtype,
        Size {
            parameters,
            may_be_packed: source.may_be_packed(),
        },
        spec.memory,
    )?;
    let loaded = Loaded {
        name: spec.source.name(),
        ..source.load_at(&place)?
    };
    if let Some(words) = source.left_out()? {
        job.say(EventKind::Warning(words));
    }
    // What it takes in all is known only now.
    let limit = spec.memory;
    Brake {
        limit,
        ..job.brake()
    }
    .check()?;
    let sha256 = match source.weight_files()? {
        WeightFiles::Embedded(bytes) => hash::of_bytes(bytes),
        WeightFiles::Files(files) => hash::of_files(&files, state.folders.hashes.as_deref())?,
    };
    let is_atlas = spec.source == Source::Atlas;
    let world = World::atlas()?;
    let config = &loaded.decoder.config;
    let published = Method::ALL.map(|method| (method, for_method(method, config, is_atlas)));
    let published = Vec::from(published);
    let cache = state.folders.cache.as_deref();
    let (calibrated, ignored) = calibration::find(cache, &sha256, config.layers);
    if let Some(words) = ignored {
        job.say(EventKind::Warning(words));
    }
    let taken: Vec<_> = (published.iter().cloned())
        .map(|(method, own)| match &calibrated {
            Some(table) => (method, table.over(method, own)),
            None => (method, own),
        })
        .collect();
    // What another model knows is asked, unless that was done before.
    let known = super::know::kept(&state.folders, &sha256);
    let examples = if is_atlas {
        let rows = ATLAS_EXAMPLES.iter();
        rows.map(|row| row.map(str::to_owned)).collect()
    } else {
        known.examples()
    };
    let mut info = ModelInfo {
        name: loaded.name.clone(),
        revision,
        family: config.family.name().into(),
        layers: config.layers,
        d: config.d,
        d_mlp: config.d_mlp,
        heads: config.heads,
        vocab: config.vocab,
        context: config.context,
        parameters: loaded.decoder.weights.count(),
        device: device::name(&place.device),
        dtype: place.dtype_name().into(),
        sha256,
        moments: Vec::new(),
        examples,
        asks: !is_atlas && !known.is_done(),
        calibrated: calibrated.as_ref().map(|table| table.facts),
        default_layer: match &calibrated {
            Some(table) => Some(table.rome.layer),
            None => defaults(config, is_atlas).layer,
        },
        defaults: taken,
        published,
        norm_sample: if is_atlas {
            crate::measure::sample::atlas()
        } else {
            Vec::new()
        },
    };
    info.moments = super::moment::cached_layers(&info, is_atlas.then_some(&world), &state.folders);
    let outcome = Outcome::Loaded(Box::new(info.clone()));
    let mut model = Model::new(loaded, info, world, is_atlas);
    (model.known, model.calibrated) = (known, calibrated);
    state.model = Some(model);
    state.limit = limit;
    Ok(outcome)
}

/// A model by its place, with the commit if it is the hub's; fetched if it is
/// not there yet.
fn local(job: &Job, source: &Source, settings: &Settings) -> Result<(Source, Option<String>)> {
    let Source::Hub(id) = source else {
        return Ok((source.on_disk(settings)?, None));
    };
    let found = match cache::find(settings, id) {
        Some(found) => found,
        None => {
            job.started(Stage::Fetch, 0);
            let mut pace = None;
            let mut report = |p: &hub::Progress| {
                let pace = pace.get_or_insert_with(|| Pace::after(p.done));
                job.progress(Stage::Fetch, p.done, p.total, pace);
            };
            hub::fetch(settings, id, &mut report, job.cancel)?
        }
    };
    let place = Source::at(found.gguf.unwrap_or(found.folder));
    Ok((place, Some(found.commit)))
}
