//! Watching without editing: probes, proposals, continuations.

use super::Job;
use crate::edit::Request;
use crate::engine::error::Result;
use crate::engine::event::{EventKind, Outcome, Side, Stage};
use crate::engine::kept::{self, Recipes};
use crate::engine::state::Model;
use crate::measure::known::DECENT;
use crate::measure::probes::Probes;
use crate::measure::{Generation, Probe, ProbeGroup, ProbeRow, confab, neighbours};
use crate::model::Decoder;
use crate::model::generate::{self, Choice};
use std::ops::ControlFlow;

pub fn run(job: &Job, probes: &[Probe], model: &mut Model) -> Result<Outcome> {
    let rows = watch(job, probes, model, &model.current)?;
    // The stacks that were seen are the history of those to come.
    let (base, now) = (Recipes::new(), model.recipes().clone());
    let p = |of: fn(&ProbeRow) -> f64| rows.iter().map(of).collect();
    let past = &mut model.kept.past;
    past.remember(probes, &base, p(|row| row.p_before));
    past.remember(probes, &now, p(|row| row.p_after));
    Ok(Outcome::Probed(rows))
}

/// Rows before and after, each said as it is known.
pub(super) fn watch(
    job: &Job,
    probes: &[Probe],
    model: &Model,
    after: &Decoder,
) -> Result<Vec<ProbeRow>> {
    job.started(Stage::Probes, probes.len());
    let said = |after| {
        move |index: usize, row: &ProbeRow| {
            job.say(EventKind::Row {
                index,
                row: row.clone(),
                after,
            });
        }
    };
    let (tokens, pristine) = (&model.tokens, &model.pristine);
    let known = model.kept.probes.take().filter(|known| known.are(probes));
    let known = match known {
        Some(known) => known,
        None => Probes::new(tokens, pristine, probes)?,
    };
    // Where the two part is where the next change is likely to be.
    let next = after.first_difference(pristine);
    kept::with(&model.kept.probes, known, |probes| {
        let mut rows = probes.before(tokens, pristine, next, &mut job.brake(), said(false))?;
        probes.after(tokens, after, &mut rows, &mut job.brake(), said(true))?;
        Ok(rows)
    })
}

/// Whether a model that was not trained on our facts for certain knows this one: it
/// begins the object, and with a decent probability.
pub(super) fn known(row: &ProbeRow) -> bool {
    let said = row.top_before.trim();
    row.p_before >= DECENT && !said.is_empty() && row.expected.trim().starts_with(said)
}

/// What to watch beside an edit. Of facts that a model was not trained on for
/// certain, only those that it knows.
pub(super) fn proposals(
    job: &Job,
    model: &Model,
    request: &Request,
    old: &str,
    count: usize,
) -> Result<Vec<Probe>> {
    /// Facts that are tried for each that is wanted.
    const TRIED: usize = 3;
    if model.is_atlas {
        return Ok(neighbours::propose(&model.world, request, old, count));
    }
    let mut tried = neighbours::propose(&model.world, request, old, TRIED * count);
    // The asking has found more, also of what our own facts do not hold.
    let alike = model.known.alike(&request.prompt, &request.subject, old);
    for new in alike.into_iter().take(count) {
        if !tried.iter().any(|probe| probe.prompt == new.prompt()) {
            tried.push(neighbours::same_relation(new));
        }
    }
    let (tokens, pristine) = (&model.tokens, &model.pristine);
    let mut probes = Probes::new(tokens, pristine, &tried)?;
    let rows = probes.before(tokens, pristine, None, &mut job.brake(), |_, _| {})?;
    let stays = |probe: &Probe, row: &ProbeRow| {
        known(row) || matches!(probe.group, ProbeGroup::Fact | ProbeGroup::Paraphrase)
    };
    let stay = tried.iter().zip(&rows).filter(|(p, row)| stays(p, row));
    Ok(stay.map(|(p, _)| p.clone()).take(count).collect())
}

/// The unedited model's own answer: its likeliest next token, and the tokens
/// that finish the word.
pub(super) fn model_answer(job: &Job, model: &Model, request: &Request) -> Result<String> {
    const LONGEST: usize = 8;
    let ids = model.tokens.encode(&request.text())?.ids;
    let mut answer = String::new();
    generate::generate(
        &model.pristine,
        &ids,
        LONGEST,
        Choice::Greedy,
        model.pristine.config.eos,
        &mut job.brake(),
        |id| {
            let text = model.tokens.decode_after(&[id]);
            let ends_word = !answer.is_empty() && !text.starts_with(|c: char| c.is_alphanumeric());
            if ends_word {
                return ControlFlow::Break(());
            }
            answer.push_str(&text);
            ControlFlow::Continue(())
        },
    )?;
    let begun = answer.trim();
    let whole = neighbours::whole_answer(&model.world, request, begun);
    Ok(whole.unwrap_or_else(|| begun.to_owned()))
}

pub fn generate(
    job: &Job,
    prompts: &[String],
    count: usize,
    seed: u32,
    model: &Model,
) -> Result<Outcome> {
    Ok(Outcome::Generated(continuations(
        job,
        prompts,
        count,
        seed,
        model,
        &model.current,
    )?))
}

/// Each prompt continued by the unedited model and by `after`, with one seed.
pub(super) fn continuations(
    job: &Job,
    prompts: &[String],
    count: usize,
    seed: u32,
    model: &Model,
    after: &Decoder,
) -> Result<Vec<Generation>> {
    job.started(Stage::Generations, prompts.len() * 2 * count);
    let mut generations = Vec::with_capacity(prompts.len());
    for (index, prompt) in prompts.iter().enumerate() {
        let write = |decoder: &Decoder, side: Side| {
            let say = |text: &str| {
                job.say(EventKind::Token {
                    prompt: index,
                    side,
                    text: text.to_owned(),
                })
            };
            confab::continue_prompt(
                decoder,
                &model.tokens,
                prompt,
                count,
                seed,
                &mut job.brake(),
                say,
            )
        };
        let old = write(&model.pristine, Side::Before)?;
        let new = write(after, Side::After)?;
        generations.push(confab::compare(&model.tokens, prompt, seed, &old, &new));
    }
    Ok(generations)
}
