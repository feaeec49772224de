//! A curve's rows: a file of them, a table, pictures.

use super::lines::{self, Lines};
use crate::cli::error::CliError;
use crate::cli::table::{Align, Table};
use crate::edit::Method;
use crate::engine::ModelInfo;
use crate::measure::counterfact::{Scores, Totals, harmonic_mean};
use crate::picture::{Chart, Line};
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// How many facts one change rewrites.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    OneByOne,
    AtOnce,
    Batches(usize),
}

impl Schedule {
    pub fn words(self) -> String {
        match self {
            Schedule::OneByOne => "one by one".into(),
            Schedule::AtOnce => "at once".into(),
            Schedule::Batches(n) => format!("by {n}"),
        }
    }
}

/// What all rows of a file share; its first line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Head {
    model: String,
    sha256: String,
    seed: u32,
    /// Tokens of plain text.
    text: usize,
    /// Cases to choose from.
    cases: usize,
    /// Hyper-parameters that the user set, for all methods.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub set: Vec<String>,
}

impl Head {
    pub fn new(info: &ModelInfo, seed: u32, text: usize, cases: usize) -> Head {
        Head {
            model: info.name.clone(),
            sha256: info.sha256.clone(),
            seed,
            text,
            cases,
            set: Vec::new(),
        }
    }
}

/// One sequence of edits at one length. Shares are in 0–1.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// `None`: the unedited model.
    method: Option<Method>,
    schedule: Option<Schedule>,
    set: usize,
    edits: usize,
    /// Edits that could not be made.
    failed: usize,
    es: f64,
    ps: f64,
    ns: f64,
    /// Of broken weights NaN, which JSON has not.
    #[serde(deserialize_with = "nullable")]
    perplexity: f64,
    /// ‖W − W₀‖/‖W₀‖ where it is largest.
    #[serde(deserialize_with = "nullable")]
    change: f64,
    seconds: f64,
}

fn nullable<'de, D: Deserializer<'de>>(value: D) -> Result<f64, D::Error> {
    Ok(Option::<f64>::deserialize(value)?.unwrap_or(f64::NAN))
}

impl Row {
    pub fn new(
        method: Method,
        schedule: Schedule,
        set: usize,
        totals: &Totals,
        seconds: f64,
        failed: usize,
    ) -> Row {
        Row {
            method: Some(method),
            schedule: Some(schedule),
            set,
            seconds,
            failed,
            ..Row::of(totals)
        }
    }

    fn of(totals: &Totals) -> Row {
        let n = totals.scores.len();
        let mean = |of: fn(&Scores) -> f64| totals.scores.iter().map(of).sum::<f64>() / n as f64;
        Row {
            edits: n,
            es: mean(|s| s.es),
            ps: mean(|s| s.ps),
            ns: mean(|s| s.ns),
            perplexity: totals.perplexity,
            change: totals.change,
            ..Row::default()
        }
    }

    /// S: the harmonic mean of ES, PS and NS, in per cent.
    pub fn score(&self) -> f64 {
        100.0 * harmonic_mean([self.es, self.ps, self.ns])
    }
}

/// The rows of one folder.
pub struct Rows {
    folder: PathBuf,
    head: Head,
    lines: Lines,
    rows: Vec<Row>,
}

impl Rows {
    /// What is in the folder, or a new file. Rows of another model, of other
    /// facts or of another text are refused.
    pub fn open(folder: &Path, head: Head) -> Result<Rows, CliError> {
        let path = folder.join("curve.jsonl");
        let what = "model, seed, text, number of cases or other hyper-parameters";
        let (lines, rows) = Lines::headed(path, &head, what)?;
        Ok(Rows {
            folder: folder.to_owned(),
            head,
            lines,
            rows,
        })
    }

    pub fn has_base(&self) -> bool {
        self.rows.iter().any(|row| row.method.is_none())
    }

    pub fn base(&mut self, totals: &Totals) -> Result<(), CliError> {
        self.add(Row {
            edits: 0,
            ..Row::of(totals)
        })
    }

    pub fn has(&self, method: Method, schedule: Schedule, edits: usize, set: usize) -> bool {
        let own = self.own(method, schedule);
        own.filter(|row| row.set == set)
            .any(|row| row.edits == edits)
    }

    /// Whether this run was not followed to its end.
    pub fn broke(&self, method: Method, schedule: Schedule, set: usize) -> bool {
        let own = self.own(method, schedule).filter(|row| row.set == set);
        own.filter(|row| row.schedule != Some(Schedule::AtOnce))
            .any(|row| row.score() < BROKEN)
    }

    fn own(&self, method: Method, schedule: Schedule) -> impl Iterator<Item = &Row> {
        let key = (Some(method), Some(schedule));
        self.rows
            .iter()
            .filter(move |row| (row.method, row.schedule) == key)
    }

    pub fn add(&mut self, row: Row) -> Result<(), CliError> {
        self.lines.add(&row)?;
        self.rows.push(row);
        Ok(())
    }

    /// Rows of all sets together, in the order of the methods.
    fn merged(&self) -> Vec<Row> {
        let mut sets: BTreeMap<_, Vec<&Row>> = BTreeMap::new();
        let place = |method: Option<Method>| {
            method.map(|method| Method::ALL.iter().position(|m| *m == method))
        };
        for row in &self.rows {
            let key = (place(row.method), row.schedule, row.edits);
            sets.entry(key).or_default().push(row);
        }
        sets.into_values().map(|rows| mean(&rows)).collect()
    }

    pub fn table(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut align = vec![Align::Left, Align::Left];
        align.extend([Align::Right; 8]);
        let mut table = Table::new(&align);
        table.row(HEADINGS);
        for row in self.merged() {
            table.row(cells(&row));
        }
        table.write(out)
    }

    /// Draws curve.svg and writes curve.md; in words, where they are.
    pub fn pictures(&self) -> Result<String, CliError> {
        let rows = self.merged();
        let text = lines::markdown(&HEADINGS, rows.iter().map(|row| cells(row).to_vec()));
        let picture = draw(&rows, &self.head.model);
        lines::written(&self.folder, [("curve.md", text), ("curve.svg", picture)])
    }
}

/// Each number's mean over sets of as many edits.
fn mean(rows: &[&Row]) -> Row {
    let n = rows.len() as f64;
    let mean = |of: fn(&Row) -> f64| rows.iter().map(|row| of(row)).sum::<f64>() / n;
    Row {
        set: rows.len(),
        failed: rows.iter().map(|row| row.failed).sum(),
        es: mean(|r| r.es),
        ps: mean(|r| r.ps),
        ns: mean(|r| r.ns),
        perplexity: mean(|r| r.perplexity),
        change: mean(|r| r.change),
        seconds: mean(|r| r.seconds),
        ..rows[0].clone()
    }
}

/// A method is not followed further once its score is this low.
pub const BROKEN: f64 = 10.0;

const HEADINGS: [&str; 10] = [
    "method",
    "",
    "edits",
    "ES",
    "PS",
    "NS",
    "S",
    "perplexity",
    "‖ΔW‖/‖W‖",
    "s an edit",
];

fn cells(row: &Row) -> [String; 10] {
    let percent = |share: f64| format!("{:.1}", 100.0 * share);
    let name = row.method.map_or("unedited", Method::name);
    let each = match row.edits {
        0 => String::new(),
        n => format!("{:.2}", row.seconds / n as f64),
    };
    [
        name.into(),
        row.schedule.map(Schedule::words).unwrap_or_default(),
        row.edits.to_string(),
        percent(row.es),
        percent(row.ps),
        percent(row.ns),
        format!("{:.1}", row.score()),
        format!("{:.1}", row.perplexity),
        format!("{:.0} %", 100.0 * row.change),
        each,
    ]
}

/// The score and the perplexity over the number of edits.
fn draw(rows: &[Row], model: &str) -> String {
    let base = rows.iter().find(|row| row.method.is_none());
    // Rows of one method and schedule stand together.
    let curves: Vec<&[Row]> = rows
        .chunk_by(|a, b| (a.method, a.schedule) == (b.method, b.schedule))
        .filter(|curve| curve[0].method.is_some())
        .collect();
    let name = |row: &Row| match (row.method, row.schedule) {
        (Some(method), Some(Schedule::Batches(n))) => format!("{} by {n}", method.name()),
        (method, _) => method.map_or("unedited", Method::name).to_owned(),
    };
    let all = |of: fn(&Row) -> f64| {
        let line = |curve: &&[Row]| Line {
            name: name(&curve[0]),
            points: curve
                .iter()
                .map(|row| (row.edits as f64, of(row)))
                .collect(),
            joined: true,
        };
        curves.iter().map(line).collect::<Vec<_>>()
    };
    let score = Chart {
        title: format!("{model}: score S after so many edits"),
        across: "edits".into(),
        log_x: true,
        lines: all(Row::score),
        range: Some((0.0, 100.0)),
        log_y: false,
        level: None,
    };
    let text = Chart {
        title: "perplexity of plain text".into(),
        across: "edits".into(),
        log_x: true,
        lines: all(|row| row.perplexity),
        range: None,
        log_y: true,
        level: base.map(|row| ("unedited".into(), row.perplexity)),
    };
    crate::picture::side_by_side(&[score, text])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn head() -> Head {
        Head::new(&ModelInfo::default(), 1, 100, 20)
    }

    fn row(edits: usize, set: usize, es: f64) -> Row {
        Row {
            method: Some(Method::Memit),
            schedule: Some(Schedule::AtOnce),
            set,
            edits,
            es,
            ps: 0.5,
            ns: 0.5,
            perplexity: 10.0,
            ..Row::default()
        }
    }

    #[test]
    fn rows_are_kept_and_a_line_cut_short_is_made_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut rows = Rows::open(folder.path(), head()).unwrap();
        rows.add(row(1, 0, 1.0)).unwrap();
        rows.add(row(1, 1, 0.5)).unwrap();
        let path = folder.path().join("curve.jsonl");
        let whole = fs::read_to_string(&path).unwrap();
        fs::write(&path, whole.clone() + "{\"method\":\"me").unwrap();
        let rows = Rows::open(folder.path(), head()).unwrap();
        assert!(rows.has(Method::Memit, Schedule::AtOnce, 1, 1));
        assert!(!rows.has(Method::Memit, Schedule::AtOnce, 10, 0));
        assert_eq!(fs::read_to_string(&path).unwrap(), whole);
        let merged = rows.merged();
        assert_eq!((merged.len(), merged[0].es, merged[0].set), (1, 0.75, 2));
        let other = Head { seed: 2, ..head() };
        assert!(Rows::open(folder.path(), other).is_err());
        fs::write(&path, "{}\n").unwrap();
        assert!(Rows::open(folder.path(), head()).is_err());
    }

    #[test]
    fn the_score_is_a_harmonic_mean() {
        assert!((row(1, 0, 1.0).score() - 60.0).abs() < 1e-9);
        assert_eq!(row(1, 0, 0.0).score(), 0.0);
    }
}
