//! The seam to the engine: what the workbench needs of it, and no more.

use crate::engine::{Engine, JobId, Spec};

/// Takes jobs for the model's thread. Their events come on a channel beside it.
pub trait EnginePort {
    /// Queues a job. Never blocks; a dead engine is told by its closed channel.
    fn submit(&mut self, spec: Spec) -> JobId;
    /// Asks a job to stop; it still sends its `Finished`.
    fn cancel(&mut self, job: JobId);
}

impl EnginePort for &Engine {
    fn submit(&mut self, spec: Spec) -> JobId {
        Engine::submit(self, spec).id
    }

    fn cancel(&mut self, job: JobId) {
        Engine::cancel(self, job);
    }
}
