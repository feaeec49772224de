//! One file a kind of job. A job reads the state, says what it sees, and
//! changes the state only at its end, so a cancelled one has changed nothing.

mod edit;
mod erase;
mod geometry;
mod history;
mod judge;
mod know;
mod lens;
mod load;
mod moment;
mod overlaps;
mod predict;
mod probe;
mod propose;
mod recheck;
mod score;
mod trace;
mod validate;
mod views;
mod warnings;
mod zsre;

use super::error::Result;
use super::event::{Event, EventKind, JobId, Outcome, Stage};
use super::outbox::Outbox;
use super::pace::Pace;
use super::spec::Spec;
use super::state::State;
use crate::edit::Request;
use crate::model::Brake;
use std::sync::atomic::{AtomicBool, Ordering};

/// A running job: its voice and its brake.
pub struct Job<'a> {
    pub id: JobId,
    pub cancel: &'a AtomicBool,
    pub outbox: &'a Outbox,
    /// Bytes that the process may hold.
    pub limit: Option<u64>,
    /// A part of a larger job, which alone says how far it is.
    pub within: bool,
}

impl Job<'_> {
    /// This job as a part of itself: what it is made of is not told.
    pub fn part(&self) -> Job<'_> {
        Job {
            within: true,
            ..*self
        }
    }

    pub fn say(&self, kind: EventKind) {
        use EventKind as K;
        let inner = matches!(
            kind,
            K::Started { .. } | K::Progress { .. } | K::Drift(_) | K::Loss(_) | K::Warning(_)
        );
        if self.within && inner {
            return;
        }
        self.outbox.push(Event { job: self.id, kind });
    }

    pub fn started(&self, stage: Stage, total: usize) {
        self.say(EventKind::Started {
            stage,
            total: total as u64,
        });
    }

    /// Progress with an estimate from the job's pace.
    pub fn progress(&self, stage: Stage, done: u64, total: u64, pace: &Pace) {
        self.say(EventKind::Progress {
            stage,
            done,
            total,
            eta_s: pace.eta_s(done, total),
        });
    }

    pub fn cancelled(&self) -> bool {
        self.cancel.load(Ordering::Relaxed)
    }

    /// The probe that stops a pass between layers.
    pub fn brake(&self) -> Brake<'_> {
        Brake {
            stop: self.cancel,
            limit: self.limit,
        }
    }
}

pub fn run(job: &Job, spec: Spec, state: &mut State) -> Result<Outcome> {
    match spec {
        Spec::Load(spec) => load::run(job, &spec, state),
        Spec::Predict { prompt, top } => predict::run(job, prompt, top, state.model()?),
        Spec::Trace(spec) => trace::run(job, &spec, state.model()?),
        Spec::Lens(spec) => lens::run(job, &spec, state.model()?),
        Spec::Erase(spec) => erase::run(job, *spec, state.model()?),
        Spec::Edit { id, edit, watch } => edit::run(job, id, *edit, watch, state),
        Spec::Validate {
            id,
            edit,
            watch,
            plan,
        } => validate::run(job, id, *edit, &watch, &plan, state),
        Spec::Views { id, edit, plan } => views::run(job, id, *edit, &plan, state),
        Spec::Try { edit, watch } => edit::trial(job, *edit, watch, state),
        Spec::Stack { edits } => {
            let model = state.model()?;
            model.set_stack(edits)?;
            Ok(Outcome::Stacked {
                hash: model.weights_name(),
            })
        }
        Spec::Recheck { overlaps } => recheck::run(job, overlaps, state),
        Spec::Probe { probes } => probe::run(job, &probes, state.model()?),
        Spec::Geometry(spec) => geometry::run(job, &spec, state),
        Spec::History { probes } => history::run(job, &probes, state.model()?),
        Spec::Moments {
            layers,
            source,
            lambda,
        } => moment::run(job, &layers, &source, lambda, state),
        Spec::Propose {
            prompt,
            subject,
            true_answer,
            count,
            near,
        } => {
            let asked = propose::Asked {
                request: Request {
                    prompt,
                    subject,
                    target: String::new(),
                },
                true_answer,
                count,
                near,
            };
            propose::run(job, asked, state)
        }
        Spec::Recall(request) => trace::recalled(job, &request, state.model()?),
        Spec::Know => know::run(job, state),
        Spec::Generate {
            prompts,
            tokens,
            seed,
        } => probe::generate(job, &prompts, tokens, seed, state.model()?),
        Spec::Score { records, text } => score::run(job, &records, text, state.model()?),
        Spec::Judge {
            records,
            edit,
            texts,
        } => judge::run(job, &records, edit.as_deref(), texts, state),
        Spec::JudgeEach {
            records,
            edit,
            texts,
        } => judge::each(job, &records, edit.as_deref(), texts, state),
        Spec::Zsre { questions, edit } => zsre::run(job, &questions, edit.as_deref(), state),
        Spec::Adopt { id, asked, deltas } => {
            state.model()?.adopt(id, asked, deltas)?;
            Ok(Outcome::Adopted(id))
        }
    }
}
