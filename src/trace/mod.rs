//! Causal tracing: where does the model recall a fact? (Meng et al. 2022, §2)
//!
//! Run the prompt clean; run it again with noise on the subject, which takes
//! the answer away; put one clean activation back at a time and see how much of
//! the answer returns. [`trace`] streams the whole grid; `incremental` is how
//! it avoids most of the work, `full` the plain way it is checked against.

pub mod aggregate;
mod baseline;
pub mod error;
pub mod full;
mod incremental;
pub mod noise;
mod picture;
mod prepare;
mod restore;
pub mod rng;
pub mod spec;
pub mod window;

pub use aggregate::{AverageRow, Averages, Bucket, average};
pub use baseline::{Module, Pass, Scene};
pub use error::TraceError;
pub use picture::svg;
pub use restore::Restoration;
pub use spec::{
    Answer, Cell, Grid, Grids, Kind, Severed, Step, TraceHeader, TraceReport, TraceSpec,
};

use crate::model::{Brake, Decoder, Tokens};
use baseline::Baseline;
use error::Result;
use prepare::Prepared;
use restore::Known;
use std::time::Instant;

/// Two cells count as equally good within this much probability.
const TIE: f64 = 1e-3;

/// What is traced: a model as it now is, edits included.
#[derive(Clone, Copy)]
pub struct Traced<'a> {
    /// The name that the report carries.
    pub name: &'a str,
    pub decoder: &'a Decoder,
    pub tokens: &'a Tokens,
    /// The subjects whose embeddings set the noise scale; empty: the prompt's own.
    pub known_subjects: &'a [String],
}

/// Traces one prompt. Tells warnings and the header, then every cell as it is
/// known, those of most interest first; stops with [`TraceError::Cancelled`]
/// or for want of memory where `brake` says so.
///
/// ```
/// use candle_core::Device;
/// use pentimento::model::{Brake, Source};
/// use pentimento::trace::{Step, TraceSpec, Traced, trace};
/// use std::sync::atomic::AtomicBool;
///
/// let model = Source::Atlas.load(&Device::Cpu)?;
/// let traced = Traced {
///     name: "atlas",
///     decoder: &model.decoder,
///     tokens: &model.tokens,
///     known_subjects: &[],
/// };
/// let spec = TraceSpec {
///     prompt: "The Space Needle is located in".into(),
///     subject: "The Space Needle".into(),
///     samples: 3,
///     ..TraceSpec::default()
/// };
/// let mut cells = 0;
/// let mut tell = |step| cells += usize::from(matches!(step, Step::Cell(_)));
/// let report = trace(traced, &spec, Brake::new(&AtomicBool::new(false)), &mut tell)?;
/// assert_eq!(report.answer.text, " Seattle");
/// assert!(report.low < report.high && cells > 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn trace(
    traced: Traced<'_>,
    spec: &TraceSpec,
    brake: Brake<'_>,
    tell: &mut dyn FnMut(Step),
) -> Result<TraceReport> {
    let started = Instant::now();
    let Traced {
        decoder, tokens, ..
    } = traced;
    let mut prepared = Prepared::new(decoder, tokens, spec, traced.known_subjects)?;
    let base = Baseline::new(decoder, &prepared.scene(), brake)?;
    if base.low > 0.9 * base.high {
        prepared.warnings.push(format!(
            "the noise hardly touches the answer (p {:.4} clean, {:.4} corrupted): there is little to restore",
            base.high, base.low
        ));
    }
    for warning in &prepared.warnings {
        tell(Step::Warning(warning.clone()));
    }
    let mut report = report(traced.name, spec, tokens, &prepared, &base);
    tell(Step::Ready(Box::new(TraceHeader {
        tokens: report.tokens.clone(),
        subject_range: report.subject_range,
        answer: report.answer.clone(),
        layers: decoder.layers(),
        high: base.high,
        low: base.low,
        noise_scale: report.noise_scale,
        window: report.window,
    })));
    let mut first_cell_s = None;
    cells(
        &base,
        &spec.kinds,
        prepared.window,
        prepared.subject.end - 1,
        &mut |cell| {
            first_cell_s.get_or_insert_with(|| started.elapsed().as_secs_f64());
            if let Some(grid) = report.grids.get_mut(cell.kind) {
                grid[cell.token][cell.layer] = cell.p;
            }
            tell(Step::Cell(cell));
        },
    )?;
    if spec.severed {
        let last_subject = prepared.subject.end - 1;
        report.severed = Some(Severed {
            attn: severed(&base, last_subject, Module::Attn)?,
            mlp: severed(&base, last_subject, Module::Mlp)?,
        });
    }
    report.suggested_layer = suggested_layer(&report);
    report.first_cell_s = first_cell_s.unwrap_or_default();
    report.elapsed_s = started.elapsed().as_secs_f64();
    Ok(report)
}

/// The state row at the last subject token with `module` cut off there in all
/// later layers (ALGORITHMS §1.5): p(answer) by layer restored.
fn severed(base: &Baseline<'_>, last_subject: usize, module: Module) -> Result<Vec<f64>> {
    let layers = base.layers();
    let row: Vec<_> = (0..layers)
        .map(|l| Restoration::severed(l, module, layers))
        .collect();
    row_scores(base, last_subject, &row)
}

/// The MLP row at the last subject token, which says where an edit of the fact
/// should go.
#[derive(Clone, Debug, PartialEq)]
pub struct SubjectRow {
    /// p(answer) by layer.
    pub scores: Vec<f64>,
    pub high: f64,
    pub low: f64,
}

impl SubjectRow {
    /// All layers, the strongest first; of those within `TIE` of the strongest
    /// that is left, the lowest.
    pub fn ranking(&self) -> Vec<usize> {
        let mut left: Vec<(usize, f64)> = self.scores.iter().copied().enumerate().collect();
        let mut ranked = Vec::with_capacity(left.len());
        while !left.is_empty() {
            let scores: Vec<f64> = left.iter().map(|(_, p)| *p).collect();
            ranked.push(left.remove(best_layer(&scores).unwrap_or(0)).0);
        }
        ranked
    }
}

/// Only that row is computed.
pub fn subject_row(traced: Traced<'_>, spec: &TraceSpec, brake: Brake<'_>) -> Result<SubjectRow> {
    let prepared = Prepared::new(traced.decoder, traced.tokens, spec, traced.known_subjects)?;
    let base = Baseline::new(traced.decoder, &prepared.scene(), brake)?;
    let layers = base.layers();
    let row: Vec<_> = (0..layers)
        .map(|l| Restoration::new(Kind::Mlp, l, prepared.window, layers))
        .collect();
    Ok(SubjectRow {
        scores: row_scores(&base, prepared.subject.end - 1, &row)?,
        high: base.high,
        low: base.low,
    })
}

/// The layer that an edit of this fact should take.
pub fn suggest(traced: Traced<'_>, spec: &TraceSpec, brake: Brake<'_>) -> Result<usize> {
    let row = subject_row(traced, spec, brake)?;
    Ok(best_layer(&row.scores).unwrap_or(0))
}

/// All cells: first those that cost nothing, then the last subject token's,
/// the last token's, the rest of the subject, and what lies between.
fn cells(
    base: &Baseline<'_>,
    kinds: &[Kind],
    width: usize,
    last_subject: usize,
    tell: &mut dyn FnMut(Cell),
) -> Result<()> {
    let layers = base.layers();
    let mut kinds = kinds.to_vec();
    kinds.sort();
    kinds.dedup();
    let rows: Vec<Restoration> = kinds
        .iter()
        .flat_map(|&kind| (0..layers).map(move |l| Restoration::new(kind, l, width, layers)))
        .collect();
    let mut order: Vec<usize> = (0..base.tokens).collect();
    order.sort_by_key(|&t| (t != last_subject, t + 1 != base.tokens, t > last_subject));
    let cell = |r: &Restoration, token, p| Cell {
        kind: r.kind,
        token,
        layer: r.layer,
        p,
    };
    for &token in &order {
        for r in &rows {
            if let Some(p) = known(base, r, token) {
                tell(cell(r, token, p));
            }
        }
    }
    for &token in &order {
        let unknown: Vec<_> = rows
            .iter()
            .filter(|r| known(base, r, token).is_none())
            .cloned()
            .collect();
        incremental::scores(base, token, &unknown, |i, p| {
            tell(cell(&unknown[i], token, p))
        })?;
    }
    Ok(())
}

/// p(answer) of each restoration of `row` at `token`.
fn row_scores(base: &Baseline<'_>, token: usize, row: &[Restoration]) -> Result<Vec<f64>> {
    let mut scores = vec![base.low; row.len()];
    let mut unknown = Vec::new();
    for (i, restoration) in row.iter().enumerate() {
        match known(base, restoration, token) {
            Some(p) => scores[i] = p,
            None => unknown.push(i),
        }
    }
    let computed: Vec<_> = unknown.iter().map(|&i| row[i].clone()).collect();
    incremental::scores(base, token, &computed, |i, p| scores[unknown[i]] = p)?;
    Ok(scores)
}

fn known(base: &Baseline<'_>, restoration: &Restoration, token: usize) -> Option<f64> {
    restoration.known(base, token).map(|known| match known {
        Known::High => base.high,
        Known::Low => base.low,
    })
}

fn report(
    name: &str,
    spec: &TraceSpec,
    tokens: &Tokens,
    prepared: &Prepared,
    base: &Baseline<'_>,
) -> TraceReport {
    let mut grids = Grids::default();
    for &kind in &spec.kinds {
        *grids.get_mut(kind) = Some(vec![vec![base.low; base.layers()]; base.tokens]);
    }
    TraceReport {
        model: name.to_owned(),
        prompt: spec.prompt.clone(),
        subject: spec.subject.clone(),
        tokens: tokens.show_all(&prepared.ids),
        input_ids: prepared.ids.clone(),
        subject_range: [prepared.subject.start, prepared.subject.end],
        answer: Answer {
            id: base.answer,
            text: tokens.show(base.answer),
        },
        high: base.high,
        low: base.low,
        noise_scale: prepared.noise_scale,
        samples: prepared.samples,
        seed: spec.seed,
        window: prepared.window,
        grids,
        severed: None,
        suggested_layer: None,
        published_layer: None,
        warnings: prepared.warnings.clone(),
        elapsed_s: 0.0,
        first_cell_s: 0.0,
    }
}

/// The layer an edit should take: argmax of the MLP row at the last subject token.
fn suggested_layer(report: &TraceReport) -> Option<usize> {
    let last_subject = report.subject_range[1].checked_sub(1)?;
    best_layer(report.grids.mlp.as_ref()?.get(last_subject)?)
}

/// The lowest layer of those within `TIE` of the best.
fn best_layer(row: &[f64]) -> Option<usize> {
    let best = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    row.iter().position(|&p| p >= best - TIE)
}

#[cfg(test)]
mod tests;
