//! Thirteen views of an edit of the stack, each said as it is known.
//!
//! Some are seen with other edits made in its place or on top. Those are made on
//! a stack that is left for a while: whatever becomes of the job, the stack that
//! was left comes back with its very matrices.

mod further;
mod rival;

use super::{Job, edit, probe};
use crate::edit::{EditSpec, Request};
use crate::engine::error::Result;
use crate::engine::event::{EventKind, Outcome, Stage};
use crate::engine::pace::Pace;
use crate::engine::spec::{EditId, Stacked};
use crate::engine::state::{Model, State};
use crate::measure::confab::continue_prompt;
use crate::measure::views::{
    After, Asked, Evidence, Plan, Prompt, View, ViewScore, ViewsError, ViewsReport, Wordings,
    propose, score, sentence,
};
use crate::model::Decoder;
use std::time::Instant;

/// Of facts that a model was not trained on for certain, so many are asked for
/// each that is wanted.
const TRIED: usize = 4;

pub fn run(
    job: &Job,
    id: EditId,
    spec: EditSpec,
    plan: &Plan,
    state: &mut State,
) -> Result<Outcome> {
    let started = Instant::now();
    let mut subject = Subject::new(job, id, spec, plan, state.model()?)?;
    let mut report = ViewsReport {
        model: state.model()?.info.name.clone(),
        method: subject.spec.method.name().into(),
        prompt: subject.request.prompt.clone(),
        subject: subject.request.subject.clone(),
        new: subject.request.target.clone(),
        old: subject.old.clone(),
        later: plan.later,
        seed: plan.seed,
        ..ViewsReport::default()
    };
    let mut tell = |scored: ViewScore| {
        job.say(EventKind::View(Box::new(scored.clone())));
        report.put(scored);
    };
    let after = subject.ask(job, state.model()?, &mut tell)?;
    subject.write(job, state.model()?, &mut tell)?;
    tell(rival::compare(job, &subject, &after, state)?);
    further::make(job, &mut subject, &after, state, &mut tell)?;
    report.profile = report.profiled();
    report.sentence = sentence(&report);
    report.elapsed_s = started.elapsed().as_secs_f64();
    Ok(Outcome::Viewed(Box::new(report)))
}

/// The edit that is looked at, and the weights without it and with it.
struct Subject<'p> {
    plan: &'p Plan,
    spec: EditSpec,
    id: EditId,
    /// Its place in the stack.
    at: usize,
    stack: Vec<Stacked>,
    request: Request,
    old: String,
    without: Decoder,
    with: Decoder,
    prompts: Vec<Prompt>,
    asked: Asked,
}

impl<'p> Subject<'p> {
    fn new(
        job: &Job,
        id: EditId,
        spec: EditSpec,
        plan: &'p Plan,
        model: &Model,
    ) -> Result<Subject<'p>> {
        if spec.is_imported() {
            return Err(ViewsError::Imported.into());
        }
        let stack = model.stack().to_vec();
        let on = |edit: &Stacked| edit.id == id && edit.on;
        let at = stack.iter().position(on).ok_or(ViewsError::Off)?;
        let facts = spec.requests().count();
        let request = spec.requests().nth(plan.fact).cloned();
        let request = request.ok_or(ViewsError::NoSuchFact {
            fact: plan.fact + 1,
            facts,
        })?;
        let old = match (plan.fact, &spec.true_answer) {
            (0, Some(_)) => edit::old_answer(job, &spec, model)?,
            _ => probe::model_answer(job, model, &request)?,
        };
        let others: Vec<Stacked> = stack.iter().filter(|e| e.id != id).copied().collect();
        let without = model.weights(&others)?;
        let wordings = Wordings::embedded().map_err(ViewsError::Wordings)?;
        let most = match model.is_atlas {
            true => plan.prompts,
            false => TRIED * plan.prompts,
        };
        let proposed = propose(&model.world, &wordings, &request, &old, most);
        let prompts = plan.prompts(proposed);
        job.started(Stage::Probes, prompts.len());
        let most = |view| plan.most(view);
        let asked = Asked::new(&model.tokens, &without, &prompts, most, &mut job.brake())
            .map_err(ViewsError::from)?;
        Ok(Subject {
            plan,
            spec,
            id,
            at,
            stack,
            request,
            old,
            without,
            with: model.current.clone(),
            prompts,
            asked,
        })
    }

    /// The views that are scored by prompts alone.
    fn ask(&mut self, job: &Job, model: &Model, tell: &mut impl FnMut(ViewScore)) -> Result<After> {
        let after = self
            .asked
            .after(&model.tokens, &self.with, &mut job.brake())?;
        let thresholds = &self.plan.thresholds;
        for view in [
            View::Retention,
            View::Generalisation,
            View::Ripple,
            View::CrossDomain,
            View::TwoHop,
            View::Portability,
            View::Extraction,
        ] {
            tell(score::asked(view, &after.of(view), thresholds));
        }
        let rows = [View::Retention, View::Generalisation].map(|view| after.of(view).rows);
        tell(score::memorisation(&rows[0], &rows[1], thresholds));
        Ok(after)
    }

    /// The longer texts, one seed a text on both sides.
    fn write(&self, job: &Job, model: &Model, tell: &mut impl FnMut(ViewScore)) -> Result<()> {
        let count = self.plan.tokens;
        let asked = self.prompts.iter().filter(|p| p.view == View::LongForm);
        let asked: Vec<&Prompt> = asked.filter(|_| count > 0).collect();
        job.started(Stage::Generations, asked.len());
        let pace = Pace::after(0);
        let mut texts: Vec<Evidence> = Vec::new();
        for (n, prompt) in asked.iter().enumerate() {
            let write = |decoder: &Decoder| {
                let (seed, tokens) = (self.plan.seed, &model.tokens);
                let (prompt, brake) = (&prompt.prompt, &mut job.brake());
                let ids = continue_prompt(decoder, tokens, prompt, count, seed, brake, |_| {})?;
                Ok::<_, crate::engine::EngineError>(tokens.decode_after(&ids))
            };
            let (before, after) = (write(&self.without)?, write(&self.with)?);
            texts.push(score::written(&prompt.prompt, &before, &after, &self.old));
            let (done, all) = (n as u64 + 1, asked.len() as u64);
            job.progress(Stage::Generations, done, all, &pace);
        }
        tell(score::long_form(texts, &self.plan.thresholds));
        Ok(())
    }
}
