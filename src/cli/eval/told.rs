//! What a long evaluation says as it goes.

use crate::cli::progress::seconds;
use crate::engine::pace::Pace;

/// How far it is and how long it will take, in a line at every twentieth of the
/// way.
pub struct Told {
    name: &'static str,
    of: usize,
    quiet: bool,
    pace: Option<Pace>,
    part: usize,
}

impl Told {
    pub fn new(name: &'static str, of: usize, quiet: bool) -> Told {
        Told {
            name,
            of,
            quiet,
            pace: None,
            part: 0,
        }
    }

    /// Something new begins after `done` cases; what was known says nothing of
    /// the pace.
    pub fn begins(&mut self, done: usize) {
        self.pace.get_or_insert_with(|| Pace::after(done as u64));
    }

    pub fn done(&mut self, done: usize) {
        let part = 20 * done / self.of.max(1);
        if self.quiet || part == self.part {
            return;
        }
        self.part = part;
        let left = self
            .pace
            .and_then(|pace| pace.eta_s(done as u64, self.of as u64));
        let left = left.map_or(String::new(), |s| format!(", {} left", seconds(s)));
        eprintln!("{}: {done} of {} cases{left}", self.name, self.of);
    }
}
