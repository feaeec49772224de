//! How long a job will still take.

use std::time::Instant;

/// A job's pace since it was first looked at. What was done before that, by an
/// earlier attempt, says nothing about it.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    since: Instant,
    before: u64,
}

impl Pace {
    /// Starts now, with `before` done already.
    pub fn after(before: u64) -> Pace {
        Pace {
            since: Instant::now(),
            before,
        }
    }

    /// Seconds left; `None` before anything was done.
    pub fn eta_s(&self, done: u64, total: u64) -> Option<f64> {
        let new = done.saturating_sub(self.before);
        let left = total.saturating_sub(done) as f64;
        (new > 0).then(|| self.since.elapsed().as_secs_f64() * left / new as f64)
    }
}
