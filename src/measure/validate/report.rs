//! What a validation says as it goes, and what came of it: plain data.

use super::candidates::{Candidates, Origin};
use super::case::Case;
use super::check::{Check, Verdict};
use super::thresholds::Thresholds;
use serde::{Deserialize, Serialize};

/// What a running validation says.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// What will be tried.
    Candidates(Candidates),
    /// The unedited side is captured, once. p(new) over the paraphrases.
    Baseline {
        probes: usize,
        p_new: f64,
    },
    /// From the first to the second layer, both included.
    Trying([usize; 2]),
    Check(Check),
    /// Why the layer is given up; the weights are as they were.
    Rejected(String),
}

/// One layer, or one set of them, that was tried.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Attempt {
    /// The first and the last.
    pub layers: [usize; 2],
    /// Why it was given up; empty for the one that was kept.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub rejected: String,
    pub checks: Vec<Check>,
}

/// The whole of it. The last attempt is the one that was kept, if any was.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Validation {
    pub case: Case,
    pub thresholds: Thresholds,
    /// Where the layers came from.
    pub origin: Origin,
    /// The first fact's paraphrases, with `{}` for the subject.
    pub paraphrases: Vec<String>,
    /// Mean p(new) over the paraphrases before the edit.
    pub p_new_before: f64,
    pub attempts: Vec<Attempt>,
    pub elapsed_s: f64,
}

impl Attempt {
    pub fn is_kept(&self) -> bool {
        self.rejected.is_empty()
    }

    /// Why these checks do not let the edit stay; `None`: all pass.
    pub fn failure(checks: &[Check]) -> Option<String> {
        let failed = checks.iter().filter(|c| c.verdict == Verdict::Fail);
        let words = |check: &Check| {
            let (name, wants) = (check.kind.name(), check.wants());
            format!("{name}: {}, {wants} wanted", check.figure())
        };
        let all: Vec<String> = failed.map(words).collect();
        (!all.is_empty()).then(|| all.join("; "))
    }

    /// "layer 5", "layers 5–9".
    pub fn place(&self) -> String {
        place(self.layers)
    }
}

/// Layers in words.
pub fn place([first, last]: [usize; 2]) -> String {
    match first == last {
        true => format!("layer {first}"),
        false => format!("layers {first}–{last}"),
    }
}

impl Validation {
    pub fn kept(&self) -> Option<&Attempt> {
        self.attempts.last().filter(|attempt| attempt.is_kept())
    }

    /// The worst verdict of the attempt that was kept.
    pub fn verdict(&self) -> Verdict {
        let checks = self.kept().map(|attempt| attempt.checks.iter());
        let worst = checks.and_then(|all| all.map(|check| check.verdict).max());
        worst.unwrap_or(Verdict::Fail)
    }

    /// Every rejected layer with its reason, in a line.
    pub fn rejections(&self) -> String {
        let rejected = self.attempts.iter().filter(|a| !a.is_kept());
        let words = |a: &Attempt| format!("{} ({})", a.place(), a.rejected);
        rejected.map(words).collect::<Vec<_>>().join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::CheckKind;
    use super::*;

    #[test]
    fn a_failure_names_each_check_that_failed() {
        let check = |kind, value, threshold, verdict| Check {
            kind,
            value,
            threshold,
            verdict,
            ..Check::default()
        };
        let mut checks = vec![
            check(CheckKind::Paraphrases, 0.031, 0.1, Verdict::Fail),
            check(CheckKind::Behaviour, 0.06, 0.25, Verdict::Warn),
            check(CheckKind::Fingerprint, 0.5, 0.92, Verdict::Fail),
        ];
        assert_eq!(
            Attempt::failure(&checks).unwrap(),
            "paraphrases: p(new) 0.031, at least 0.10 wanted; \
             fingerprint: cosine 0.500, at least 0.92 wanted"
        );
        checks.retain(|check| check.verdict != Verdict::Fail);
        assert_eq!(Attempt::failure(&checks), None);
        let mut validation = Validation::default();
        assert_eq!(validation.verdict(), Verdict::Fail);
        let layers = [5, 5];
        validation.attempts.push(Attempt {
            layers,
            rejected: String::new(),
            checks,
        });
        assert_eq!(validation.verdict(), Verdict::Warn);
        assert_eq!(validation.rejections(), "");
    }
}
