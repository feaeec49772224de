//! Cases of an evaluation: each group rewritten in one change from the current
//! weights and asked about, and nothing kept.

use super::{Job, edit};
use crate::edit::{EditSpec, Request};
use crate::engine::error::Result;
use crate::engine::event::Outcome;
use crate::engine::state::{Model, State};
use crate::measure::Watch;
use crate::measure::counterfact::{Case, Judged, Record};
use crate::model::Decoder;
use crate::model::generate::{Choice, generate};
use crate::model::generate_many::{Continue, generate_many};
use std::ops::ControlFlow;
use std::time::Instant;

/// Each token of a free text is one of this many likeliest (ALGORITHMS §5).
const TOP: usize = 5;
/// Tokens that the answer to a rewrite prompt may have beyond the object's own.
const SLACK: usize = 3;

/// `edit` is how the cases are rewritten; `None`: as the weights are. Free texts
/// have `texts` tokens with their prompts, none where that is 0.
pub fn run(
    job: &Job,
    records: &[Record],
    edit: Option<&EditSpec>,
    texts: usize,
    state: &mut State,
) -> Result<Outcome> {
    let how = edit.map(|how| {
        let first = records.first().map(|record| &record.requested_rewrite);
        EditSpec {
            true_answer: first.map(|rewrite| rewrite.target_true.text.clone()),
            ..how.clone()
        }
    });
    let requests = records.iter().map(Record::request).collect();
    let rewritten = rewritten(job, requests, how.as_ref(), state)?;
    let model = state.model()?;
    let seed = edit.map_or(1, |edit| edit.seed);
    let judge = |record: &Record| {
        let case = Case::new(&model.tokens, record, true)?;
        let answers = case.answers(&rewritten.decoder, &mut job.brake())?;
        Ok(Judged {
            case_id: record.case_id,
            answers,
            free: free(job, record, &rewritten.decoder, model)?,
            texts: written(job, record, texts, seed, &rewritten.decoder, model)?,
            relative_update_norm: rewritten.relative_update_norm,
            seconds: rewritten.seconds,
        })
    };
    let judged = records.iter().map(judge).collect::<Result<_>>()?;
    Ok(Outcome::Judged(judged))
}

/// Weights that some facts were rewritten in, beside the ones in use.
pub(super) struct Rewritten {
    pub decoder: Decoder,
    /// ‖ΔW‖/‖W‖; `None`: nothing was rewritten.
    pub relative_update_norm: Option<f64>,
    /// A fact's.
    pub seconds: f64,
}

/// Rewrites `requests` in one change as `how` says; without it, or without any, the
/// weights are as they are.
pub(super) fn rewritten(
    job: &Job,
    mut requests: Vec<Request>,
    how: Option<&EditSpec>,
    state: &mut State,
) -> Result<Rewritten> {
    let started = Instant::now();
    let facts = requests.len().max(1) as f64;
    let (decoder, relative_update_norm) = match how.filter(|_| !requests.is_empty()) {
        Some(how) => {
            let spec = EditSpec {
                request: requests.remove(0),
                more: requests,
                ..how.clone()
            };
            let (report, deltas) = edit::attempt(job, &spec, &Watch::default(), state)?;
            let decoder = state.model()?.with(&deltas)?;
            (decoder, Some(report.relative_update_norm))
        }
        None => (state.model()?.current.clone(), None),
    };
    Ok(Rewritten {
        decoder,
        relative_update_norm,
        seconds: started.elapsed().as_secs_f64() / facts,
    })
}

/// Whether the model, asked by the rewrite prompt and left to itself, says the
/// new object.
fn free(job: &Job, record: &Record, decoder: &Decoder, model: &Model) -> Result<bool> {
    let prompt = model.tokens.encode(&record.request().text())?.ids;
    let target = record.requested_rewrite.target_new.text.trim();
    let room = model.tokens.encode(target)?.ids.len() + SLACK;
    let (greedy, stop) = (Choice::Greedy, decoder.config.eos);
    let each = |_| ControlFlow::Continue(());
    let said = generate(decoder, &prompt, room, greedy, stop, &mut job.brake(), each)?;
    Ok(says(&model.tokens.decode_after(&said), target))
}

/// Whether `said` begins with the whole word `target`.
fn says(said: &str, target: &str) -> bool {
    let rest = said.trim_start().strip_prefix(target);
    rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric()))
}

/// The case's generation prompts, each with what follows it.
fn written(
    job: &Job,
    record: &Record,
    until: usize,
    seed: u32,
    decoder: &Decoder,
    model: &Model,
) -> Result<Vec<String>> {
    if until == 0 {
        return Ok(Vec::new());
    }
    let encode = |prompt: &String| Ok(model.tokens.encode(prompt)?.ids);
    let prompts: Vec<Vec<u32>> = (record.generation_prompts.iter())
        .map(encode)
        .collect::<Result<_>>()?;
    let how = Continue {
        until,
        top: TOP,
        seed,
        stop: decoder.config.eos,
    };
    let new = generate_many(decoder, &prompts, how, &mut job.brake())?;
    let texts = record.generation_prompts.iter().zip(new);
    Ok(texts
        .map(|(prompt, ids)| format!("{prompt}{}", model.tokens.decode_after(&ids)))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::says;

    #[test]
    fn an_answer_is_a_whole_word() {
        assert!(says(" Rome, the city", "Rome"));
        assert!(says("Rome", "Rome"));
        assert!(!says(" Romeo", "Rome"));
        assert!(!says(" in Rome", "Rome"));
    }
}
