//! Cases of an evaluation: each group rewritten in one change from the current
//! weights and asked about, and nothing kept.

use super::Job;
use super::edit::{self, Ready};
use crate::edit::parts::Parts;
use crate::edit::{EditSpec, Request};
use crate::engine::error::{EngineError, Result};
use crate::engine::event::{EventKind, Outcome};
use crate::engine::state::{Model, State};
use crate::measure::counterfact::{Case, Judged, Record};
use crate::model::generate::{Choice, generate};
use crate::model::generate_many::{Continue, generate_many};
use crate::model::{Decoder, ModelError};
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
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
    let requests = records.iter().map(Record::request).collect();
    let rewritten = rewritten(job, requests, edit, state)?;
    let how = How::new(edit, texts);
    let model = state.model()?;
    let judge = |record: &Record| judged(job, record, how, &rewritten, model);
    let judged = records.iter().map(judge).collect::<Result<_>>()?;
    Ok(Outcome::Judged(judged))
}

/// Each case rewritten and judged by itself, several side by side.
pub fn each(
    job: &Job,
    records: &[Record],
    edit: Option<&EditSpec>,
    texts: usize,
    state: &mut State,
) -> Result<Outcome> {
    let parts = Parts::whole(&state.model()?.current)?;
    let how = How::new(edit, texts);
    // What is ready waits for its turn in memory, and for its layer may want a trace:
    // a few at a time, more than one a part so that none is idle for long.
    let few = match parts.count() {
        1 => 1,
        parts => 32 * parts,
    };
    for records in records.chunks(few) {
        let ready = |record: &Record| match edit {
            Some(edit) => ready(job, vec![record.request()], edit, state).map(Some),
            None => Ok(None),
        };
        let ready: Vec<_> = records.iter().map(ready).collect();
        let model = &*state.model()?;
        parts.share(records.iter().zip(ready).collect(), |(record, ready)| {
            let case = || {
                let rewritten = Rewritten::new(&job.part(), ready?, 1, model)?;
                judged(job, record, how, &rewritten, model)
            };
            // A case that panics leaves the others, as one that fails does.
            let result = catch_unwind(AssertUnwindSafe(case))
                .unwrap_or_else(|panic| Err(EngineError::panicked(&*panic)));
            match result {
                Err(error) if error.is_cancelled() || error.is_of_memory() => return Err(error),
                _ if job.cancelled() => return Err(ModelError::Cancelled.into()),
                _ => {}
            }
            job.say(EventKind::Judged {
                case_id: record.case_id,
                result: result.map(Box::new).map_err(|error| error.to_string()),
            });
            Ok(())
        })?;
    }
    Ok(Outcome::JudgedEach)
}

/// How cases are asked.
#[derive(Clone, Copy)]
struct How {
    /// Tokens of a free text with its prompt.
    texts: usize,
    seed: u32,
}

impl How {
    fn new(edit: Option<&EditSpec>, texts: usize) -> How {
        let seed = edit.map_or(1, |edit| edit.seed);
        How { texts, seed }
    }
}

fn judged(
    job: &Job,
    record: &Record,
    how: How,
    rewritten: &Rewritten,
    model: &Model,
) -> Result<Judged> {
    let case = Case::new(&model.tokens, record, true)?;
    let answers = case.answers(&rewritten.decoder, &mut job.brake())?;
    Ok(Judged {
        case_id: record.case_id,
        answers,
        free: free(job, record, &rewritten.decoder, model)?,
        texts: written(job, record, how, &rewritten.decoder, model)?,
        relative_update_norm: rewritten.relative_update_norm,
        seconds: rewritten.seconds,
    })
}

/// Weights that some facts were rewritten in, beside the ones in use.
pub(super) struct Rewritten {
    pub decoder: Decoder,
    /// ‖ΔW‖/‖W‖; `None`: nothing was rewritten.
    pub relative_update_norm: Option<f64>,
    /// A fact's.
    pub seconds: f64,
}

impl Rewritten {
    /// `facts` facts, ready to be rewritten; without them the weights are as they are.
    fn new(job: &Job, ready: Option<Ready>, facts: usize, model: &Model) -> Result<Rewritten> {
        let Some(ready) = ready else {
            return Ok(Rewritten {
                decoder: model.current.clone(),
                relative_update_norm: None,
                seconds: 0.0,
            });
        };
        let started = Instant::now();
        let made = ready.make(job, model)?;
        Ok(Rewritten {
            decoder: model.with(&made.deltas)?,
            relative_update_norm: Some(edit::relative_norm(model, &made)?),
            seconds: (ready.seconds + started.elapsed().as_secs_f64()) / facts as f64,
        })
    }
}

/// Rewrites `requests` in one change as `how` says; without it, or without any, the
/// weights are as they are.
pub(super) fn rewritten(
    job: &Job,
    requests: Vec<Request>,
    how: Option<&EditSpec>,
    state: &mut State,
) -> Result<Rewritten> {
    let facts = requests.len().max(1);
    let ready = match how.filter(|_| !requests.is_empty()) {
        Some(how) => Some(ready(job, requests, how, state)?),
        None => None,
    };
    Rewritten::new(job, ready, facts, state.model()?)
}

fn ready(
    job: &Job,
    mut requests: Vec<Request>,
    how: &EditSpec,
    state: &mut State,
) -> Result<Ready> {
    let spec = EditSpec {
        request: requests.remove(0),
        more: requests,
        ..how.clone()
    };
    Ready::new(job, &spec, state)
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
    How { texts: until, seed }: How,
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
