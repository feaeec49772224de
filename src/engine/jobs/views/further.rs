//! Collapse, batch and later: what becomes of the edit, and of the model, as
//! further facts are rewritten in the same way.

use super::Subject;
use crate::edit::moment::Text;
use crate::edit::{EditSpec, Request};
use crate::engine::error::{EngineError, Result};
use crate::engine::event::{EventKind, Stage};
use crate::engine::jobs::{Job, edit};
use crate::engine::pace::Pace;
use crate::engine::spec::EditId;
use crate::engine::state::{Model, State};
use crate::measure::Watch;
use crate::measure::perplexity::perplexity;
use crate::measure::score::{Ask, score as ask};
use crate::measure::views::later::{Other, others};
use crate::measure::views::{After, Evidence, Thresholds, View, ViewScore, score};
use crate::model::Decoder;

/// Facts that are tried for each that is to be rewritten, and beyond that: those
/// that the model does not know would tell nothing.
const TRIED: usize = 4;
const MORE: usize = 40;

/// A fact that was rewritten.
struct Made {
    request: Request,
    /// Empty: not known; then any p(new) above 0.5 holds.
    old: String,
    p_made: f64,
}

pub fn make(
    job: &Job,
    subject: &mut Subject,
    after: &After,
    state: &mut State,
    tell: &mut impl FnMut(ViewScore),
) -> Result<()> {
    let thresholds = subject.plan.thresholds.clone();
    let own: Vec<Made> = own(job, subject, state.model()?)?;
    let many = own.len() > 1;
    if many {
        let made = stand(job, &own, &subject.with, state.model()?)?;
        tell(score::batch(made, true, &thresholds));
    }
    if subject.plan.later == 0 {
        untold("no further edits were asked for", many, &thresholds, tell);
        return Ok(());
    }
    let left = state.model()?.leave();
    let mut ids = Vec::new();
    let made = further(job, subject, &mut ids, state);
    let end = state.model()?.current.clone();
    state.model()?.come_back(left, &ids);
    let made = made?;

    let model = state.model()?;
    let above = &subject.stack[subject.at + 1..];
    let above = above
        .iter()
        .filter(|edit| edit.on && edit.alpha != 0.0)
        .count();
    let edits = made.len() + above;
    if edits == 0 {
        let why = "the model knows none of the facts that could be rewritten";
        untold(why, many, &thresholds, tell);
        return Ok(());
    }
    let at_end = subject.asked.after(&model.tokens, &end, &mut job.brake())?;
    // As it was made: without what stands above it in the stack.
    let at_first = match above {
        0 => after.clone(),
        _ => {
            let made = model.weights(&subject.stack[..=subject.at])?;
            subject
                .asked
                .after(&model.tokens, &made, &mut job.brake())?
        }
    };
    let retention = [&at_first, &at_end].map(|seen| seen.of(View::Retention).rows);
    tell(score::later(
        &retention[0],
        &retention[1],
        edits,
        &thresholds,
    ));
    if !many {
        let all: Vec<Made> = own.into_iter().chain(made).collect();
        let made = stand(job, &all, &end, model)?;
        tell(score::batch(made, false, &thresholds));
    }
    let (plain, count) = (Text::plain(), subject.plan.text);
    let surprise =
        |decoder: &Decoder| perplexity(decoder, &model.tokens, &plain, count, &mut job.brake());
    let perplexity = [surprise(&subject.without)?, surprise(&end)?];
    let kept = at_end.of(View::CrossDomain).rows;
    tell(score::collapse(perplexity, &kept, edits, &thresholds));
    Ok(())
}

/// Without further edits three views are not told, or two: of `many` facts of its own
/// the edit's batch is seen without.
fn untold(why: &str, many: bool, thresholds: &Thresholds, tell: &mut impl FnMut(ViewScore)) {
    for view in [View::Collapse, View::Later, View::Batch] {
        if view != View::Batch || !many {
            tell(ViewScore::untold(view, why, thresholds));
        }
    }
}

/// The edit's own facts. Of the one that is looked at the old answer is known.
fn own(job: &Job, subject: &Subject, model: &Model) -> Result<Vec<Made>> {
    let requests: Vec<Request> = subject.spec.requests().cloned().collect();
    let asks = requests
        .iter()
        .map(|r| Ask::new(&model.tokens, &r.text(), &[r.target.as_str()]))
        .collect::<Result<Vec<_>, _>>()?;
    let scored = ask(&subject.with, &asks, &mut job.brake(), |_, _| ())?;
    let own = requests.into_iter().zip(&scored).enumerate();
    let made = own.map(|(n, (request, scored))| Made {
        request,
        old: match n == subject.plan.fact {
            true => subject.old.clone(),
            false => String::new(),
        },
        p_made: scored.log_p.first().map_or(f64::NAN, |p| p.exp()),
    });
    Ok(made.collect())
}

/// Makes the further edits, one on top of the other; their ids into `ids`.
fn further(
    job: &Job,
    subject: &Subject,
    ids: &mut Vec<EditId>,
    state: &mut State,
) -> Result<Vec<Made>> {
    let wanted = subject.plan.later;
    let others = known(job, subject, state.model()?)?;
    let (pace, total) = (Pace::after(0), wanted as u64);
    let mut all: Vec<Made> = Vec::new();
    for other in others {
        if all.len() == wanted {
            break;
        }
        job.progress(Stage::Further, all.len() as u64, total, &pace);
        let spec = EditSpec {
            request: other.request.clone(),
            more: Vec::new(),
            true_answer: Some(other.old.clone()),
            ..subject.spec.clone()
        };
        let (report, deltas) = match edit::attempt(&job.part(), &spec, &Watch::default(), state) {
            Ok(made) => made,
            // A fact that this method cannot rewrite leaves the others.
            Err(error) if error.is_of_layer() => {
                let words = format!("{}: {error}", other.request.text());
                job.say(EventKind::Warning(words));
                continue;
            }
            Err(error) => return Err(error),
        };
        // No id of a user's edit: those count up from 1.
        let id = EditId::MAX - ids.len() as EditId;
        ids.push(id);
        let model = state.model()?;
        model.push(id, vec![other.request.clone()], deltas)?;
        all.push(Made {
            request: other.request,
            old: other.old,
            p_made: report.p_target.after,
        });
    }
    if job.cancelled() {
        return Err(EngineError::Model(crate::model::ModelError::Cancelled));
    }
    Ok(all)
}

/// Facts to rewrite: those that the model knows.
fn known(job: &Job, subject: &Subject, model: &Model) -> Result<Vec<Other>> {
    let plan = subject.plan;
    let mut avoid: Vec<String> = model.requests_on().map(|r| r.subject.clone()).collect();
    avoid.extend(subject.spec.requests().map(|r| r.subject.clone()));
    let tried = others(&model.world, &avoid, TRIED * plan.later + MORE, plan.seed);
    let asks = tried
        .iter()
        .map(|other| Ask::new(&model.tokens, &other.request.text(), &[other.old.as_str()]))
        .collect::<Result<Vec<_>, _>>()?;
    // Whatever the edit did to them.
    let scored = ask(&subject.without, &asks, &mut job.brake(), |_, _| ())?;
    let known = tried.into_iter().zip(scored);
    let known = known.filter(|(_, scored)| scored.exact.first() == Some(&true));
    Ok(known.map(|(other, _)| other).collect())
}

/// How facts that were rewritten stand in the weights of `decoder`.
fn stand(job: &Job, made: &[Made], decoder: &Decoder, model: &Model) -> Result<Vec<Evidence>> {
    let asks = made
        .iter()
        .map(|fact| {
            let mut answers = vec![fact.request.target.as_str()];
            answers.extend(Some(fact.old.as_str()).filter(|old| !old.trim().is_empty()));
            Ask::new(&model.tokens, &fact.request.text(), &answers)
        })
        .collect::<Result<Vec<_>, _>>()?;
    let scored = ask(decoder, &asks, &mut job.brake(), |_, _| ())?;
    let both = made.iter().zip(&scored);
    let evidence = both.map(|(fact, scored)| {
        let p = |at: usize| scored.log_p.get(at).map(|p| p.exp());
        let (p_end, p_old) = (p(0).unwrap_or(f64::NAN), p(1));
        Evidence::Made {
            prompt: fact.request.text(),
            target: fact.request.target.clone(),
            p_made: fact.p_made,
            p_end,
            p_old: p_old.unwrap_or(0.0),
            // Above a half no other answer can be ahead.
            holds: p_end > p_old.unwrap_or(0.5),
        }
    });
    Ok(evidence.collect())
}
