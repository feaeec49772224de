//! CounterFact (Meng et al. 2022, §3.4): does an edit hold in other words, and
//! does it leave its neighbours alone?

use super::score::{Ask, Scored, score};
use crate::edit::Request;
use crate::edit::error::Result;
use crate::model::probe::Probe;
use crate::model::{Decoder, Tokens};
use serde::{Deserialize, Serialize};

/// One case, as the published file has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    pub case_id: u64,
    pub requested_rewrite: Rewrite,
    pub paraphrase_prompts: Vec<String>,
    pub neighborhood_prompts: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rewrite {
    pub prompt: String,
    pub subject: String,
    pub target_new: Object,
    pub target_true: Object,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Object {
    #[serde(rename = "str")]
    pub text: String,
}

impl Record {
    pub fn request(&self) -> Request {
        let rewrite = &self.requested_rewrite;
        Request {
            prompt: rewrite.prompt.clone(),
            subject: rewrite.subject.clone(),
            target: rewrite.target_new.text.clone(),
        }
    }
}

/// One case's scores, each in 0–1 (margins in −1–1); 0 of prompts it does not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// Share of rewrite / paraphrase prompts with p(new) > p(true).
    pub es: f64,
    pub ps: f64,
    /// Share of neighbours with p(true) > p(new); plus: with the edited
    /// sentence put before each.
    pub ns: f64,
    pub ns_plus: f64,
    /// Mean p(new) − p(true) on rewrite / paraphrase, p(true) − p(new) on neighbours.
    pub em: f64,
    pub pm: f64,
    pub nm: f64,
}

/// How some weights do: on cases, on plain text, and how far they moved.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Totals {
    /// One a case.
    pub scores: Vec<Scores>,
    /// On plain text.
    pub perplexity: f64,
    /// ‖W − W₀‖/‖W₀‖ of the layer where it is largest.
    pub change: f64,
}

/// A record's prompts, ready for one tokenizer.
pub struct Case {
    asks: Vec<Ask>,
    paraphrases: usize,
    neighbours: usize,
}

impl Case {
    /// `plus`: also the neighbours with the edited sentence before them.
    pub fn new(tokens: &Tokens, record: &Record, plus: bool) -> Result<Case> {
        let rewrite = &record.requested_rewrite;
        let (new, old) = (
            rewrite.target_new.text.as_str(),
            rewrite.target_true.text.as_str(),
        );
        let edited = record.request().text();
        let primed = (record.neighborhood_prompts.iter())
            .filter(|_| plus)
            .map(|n| format!("{edited} {new}. {n}"));
        let prompts = [edited.clone()]
            .into_iter()
            .chain(record.paraphrase_prompts.iter().cloned())
            .chain(record.neighborhood_prompts.iter().cloned())
            .chain(primed);
        Ok(Case {
            asks: prompts
                .map(|p| Ask::new(tokens, &p, &[new, old]))
                .collect::<Result<_>>()?,
            paraphrases: record.paraphrase_prompts.len(),
            neighbours: record.neighborhood_prompts.len(),
        })
    }

    /// p(true) on the rewrite prompt.
    pub fn p_true<P: Probe>(&self, decoder: &Decoder, hook: &mut P) -> Result<f64> {
        let scored = score(decoder, &self.asks[..1], hook, |_, _| ())?;
        Ok(scored[0].log_p[1].exp())
    }

    pub fn scores<P: Probe>(&self, decoder: &Decoder, hook: &mut P) -> Result<Scores> {
        let scored = score(decoder, &self.asks, hook, |_, _| ())?;
        let (rewrite, rest) = scored.split_at(1);
        let (paraphrases, rest) = rest.split_at(self.paraphrases);
        let (neighbours, plus) = rest.split_at(self.neighbours);
        // Strict: a tie fails either way.
        let new_wins = |s: &Scored| f64::from(s.log_p[0] > s.log_p[1]);
        let true_wins = |s: &Scored| f64::from(s.log_p[1] > s.log_p[0]);
        let margin = |s: &Scored| s.log_p[0].exp() - s.log_p[1].exp();
        Ok(Scores {
            es: mean(rewrite, new_wins),
            ps: mean(paraphrases, new_wins),
            ns: mean(neighbours, true_wins),
            ns_plus: mean(plus, true_wins),
            em: mean(rewrite, margin),
            pm: mean(paraphrases, margin),
            nm: -mean(neighbours, margin),
        })
    }
}

fn mean(scored: &[Scored], of: impl Fn(&Scored) -> f64) -> f64 {
    scored.iter().map(of).sum::<f64>() / scored.len().max(1) as f64
}

/// A mean over cases ×100, with the half-width of its 95 % interval.
pub fn summary(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let n = values.clone().count() as f64;
    let mean = values.clone().sum::<f64>() / n;
    let variance = values.map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
    (100.0 * mean, 196.0 * (variance / n).sqrt())
}

#[cfg(test)]
mod tests {
    #[test]
    fn summary_is_mean_and_interval() {
        let (mean, half) = super::summary([1.0, 0.0, 1.0, 0.0].into_iter());
        assert_eq!(mean, 50.0);
        assert!((half - 100.0 * 1.96 * (1.0f64 / 3.0).sqrt() / 2.0).abs() < 1e-9);
    }
}
