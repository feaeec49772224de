//! The jobs that the engine was given and has not finished.

use super::Effect;
use crate::engine::{Spec, Stage};
use std::time::Duration;

/// Our own name for a job, known before the engine gives it one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// What a job is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobKind {
    Load,
    Predict,
    Trace,
    Lens,
    Views,
    Erase,
    Judge,
    Edit,
    Duel,
    Stack,
    Recheck,
    Probe,
    History,
    Geometry,
    Propose,
    Know,
    Moments,
    Generate,
    Adopt,
}

impl JobKind {
    /// Jobs that come and go by themselves and are not worth a word.
    pub fn quiet(self) -> bool {
        matches!(
            self,
            JobKind::Predict | JobKind::Stack | JobKind::Recheck | JobKind::Adopt
        )
    }

    /// Whether what it sees is worthless once the weights are others, and is asked
    /// again by itself.
    pub fn looks(self) -> bool {
        match self {
            JobKind::Probe | JobKind::Generate | JobKind::Recheck => true,
            JobKind::Lens | JobKind::History | JobKind::Geometry => true,
            JobKind::Load | JobKind::Predict | JobKind::Trace | JobKind::Edit | JobKind::Adopt => {
                false
            }
            JobKind::Views | JobKind::Erase | JobKind::Judge | JobKind::Duel => false,
            JobKind::Stack | JobKind::Propose | JobKind::Know | JobKind::Moments => false,
        }
    }

    fn of(spec: &Spec) -> JobKind {
        match spec {
            Spec::Load(_) => JobKind::Load,
            Spec::Predict { .. } => JobKind::Predict,
            Spec::Trace(_) => JobKind::Trace,
            Spec::Lens(_) => JobKind::Lens,
            Spec::Views { .. } => JobKind::Views,
            Spec::Erase(_) => JobKind::Erase,
            Spec::Edit { .. } | Spec::Validate { .. } => JobKind::Edit,
            Spec::Try { .. } => JobKind::Duel,
            Spec::Stack { .. } => JobKind::Stack,
            Spec::Recheck { .. } => JobKind::Recheck,
            Spec::Probe { .. } | Spec::Score { .. } => JobKind::Probe,
            Spec::Judge { .. } | Spec::JudgeEach { .. } | Spec::Zsre { .. } => JobKind::Judge,
            Spec::History { .. } => JobKind::History,
            Spec::Geometry(_) => JobKind::Geometry,
            Spec::Propose { .. } => JobKind::Propose,
            Spec::Recall(_) => JobKind::Trace,
            Spec::Know => JobKind::Know,
            Spec::Moments { .. } => JobKind::Moments,
            Spec::Generate { .. } => JobKind::Generate,
            Spec::Adopt { .. } => JobKind::Adopt,
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    pub ticket: Ticket,
    pub kind: JobKind,
    /// `None` while it waits in the queue.
    pub stage: Option<Stage>,
    pub done: u64,
    pub total: u64,
    pub eta_s: Option<f64>,
    /// Of a second moment that is being collected.
    pub drift: Option<f64>,
    pub since: Option<Duration>,
    pub cancelled: bool,
}

#[derive(Clone, Debug, Default)]
pub struct Jobs {
    list: Vec<Job>,
    last: u64,
}

impl Jobs {
    pub fn submit(&mut self, spec: Spec) -> (Ticket, Effect) {
        self.last += 1;
        let ticket = Ticket(self.last);
        self.list.push(Job {
            ticket,
            kind: JobKind::of(&spec),
            stage: None,
            done: 0,
            total: 0,
            eta_s: None,
            drift: None,
            since: None,
            cancelled: false,
        });
        (ticket, Effect::Submit(ticket, Box::new(spec)))
    }

    pub fn get_mut(&mut self, ticket: Ticket) -> Option<&mut Job> {
        self.list.iter_mut().find(|j| j.ticket == ticket)
    }

    pub fn finish(&mut self, ticket: Ticket) -> Option<Job> {
        let at = self.list.iter().position(|j| j.ticket == ticket)?;
        Some(self.list.remove(at))
    }

    /// Marks a job as cancelled; nothing where it is gone or already marked.
    pub fn cancel(&mut self, ticket: Ticket) -> Option<Effect> {
        let job = self.get_mut(ticket).filter(|j| !j.cancelled)?;
        job.cancelled = true;
        Some(Effect::Cancel(ticket))
    }

    /// The job to show: the one that runs, else the next in the queue.
    pub fn busy(&self) -> Option<&Job> {
        let loud = || self.list.iter().filter(|j| !j.kind.quiet());
        loud().find(|j| j.stage.is_some()).or_else(|| loud().next())
    }

    /// What Ctrl-C stops: the running job, else the next in the queue. The
    /// model's loading is not one of them, unless it is being fetched.
    pub fn stoppable(&self) -> Option<Ticket> {
        let loads = |j: &&Job| j.kind == JobKind::Load && j.stage != Some(Stage::Fetch);
        let can = |j: &&Job| !j.kind.quiet() && !j.cancelled && !loads(j);
        let running = self.list.iter().filter(can).find(|j| j.stage.is_some());
        let job = running.or_else(|| self.list.iter().find(can));
        job.map(|j| j.ticket)
    }

    /// Loud jobs that wait behind the one shown.
    pub fn waiting(&self) -> usize {
        let loud = self.list.iter().filter(|j| !j.kind.quiet()).count();
        loud.saturating_sub(1)
    }

    pub fn of_kind(&self, kind: JobKind) -> impl Iterator<Item = &Job> {
        self.list
            .iter()
            .filter(move |j| j.kind == kind && !j.cancelled)
    }

    /// What looks at the weights as they are.
    pub fn looks(&self) -> impl Iterator<Item = &Job> {
        (self.list.iter()).filter(|j| j.kind.looks() && !j.cancelled)
    }

    pub fn clear(&mut self) {
        self.list.clear();
    }
}
