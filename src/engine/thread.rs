//! The one thread that owns device, weights, caches and random state.

use super::error::EngineError;
use super::event::{Event, EventKind, JobId, Outcome};
use super::folders::Folders;
use super::jobs::{self, Job};
use super::outbox::Outbox;
use super::spec::Spec;
use super::state::State;
use crossbeam_channel::{Receiver, Sender, TryRecvError, bounded, unbounded};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// candle walks the gradient's graph by recursion.
const STACK: usize = 64 << 20;
/// Events that may wait between the engine and its watcher.
const EVENTS: usize = 256;

/// A handle to the engine; dropping it ends the thread after the running job
/// has noticed its cancellation.
pub struct Engine {
    queue: Option<Sender<Queued>>,
    next: AtomicU64,
    live: Arc<Live>,
    thread: Option<JoinHandle<()>>,
}

struct Queued {
    id: JobId,
    spec: Spec,
    cancel: Arc<AtomicBool>,
}

/// A job on its way.
#[derive(Clone, Debug)]
pub struct JobHandle {
    pub id: JobId,
    cancel: Arc<AtomicBool>,
}

impl JobHandle {
    /// Asks the job to stop; it ends with [`Outcome::Cancelled`].
    pub fn cancel(&self) {
        self.cancel.store(true, Ordering::Relaxed);
    }
}

impl Engine {
    /// Starts the thread. Every submitted job ends with one `Finished` event.
    pub fn start(folders: Folders) -> std::io::Result<(Engine, Receiver<Event>)> {
        let (queue, jobs) = unbounded();
        let (events, watcher) = bounded(EVENTS);
        let outbox = Arc::new(Outbox::default());
        let live = Arc::new(Mutex::new(Vec::new()));

        let from = Arc::clone(&outbox);
        std::thread::Builder::new()
            .name("engine-events".into())
            .spawn(move || {
                while let Some(event) = from.pop() {
                    if events.send(event).is_err() {
                        return;
                    }
                }
            })?;
        let finished = Arc::clone(&live);
        let run = move || {
            // However the thread ends, the watcher learns of it.
            let _closing = Closing(&outbox);
            work(&jobs, &outbox, &finished, State::new(folders));
        };
        let thread = std::thread::Builder::new()
            .name("engine".into())
            .stack_size(STACK)
            .spawn(run)?;
        Ok((
            Engine {
                queue: Some(queue),
                next: AtomicU64::new(1),
                live,
                thread: Some(thread),
            },
            watcher,
        ))
    }

    /// Queues a job. A newer `Predict` takes the place of older ones.
    pub fn submit(&self, spec: Spec) -> JobHandle {
        let id = JobId(self.next.fetch_add(1, Ordering::Relaxed));
        let cancel = Arc::new(AtomicBool::new(false));
        let predicts = matches!(spec, Spec::Predict { .. });
        {
            let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
            if predicts {
                live.iter()
                    .filter(|job| job.predicts)
                    .for_each(|job| job.cancel.store(true, Ordering::Relaxed));
            }
            live.push(LiveJob {
                id,
                cancel: Arc::clone(&cancel),
                predicts,
            });
        }
        if let Some(queue) = &self.queue {
            // A dead engine has closed its events; the watcher knows.
            let _ = queue.send(Queued {
                id,
                spec,
                cancel: Arc::clone(&cancel),
            });
        }
        JobHandle { id, cancel }
    }

    /// Asks a job to stop, by its id; a finished one is left in peace.
    pub fn cancel(&self, id: JobId) {
        let live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(job) = live.iter().find(|job| job.id == id) {
            job.cancel.store(true, Ordering::Relaxed);
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        for job in self
            .live
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
        {
            job.cancel.store(true, Ordering::Relaxed);
        }
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Closing<'a>(&'a Outbox);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Jobs not yet finished.
type Live = Mutex<Vec<LiveJob>>;

struct LiveJob {
    id: JobId,
    cancel: Arc<AtomicBool>,
    /// A newer prediction takes its place.
    predicts: bool,
}

fn work(jobs: &Receiver<Queued>, outbox: &Outbox, live: &Live, mut state: State) {
    let mut waiting: VecDeque<Queued> = VecDeque::new();
    loop {
        if waiting.is_empty() {
            match jobs.recv() {
                Ok(job) => waiting.push_back(job),
                Err(_) => return,
            }
        }
        loop {
            match jobs.try_recv() {
                Ok(job) => waiting.push_back(job),
                Err(TryRecvError::Empty) => break,
                // Nobody is left to tell.
                Err(TryRecvError::Disconnected) => return,
            }
        }
        let Some(queued) = waiting.pop_front() else {
            continue;
        };
        let result = run(queued.id, queued.spec, &queued.cancel, outbox, &mut state);
        live.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|job| job.id != queued.id);
        outbox.push(Event {
            job: queued.id,
            kind: EventKind::Finished(result),
        });
    }
}

/// Runs one job; a panic in it is an error like any other.
fn run(
    id: JobId,
    spec: Spec,
    cancel: &AtomicBool,
    outbox: &Outbox,
    state: &mut State,
) -> Result<Outcome, String> {
    let job = Job {
        id,
        cancel,
        outbox,
        limit: state.limit,
        within: false,
    };
    if job.cancelled() {
        return Ok(Outcome::Cancelled);
    }
    guarded(id, || jobs::run(&job, spec, state))
}

/// What became of `work`, in words where it failed or panicked.
fn guarded(
    id: JobId,
    work: impl FnOnce() -> Result<Outcome, EngineError>,
) -> Result<Outcome, String> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(outcome)) => Ok(outcome),
        Ok(Err(error)) if error.is_cancelled() => Ok(Outcome::Cancelled),
        Ok(Err(error)) => {
            tracing::error!(job = id.0, %error, "job failed");
            Err(error.to_string())
        }
        Err(panic) => {
            let error = EngineError::panicked(&*panic);
            tracing::error!(job = id.0, %error, "job panicked");
            Err(error.to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_the_jobs_error_and_says_that_nothing_was_changed() {
        for message in ["a layer too far", ""] {
            let words = guarded(JobId(1), || panic!("{message}")).unwrap_err();
            assert!(
                words.contains("should not have happened") && words.contains(message),
                "{words}"
            );
            assert!(words.contains("The model is untouched"), "{words}");
        }
        let none = guarded(JobId(2), || Err(EngineError::NoModel)).unwrap_err();
        assert_eq!(none, "no model is open: open one first");
    }
}
