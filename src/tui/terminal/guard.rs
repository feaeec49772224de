//! The terminal is given back, also by a panic.

use super::leave;
use std::thread::ThreadId;

type Hook = Box<dyn Fn(&std::panic::PanicHookInfo<'_>) + Sync + Send>;

/// Leaves the terminal when dropped, and before a panic of this thread speaks.
/// A panic on another thread (a job of the model's) must not be printed over
/// the screen: it becomes the job's error, and a line in the log.
pub(super) struct Guard;

impl Guard {
    pub fn new() -> Guard {
        let own: ThreadId = std::thread::current().id();
        let before: Hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if std::thread::current().id() == own {
                leave();
                before(info);
            } else {
                tracing::error!("{info}");
            }
        }));
        Guard
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        leave();
        if !std::thread::panicking() {
            // Ours goes; what is printed from now on is printed as usual.
            let _ = std::panic::take_hook();
        }
    }
}
