//! What some probes said as the edits of the stack came one by one.

use super::Job;
use crate::engine::error::Result;
use crate::engine::event::{Outcome, Stage};
use crate::engine::kept;
use crate::engine::pace::Pace;
use crate::engine::spec::Stacked;
use crate::engine::state::Model;
use crate::measure::Probe;
use crate::measure::board::{History, State};
use crate::measure::probes::Probes;

/// States that are told of a stack at most, the unedited model among them; of
/// more edits some are passed over.
const MOST: usize = 25;

pub fn run(job: &Job, probes: &[Probe], model: &mut Model) -> Result<Outcome> {
    let on: Vec<Stacked> = (model.stack().iter().copied())
        .filter(|edit| edit.on && edit.alpha != 0.0)
        .collect();
    let lengths = lengths(on.len());
    let pace = Pace::after(0);
    job.started(Stage::Probes, lengths.len());
    let mut history = History {
        states: Vec::with_capacity(lengths.len()),
        p: vec![Vec::with_capacity(lengths.len()); probes.len()],
    };
    for length in lengths {
        let said = said(job, probes, model, &on[..length])?;
        for (course, p) in history.p.iter_mut().zip(said) {
            course.push(p);
        }
        let last = length.checked_sub(1).and_then(|last| on.get(last));
        history.states.push(State {
            edit: last.map(|edit| edit.id),
            alpha: last.map(|edit| edit.alpha),
        });
        let done = history.states.len() as u64;
        job.progress(Stage::Probes, done, history.states.capacity() as u64, &pace);
    }
    Ok(Outcome::History(history))
}

/// p(expected) of every probe on a stack of `edits`; what was asked before is
/// remembered.
fn said(job: &Job, probes: &[Probe], model: &mut Model, edits: &[Stacked]) -> Result<Vec<f64>> {
    let (decoder, recipes) = model.weights_of(edits)?;
    if let Some(said) = model.kept.past.of(probes, &recipes) {
        return Ok(said.to_vec());
    }
    let (tokens, pristine) = (&model.tokens, &model.pristine);
    let ours = model.kept.probes.take().filter(|known| known.are(probes));
    let ours = match ours {
        Some(ours) => ours,
        None => Probes::new(tokens, pristine, probes)?,
    };
    let next = model.current.first_difference(pristine);
    let mut brake = job.brake();
    let said = kept::with(&model.kept.probes, ours, |probes| {
        // The unedited model is asked first, as the probes will have it.
        probes.before(tokens, pristine, next, &mut brake, |_, _| {})?;
        probes.p(&decoder, &mut brake)
    })?;
    model.kept.past.remember(probes, &recipes, said.clone());
    Ok(said)
}

/// How many edits each state has: none, and then one more each, or more at a time
/// where there are many; all of them last.
fn lengths(edits: usize) -> Vec<usize> {
    let states = (edits + 1).min(MOST);
    let all = (0..states).map(|n| (n * edits).div_ceil((states - 1).max(1)));
    all.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_begins_with_no_edit_and_ends_with_all() {
        assert_eq!(lengths(0), [0]);
        assert_eq!(lengths(3), [0, 1, 2, 3]);
        for edits in [MOST - 1, MOST, 100, 1001] {
            let all = lengths(edits);
            assert_eq!((all.len(), all[0], all[MOST - 1]), (MOST, 0, edits));
            assert!(all.windows(2).all(|two| two[0] < two[1]), "{all:?}");
        }
    }
}
