//! The cases that an evaluation rewrites: facts that the model knows.

use crate::cli::client::Client;
use crate::cli::error::CliError;
use crate::cli::requests;
use crate::engine::{Outcome, Spec};
use crate::facts::World;
use crate::measure::counterfact::Record;
use crate::measure::{Probe, ProbeGroup, cases};
use std::path::Path;

/// p(true) from which a fact counts as known (ALGORITHMS §5).
const KNOWN: f64 = 0.3;

/// `count` cases that the model knows and that have neighbours: of a file in
/// CounterFact's form, or of the built-in facts.
pub fn cases(
    client: &Client,
    file: Option<&Path>,
    count: usize,
    seed: u64,
) -> Result<Vec<Record>, CliError> {
    let world = World::atlas().map_err(|e| CliError::Failed(e.to_string()))?;
    let records = match file {
        Some(path) => requests::records(path)?,
        None => cases::of_world(&world, seed),
    };
    let mut found = Vec::new();
    for some in records.chunks(count.clamp(100, 1000)) {
        let mut some = known(client, some.to_vec(), some.len(), KNOWN)?;
        if file.is_none() {
            cases::add_neighbours(&world, &mut some, seed);
        }
        found.extend(
            some.into_iter()
                .filter(|r| !r.neighborhood_prompts.is_empty()),
        );
        if found.len() >= count {
            found.truncate(count);
            return Ok(found);
        }
    }
    Err(CliError::Failed(format!(
        "the model knows {} of the facts that have neighbours, and {count} are asked for; \
         ask for fewer edits",
        found.len()
    )))
}

/// The first `count` whose true object the unedited model gives more than `over`.
pub fn known(
    client: &Client,
    records: Vec<Record>,
    count: usize,
    over: f64,
) -> Result<Vec<Record>, CliError> {
    let mut found = Vec::new();
    for some in records.chunks(count.clamp(100, 1000)) {
        let probe = |record: &Record| Probe {
            prompt: record.request().text(),
            expected: record.requested_rewrite.target_true.text.clone(),
            group: ProbeGroup::Fact,
            ..Probe::default()
        };
        let probes = some.iter().map(probe).collect();
        let Outcome::Probed(rows) = client.run(Spec::Probe { probes })? else {
            return Err(CliError::EngineEnded);
        };
        let known = some
            .iter()
            .zip(&rows)
            .filter(|(_, row)| row.p_before > over);
        found.extend(known.map(|(record, _)| record.clone()));
        if found.len() >= count {
            break;
        }
    }
    found.truncate(count);
    Ok(found)
}
