//! The measuring: a trace, a sweep of layers, small grids. Each line that is known is
//! kept in a file, so that a run that was broken off goes on where it stopped.

use super::Args;
use crate::cli::client::Client;
use crate::cli::error::CliError;
use crate::cli::eval::known;
use crate::cli::eval::lines::Lines;
use crate::cli::eval::told::Told;
use crate::edit::calibrated::{OneLayer, Range};
use crate::edit::defaults::ForMethod;
use crate::edit::{EditSpec, Hyper, Knob, LayerChoice, Method, MomentSource, defaults};
use crate::engine::{ModelInfo, Outcome, Spec};
use crate::measure::calibrate::{self, Figures, best, candidates, columns, hopeless};
use crate::measure::counterfact::{Answers, Record};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The method that one layer is chosen with.
const METHOD: Method = Method::RRome;
/// Facts of the averaged trace at most.
const TRACED: usize = 20;
/// Values that are tried beside the model's own, one parameter after another.
const GRID: [(Knob, &[f64]); 3] = [
    (Knob::WeightDecay, &[1e-3, 0.05, 0.5]),
    (Knob::Clamp, &[1.0, 2.0, 4.0]),
    (Knob::Steps, &[10.0, 20.0, 40.0]),
];
const LAMBDAS: [f64; 5] = [1.5, 15.0, 150.0, 1_500.0, 15_000.0];

/// All that was measured, and what was chosen.
pub struct Found {
    pub facts: usize,
    pub traced: usize,
    /// p(answer) regained, by layer.
    pub effects: Vec<f64>,
    pub layers: Vec<(usize, Figures)>,
    pub grid: Vec<(&'static str, f64, Figures)>,
    pub spread: Vec<(Range, Figures)>,
    pub rome: OneLayer,
    pub memit: Option<Range>,
}

/// What all lines of a file share.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Head {
    sha256: String,
    version: String,
    facts: usize,
    seed: u32,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Line {
    /// A fact's trace.
    Trace { case_id: u64, effects: Vec<f64> },
    /// A fact edited in one way; `None`: no edit could be made.
    Edit {
        way: String,
        case_id: u64,
        outcome: Option<calibrate::Outcome>,
    },
}

pub struct Measure<'a> {
    client: &'a Client,
    info: &'a ModelInfo,
    args: &'a Args,
    quiet: bool,
    records: Vec<Record>,
    lines: Lines,
    traces: BTreeMap<u64, Vec<f64>>,
    edits: BTreeMap<(String, u64), Option<calibrate::Outcome>>,
    /// What the unedited model says of a case.
    before: BTreeMap<u64, Answers>,
}

impl<'a> Measure<'a> {
    /// Chooses the facts, and takes up what an earlier run measured of them.
    pub fn new(
        client: &'a Client,
        info: &'a ModelInfo,
        args: &'a Args,
        cache: &Path,
        quiet: bool,
    ) -> Result<Measure<'a>, CliError> {
        let facts = args.facts.max(1);
        let last = info.layers.saturating_sub(1);
        if let Some(layer) = args.layers.iter().flat_map(|l| &l.0).find(|l| **l > last) {
            let words = format!("layer {layer} does not exist; the last one is {last}");
            return Err(CliError::Failed(words));
        }
        let records = known::cases(client, None, facts, args.seed.into())?;
        let head = Head {
            sha256: info.sha256.clone(),
            version: env!("CARGO_PKG_VERSION").into(),
            facts,
            seed: args.seed,
        };
        let hash = info.sha256.get(..24).unwrap_or(&info.sha256);
        let name = format!("{hash}-{facts}-{}.jsonl", args.seed);
        let path = cache.join("calibrated").join(name);
        if args.fresh && path.exists() {
            std::fs::remove_file(&path)?;
        }
        let what = "model, version, seed or number of facts (--fresh forgets it)";
        let (lines, known) = Lines::headed::<Head, Line>(path, &head, what)?;
        let (mut traces, mut edits) = (BTreeMap::new(), BTreeMap::new());
        for line in known {
            match line {
                Line::Trace { case_id, effects } => {
                    traces.insert(case_id, effects);
                }
                Line::Edit {
                    way,
                    case_id,
                    outcome,
                } => {
                    edits.insert((way, case_id), outcome);
                }
            }
        }
        Ok(Measure {
            client,
            info,
            args,
            quiet,
            records,
            lines,
            traces,
            edits,
            before: BTreeMap::new(),
        })
    }

    pub fn run(mut self) -> Result<Found, CliError> {
        let (layers, effects) = match &self.args.layers {
            Some(given) => (given.0.clone(), Vec::new()),
            None => {
                let effects = self.trace()?;
                (candidates(&effects), effects)
            }
        };
        let swept = self.sweep(&layers)?;
        let figures: Vec<Figures> = swept.iter().map(|(_, f)| f.clone()).collect();
        let Some(at) = best(&figures) else {
            return Err(CliError::Failed("no layer could be edited".into()));
        };
        let layer = swept[at].0;
        let (hyper, grid) = self.grid(layer)?;
        let (memit, spread) = if self.args.no_memit {
            (None, Vec::new())
        } else {
            self.memit(layer)?
        };
        Ok(Found {
            facts: self.records.len(),
            traced: effects.len().min(1) * self.records.len().min(TRACED),
            effects,
            layers: swept,
            grid,
            spread,
            rome: OneLayer {
                layer,
                steps: hyper.steps,
                clamp: hyper.clamp,
                weight_decay: hyper.weight_decay,
            },
            memit,
        })
    }

    /// What each layer's MLPs regain, the mean over some of the facts.
    fn trace(&mut self) -> Result<Vec<f64>, CliError> {
        let records: Vec<Record> = self.records.iter().take(TRACED).cloned().collect();
        let mut told = Told::new("traced", records.len(), self.quiet);
        let mut rows = BTreeMap::new();
        for (done, record) in records.iter().enumerate() {
            let id = record.case_id;
            if !self.traces.contains_key(&id) {
                told.begins(done);
                let spec = Spec::Recall(record.request());
                let Outcome::Recalled(effects) = self.client.run(spec)? else {
                    return Err(CliError::EngineEnded);
                };
                self.lines.add(&Line::Trace {
                    case_id: id,
                    effects: effects.clone(),
                })?;
                self.traces.insert(id, effects);
                told.done(done + 1);
            }
            rows.insert(id, self.traces[&id].clone());
        }
        Ok(columns(&rows))
    }

    /// Every fact edited at every one of `layers`; a layer that is clearly worse than
    /// another is given up.
    fn sweep(&mut self, layers: &[usize]) -> Result<Vec<(usize, Figures)>, CliError> {
        let own = self.own(METHOD).hyper;
        let ways: Vec<Way> = (layers.iter())
            .map(|&layer| Way::of(LayerChoice::At(layer), METHOD, own.clone()))
            .collect();
        let records = self.records.clone();
        let missing = |way: &Way| records.iter().any(|r| !self.is_known(way, r));
        if ways.iter().any(missing) {
            self.collect(layers)?;
        }
        let mut told = Told::new("edited at each layer", records.len(), self.quiet);
        let mut out = BTreeSet::new();
        for (done, record) in records.iter().enumerate() {
            for (at, way) in ways.iter().enumerate() {
                if !out.contains(&at) && !self.is_known(way, record) {
                    told.begins(done);
                    self.edit(way, std::slice::from_ref(record))?;
                }
            }
            told.done(done + 1);
            let now: Vec<Figures> = ways.iter().map(|way| self.figures(way, &records)).collect();
            out.extend((0..ways.len()).filter(|&at| hopeless(&now[at], &now)));
        }
        let figures = ways.iter().map(|way| self.figures(way, &records));
        let all = layers.iter().copied().zip(figures);
        Ok(all.filter(|(_, figures)| figures.facts > 0).collect())
    }

    /// One parameter after another, the others as they are best so far.
    #[allow(clippy::type_complexity)]
    fn grid(
        &mut self,
        layer: usize,
    ) -> Result<(Hyper, Vec<(&'static str, f64, Figures)>), CliError> {
        let records = self.few();
        let mut hyper = self.own(METHOD).hyper;
        let mut tried = Vec::new();
        for (knob, values) in GRID {
            let own = knob.get(&hyper);
            let mut values: Vec<f64> = values.to_vec();
            if !values.contains(&own) {
                values.push(own);
            }
            values.sort_by(f64::total_cmp);
            let mut found = Vec::new();
            let mut told = Told::new(knob.name(), values.len(), self.quiet);
            for (done, &value) in values.iter().enumerate() {
                let mut with = hyper.clone();
                knob.set(&mut with, value)?;
                let way = Way::of(LayerChoice::At(layer), METHOD, with);
                told.begins(done);
                for record in &records {
                    if !self.is_known(&way, record) {
                        self.edit(&way, std::slice::from_ref(record))?;
                    }
                }
                told.done(done + 1);
                found.push(self.figures(&way, &records));
            }
            if let Some(at) = best(&found) {
                knob.set(&mut hyper, values[at])?;
            }
            let rows = values.into_iter().zip(found);
            tried.extend(rows.map(|(value, figures)| (knob.name(), value, figures)));
        }
        Ok((hyper, tried))
    }

    /// Some facts at once: λ over the usual range of layers, then other ranges.
    #[allow(clippy::type_complexity)]
    fn memit(&mut self, layer: usize) -> Result<(Option<Range>, Vec<(Range, Figures)>), CliError> {
        let method = Method::Memit;
        let own = self.own(method);
        let layers = self.info.layers;
        let (first, last) = own
            .layers
            .unwrap_or_else(|| defaults::around(method, layer, layers));
        let width = last - first;
        let ending = |at: usize| (at.saturating_sub(width), at);
        let mut ranges = vec![(first, last), ending(layer)];
        ranges.push(ending((layer + width.div_ceil(2)).min(layers - 1)));
        ranges.push((0, layer));
        ranges.sort_unstable();
        ranges.dedup();
        let all: BTreeSet<usize> = ranges.iter().flat_map(|&(a, b)| a..=b).collect();
        let all: Vec<usize> = all.into_iter().collect();
        self.collect(&all)?;
        let hyper = own.hyper;
        let mut lambdas = LAMBDAS.to_vec();
        if !lambdas.contains(&hyper.lambda) {
            lambdas.push(hyper.lambda);
        }
        let mut tried: Vec<(Range, Figures)> = Vec::new();
        let mut told = Told::new("MEMIT", lambdas.len() + ranges.len() - 1, self.quiet);
        let start = (first, last);
        for lambda in lambdas {
            told.begins(tried.len());
            tried.push(self.at_once(start, lambda, &hyper)?);
            told.done(tried.len());
        }
        let chosen = |tried: &[(Range, Figures)]| {
            let figures: Vec<Figures> = tried.iter().map(|(_, f)| f.clone()).collect();
            best(&figures).map(|at| tried[at].0.clone())
        };
        let Some(lambda) = chosen(&tried).map(|range| range.lambda) else {
            return Ok((None, tried));
        };
        for range in ranges.into_iter().filter(|range| *range != start) {
            tried.push(self.at_once(range, lambda, &hyper)?);
            told.done(tried.len());
        }
        Ok((chosen(&tried), tried))
    }

    fn at_once(
        &mut self,
        (first, last): (usize, usize),
        lambda: f64,
        hyper: &Hyper,
    ) -> Result<(Range, Figures), CliError> {
        let records = self.few();
        let hyper = Hyper {
            lambda,
            ..hyper.clone()
        };
        let way = Way::of(LayerChoice::Span(first, last), Method::Memit, hyper);
        if records.iter().any(|record| !self.is_known(&way, record)) {
            self.edit(&way, &records)?;
        }
        let range = Range {
            first,
            last,
            lambda,
        };
        Ok((range, self.figures(&way, &records)))
    }

    /// What one starts from, whatever an earlier calibration found.
    fn own(&self, method: Method) -> ForMethod {
        let mut all = self.info.published.iter();
        let own = all.find(|(own, _)| *own == method);
        own.map(|(_, own)| own.clone()).unwrap_or(ForMethod {
            layers: None,
            hyper: Hyper::default(),
        })
    }

    fn few(&self) -> Vec<Record> {
        let few = self.args.few.max(1);
        self.records.iter().take(few).cloned().collect()
    }

    /// Second moments of all these layers in one pass over the text.
    fn collect(&self, layers: &[usize]) -> Result<(), CliError> {
        self.client.run(Spec::Moments {
            layers: layers.to_vec(),
            source: MomentSource::Auto,
            lambda: self.own(METHOD).hyper.ridge,
        })?;
        Ok(())
    }

    fn is_known(&self, way: &Way, record: &Record) -> bool {
        self.edits.contains_key(&(way.name.clone(), record.case_id))
    }

    fn figures(&self, way: &Way, records: &[Record]) -> Figures {
        let own = records.iter().filter_map(|record| {
            let key = (way.name.clone(), record.case_id);
            self.edits.get(&key).copied().flatten()
        });
        Figures::of(&own.collect::<Vec<_>>())
    }

    /// Rewrites `records` in one change, and keeps a line of each.
    fn edit(&mut self, way: &Way, records: &[Record]) -> Result<(), CliError> {
        let unasked = records
            .iter()
            .filter(|r| !self.before.contains_key(&r.case_id));
        let unasked: Vec<Record> = unasked.cloned().collect();
        if !unasked.is_empty() {
            for one in self.judge(&unasked, None)?.into_iter().flatten() {
                self.before.insert(one.case_id, one.answers);
            }
        }
        let edit = EditSpec {
            method: way.method,
            layer: way.layer,
            hyper: Some(way.hyper.clone()),
            seed: self.args.seed,
            ..EditSpec::default()
        };
        let after = self.judge(records, Some(edit))?;
        for (record, after) in records.iter().zip(after) {
            let before = self.before.get(&record.case_id);
            let outcome = before.zip(after).map(|(before, after)| {
                let norm = after.relative_update_norm.unwrap_or(0.0);
                calibrate::Outcome::of(record.case_id, before, &after.answers, norm)
            });
            self.lines.add(&Line::Edit {
                way: way.name.clone(),
                case_id: record.case_id,
                outcome,
            })?;
            self.edits
                .insert((way.name.clone(), record.case_id), outcome);
        }
        Ok(())
    }

    /// What is said of `records`; nothing of those for which no edit could be made.
    fn judge(
        &self,
        records: &[Record],
        edit: Option<EditSpec>,
    ) -> Result<Vec<Option<crate::measure::counterfact::Judged>>, CliError> {
        let spec = Spec::Judge {
            records: records.to_vec(),
            edit: edit.map(Box::new),
            texts: 0,
        };
        match self.client.run(spec) {
            Ok(Outcome::Judged(judged)) => Ok(judged.into_iter().map(Some).collect()),
            Ok(_) => Err(CliError::EngineEnded),
            Err(CliError::Failed(reason)) => {
                eprintln!("skipped: {}", crate::session::text::shown(&reason));
                Ok(vec![None; records.len()])
            }
            Err(error) => Err(error),
        }
    }
}

/// How a fact is edited.
struct Way {
    /// All that tells it from other ways.
    name: String,
    layer: LayerChoice,
    method: Method,
    hyper: Hyper,
}

impl Way {
    fn of(layer: LayerChoice, method: Method, hyper: Hyper) -> Way {
        let used = Knob::ALL.into_iter().filter(|knob| knob.used_by(method));
        let set = used.map(|knob| format!(" {} {}", knob.name(), knob.get(&hyper)));
        let at = match layer {
            LayerChoice::Auto => "auto".into(),
            LayerChoice::At(layer) => layer.to_string(),
            LayerChoice::Span(first, last) => format!("{first}-{last}"),
        };
        Way {
            name: format!("{} {at}{}", method.name(), set.collect::<String>()),
            layer,
            method,
            hyper,
        }
    }
}
