//! One job at a time, from the command line's side.

use super::Context;
use super::error::CliError;
use super::progress::Progress;
use crate::engine::{Engine, Event, EventKind, Folders, Outcome, Spec};
use crate::hub;
use crate::model::error::OUT_OF_MEMORY;
use crate::session::folders;
use crate::session::text::shown;
use crossbeam_channel::{Receiver, RecvTimeoutError};
use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How often Ctrl-C is looked for while nothing happens.
const BEAT: Duration = Duration::from_millis(50);

/// An engine and its events.
pub struct Client {
    engine: Engine,
    events: Receiver<Event>,
    interrupt: Arc<AtomicBool>,
    progress: RefCell<Progress>,
}

impl Client {
    pub fn start(context: &Context) -> Result<Client, CliError> {
        let folders = Folders {
            cache: folders::cache(),
            hashes: folders::hashes(),
            hub: hub::Settings::from_env(),
        };
        let (engine, events) = Engine::start(folders).map_err(CliError::Start)?;
        let progress = RefCell::new(Progress::to_stderr(context.quiet));
        Ok(Client {
            engine,
            events,
            interrupt: Arc::clone(&context.interrupt),
            progress,
        })
    }

    /// Runs a job to its end. Ctrl-C cancels it.
    pub fn run(&self, spec: Spec) -> Result<Outcome, CliError> {
        self.run_seeing(spec, |_| Ok(()))
    }

    /// The same; `see` sees what is said on the way but warnings, which come after.
    /// Its error ends the job.
    pub fn run_seeing(
        &self,
        spec: Spec,
        mut see: impl FnMut(&EventKind) -> Result<(), CliError>,
    ) -> Result<Outcome, CliError> {
        let job = self.engine.submit(spec);
        let (mut warnings, mut refused) = (Vec::new(), None);
        let result = loop {
            if self.interrupt.load(Ordering::Relaxed) {
                job.cancel();
            }
            match self.events.recv_timeout(BEAT) {
                Ok(event) if event.job != job.id => {}
                Ok(Event {
                    kind: EventKind::Finished(result),
                    ..
                }) => break result,
                Ok(Event {
                    kind: EventKind::Warning(words),
                    ..
                }) => warnings.push(words),
                Ok(event) => {
                    self.progress.borrow_mut().event(&event.kind);
                    if refused.is_none() {
                        refused = see(&event.kind).err();
                        refused.iter().for_each(|_| job.cancel());
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    self.warn(&warnings, &[]);
                    return Err(CliError::EngineEnded);
                }
            }
        };
        self.warn(&warnings, printed(&result));
        if let Some(error) = refused {
            return Err(error);
        }
        match result {
            Ok(Outcome::Cancelled) => Err(CliError::Cancelled),
            Ok(outcome) => Ok(outcome),
            Err(words) if words.starts_with(OUT_OF_MEMORY) => Err(CliError::NoMemory(words)),
            Err(words) => Err(CliError::Failed(words)),
        }
    }

    /// Ends the progress line and tells what no report will tell.
    fn warn(&self, warnings: &[String], printed: &[String]) {
        let mut progress = self.progress.borrow_mut();
        progress.clear();
        for warning in warnings.iter().filter(|warning| !printed.contains(warning)) {
            progress.stay(&format!("warning: {}", shown(warning)));
        }
    }
}

/// The warnings that are printed with the job's report.
fn printed(result: &Result<Outcome, String>) -> &[String] {
    match result {
        Ok(Outcome::Edited { report, .. } | Outcome::Tried(report)) => &report.warnings,
        Ok(Outcome::Traced(report)) => &report.warnings,
        _ => &[],
    }
}
