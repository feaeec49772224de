//! What was found of each case, in a file, and what that comes to.

use super::lines::{self, Lines};
use crate::cli::error::CliError;
use crate::cli::table::{Align, Table};
use crate::edit::Method;
use crate::engine::ModelInfo;
use crate::measure::counterfact::{
    Interval, Judged, Record, References, Scores, entropy, harmonic, interval,
};
use crate::picture::dots::{Series, in_groups};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

/// What all verdicts of a file share; its first line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Head {
    pub model: String,
    pub sha256: String,
    /// Cases that one change rewrites.
    pub at_once: usize,
    pub seed: u32,
    /// Tokens of a free text.
    pub texts: usize,
    /// Hyper-parameters that the user set, for all methods.
    pub set: Vec<String>,
}

impl Head {
    pub fn new(info: &ModelInfo, at_once: usize, seed: u32, texts: usize) -> Head {
        Head {
            model: info.name.clone(),
            sha256: info.sha256.clone(),
            at_once,
            seed,
            texts,
            set: Vec::new(),
        }
    }
}

/// One case under one method.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// `None`: the unedited model.
    pub method: Option<Method>,
    pub case_id: u64,
    /// Why there is no verdict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judged: Option<Judged>,
}

#[derive(Default)]
pub struct Verdicts {
    lines: Option<Lines>,
    all: BTreeMap<(Option<Method>, u64), Verdict>,
}

impl Verdicts {
    /// Those of a folder; without one they are only in memory.
    pub fn open(folder: Option<&Path>, head: &Head) -> Result<Verdicts, CliError> {
        let what = "model, seed, length of texts, number at once or other hyper-parameters";
        let (lines, known) = Lines::within(folder, "cases.jsonl", head, what)?;
        let by_case = |one: Verdict| ((one.method, one.case_id), one);
        Ok(Verdicts {
            lines,
            all: known.into_iter().map(by_case).collect(),
        })
    }

    pub fn of(&self, method: Option<Method>, case_id: u64) -> Option<&Verdict> {
        self.all.get(&(method, case_id))
    }

    pub fn add(&mut self, verdict: Verdict) -> Result<(), CliError> {
        if let Some(lines) = &mut self.lines {
            lines.add(&verdict)?;
        }
        self.all.insert((verdict.method, verdict.case_id), verdict);
        Ok(())
    }
}

/// What one method comes to over the cases. Scores ×100, as the papers have them.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Line {
    pub method: String,
    /// Cases with a verdict, and edits that could not be made.
    pub cases: usize,
    pub failed: usize,
    pub s: Figure,
    pub es: Figure,
    pub em: Figure,
    pub ps: Figure,
    pub pm: Figure,
    pub ns: Figure,
    pub nm: Figure,
    pub ns_plus: Figure,
    pub exact: Figure,
    pub free: Figure,
    /// Bits, ×100; `None` without free texts.
    pub ge: Option<Figure>,
    /// Over the cases whose new object has a reference text; `None`: none has.
    pub rs: Option<Figure>,
    pub rs_cases: usize,
    pub mean_relative_update_norm: Option<f64>,
    pub seconds_an_edit: Option<f64>,
}

/// A mean and the half-width of its 95 % interval.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Figure {
    pub mean: f64,
    pub ci: f64,
}

impl From<Interval> for Figure {
    fn from(found: Interval) -> Figure {
        Figure {
            mean: 100.0 * found.mean,
            ci: 100.0 * found.half,
        }
    }
}

impl Line {
    pub fn of(
        method: Option<Method>,
        records: &[Record],
        verdicts: &Verdicts,
        references: &References,
    ) -> Line {
        let verdict = |record: &Record| verdicts.of(method, record.case_id);
        let failed = records.iter().filter_map(verdict);
        let failed = failed.filter(|one| one.failed.is_some()).count();
        let judged: Vec<(&Record, &Judged)> = (records.iter())
            .filter_map(|record| Some((record, verdict(record)?.judged.as_ref()?)))
            .collect();
        let scores: Vec<Scores> = judged.iter().map(|(_, j)| j.answers.scores()).collect();
        let of = |field: fn(&Scores) -> f64| {
            let values: Vec<f64> = scores.iter().map(field).collect();
            Figure::from(interval(&values))
        };
        let written = judged.iter().filter(|(_, j)| !j.texts.is_empty());
        let ge: Vec<f64> = written
            .clone()
            .map(|(_, j)| j.texts.iter().map(|t| entropy(t)).sum::<f64>() / j.texts.len() as f64)
            .collect();
        let rs: Vec<f64> = written
            .filter_map(|(record, j)| {
                let object = &record.requested_rewrite.target_new.text;
                references.similarity(object, &j.texts)
            })
            .collect();
        let free: Vec<f64> = judged.iter().map(|(_, j)| f64::from(j.free)).collect();
        let known = |values: Vec<f64>| (!values.is_empty()).then(|| interval(&values).into());
        let mean = |values: Vec<f64>| {
            let n = values.len() as f64;
            (n > 0.0).then(|| values.iter().sum::<f64>() / n)
        };
        let norms = judged.iter().filter_map(|(_, j)| j.relative_update_norm);
        let seconds = judged.iter().filter(|_| method.is_some());
        Line {
            method: method.map_or("unedited", Method::name).into(),
            cases: judged.len(),
            failed,
            s: harmonic(&scores).into(),
            es: of(|s| s.es),
            em: of(|s| s.em),
            ps: of(|s| s.ps),
            pm: of(|s| s.pm),
            ns: of(|s| s.ns),
            nm: of(|s| s.nm),
            ns_plus: of(|s| s.ns_plus),
            exact: of(|s| s.exact),
            free: Figure::from(interval(&free)),
            ge: known(ge),
            rs_cases: rs.len(),
            rs: known(rs),
            mean_relative_update_norm: mean(norms.collect()),
            seconds_an_edit: mean(seconds.map(|(_, j)| j.seconds).collect()),
        }
    }

    fn cells(&self) -> Vec<String> {
        let with = |f: &Figure| format!("{:.1} ±{:.1}", f.mean, f.ci);
        let bare = |f: &Figure| format!("{:.1}", f.mean);
        let maybe = |f: &Option<Figure>| f.as_ref().map_or("–".into(), bare);
        let number = |x: Option<f64>, of: fn(f64) -> String| x.map_or("–".into(), of);
        vec![
            self.method.clone(),
            self.cases.to_string(),
            with(&self.s),
            with(&self.es),
            with(&self.ps),
            with(&self.ns),
            with(&self.ns_plus),
            bare(&self.em),
            bare(&self.pm),
            bare(&self.nm),
            maybe(&self.ge),
            maybe(&self.rs),
            bare(&self.exact),
            bare(&self.free),
            number(self.mean_relative_update_norm, |x| {
                format!("{:.0} %", 100.0 * x)
            }),
            number(self.seconds_an_edit, |x| format!("{x:.1}")),
        ]
    }
}

const HEADINGS: [&str; 16] = [
    "method",
    "cases",
    "S",
    "ES",
    "PS",
    "NS",
    "NS+",
    "EM",
    "PM",
    "NM",
    "GE",
    "RS",
    "exact",
    "free",
    "‖ΔW‖/‖W‖",
    "s an edit",
];

pub fn table(found: &[Line], out: &mut dyn Write) -> io::Result<()> {
    let mut align = vec![Align::Left];
    align.extend([Align::Right; HEADINGS.len() - 1]);
    let mut table = Table::new(&align);
    table.row(HEADINGS);
    found.iter().for_each(|line| table.row(line.cells()));
    table.write(out)
}

/// Writes counterfact.md and counterfact.svg; in words, where they are.
pub fn pictures(folder: &Path, model: &str, found: &[Line]) -> Result<String, CliError> {
    let text = lines::markdown(&HEADINGS, found.iter().map(Line::cells));
    let groups = ["S", "ES", "PS", "NS", "NS+"];
    let series = found.iter().map(|line| Series {
        name: line.method.clone(),
        points: [line.s, line.es, line.ps, line.ns, line.ns_plus]
            .map(|f| (f.mean, f.ci))
            .to_vec(),
    });
    let cases = found.iter().map(|line| line.cases).max().unwrap_or(0);
    let title = format!("CounterFact, {model}, {cases} cases, 95 % intervals");
    let svg = in_groups(&title, &groups, &series.collect::<Vec<_>>());
    lines::written(folder, [("counterfact.md", text), ("counterfact.svg", svg)])
}

/// Reference texts of the user's: objects and what is written about them.
pub fn references(path: &Path) -> Result<References, CliError> {
    let text = std::fs::read(path).map_err(|source| CliError::File {
        path: path.to_owned(),
        source,
    })?;
    let texts: BTreeMap<String, String> =
        serde_json::from_slice(&text).map_err(|error| CliError::Line {
            path: path.to_owned(),
            line: error.line(),
            column: error.column(),
            reason: "reference texts are one JSON object: {\"Rome\": \"a text about it\", …}"
                .into(),
        })?;
    Ok(References::new(texts))
}
