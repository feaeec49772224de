//! How the current weights do on cases and on plain text.

use super::{Job, recheck};
use crate::edit::moment::Text;
use crate::engine::error::Result;
use crate::engine::event::{Outcome, Stage};
use crate::engine::pace::Pace;
use crate::engine::state::Model;
use crate::measure::counterfact::{Case, Record, Totals};
use crate::measure::perplexity::perplexity;

pub fn run(job: &Job, records: &[Record], text: usize, model: &Model) -> Result<Outcome> {
    job.started(Stage::Probes, records.len());
    let pace = Pace::after(0);
    let mut scores = Vec::with_capacity(records.len());
    for (done, record) in (1..).zip(records) {
        let case = Case::new(&model.tokens, record, false)?;
        scores.push(case.scores(&model.current, &mut job.brake())?);
        job.progress(Stage::Probes, done, records.len() as u64, &pace);
    }
    let plain = Text::plain();
    let perplexity = perplexity(
        &model.current,
        &model.tokens,
        &plain,
        text,
        &mut job.brake(),
    )?;
    let layers = recheck::layers(job, model)?;
    // Of numbers that are none the largest is none.
    let larger = |a: f64, b: f64| if b > a || b.is_nan() { b } else { a };
    let changes = layers.iter().map(|layer| layer.change / layer.before);
    Ok(Outcome::Scored(Totals {
        scores,
        perplexity,
        change: changes.fold(0.0, larger),
    }))
}
