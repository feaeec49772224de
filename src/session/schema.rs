//! What a session holds: plain data, in the order it stands in the file.

use super::beneath::Beneath;
use super::time;
use crate::edit::{Delta, EditSpec, LayerChoice};
use crate::measure::{EditReport, Generation, ProbeRow, Watch};
use crate::trace::{TraceReport, TraceSpec};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use toml::value::Datetime;

/// The format this program writes, and the only one it reads.
pub const FORMAT: i64 = 1;

/// The weight changes of every edit, by the edit's id.
pub type Factors = BTreeMap<u64, Vec<Delta>>;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Session {
    pub format: i64,
    /// When it was last saved, UTC.
    pub saved: Datetime,
    /// What was found, in the user's words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub notes: String,
    /// The factor file beside this one; `None` where the text must replay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub factors: Option<String>,
    pub model: Model,
    pub made_on: MadeOn,
    /// Every edit that was made and not dropped, oldest first.
    #[serde(default, rename = "edit", skip_serializing_if = "Vec::is_empty")]
    pub edits: Vec<SavedEdit>,
    /// The probes last seen, without and with the edits that are on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub probes: Vec<ProbeRow>,
    #[serde(default, rename = "generation", skip_serializing_if = "Vec::is_empty")]
    pub generations: Vec<Generation>,
    #[serde(default, rename = "trace", skip_serializing_if = "Vec::is_empty")]
    pub traces: Vec<SavedTrace>,
}

/// The model a session belongs to; edits mean nothing on other weights.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// As the user names it: "atlas" or a folder.
    pub id: String,
    /// The hub's revision, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// sha256 of the weights, hex (see [`super::hash`]).
    pub sha256: String,
    pub layers: usize,
    /// Residual width.
    pub d: usize,
    /// Inner MLP width d_k.
    pub d_mlp: usize,
}

/// Where the figures come from: other devices and dtypes round differently.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MadeOn {
    pub device: String,
    pub dtype: String,
    /// The program's version.
    pub pentimento: String,
}

impl MadeOn {
    pub fn here(device: &str, dtype: &str) -> MadeOn {
        MadeOn {
            device: device.into(),
            dtype: dtype.into(),
            pentimento: env!("CARGO_PKG_VERSION").into(),
        }
    }
}

/// One edit of the stack: what was asked, how it stands, what was seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedEdit {
    pub id: u64,
    pub alpha: f64,
    pub on: bool,
    /// The edits that were on when this one was made: it is frozen as it came
    /// out on top of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub made_on: Vec<Beneath>,
    /// Nothing left to choose: layer, templates, seed and hyper-parameters
    /// are all here, so that this alone replays. An imported edit has its
    /// origin here, and cannot.
    pub asked: EditSpec,
    #[serde(default)]
    pub watch: Watch,
    /// Which tensors of the factor file are this edit's, one entry a layer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub factors: Vec<FactorRef>,
    /// What `asked` says already (templates, hyper-parameters) is left out of
    /// the file and put back when it is read.
    pub result: EditReport,
}

/// One layer's r and u in the factor file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FactorRef {
    pub layer: usize,
    pub rank: usize,
    /// sha256 of both tensors and their shapes, hex.
    pub sha256: String,
}

/// A trace: what was asked and the grids that came.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedTrace {
    /// The edits that were on; none: the model as it came.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub made_on: Vec<Beneath>,
    pub asked: TraceSpec,
    pub result: TraceReport,
}

impl Session {
    /// The edits that were made here, from facts; an imported one says none.
    pub fn made(&self) -> impl DoubleEndedIterator<Item = &SavedEdit> {
        self.edits.iter().filter(|edit| !edit.asked.is_imported())
    }

    pub fn new(model: Model, made_on: MadeOn) -> Session {
        Session {
            format: FORMAT,
            saved: time::now(),
            notes: String::new(),
            factors: None,
            model,
            made_on,
            edits: Vec::new(),
            probes: Vec::new(),
            generations: Vec::new(),
            traces: Vec::new(),
        }
    }
}

impl SavedEdit {
    /// A finished edit, switched on at α = 1, with every choice that was left
    /// to the workbench filled in from its report.
    pub fn new(
        id: u64,
        made_on: Vec<Beneath>,
        asked: &EditSpec,
        watch: &Watch,
        report: &EditReport,
    ) -> SavedEdit {
        let layer = match report.layers.as_slice() {
            [first, .., last] => LayerChoice::Span(first.layer, last.layer),
            _ => LayerChoice::At(report.layer),
        };
        let asked = EditSpec {
            layer,
            ..asked.clone()
        };
        SavedEdit {
            id,
            alpha: 1.0,
            on: true,
            made_on,
            // What was not made has nothing to be made with.
            asked: match asked.is_imported() {
                true => asked,
                false => EditSpec {
                    hyper: Some(report.hyper.clone()),
                    templates: Some(report.templates.clone()),
                    true_answer: Some(report.true_answer.clone()),
                    ..asked
                },
            },
            watch: watch.clone(),
            factors: Vec::new(),
            result: report.clone(),
        }
    }
}
