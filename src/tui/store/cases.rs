//! Files of CounterFact's cases, and of what was found of them.

use super::CasesRead;
use crate::facts::World;
use crate::measure::cases;
use crate::measure::counterfact::{CasesFile, References};
use std::path::PathBuf;

/// Reads one, with what the built-in facts say of objects.
pub fn read(path: PathBuf, limit: Option<usize>) -> Result<CasesRead, String> {
    let told = |reason: String| format!("{}: {reason}", path.display());
    let bytes = std::fs::read(&path).map_err(|error| told(error.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|_| told("it is not UTF-8 text".into()))?;
    let file = CasesFile::read(&text).map_err(told)?;
    // Without them RS alone is left out.
    let references = match World::atlas() {
        Ok(world) => cases::references(&world),
        Err(_) => References::default(),
    };
    Ok(CasesRead {
        path,
        limit,
        file,
        references,
    })
}
