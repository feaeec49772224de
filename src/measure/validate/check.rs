//! Three figures, each beside its threshold.

use super::baseline::Shift;
use super::battery::{Battery, Category};
use super::case::Case;
use super::thresholds::Thresholds;
use serde::{Deserialize, Serialize};

/// Parts of a mean that are told by name; of more, the lowest.
const TOLD: usize = 20;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckKind {
    /// Mean p(new) over the paraphrases.
    #[default]
    Paraphrases,
    /// Mean KL(before ‖ after) over the battery, in nats.
    Behaviour,
    /// Mean cosine of the residual stream, before against after.
    Fingerprint,
}

impl CheckKind {
    pub const ALL: [CheckKind; 3] = [
        CheckKind::Paraphrases,
        CheckKind::Behaviour,
        CheckKind::Fingerprint,
    ];

    pub fn name(self) -> &'static str {
        match self {
            CheckKind::Paraphrases => "paraphrases",
            CheckKind::Behaviour => "behaviour",
            CheckKind::Fingerprint => "fingerprint",
        }
    }

    /// The figure's symbol.
    pub fn figure(self) -> &'static str {
        match self {
            CheckKind::Paraphrases => "p(new)",
            CheckKind::Behaviour => "KL",
            CheckKind::Fingerprint => "cosine",
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    Pass,
    /// It passes, and something in it should be looked at.
    Warn,
    #[default]
    Fail,
}

impl Verdict {
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Pass => "pass",
            Verdict::Warn => "a warning",
            Verdict::Fail => "fail",
        }
    }
}

/// What a figure is the mean of.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Part {
    pub name: String,
    pub value: f64,
}

/// One check of one layer's edit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Check {
    pub kind: CheckKind,
    pub value: f64,
    /// What the value was held to.
    pub threshold: f64,
    pub verdict: Verdict,
    /// Why it is a warning; empty otherwise.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub remark: String,
    /// By template or by fact, by category, by layer.
    pub parts: Vec<Part>,
}

impl Check {
    /// The mean over `parts`, each a paraphrase (or a fact) and its p(new).
    pub fn paraphrases(mut parts: Vec<Part>, thresholds: &Thresholds) -> Check {
        let value = mean(parts.iter().map(|part| part.value));
        if parts.len() > TOLD {
            parts.sort_by(|a, b| a.value.total_cmp(&b.value));
            parts.truncate(TOLD);
        }
        Check::at_least(CheckKind::Paraphrases, value, thresholds.paraphrases, parts)
    }

    /// The mean over all probes; that of the category which the case watches may
    /// ask for a warning of its own.
    pub fn behaviour(shift: &Shift, of: &Battery, case: Case, thresholds: &Thresholds) -> Check {
        let &Thresholds { kl_strict, kl, .. } = thresholds;
        let value = mean(shift.kl.iter().copied());
        let within = |category: Category| {
            let all = of.items.iter().zip(&shift.kl);
            let own = all.filter(|(item, _)| item.category == category);
            mean(own.map(|(_, kl)| *kl))
        };
        let watched = case.watches().map(|category| (category, within(category)));
        let spilt = watched.filter(|(_, own)| *own >= kl_strict);
        let (verdict, threshold, remark) = match (value, spilt) {
            (v, None) if v < kl_strict => (Verdict::Pass, kl_strict, String::new()),
            (v, Some((category, own))) if v < kl_strict => {
                let words = format!("{} {own:.3}, not below {kl_strict:.2}", category.name());
                (Verdict::Warn, kl_strict, words)
            }
            (v, _) if v < kl => (Verdict::Warn, kl, format!("not below {kl_strict:.2}")),
            _ => (Verdict::Fail, kl, String::new()),
        };
        let part = |category: Category| Part {
            name: category.name().into(),
            value: within(category),
        };
        Check {
            kind: CheckKind::Behaviour,
            value,
            threshold,
            verdict,
            remark,
            parts: Category::ALL.map(part).into(),
        }
    }

    pub fn fingerprint(shift: &Shift, thresholds: &Thresholds) -> Check {
        let value = mean(shift.cosines.iter().map(|(_, cosine)| *cosine));
        let part = |(layer, value): &(usize, f64)| Part {
            name: format!("layer {layer}"),
            value: *value,
        };
        let parts = shift.cosines.iter().map(part).collect();
        Check::at_least(CheckKind::Fingerprint, value, thresholds.fingerprint, parts)
    }

    fn at_least(kind: CheckKind, value: f64, threshold: f64, parts: Vec<Part>) -> Check {
        Check {
            kind,
            value,
            threshold,
            verdict: match value >= threshold {
                true => Verdict::Pass,
                false => Verdict::Fail,
            },
            remark: String::new(),
            parts,
        }
    }

    /// The threshold in words: "at least 0.10".
    pub fn wants(&self) -> String {
        match self.kind {
            CheckKind::Behaviour => format!("below {:.2}", self.threshold),
            _ => format!("at least {:.2}", self.threshold),
        }
    }

    /// The figure as it is read: "p(new) 0.031".
    pub fn figure(&self) -> String {
        format!("{} {:.3}", self.kind.figure(), self.value)
    }

    /// "pass", "fail", or the warning in words.
    pub fn said(&self) -> String {
        match self.remark.is_empty() {
            true => self.verdict.name().into(),
            false => format!("{}: {}", self.verdict.name(), self.remark),
        }
    }
}

/// 0 of nothing.
fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut count) = (0.0, 0);
    for value in values {
        (sum, count) = (sum + value, count + 1);
    }
    sum / f64::from(count.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shift(kl: impl Fn(Category) -> f64, cosine: f64) -> (Shift, Battery) {
        let battery = Battery::embedded().unwrap();
        let kl = battery.items.iter().map(|item| kl(item.category)).collect();
        let cosines = vec![(0, 1.0), (4, cosine)];
        (Shift { kl, cosines }, battery)
    }

    fn behaviour(kl: impl Fn(Category) -> f64, case: Case) -> (f64, Verdict) {
        let (shift, battery) = shift(kl, 1.0);
        let check = Check::behaviour(&shift, &battery, case, &Thresholds::default());
        (check.value, check.verdict)
    }

    #[test]
    fn behaviour_passes_strictly_with_a_warning_or_not() {
        let case = Case::WrongFact;
        assert_eq!(behaviour(|_| 0.0, case), (0.0, Verdict::Pass));
        assert_eq!(behaviour(|_| 0.0499, case).1, Verdict::Pass);
        assert_eq!(behaviour(|_| 0.05, case).1, Verdict::Warn);
        assert_eq!(behaviour(|_| 0.2499, case).1, Verdict::Warn);
        assert_eq!(behaviour(|_| 0.25, case).1, Verdict::Fail);
        assert_eq!(behaviour(|_| f64::NAN, case).1, Verdict::Fail);
    }

    #[test]
    fn a_case_of_refusal_watches_the_boundary() {
        let spilt = |category| match category {
            Category::Refusal => 0.2,
            _ => 0.0,
        };
        assert_eq!(behaviour(spilt, Case::WrongFact).1, Verdict::Pass);
        assert_eq!(behaviour(spilt, Case::OverRefusal).1, Verdict::Warn);
        assert_eq!(behaviour(spilt, Case::UnderRefusal).1, Verdict::Warn);
        let (shift, battery) = shift(spilt, 1.0);
        let check = Check::behaviour(&shift, &battery, Case::OverRefusal, &Thresholds::default());
        let words = "a warning: refusal boundary 0.200, not below 0.05";
        assert_eq!(
            (check.said().as_str(), check.wants().as_str()),
            (words, "below 0.05")
        );
    }

    #[test]
    fn the_others_have_one_threshold() {
        let thresholds = Thresholds::default();
        let part = |value| Part {
            name: String::new(),
            value,
        };
        let p = |all: &[f64]| {
            let parts = all.iter().map(|p| part(*p)).collect();
            Check::paraphrases(parts, &thresholds).verdict
        };
        assert_eq!(p(&[0.71, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]), Verdict::Pass);
        assert_eq!(p(&[0.19, 0.0]), Verdict::Fail);
        assert_eq!(p(&[]), Verdict::Fail);
        let many = (0..100).map(|n| part(f64::from(n) / 99.0)).collect();
        let many = Check::paraphrases(many, &thresholds);
        assert!((many.value - 0.5).abs() < 1e-9, "of all of them");
        assert_eq!((many.parts.len(), many.parts[0].value), (TOLD, 0.0));
        let cosine = |c| Check::fingerprint(&shift(|_| 0.0, c).0, &thresholds).verdict;
        assert_eq!(cosine(0.85), Verdict::Pass);
        assert_eq!(cosine(0.83), Verdict::Fail);
    }
}
