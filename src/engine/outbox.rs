//! Events on their way to whoever watches: never lost, never a reason to stall.
//!
//! The model's thread pushes without waiting; a small forwarder hands events on
//! through a bounded channel at the watcher's own pace. While they wait, a cell
//! or a progress report that is overtaken by a newer one of the same place is
//! replaced by it, so the queue cannot outgrow what a job has to say.

use super::event::{Event, EventKind};
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, PoisonError};

#[derive(Default)]
pub struct Outbox {
    queue: Mutex<Queue>,
    news: Condvar,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Event>,
    closed: bool,
}

/// How far back a newer event looks for the one that it replaces.
const REACH: usize = 4096;

impl Outbox {
    pub fn push(&self, event: Event) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let stale = queue
            .waiting
            .iter()
            .rev()
            .take(REACH)
            .position(|old| replaces(&event, old));
        match stale {
            Some(back) => {
                let at = queue.waiting.len() - 1 - back;
                queue.waiting[at] = event;
            }
            None => queue.waiting.push_back(event),
        }
        drop(queue);
        self.news.notify_one();
    }

    /// The next event, waiting for one; `None` once closed and empty.
    pub fn pop(&self) -> Option<Event> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(event) = queue.waiting.pop_front() {
                return Some(event);
            }
            if queue.closed {
                return None;
            }
            queue = self
                .news
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// No more events will come.
    pub fn close(&self) {
        self.queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .closed = true;
        self.news.notify_one();
    }
}

/// Whether `new` says the same thing as `old`, later.
fn replaces(new: &Event, old: &Event) -> bool {
    use EventKind::{Cell, Progress};
    new.job == old.job
        && match (&new.kind, &old.kind) {
            (
                Cell {
                    kind, token, layer, ..
                },
                Cell {
                    kind: old_kind,
                    token: old_token,
                    layer: old_layer,
                    ..
                },
            ) => (kind, token, layer) == (old_kind, old_token, old_layer),
            (Progress { stage, .. }, Progress { stage: old, .. }) => stage == old,
            _ => false,
        }
}

#[cfg(test)]
mod tests {
    use super::super::event::{JobId, Stage};
    use super::*;
    use crate::trace::Kind;

    fn event(kind: EventKind) -> Event {
        Event {
            job: JobId(1),
            kind,
        }
    }

    #[test]
    fn overtaken_cells_and_progress_are_replaced_and_nothing_else_is() {
        let outbox = Outbox::default();
        let cell = |p| EventKind::Cell {
            kind: Kind::Mlp,
            token: 1,
            layer: 2,
            p,
        };
        let progress = |done| EventKind::Progress {
            stage: Stage::Trace,
            done,
            total: 9,
            eta_s: None,
        };
        for kind in [
            cell(0.1),
            progress(1),
            EventKind::Warning("w".into()),
            cell(0.2),
            progress(2),
        ] {
            outbox.push(event(kind));
        }
        outbox.push(event(EventKind::Warning("w".into())));
        outbox.close();
        let seen: Vec<EventKind> = std::iter::from_fn(|| outbox.pop())
            .map(|e| e.kind)
            .collect();
        let warning = EventKind::Warning("w".into());
        assert_eq!(seen, [cell(0.2), progress(2), warning.clone(), warning]);
    }
}
