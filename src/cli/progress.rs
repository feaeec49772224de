//! How a long job is getting on, to stderr: one line that rewrites itself on
//! a terminal, a line now and then in a file.

use super::table::size;
use super::validation;
use crate::engine::{EventKind, LossStep, Stage};
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// Between two states of the line on a terminal, and two lines in a file.
const ON_TERMINAL: Duration = Duration::from_millis(100);
const IN_FILE: Duration = Duration::from_secs(10);

pub struct Progress {
    out: Box<dyn Write>,
    terminal: bool,
    quiet: bool,
    stage: Option<Stage>,
    last: Option<Instant>,
    /// Of a second moment that is being collected.
    drift: Option<f64>,
    /// A line stands on the terminal and has no end yet.
    open: bool,
}

impl Progress {
    pub fn to_stderr(quiet: bool) -> Progress {
        let stderr = io::stderr();
        let terminal = stderr.is_terminal();
        Progress::new(Box::new(stderr), terminal, quiet)
    }

    fn new(out: Box<dyn Write>, terminal: bool, quiet: bool) -> Progress {
        Progress {
            out,
            terminal,
            quiet,
            stage: None,
            last: None,
            drift: None,
            open: false,
        }
    }

    pub fn event(&mut self, event: &EventKind) {
        match event {
            EventKind::Started { stage, .. } => self.say(Some(*stage), name(*stage).into()),
            EventKind::Progress {
                stage,
                done,
                total,
                eta_s,
            } => {
                let left = eta_s.map_or(String::new(), |s| format!(", {} left", seconds(s)));
                let count = match stage {
                    Stage::Fetch => format!("{} of {}", size(*done), size(*total)),
                    _ => format!("{done}/{total}"),
                };
                let drift = self.drift.filter(|_| *stage == Stage::SecondMoment);
                let drift = drift.map_or(String::new(), |d| format!(", drift {:.1} %", 100.0 * d));
                self.say(
                    Some(*stage),
                    format!("{} {count}{drift}{left}", name(*stage)),
                );
            }
            EventKind::Drift(drift) => self.drift = Some(*drift),
            EventKind::Validating(step) => self.stay(&validation::step(step)),
            EventKind::Loss(LossStep {
                step, steps, total, ..
            }) => {
                let line = format!(
                    "{} {}/{steps}, loss {total:.3}",
                    name(Stage::Value),
                    step + 1
                );
                self.say(Some(Stage::Value), line);
            }
            _ => {}
        }
    }

    /// Takes the line away: the result, or an error, is about to be printed.
    pub fn clear(&mut self) {
        if self.open {
            self.write("\r\x1b[K");
            self.open = false;
        }
        (self.stage, self.last) = (None, None);
    }

    /// A line that stays, whatever comes after it.
    pub fn stay(&mut self, line: &str) {
        if self.quiet {
            return;
        }
        self.clear();
        self.write(&format!("{line}\n"));
    }

    /// What is done without the engine.
    pub fn tell(&mut self, line: String) {
        self.say(None, line);
    }

    /// A new stage is always told; within one, not more often than is read.
    fn say(&mut self, stage: Option<Stage>, line: String) {
        let pause = if self.terminal { ON_TERMINAL } else { IN_FILE };
        let early = self.last.is_some_and(|last| last.elapsed() < pause);
        if self.quiet || (self.stage == stage && early) {
            return;
        }
        (self.stage, self.last) = (stage, Some(Instant::now()));
        if self.terminal {
            self.write(&format!("\r\x1b[K{line}"));
            self.open = true;
        } else {
            self.write(&format!("{line}\n"));
        }
    }

    /// A closed stderr is no reason to stop working.
    fn write(&mut self, text: &str) {
        let _ = self
            .out
            .write_all(text.as_bytes())
            .and_then(|()| self.out.flush());
    }
}

fn name(stage: Stage) -> &'static str {
    match stage {
        Stage::Fetch => "fetching",
        Stage::Load => "opening the model",
        Stage::Trace => "tracing",
        Stage::Lens => "reading the residuals",
        Stage::Keys => "reading keys",
        Stage::Known => "asking what the model knows",
        Stage::Erase => "erasing",
        Stage::Templates => "sampling templates",
        Stage::SecondMoment => "collecting the second moment",
        Stage::Value => "optimising v*",
        Stage::Update => "updating the weights",
        Stage::Baseline => "capturing the baseline",
        Stage::Checks => "checking",
        Stage::Probes => "probing",
        Stage::Generations => "generating",
        Stage::Rival => "fine-tuning instead",
        Stage::Further => "making further edits",
    }
}

pub(super) fn seconds(s: f64) -> String {
    if s < 60.0 {
        format!("{s:.0} s")
    } else {
        format!("{:.0} min", s / 60.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn written(terminal: bool, quiet: bool) -> String {
        let page = Page::default();
        let mut progress = Progress::new(Box::new(page.clone()), terminal, quiet);
        for stage in [Stage::Templates, Stage::Probes] {
            progress.event(&EventKind::Started { stage, total: 9 });
            for done in 0..9 {
                progress.event(&EventKind::Progress {
                    stage,
                    done,
                    total: 9,
                    eta_s: None,
                });
            }
        }
        progress.clear();
        let bytes = page.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_file_gets_a_line_a_stage_and_no_escapes() {
        assert_eq!(written(false, false), "sampling templates\nprobing\n");
    }

    #[test]
    fn a_terminal_gets_one_line_that_goes_away() {
        assert_eq!(
            written(true, false),
            "\r\x1b[Ksampling templates\r\x1b[Kprobing\r\x1b[K"
        );
    }

    #[test]
    fn what_a_validation_says_stays() {
        use crate::measure::validate::Step;
        let said = |terminal, quiet| {
            let page = Page::default();
            let mut progress = Progress::new(Box::new(page.clone()), terminal, quiet);
            let (stage, total) = (Stage::Checks, 3);
            progress.event(&EventKind::Started { stage, total });
            for why in ["\u{1b}[2J no", "nor this"] {
                let step = Box::new(Step::Rejected(why.into()));
                progress.event(&EventKind::Validating(step));
            }
            let bytes = page.0.lock().unwrap().clone();
            String::from_utf8(bytes).unwrap()
        };
        let lines = "  given up: \\u{1b}[2J no\n  given up: nor this\n";
        assert_eq!(
            said(true, false),
            format!("\r\x1b[Kchecking\r\x1b[K{lines}")
        );
        assert_eq!(said(false, false), format!("checking\n{lines}"));
        assert_eq!(said(false, true), "");
    }

    #[test]
    fn quiet_is_quiet() {
        assert_eq!(written(true, true), "");
    }
}
