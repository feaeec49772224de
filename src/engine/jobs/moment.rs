//! The second moment an edit needs: brought, cached, or collected now.

use super::Job;
use crate::edit::moment::{About, Cache, CacheKey, SecondMoment, TOKENS_PER_DIM, Text, collect};
use crate::edit::{Factor, MomentSource};
use crate::engine::error::Result;
use crate::engine::event::{EventKind, Stage};
use crate::engine::folders::Folders;
use crate::engine::state::Model;
use std::sync::Arc;
use std::time::Instant;

/// C's factor at `layer` with its ridge; kept for as long as the model is open.
pub fn factor(
    job: &Job,
    model: &mut Model,
    folders: &Folders,
    source: &MomentSource,
    layer: usize,
    lambda: f64,
) -> Result<Arc<(Factor, About)>> {
    // A user's file may change under the same name; what it says is in the key.
    let text = match source {
        MomentSource::File(path) => {
            let moment = SecondMoment::read(path, model.pristine.config.d_mlp, layer)?;
            return Ok(Arc::new((moment.factor(lambda)?, moment.about)));
        }
        MomentSource::Text(path) => Text::file(path)?,
        MomentSource::Auto => match &model.world {
            Some(world) => Text::of_world(world),
            None => Text::plain(),
        },
    };
    let wanted = TOKENS_PER_DIM * model.pristine.config.d_mlp;
    let text_hash = text.hash();
    let name = format!("{layer} {lambda} {text_hash}");
    if let Some(factor) = model.factors.get(&name) {
        return Ok(Arc::clone(factor));
    }
    let key = CacheKey {
        weights: model.info.sha256.clone(),
        layer,
        text: text_hash,
        wanted_tokens: wanted,
    };
    let cache = folders.cache.as_ref().map(Cache::new);
    let cached = cache
        .as_ref()
        .and_then(|cache| cache.load(&key, model.pristine.config.d_mlp));
    let moment = match cached {
        Some(moment) => moment,
        None => {
            job.started(Stage::SecondMoment, wanted);
            let since = Instant::now();
            let sequences = text.sequences(&model.tokens, &model.pristine);
            // Of the pristine model: an edit must not change what the next is measured with.
            let collected = collect(
                &model.pristine,
                sequences,
                &[layer],
                wanted,
                &mut job.brake(),
                |p| {
                    job.progress(Stage::SecondMoment, p.tokens, p.wanted, since);
                },
            )?;
            let moment = collected.moments.into_iter().next().ok_or(
                crate::edit::EditError::NoSuchLayer {
                    layer,
                    last: model.pristine.layers() - 1,
                },
            )?;
            if let Some(Err(error)) = cache.map(|cache| cache.store(&key, &moment)) {
                job.say(EventKind::Warning(format!(
                    "the second moment was not kept: {error}"
                )));
            }
            moment
        }
    };
    let factor = Arc::new((moment.factor(lambda)?, moment.about));
    model.factors.insert(name, Arc::clone(&factor));
    Ok(factor)
}
