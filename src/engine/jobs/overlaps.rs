//! The keys of the edits beside one another.
//!
//! An edit's key here is the one that its bare prompt has in the *unedited*
//! model: that is the key which asks for the fact later, it depends on no order
//! and no α, and it is read once. The key an edit was solved for is a mean over
//! templates; it would cost twenty prompts an edit and differs little.

use super::{Job, moment};
use crate::edit::overlap::{CROWDED, Keys, Overlap};
use crate::edit::{Context, Request, recall};
use crate::engine::error::{EngineError, Result};
use crate::engine::event::LayerOverlaps;
use crate::engine::folders::Folders;
use crate::engine::kept::Made;
use crate::engine::state::Model;
use crate::model::ModelError;
use std::collections::{BTreeMap, BTreeSet};

/// Facts of one edit whose keys are compared: of an edit of thousands, the
/// first stand for the rest.
const FACTS: usize = 32;

/// Every pair of edits of each layer that has edits.
pub fn of_stack(job: &Job, model: &mut Model, folders: &Folders) -> Result<Vec<LayerOverlaps>> {
    let mut by_layer: BTreeMap<usize, Vec<Asked>> = BTreeMap::new();
    for (made, asked, layers) in model.edits() {
        for layer in layers {
            let asked = (made, first(asked));
            by_layer.entry(layer).or_default().push(asked);
        }
    }
    let mut all = Vec::with_capacity(by_layer.len());
    for (layer, edits) in by_layer {
        let in_c = read(job, model, folders, layer, &edits)?;
        let keys = |(made, _): &Asked| model.kept.keys.get(&(*made, layer, in_c));
        let keys: Vec<&Keys> = edits.iter().filter_map(keys).collect();
        let row = |own: &&Keys| match job.cancelled() {
            true => Err(EngineError::Model(ModelError::Cancelled)),
            false => Ok(keys.iter().map(|other| own.overlap(other)).collect()),
        };
        all.push(LayerOverlaps {
            layer,
            in_c,
            ids: edits.iter().map(|((id, _), _)| *id).collect(),
            pairs: keys.iter().map(row).collect::<Result<_>>()?,
        });
    }
    Ok(all)
}

/// What to say of a new edit whose key an earlier one has already.
pub fn warning(
    job: &Job,
    model: &mut Model,
    folders: &Folders,
    asked: &[Request],
    layers: &[usize],
) -> Result<Option<String>> {
    let on: BTreeSet<u64> = (model.stack().iter().filter(|s| s.on && s.alpha != 0.0))
        .map(|s| s.id)
        .collect();
    let beneath: Vec<(Asked, Vec<usize>)> = model
        .edits()
        .filter(|((id, _), _, _)| on.contains(id))
        .map(|(made, asked, layers)| ((made, first(asked)), layers))
        .collect();
    let mut worst: Option<(&Asked, Overlap)> = None;
    for layer in layers {
        let there: Vec<&Asked> = (beneath.iter().filter(|(_, of)| of.contains(layer)))
            .map(|(edit, _)| edit)
            .collect();
        if there.is_empty() {
            continue;
        }
        let edits: Vec<Asked> = there.iter().map(|edit| (*edit).clone()).collect();
        let in_c = read(job, model, folders, *layer, &edits)?;
        let factor = match in_c {
            true => moment::at_hand(model, folders, *layer),
            false => None,
        };
        let new = keys(job, model, &first(asked), *layer)?;
        let new = Keys::new(new, factor.as_deref())?;
        for edit in there {
            let Some(old) = model.kept.keys.get(&(edit.0, *layer, in_c)) else {
                continue;
            };
            let found = old.overlap(&new);
            if worst.is_none_or(|(_, worst)| found.cosine.abs() > worst.cosine.abs()) {
                worst = Some((edit, found));
            }
        }
    }
    let Some((((id, _), old), found)) = worst.filter(|(_, o)| o.cosine.abs() > CROWDED) else {
        return Ok(None);
    };
    let place = model.stack().iter().position(|s| s.id == *id).unwrap_or(0) + 1;
    let subject = old.first().map_or("", |request| request.subject.as_str());
    Ok(Some(format!(
        "overlaps edit {place} ({subject}) by {:.2} and moves what that one wrote: switch one off, or edit another layer",
        found.cosine
    )))
}

/// An edit with its first facts.
type Asked = (Made, Vec<Request>);

fn first(asked: &[Request]) -> Vec<Request> {
    asked.iter().take(FACTS).cloned().collect()
}

/// Makes sure that the keys of `edits` at `layer` are kept; whether they are in
/// the metric of C.
fn read(
    job: &Job,
    model: &mut Model,
    folders: &Folders,
    layer: usize,
    edits: &[Asked],
) -> Result<bool> {
    let factor = moment::at_hand(model, folders, layer);
    let in_c = factor.is_some();
    for (made, asked) in edits {
        let name = (*made, layer, in_c);
        if !model.kept.keys.contains_key(&name) {
            let keys = keys(job, model, asked, layer)?;
            let keys = Keys::new(keys, factor.as_deref())?;
            model.kept.keys.insert(name, keys);
        }
    }
    Ok(in_c)
}

/// K `[d_k, n]` of the bare prompts in the unedited model.
fn keys(job: &Job, model: &Model, asked: &[Request], layer: usize) -> Result<faer::Mat<f64>> {
    let bare = ["{}".to_owned()];
    let facts = asked
        .iter()
        .map(|request| Context::new(&model.tokens, request, &bare))
        .collect::<Result<Vec<_>, _>>()?;
    let (pristine, mut brake) = (&model.pristine, job.brake());
    Ok(recall::keys(pristine, &facts, layer, &mut brake)?)
}
