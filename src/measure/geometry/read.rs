//! Reading the keys, and putting the numbers beside what was seen.

use super::centroids;
use super::data::{GeometryReport, GeometrySpec, KeyRow, Prediction, Predictor, RowKey};
use super::rank::{area, rank_correlation};
use super::response::Change;
use super::scene::Scene;
use super::subject::{Placed, place};
use super::words;
use crate::edit::context::{Context, pad_right};
use crate::edit::error::{EditError, Result};
use crate::edit::overlap::Keys;
use crate::edit::recall;
use crate::measure::ProbeGroup;
use crate::measure::probes::Probes;
use crate::model::probe::{Capture, Point, Probe as Hook, Site};
use crate::model::{Decoder, Past, Span};
use candle_core::DType;
use faer::Mat;

/// Facts of one edit whose keys are compared: of an edit of thousands, the first
/// stand for the rest.
const FACTS: usize = 32;
/// Prompts of one pass.
const ROWS: usize = 32;

/// Compares the keys. `each` is told of the passes, (done, all).
pub fn look<P: Hook>(
    scene: &Scene,
    spec: &GeometrySpec,
    hook: &mut P,
    each: &mut dyn FnMut(usize, usize),
) -> Result<GeometryReport> {
    let Scene {
        without, tokens, ..
    } = *scene;
    let Some(first) = scene.asked.first() else {
        return Err(EditError::EmptySubject);
    };
    let config = &without.config;
    let layer = scene.delta.layer;
    let change = Change::new(scene.delta, config.d, config.d_mlp);
    let bare = ["{}".to_owned()];
    let facts: Vec<Context> = (scene.asked.iter().take(FACTS))
        .map(|request| Context::new(tokens, request, &bare))
        .collect::<Result<_>>()?;
    let own = recall::keys(without, &facts, layer, hook)?;
    let own_responses = change.responses(own.as_ref());
    let plain = Keys::new(own.clone(), None)?;
    let in_c = match scene.factor {
        Some(factor) => Some(Keys::new(own, Some(factor))?),
        None => None,
    };
    let placed: Vec<Placed> = (spec.probes.iter())
        .map(|probe| place(tokens, scene.world, probe))
        .collect::<Result<_>>()?;
    let mut keys = Vec::with_capacity(placed.len());
    let passes = placed.len().div_ceil(ROWS);
    for (pass, some) in placed.chunks(ROWS).enumerate() {
        let read = keys_of(without, some, layer, hook)?;
        let at_subject = Mat::from_fn(config.d_mlp, some.len(), |i, j| {
            read[j][(i, some[j].row.subject_last)]
        });
        let cosines = Keys::new(at_subject.clone(), None)?.cosines(&plain);
        let cosines_c = match (&in_c, scene.factor) {
            (Some(own), Some(factor)) => Some(Keys::new(at_subject, Some(factor))?.cosines(own)),
            _ => None,
        };
        for (j, placed) in some.iter().enumerate() {
            let nearest = nearest(cosines_c.as_ref().map_or(&cosines[j], |c| &c[j]));
            let scale = own_responses[nearest];
            let gates: Vec<f64> = (change.responses(read[j].as_ref()).into_iter())
                .map(|met| if scale == 0.0 { 0.0 } else { met / scale })
                .collect();
            let position = placed.row.subject_last;
            let most_at = nearest_to_one(&gates);
            keys.push(RowKey {
                key_at: placed.key_at,
                position,
                cosine: cosines[j][nearest],
                cosine_c: cosines_c.as_ref().map(|c| c[j][nearest]),
                gate: gates[position],
                gate_most: gates[most_at],
                most_at,
            });
        }
        each(pass + 1, passes);
    }
    let mut probes = Probes::new(tokens, without, &spec.probes)?;
    let mut seen = probes.before(tokens, without, Some(layer), hook, |_, _| {})?;
    probes.after(tokens, scene.with, &mut seen, hook, |_, _| {})?;
    let subjects: Vec<&str> = scene.asked.iter().map(|r| r.subject.trim()).collect();
    let rows: Vec<KeyRow> = (seen.into_iter().zip(&placed).zip(keys))
        .map(|((row, placed), key)| KeyRow {
            counted: counts(row.group, placed.subject.as_deref(), &row.prompt, &subjects),
            prompt: row.prompt,
            expected: row.expected,
            group: row.group,
            subject: placed.subject.clone(),
            key,
            p_before: row.p_before,
            p_after: row.p_after,
            moved: row.moved,
        })
        .collect();
    let counted: Vec<&KeyRow> = rows.iter().filter(|row| row.counted).collect();
    let moved = counted.iter().filter(|row| row.moved).count();
    let predictions = (Predictor::ALL.into_iter())
        .filter_map(|by| prediction(by, &counted, moved))
        .collect();
    let mut report = GeometryReport {
        prompt: first.prompt.clone(),
        subject: first.subject.clone(),
        target: first.target.trim().to_owned(),
        old: scene.old.trim().to_owned(),
        layer,
        rank: scene.delta.rank,
        facts: facts.len(),
        ridge: scene.factor.map(|factor| factor.ridge),
        counted: counted.len(),
        moved,
        predictions,
        centroids: centroids::of(scene, &spec.probes, &placed, spec.at.unwrap_or(layer), hook)?,
        rows,
        ..GeometryReport::default()
    };
    report.sentences = words::sentences(&report);
    Ok(report)
}

/// The fact whose key is nearest, whatever the sign.
fn nearest(cosines: &[f64]) -> usize {
    let all = cosines.iter().enumerate();
    let most = all.max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()));
    most.map_or(0, |(at, _)| at)
}

/// The place of the gate that is largest in size, the first of several.
fn nearest_to_one(gates: &[f64]) -> usize {
    let all = gates.iter().enumerate().rev();
    let most = all.max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()));
    most.map_or(0, |(at, _)| at)
}

/// A neighbour that is about somebody else. What is about the edited subject has the
/// edit's own key, and would make any prediction look good.
fn counts(group: ProbeGroup, subject: Option<&str>, prompt: &str, edited: &[&str]) -> bool {
    let own = |name: &&str| subject == Some(*name) || prompt.contains(*name);
    !group.follows() && !edited.iter().any(own)
}

fn prediction(by: Predictor, rows: &[&KeyRow], moved: usize) -> Option<Prediction> {
    let scores: Vec<f64> = rows
        .iter()
        .map(|row| by.of(&row.key))
        .collect::<Option<_>>()?;
    let pairs: Vec<(f64, f64)> = (scores.iter().zip(rows))
        .map(|(score, row)| (*score, row.change()))
        .collect();
    let mut scored: Vec<(f64, bool)> = (scores.iter().zip(rows))
        .map(|(score, row)| (*score, row.moved))
        .collect();
    let (rank, area) = (rank_correlation(&pairs), area(&scored));
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    Some(Prediction {
        by,
        rank,
        area,
        hits: scored.iter().take(moved).filter(|(_, is)| *is).count(),
    })
}

/// The keys `[d_k, T]` of each prompt at a layer, all its tokens.
fn keys_of<P: Hook>(
    decoder: &Decoder,
    placed: &[Placed],
    layer: usize,
    hook: &mut P,
) -> Result<Vec<Mat<f64>>> {
    let ids: Vec<Vec<u32>> = placed.iter().map(|one| one.row.ids.clone()).collect();
    let padded = pad_right(&ids);
    let refs: Vec<&[u32]> = padded.iter().map(Vec::as_slice).collect();
    let width = refs.first().map_or(0, |row| row.len());
    decoder.check_length(width)?;
    let span = Span::whole(width, decoder.device())?;
    let site = Site::new(layer, Point::MlpKey);
    let mut capture = (hook, Capture::at([site]));
    let x = decoder.embed(&refs, &span, &mut capture)?;
    decoder.run_layers(x, 0..layer + 1, &span, None::<&mut Past>, &mut capture)?;
    let last = decoder.layers() - 1;
    let Some(seen) = capture.1.take(site) else {
        return Err(EditError::NoSuchLayer { layer, last });
    };
    let keys = |(b, ids): (usize, &Vec<u32>)| {
        let keys: Vec<Vec<f64>> = seen.get(b)?.to_dtype(DType::F64)?.to_vec2()?;
        Ok(Mat::from_fn(decoder.config.d_mlp, ids.len(), |i, t| {
            keys[t][i]
        }))
    };
    ids.iter().enumerate().map(keys).collect()
}
