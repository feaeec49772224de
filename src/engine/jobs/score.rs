//! How the current weights do on cases and on plain text.

use super::Job;
use crate::edit::moment::Text;
use crate::edit::stack;
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
    let mut change: f64 = 0.0;
    for layer in 0..model.pristine.layers() {
        let (_, moved) = stack::norms_now(&model.current, layer)?;
        change = change.max(moved / stack::weight_norm(&model.pristine, layer)?);
    }
    Ok(Outcome::Scored(Totals {
        scores,
        perplexity,
        change,
    }))
}
