//! An edit's key beside those of the probes, on the stack without it and with it.

use super::{Job, moment};
use crate::edit::{EditSpec, Hyper};
use crate::engine::error::{EngineError, Result};
use crate::engine::event::{Outcome, Stage};
use crate::engine::pace::Pace;
use crate::engine::spec::Stacked;
use crate::engine::state::State;
use crate::measure::geometry::{self, GeometrySpec, Scene};

pub fn run(job: &Job, spec: &GeometrySpec, state: &mut State) -> Result<Outcome> {
    let folders = state.folders.clone();
    let model = state.model()?;
    if spec.probes.is_empty() {
        return Err(EngineError::NoProbes);
    }
    let made: Vec<u64> = model.edits().map(|((id, _), ..)| id).collect();
    let on = |edit: &&Stacked| made.contains(&edit.id) && edit.on && edit.alpha != 0.0;
    let id = match spec.edit {
        Some(id) => Some(id).filter(|id| made.contains(id)),
        None => model.stack().iter().rev().find(on).map(|edit| edit.id),
    };
    let id = id.ok_or(EngineError::NoKey)?;
    let layers: Vec<usize> = model.deltas(id).iter().map(|delta| delta.layer).collect();
    let layer = spec.layer.or(layers.iter().max().copied());
    let Some(layer) = layer.filter(|layer| layers.contains(layer)) else {
        return Err(EngineError::OtherLayer { layers });
    };
    let mut factor = moment::at_hand(model, &folders, layer);
    if factor.is_none() && spec.collect {
        let of = EditSpec::default();
        moment::metrics(job, model, &folders, &of, &[layer], &Hyper::default())?;
        factor = moment::at_hand(model, &folders, layer);
    }
    // An edit that is off is looked at as if it were on.
    let stack = model.stack().to_vec();
    let without: Vec<Stacked> = stack.iter().copied().filter(|edit| edit.id != id).collect();
    let with: Vec<Stacked> = (stack.into_iter())
        .map(|edit| match edit.id == id {
            true => Stacked {
                on: true,
                alpha: if edit.alpha == 0.0 { 1.0 } else { edit.alpha },
                ..edit
            },
            false => edit,
        })
        .collect();
    let ((without, _), (with, _)) = (model.weights_of(&without)?, model.weights_of(&with)?);
    let asked: Vec<_> = (model.edits().filter(|((of, _), ..)| *of == id))
        .flat_map(|(_, asked, _)| asked.to_vec())
        .collect();
    let old = match (&spec.old, asked.first()) {
        (Some(old), _) => old.clone(),
        (None, Some(first)) => super::probe::model_answer(job, model, first)?,
        (None, None) => String::new(),
    };
    let Some(delta) = model.deltas(id).iter().find(|delta| delta.layer == layer) else {
        return Err(EngineError::UnknownEdit(id));
    };
    let scene = Scene {
        without: &without,
        with: &with,
        tokens: &model.tokens,
        world: &model.world,
        asked: &asked,
        old: &old,
        delta,
        factor: factor.as_deref(),
    };
    let pace = Pace::after(0);
    job.started(Stage::Keys, spec.probes.len());
    let mut each = |done, all| job.progress(Stage::Keys, done as u64, all as u64, &pace);
    let mut report = geometry::look(&scene, spec, &mut job.brake(), &mut each)?;
    report.model.clone_from(&model.info.name);
    report.edit = id;
    Ok(Outcome::Compared(Box::new(report)))
}
