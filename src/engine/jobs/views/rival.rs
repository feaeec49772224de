//! Signal: what fine-tuning of the same layer would have done for the same success.

use super::Subject;
use crate::edit::{Delta, EditSpec, LayerChoice, Method};
use crate::engine::error::Result;
use crate::engine::event::Stage;
use crate::engine::jobs::{Job, edit};
use crate::engine::spec::Stacked;
use crate::engine::state::{Model, State};
use crate::measure::Watch;
use crate::measure::score::{Ask, score as ask};
use crate::measure::views::{After, View, ViewScore, score};
use crate::model::Decoder;

/// Halvings of α on the way to the edit's p(new).
const HALVINGS: usize = 12;

pub fn compare(
    job: &Job,
    subject: &Subject,
    after: &After,
    state: &mut State,
) -> Result<ViewScore> {
    let thresholds = &subject.plan.thresholds;
    let untold = |why: &str| Ok(ViewScore::untold(View::Signal, why, thresholds));
    let wanted = after.of(View::Retention).rows.first().cloned();
    let Some(wanted) = wanted.filter(|row| row.after.p > row.before.p) else {
        return untold("p(new) did not rise: there is no success to equal");
    };
    if matches!(subject.spec.method, Method::Ft) {
        return untold("the edit is a fine-tuning change itself");
    }
    let kept = after.kept();
    if kept.is_empty() {
        return Ok(score::signal(&[], &[], 0.0, thresholds));
    }
    job.started(Stage::Rival, 0);
    let left = state.model()?.leave();
    let tuned = tuned(job, subject, wanted.after.p, state);
    state.model()?.come_back(left, &[]);
    let (decoder, reached) = match tuned {
        Ok(tuned) => tuned,
        // What fine-tuning cannot do is no reason not to see the rest.
        Err(error) if error.is_of_layer() => {
            return untold(&format!("fine-tuning to compare with failed: {error}"));
        }
        Err(error) => return Err(error),
    };
    let model = state.model()?;
    let asks = kept
        .iter()
        .map(|row| Ask::new(&model.tokens, &row.prompt, &[row.wish.wanted()]))
        .collect::<Result<Vec<_>, _>>()?;
    let scored = ask(&decoder, &asks, &mut job.brake(), |_, _| ())?;
    let p = scored
        .iter()
        .map(|one| one.log_p.first().map_or(f64::NAN, |p| p.exp()));
    Ok(score::signal(
        &kept,
        &p.collect::<Vec<_>>(),
        reached,
        thresholds,
    ))
}

/// The weights without the edit, fine-tuned until the edited prompt has p(new) =
/// `wanted`, and what it has.
fn tuned(job: &Job, subject: &Subject, wanted: f64, state: &mut State) -> Result<(Decoder, f64)> {
    let model = state.model()?;
    let others = subject.stack.iter().filter(|edit| edit.id != subject.id);
    let others: Vec<Stacked> = others.copied().collect();
    let own = model.edits().find(|((id, _), ..)| *id == subject.id);
    let layer = own.and_then(|(.., layers)| layers.into_iter().max());
    model.set_stack(others)?;
    let spec = EditSpec {
        request: subject.request.clone(),
        method: Method::Ft,
        layer: layer.map_or(LayerChoice::Auto, LayerChoice::At),
        true_answer: Some(subject.old.clone()),
        seed: subject.plan.seed,
        ..EditSpec::default()
    };
    let (report, deltas) = edit::attempt(&job.part(), &spec, &Watch::default(), state)?;
    let model = state.model()?;
    scaled(
        job,
        subject,
        model,
        &deltas,
        [wanted, report.p_target.after],
    )
}

/// Fine-tuning stops where its loss is small; the rest is a matter of α.
fn scaled(
    job: &Job,
    subject: &Subject,
    model: &Model,
    deltas: &[Delta],
    [wanted, reached]: [f64; 2],
) -> Result<(Decoder, f64)> {
    let at = |alpha: f64| model.with_scaled(deltas, alpha);
    // What fine-tuning does not reach is compared as it is.
    if reached.is_nan() || reached <= wanted {
        return Ok((at(1.0)?, reached));
    }
    let (prompt, new) = (subject.request.text(), subject.request.target.as_str());
    let asked = [Ask::new(&model.tokens, &prompt, &[new])?];
    let p = |decoder: &Decoder| -> Result<f64> {
        let scored = ask(decoder, &asked, &mut job.brake(), |_, _| ())?;
        Ok(scored[0].log_p.first().map_or(f64::NAN, |p| p.exp()))
    };
    let (mut low, mut high, mut found) = (0.0, 1.0, (at(1.0)?, reached));
    for _ in 0..HALVINGS {
        let alpha = 0.5 * (low + high);
        let decoder = at(alpha)?;
        let p = p(&decoder)?;
        match p >= wanted {
            true => (high, found) = (alpha, (decoder, p)),
            false => low = alpha,
        }
    }
    Ok(found)
}
