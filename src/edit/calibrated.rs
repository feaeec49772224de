//! Defaults that were found for one model by measurement, as a small table.

use super::defaults::ForMethod;
use super::method::Method;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The tables inside the binary, one a line.
const SHIPPED: &str = include_str!("../../assets/calibrated/tables.jsonl");

/// What `pentimento model calibrate` found for some weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibrated {
    pub model: String,
    /// sha256 of the weights, hex: the table holds for these alone.
    pub sha256: String,
    /// Facts that every layer's figures are means of.
    pub facts: usize,
    /// Tokens behind each second moment, at least.
    pub tokens: usize,
    /// The day, as 2026-01-31.
    pub date: String,
    /// The program's.
    pub version: String,
    pub command: String,
    pub rome: OneLayer,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memit: Option<Range>,
    /// What each choice rests on, for people.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub measured: Value,
}

/// For methods that rewrite one layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OneLayer {
    pub layer: usize,
    pub steps: usize,
    pub clamp: f64,
    pub weight_decay: f64,
}

/// For methods that share an edit out over several layers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Range {
    pub first: usize,
    pub last: usize,
    pub lambda: f64,
}

impl Calibrated {
    /// Reads a table for a model of `layers` layers with these weights.
    ///
    /// # Errors
    /// In words: no table, of other weights, or values that no edit can be made with.
    pub fn read(text: &str, sha256: &str, layers: usize) -> Result<Calibrated, String> {
        let table: Calibrated =
            serde_json::from_str(text).map_err(|error| format!("it is damaged: {error}"))?;
        if table.sha256 != sha256 {
            return Err(format!(
                "it is for other weights, those of {:?}",
                table.model
            ));
        }
        let rome = &table.rome;
        let positive = |value: f64| value.is_finite() && value > 0.0;
        let last = table
            .memit
            .as_ref()
            .map_or(rome.layer, |range| range.last.max(rome.layer));
        let ordered = (table.memit.as_ref()).is_none_or(|range| range.first <= range.last);
        if last >= layers || !ordered {
            return Err(format!(
                "it names layers that a model of {layers} layers has not"
            ));
        }
        let lambda = table.memit.as_ref().map_or(1.0, |range| range.lambda);
        let decay = rome.weight_decay.is_finite() && rome.weight_decay >= 0.0;
        if rome.steps == 0 || !positive(rome.clamp) || !decay || !positive(lambda) {
            return Err("it holds values that no edit can be made with".into());
        }
        Ok(table)
    }

    /// The table that the program brings for these weights.
    pub fn shipped(sha256: &str, layers: usize) -> Option<Calibrated> {
        let mut lines = SHIPPED.lines().filter(|line| line.contains(sha256));
        lines.find_map(|line| Calibrated::read(line, sha256, layers).ok())
    }

    /// `own` with what was found for `method` put in.
    pub fn over(&self, method: Method, own: ForMethod) -> ForMethod {
        let ForMethod { layers, mut hyper } = own;
        let one = Some((self.rome.layer, self.rome.layer));
        let range = self.memit.as_ref().map(|range| (range.first, range.last));
        let layers = match method {
            Method::Rome | Method::RRome => {
                hyper.steps = self.rome.steps;
                hyper.clamp = self.rome.clamp;
                hyper.weight_decay = self.rome.weight_decay;
                one
            }
            Method::Direct | Method::Emmet => one,
            Method::Memit => {
                if let Some(range) = &self.memit {
                    hyper.lambda = range.lambda;
                }
                range.or(layers)
            }
            Method::AlphaEdit => range.or(layers),
            Method::Ft | Method::FtL | Method::Imported => layers,
        };
        ForMethod { layers, hyper }
    }

    /// Whether `method` takes anything from a table.
    pub fn concerns(method: Method) -> bool {
        method.seeks_value() || method == Method::Direct
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edit::Hyper;

    fn table() -> Calibrated {
        Calibrated {
            model: "made-up".into(),
            sha256: "ab".repeat(32),
            facts: 40,
            tokens: 1000,
            date: "2026-01-31".into(),
            version: "0.1.0".into(),
            command: "pentimento model calibrate".into(),
            rome: OneLayer {
                layer: 3,
                steps: 25,
                clamp: 2.0,
                weight_decay: 0.01,
            },
            memit: Some(Range {
                first: 1,
                last: 4,
                lambda: 150.0,
            }),
            measured: Value::Null,
        }
    }

    fn read(table: &Calibrated, layers: usize) -> Result<Calibrated, String> {
        let text = serde_json::to_string(table).unwrap();
        Calibrated::read(&text, &"ab".repeat(32), layers)
    }

    #[test]
    fn a_table_is_read_as_it_was_written_and_a_bad_one_is_refused_with_its_reason() {
        let whole = table();
        assert_eq!(read(&whole, 5), Ok(whole.clone()));
        assert!(read(&whole, 4).unwrap_err().contains("layers"));
        let mut other = whole.clone();
        other.sha256 = "cd".repeat(32);
        assert!(read(&other, 5).unwrap_err().contains("other weights"));
        for spoil in [
            (|t: &mut Calibrated| t.rome.steps = 0) as fn(&mut Calibrated),
            |t| t.rome.clamp = -1.0,
            |t| t.rome.weight_decay = -1.0,
            |t| t.memit.as_mut().unwrap().lambda = 0.0,
        ] {
            let mut bad = whole.clone();
            spoil(&mut bad);
            assert!(read(&bad, 5).unwrap_err().contains("no edit"), "{bad:?}");
        }
        let text = serde_json::to_string(&whole).unwrap();
        let cut = &text[..text.len() / 2];
        assert!(
            Calibrated::read(cut, &"ab".repeat(32), 5)
                .unwrap_err()
                .contains("damaged")
        );
    }

    #[test]
    fn what_was_found_takes_the_place_of_what_was_published() {
        let own = || ForMethod {
            layers: Some((9, 9)),
            hyper: Hyper::default(),
        };
        let rome = table().over(Method::RRome, own());
        assert_eq!(rome.layers, Some((3, 3)));
        assert_eq!((rome.hyper.steps, rome.hyper.clamp), (25, 2.0));
        assert_eq!(rome.hyper.lr, Hyper::default().lr);
        let memit = table().over(Method::Memit, own());
        assert_eq!((memit.layers, memit.hyper.lambda), (Some((1, 4)), 150.0));
        assert_eq!(memit.hyper.steps, Hyper::default().steps);
        assert_eq!(table().over(Method::Ft, own()), own());
        let mut without = table();
        without.memit = None;
        assert_eq!(without.over(Method::Memit, own()), own());
    }

    #[test]
    fn every_shipped_table_can_be_read() {
        for line in SHIPPED.lines() {
            let table: Calibrated = serde_json::from_str(line).unwrap();
            assert_eq!(Calibrated::shipped(&table.sha256, usize::MAX), Some(table));
        }
    }
}
