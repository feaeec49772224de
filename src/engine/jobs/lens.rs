//! What the residuals say of two answers, without and with the current stack.

use super::Job;
use crate::engine::error::Result;
use crate::engine::event::{Outcome, Stage};
use crate::engine::pace::Pace;
use crate::engine::state::Model;
use crate::measure::lens::{self, LensSpec};

pub fn run(job: &Job, spec: &LensSpec, model: &Model) -> Result<Outcome> {
    let pace = Pace::after(0);
    job.started(Stage::Lens, 0);
    let mut each = |done, all| job.progress(Stage::Lens, done as u64, all as u64, &pace);
    let mut report = lens::look(
        [&model.pristine, &model.current],
        &model.tokens,
        spec,
        &mut job.brake(),
        &mut each,
    )?;
    report.model.clone_from(&model.info.name);
    Ok(Outcome::Looked(Box::new(report)))
}
