//! What some weights answer to a case's prompts, and the scores that follow.

use super::record::Record;
use crate::edit::error::Result;
use crate::measure::score::{Ask, Scored, score};
use crate::model::probe::Probe;
use crate::model::{Decoder, Tokens};
use serde::{Deserialize, Serialize};

/// One prompt: log p of the new and of the true object (of several tokens the
/// mean), and whether the new one's every token was the first choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    pub new: f64,
    #[serde(rename = "true")]
    pub old: f64,
    pub exact: bool,
}

impl Answer {
    fn of(scored: &Scored) -> Answer {
        Answer {
            new: scored.log_p[0],
            old: scored.log_p[1],
            exact: scored.exact[0],
        }
    }

    /// Strict: a tie fails either way.
    fn new_wins(&self) -> f64 {
        f64::from(self.new > self.old)
    }

    fn true_wins(&self) -> f64 {
        f64::from(self.old > self.new)
    }

    /// p(new) − p(true).
    fn margin(&self) -> f64 {
        self.new.exp() - self.old.exp()
    }
}

/// All prompts of a case, group by group.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Answers {
    pub rewrite: Answer,
    pub paraphrases: Vec<Answer>,
    pub neighbours: Vec<Answer>,
    /// The neighbours with the edited sentence before them (NS+).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub primed: Vec<Answer>,
}

/// Everything that some weights say of a case.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    pub case_id: u64,
    pub answers: Answers,
    /// Whether the model, asked and left to itself, says the new object.
    pub free: bool,
    /// The generation prompts with what it wrote after them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub texts: Vec<String>,
    /// ‖ΔW‖/‖W‖ of the change; `None`: unedited.
    pub relative_update_norm: Option<f64>,
    /// The change's, shared by its cases.
    pub seconds: f64,
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
    /// Whether the rewrite prompt's every token of the new object is the first
    /// choice, the ones before it given.
    pub exact: f64,
}

impl Answers {
    pub fn scores(&self) -> Scores {
        let rewrite = std::slice::from_ref(&self.rewrite);
        Scores {
            es: mean(rewrite, Answer::new_wins),
            ps: mean(&self.paraphrases, Answer::new_wins),
            ns: mean(&self.neighbours, Answer::true_wins),
            ns_plus: mean(&self.primed, Answer::true_wins),
            em: mean(rewrite, Answer::margin),
            pm: mean(&self.paraphrases, Answer::margin),
            nm: -mean(&self.neighbours, Answer::margin),
            exact: f64::from(self.rewrite.exact),
        }
    }
}

fn mean(answers: &[Answer], of: fn(&Answer) -> f64) -> f64 {
    answers.iter().map(of).sum::<f64>() / answers.len().max(1) as f64
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

    pub fn answers<P: Probe>(&self, decoder: &Decoder, hook: &mut P) -> Result<Answers> {
        let scored = score(decoder, &self.asks, hook, |_, _| ())?;
        let (rewrite, rest) = scored.split_at(1);
        let (paraphrases, rest) = rest.split_at(self.paraphrases);
        let (neighbours, primed) = rest.split_at(self.neighbours);
        let all = |scored: &[Scored]| scored.iter().map(Answer::of).collect();
        Ok(Answers {
            rewrite: Answer::of(&rewrite[0]),
            paraphrases: all(paraphrases),
            neighbours: all(neighbours),
            primed: all(primed),
        })
    }

    pub fn scores<P: Probe>(&self, decoder: &Decoder, hook: &mut P) -> Result<Scores> {
        Ok(self.answers(decoder, hook)?.scores())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_shares_and_margins_and_a_tie_fails() {
        let answer = |new: f64, old: f64| Answer {
            new: new.ln(),
            old: old.ln(),
            exact: new > 0.5,
        };
        let answers = Answers {
            rewrite: answer(0.9, 0.05),
            paraphrases: vec![answer(0.4, 0.4), answer(0.6, 0.1)],
            neighbours: vec![answer(0.1, 0.8), answer(0.3, 0.3), answer(0.5, 0.2)],
            primed: vec![],
        };
        let scores = answers.scores();
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} {b}");
        close(scores.es, 1.0);
        close(scores.ps, 0.5);
        close(scores.ns, 1.0 / 3.0);
        close(scores.ns_plus, 0.0);
        close(scores.em, 0.85);
        close(scores.pm, 0.25);
        close(scores.nm, (0.7 + 0.0 - 0.3) / 3.0);
        close(scores.exact, 1.0);
    }
}
