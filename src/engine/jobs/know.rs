//! Asking the open model what it knows, a slice at a time: other jobs come between.

use super::Job;
use crate::engine::error::Result;
use crate::engine::event::{Outcome, Stage};
use crate::engine::folders::Folders;
use crate::engine::pace::Pace;
use crate::engine::state::State;
use crate::facts::Sentence;
use crate::measure::known::Known;
use crate::session::atomic::write_atomically;
use std::path::PathBuf;
use std::time::Instant;

/// Seconds that one job asks for: short, since whatever else is wanted waits.
const SLICE: f64 = 0.8;
/// Sentences of one forward pass.
const BATCH: usize = 10;

pub fn run(job: &Job, state: &mut State) -> Result<Outcome> {
    let folders = state.folders.clone();
    let model = state.model()?;
    let begun = Instant::now();
    let mut known = model.known.clone();
    let (before, most) = (known.asked, Known::most());
    let pace = Pace::after(before as u64);
    job.started(Stage::Known, most);
    // The first examples come with the first job.
    let first = Sentence::first();
    while !known.is_done() && (known.asked < first || begun.elapsed().as_secs_f64() < SLICE) {
        let count = if known.asked < first {
            first - known.asked
        } else {
            BATCH
        };
        known.ask(&model.pristine, &model.tokens, count, &mut job.brake())?;
        job.progress(Stage::Known, known.asked as u64, most as u64, &pace);
        if known.asked == before {
            break;
        }
    }
    known.seconds += begun.elapsed().as_secs_f64();
    if known.asked > before
        && let Some(path) = place(&folders, &model.info.sha256)
    {
        keep(&path, &known);
    }
    let outcome = Outcome::Known {
        examples: known.examples(),
        known: known.facts.len(),
        done: known.is_done(),
    };
    model.known = known;
    Ok(outcome)
}

/// What is kept of an earlier asking of these weights; a damaged file counts as none.
pub fn kept(folders: &Folders, sha256: &str) -> Known {
    let read = || {
        let text = std::fs::read_to_string(place(folders, sha256)?).ok()?;
        serde_json::from_str::<Known>(&text).ok()
    };
    let known = read().unwrap_or_default();
    // Facts come from the list in its order: what is not of it is of another release.
    let of_list = |fact: &crate::measure::known::KnownFact| {
        let mut all = Sentence::all().take(known.asked);
        all.any(|one| (one.wording, one.subject) == (&fact.wording, &fact.subject))
    };
    if known.facts.iter().all(of_list) {
        known
    } else {
        Known::default()
    }
}

fn place(folders: &Folders, sha256: &str) -> Option<PathBuf> {
    let name = sha256.get(..24)?;
    Some(
        folders
            .cache
            .as_ref()?
            .join("known")
            .join(format!("{name}.json")),
    )
}

/// Where it cannot be kept the model is asked again.
fn keep(path: &std::path::Path, known: &Known) {
    let Ok(text) = serde_json::to_string(known) else {
        return;
    };
    let folder = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    if let Err(error) = folder.and_then(|()| write_atomically(path, text.as_bytes())) {
        tracing::warn!(%error, path = %path.display(), "what the model knows was not kept");
    }
}
