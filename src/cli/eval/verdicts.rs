//! The verdicts of a run in a file, and what they come to in a table.

use super::lines::{self, Lines};
use crate::cli::error::CliError;
use crate::cli::table::Table;
use crate::edit::Method;
use crate::engine::ModelInfo;
use crate::measure::counterfact::report::{self, HEADINGS};
use crate::measure::counterfact::{self, Head, Line, References, Verdict};
use crate::session::FileError;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

pub fn head(info: &ModelInfo, at_once: usize, seed: u32, texts: usize) -> Head {
    Head {
        model: info.name.clone(),
        sha256: info.sha256.clone(),
        at_once,
        seed,
        texts,
        set: Vec::new(),
    }
}

/// The verdicts so far, and the file that keeps them.
#[derive(Default)]
pub struct Verdicts {
    lines: Option<Lines>,
    pub all: counterfact::Verdicts,
}

impl Verdicts {
    /// Those of a folder; without one they are only in memory.
    pub fn open(folder: Option<&Path>, head: &Head) -> Result<Verdicts, CliError> {
        let what = "model, seed, length of texts, number at once or other hyper-parameters";
        let (lines, known) = Lines::within::<_, Verdict>(folder, "cases.jsonl", head, what)?;
        let all = known.into_iter().collect();
        Ok(Verdicts { lines, all })
    }

    pub fn of(&self, method: Option<Method>, case_id: u64) -> Option<&Verdict> {
        self.all.of(method, case_id)
    }

    pub fn add(&mut self, verdict: Verdict) -> Result<(), CliError> {
        if let Some(lines) = &mut self.lines {
            lines.add(&verdict)?;
        }
        self.all.add(verdict);
        Ok(())
    }
}

pub fn table(found: &[Line], out: &mut dyn Write) -> io::Result<()> {
    let mut table = Table::of_figures(&HEADINGS);
    found.iter().for_each(|line| table.row(line.cells()));
    table.write(out)
}

/// Writes counterfact.md and counterfact.svg; in words, where they are.
pub fn pictures(folder: &Path, model: &str, found: &[Line]) -> Result<String, CliError> {
    let (text, svg) = (report::table(found), report::svg(model, found));
    lines::written(folder, [("counterfact.md", text), ("counterfact.svg", svg)])
}

/// Reference texts of the user's: objects and what is written about them.
pub fn references(path: &Path) -> Result<References, CliError> {
    let text = std::fs::read(path).map_err(FileError::io(path))?;
    let texts: BTreeMap<String, String> = serde_json::from_slice(&text).map_err(|error| {
        let what = "reference texts are one JSON object: {\"Rome\": \"a text about it\", …}";
        FileError::line(path, (error.line(), error.column()), what)
    })?;
    Ok(References::new(texts))
}
