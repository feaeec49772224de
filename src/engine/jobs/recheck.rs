//! What the stack has become: whether each edit still holds, and which layers
//! moved.

use super::{Job, overlaps};
use crate::edit::stack;
use crate::engine::error::{EngineError, Result};
use crate::engine::event::{EventKind, LayerWeights, Outcome, StackCheck};
use crate::engine::kept::{self, Facts};
use crate::engine::spec::EditId;
use crate::engine::state::{Model, State};
use crate::measure::rescore::Rescore;
use crate::measure::score::Ask;
use crate::model::ModelError;

pub fn run(job: &Job, with_overlaps: bool, state: &mut State) -> Result<Outcome> {
    let folders = state.folders.clone();
    let model = state.model()?;
    let held = held(job, model)?;
    let layers = layers(job, model)?;
    let overlaps = match with_overlaps {
        true => Some(overlaps::of_stack(job, model, &folders)?),
        false => None,
    };
    Ok(Outcome::Rechecked(Box::new(StackCheck {
        held,
        layers,
        overlaps,
    })))
}

/// p(target) of every edit in the stack, said as it is known.
fn held(job: &Job, model: &Model) -> Result<Vec<(EditId, f64)>> {
    let facts = facts(model)?;
    kept::with(&model.kept.facts, facts, |facts| {
        let mut held = Vec::with_capacity(facts.edits.len());
        let (mut sum, mut seen) = (0.0, 0);
        let (edits, counts) = (&facts.edits, &facts.counts);
        let next = model.current.first_difference(&model.pristine);
        let each = |_, scored: &crate::measure::score::Scored| {
            sum += scored.log_p.first().map_or(0.0, |log_p| log_p.exp());
            seen += 1;
            if seen == counts[held.len()] {
                let (id, p) = (edits[held.len()].0, sum / seen as f64);
                job.say(EventKind::Held { id, p });
                held.push((id, p));
                (sum, seen) = (0.0, 0);
            }
        };
        facts
            .asks
            .run(&model.current, next, &mut job.brake(), each)?;
        Ok(held)
    })
}

/// The facts of the stack, as they were kept if the stack holds the same edits.
fn facts(model: &Model) -> Result<Facts> {
    // Their order in the stack changes nothing here.
    let mut edits: Vec<_> = model.edits().collect();
    edits.sort_by_key(|(made, _, _)| *made);
    let made: Vec<_> = edits.iter().map(|(made, _, _)| *made).collect();
    if let Some(kept) = model.kept.facts.take().filter(|kept| kept.edits == made) {
        return Ok(kept);
    }
    let counts = edits.iter().map(|(_, asked, _)| asked.len()).collect();
    let asks = edits.iter().flat_map(|(_, asked, _)| asked.iter());
    let ask = |r: &crate::edit::Request| Ask::new(&model.tokens, &r.text(), &[r.target.as_str()]);
    let asks = asks.map(ask).collect::<Result<Vec<_>, _>>()?;
    Ok(Facts {
        edits: made,
        counts,
        asks: Rescore::new(&model.pristine, asks)?,
    })
}

/// ‖W₀‖ once; ‖W‖ where an edit has put another matrix in its place.
pub(super) fn layers(job: &Job, model: &Model) -> Result<Vec<LayerWeights>> {
    let mut known = model.kept.norms.take();
    let all = (0..model.pristine.layers()).map(|layer| {
        if job.cancelled() {
            return Err(EngineError::Model(ModelError::Cancelled));
        }
        if layer == known.len() {
            known.push(stack::weight_norm(&model.pristine, layer)?);
        }
        let before = known[layer];
        if !model.current.is_edited_at(layer) {
            return Ok(LayerWeights {
                before,
                now: before,
                change: 0.0,
                edited: false,
            });
        }
        let (now, change) = stack::norms_now(&model.current, layer)?;
        Ok(LayerWeights {
            before,
            now,
            change,
            edited: true,
        })
    });
    let all = all.collect();
    model.kept.norms.set(known);
    all
}
