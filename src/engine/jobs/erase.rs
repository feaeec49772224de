//! A concept erased from the residuals of the open model, without and with the
//! current stack.

use super::{Job, probe};
use crate::edit::Request;
use crate::engine::error::Result;
use crate::engine::event::{Outcome, Stage};
use crate::engine::pace::Pace;
use crate::engine::state::Model;
use crate::measure::ProbeGroup;
use crate::measure::erase::{Around, EraseSpec, erase};

pub fn run(job: &Job, mut spec: EraseSpec, model: &Model) -> Result<Outcome> {
    let pace = Pace::after(0);
    job.started(Stage::Erase, 0);
    let (base, edited) = (&model.pristine, &model.current);
    // Where the edits are, unless somebody says where.
    spec.layer = spec.layer.or_else(|| {
        let layers = (0..base.layers()).rev();
        layers.clone().find(|&layer| edited.is_edited_at(layer))
    });
    if let Some(fact) = spec.fact.as_mut() {
        let request = Request {
            prompt: fact.prompt.replacen(fact.subject.as_str(), "{}", 1),
            subject: fact.subject.clone(),
            target: fact.new.clone(),
        };
        if fact.old.trim().is_empty() {
            fact.old = probe::model_answer(job, model, &request)?;
        }
        if spec.propose > 0 {
            // The fact itself is shown anyway, its old object told apart by the probe.
            let found = probe::proposals(job, model, &request, &fact.old, 2 * spec.propose + 16)?;
            let others = found
                .into_iter()
                .filter(|one| one.group == ProbeGroup::Neighbour);
            spec.neighbours.extend(others.take(spec.propose));
        }
    }
    let mut each = |done, all| job.progress(Stage::Erase, done as u64, all as u64, &pace);
    let mut around = Around {
        tokens: &model.tokens,
        world: &model.world,
        brake: job.brake(),
        stop: &|| job.cancelled(),
        each: &mut each,
    };
    let mut report = erase([base, edited], &spec, &mut around)?;
    report.model.clone_from(&model.info.name);
    Ok(Outcome::Erased(Box::new(report)))
}
