//! The edits of a sequence under way, in a file beside the rows: a curve that is
//! broken off after hours goes on with the next edit. The file goes with its run.

use super::lines::Lines;
use crate::cli::error::CliError;
use crate::edit::Delta;
use crate::session::FileError;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// One change of the sequence; without `deltas` it could not be made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Step {
    pub seconds: f64,
    pub templates: Vec<String>,
    pub deltas: Vec<Delta>,
}

/// The steps of one run.
pub struct Steps {
    lines: Lines,
    /// Those that were made before.
    pub known: Vec<Step>,
}

const OTHERWISE: &str = "this is no step of a curve; remove the file to begin its run anew";

impl Steps {
    pub fn open(folder: &Path, name: &str) -> Result<Steps, CliError> {
        let path = folder.join(format!("{name}.steps.jsonl"));
        let (lines, known) = Lines::open::<Line>(path, OTHERWISE)?;
        let step = |(n, line): (usize, Line)| {
            let step = line.step();
            step.ok_or_else(|| FileError::line(&lines.path, (n, 1), OTHERWISE))
        };
        let known = (1..).zip(known).map(step).collect::<Result<_, _>>()?;
        Ok(Steps { lines, known })
    }

    pub fn add(&mut self, step: &Step) -> Result<(), CliError> {
        self.lines.add(&Line::of(step))
    }

    /// The run is at its end.
    pub fn done(self) -> Result<(), CliError> {
        self.lines.remove()
    }
}

/// A step as it is written: numbers by their bits, so that the edits come back
/// as they were.
#[derive(Serialize, Deserialize)]
struct Line {
    seconds: f64,
    templates: Vec<String>,
    deltas: Vec<Bits>,
}

#[derive(Serialize, Deserialize)]
struct Bits {
    layer: usize,
    rank: usize,
    r: String,
    u: String,
    bias: String,
}

impl Line {
    fn of(step: &Step) -> Line {
        let bits = |delta: &Delta| Bits {
            layer: delta.layer,
            rank: delta.rank,
            r: hex(&delta.r),
            u: hex(&delta.u),
            bias: hex(&delta.bias),
        };
        Line {
            seconds: step.seconds,
            templates: step.templates.clone(),
            deltas: step.deltas.iter().map(bits).collect(),
        }
    }

    fn step(self) -> Option<Step> {
        let delta = |bits: Bits| {
            Some(Delta {
                layer: bits.layer,
                rank: bits.rank,
                r: floats(&bits.r)?,
                u: floats(&bits.u)?,
                bias: floats(&bits.bias)?,
            })
        };
        Some(Step {
            seconds: self.seconds,
            templates: self.templates,
            deltas: self.deltas.into_iter().map(delta).collect::<Option<_>>()?,
        })
    }
}

fn hex(values: &[f32]) -> String {
    let each = values
        .iter()
        .map(|value| format!("{:08x}", value.to_bits()));
    each.collect()
}

fn floats(text: &str) -> Option<Vec<f32>> {
    let each = text.as_bytes().chunks(8).map(|digits| {
        let digits = std::str::from_utf8(digits).ok().filter(|d| d.len() == 8)?;
        u32::from_str_radix(digits, 16).ok().map(f32::from_bits)
    });
    each.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn step(seconds: f64) -> Step {
        Step {
            seconds,
            templates: vec!["{}".into(), "A{}\n".into()],
            deltas: vec![Delta {
                layer: 3,
                rank: 1,
                r: vec![0.1, -0.0, f32::MIN_POSITIVE, 1.0e30],
                u: vec![1.0 / 3.0],
                bias: vec![],
            }],
        }
    }

    #[test]
    fn steps_come_back_bit_for_bit_and_a_cut_line_is_made_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut steps = Steps::open(folder.path(), "rome").unwrap();
        assert!(steps.known.is_empty());
        steps.add(&step(1.5)).unwrap();
        steps.add(&Step::default()).unwrap();
        let path = steps.lines.path.clone();
        drop(steps);
        let whole = fs::read(&path).unwrap();
        fs::write(&path, [&whole[..], b"{\"seconds\":2.0,\"temp"].concat()).unwrap();
        let mut steps = Steps::open(folder.path(), "rome").unwrap();
        assert_eq!(steps.known, [step(1.5), Step::default()]);
        steps.add(&step(2.5)).unwrap();
        drop(steps);
        let steps = Steps::open(folder.path(), "rome").unwrap();
        assert_eq!(steps.known.len(), 3);
        steps.done().unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn a_damaged_line_is_named() {
        let folder = tempfile::tempdir().unwrap();
        for bad in [
            "{}\n",
            "x\n",
            "{\"seconds\":1,\"templates\":[],\"deltas\":[{\"layer\":0,\"rank\":1,\"r\":\"zz\",\"u\":\"\",\"bias\":\"\"}]}\n",
        ] {
            fs::write(folder.path().join("a.steps.jsonl"), bad).unwrap();
            let error = Steps::open(folder.path(), "a").err().unwrap();
            assert!(error.to_string().contains("line 1"), "{error}");
        }
    }
}
