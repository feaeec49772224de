//! Opening a model.

use super::Job;
use crate::edit::Method;
use crate::edit::defaults::{defaults, for_method};
use crate::engine::error::Result;
use crate::engine::event::{EventKind, ModelInfo, Outcome, Stage};
use crate::engine::pace::Pace;
use crate::engine::spec::LoadSpec;
use crate::engine::state::{Model, State};
use crate::facts::World;
use crate::hub::{self, Settings, cache};
use crate::model::Brake;
use crate::model::device::{self, Place};
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
const ANY_EXAMPLES: [[&str; 4]; 3] = [
    [
        "{} is located in the city of",
        "The Space Needle",
        "",
        "Paris",
    ],
    ["{} plays the sport of", "LeBron James", "", "football"],
    ["{} was created by", "The iPhone", "", "Microsoft"],
];

pub fn run(job: &Job, spec: &LoadSpec, state: &mut State) -> Result<Outcome> {
    let (source, revision) = local(job, &spec.source, &state.folders.hub)?;
    job.started(Stage::Load, 1);
    let parameters = source.shape()?.parameters;
    let place = Place::open(&spec.device, &spec.dtype, parameters, spec.memory)?;
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
    let examples: &[[&str; 4]] = if is_atlas {
        &ATLAS_EXAMPLES
    } else {
        &ANY_EXAMPLES
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
        dtype: place.dtype.as_str().into(),
        sha256,
        moments: Vec::new(),
        examples: examples
            .iter()
            .map(|example| example.map(str::to_owned))
            .collect(),
        default_layer: defaults(config, is_atlas).layer,
        defaults: Method::ALL
            .iter()
            .map(|&method| (method, for_method(method, config, is_atlas)))
            .collect(),
        norm_sample: if is_atlas {
            crate::measure::sample::atlas()
        } else {
            Vec::new()
        },
    };
    info.moments = super::moment::cached_layers(&info, is_atlas.then_some(&world), &state.folders);
    let outcome = Outcome::Loaded(Box::new(info.clone()));
    state.model = Some(Model::new(loaded, info, world, is_atlas));
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
