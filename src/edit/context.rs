//! One request in many contexts: the token rows that keys and values are read from.

use super::error::{EditError, Result};
use super::spec::Request;
use crate::model::probe::{Capture, Point, Probe, Site};
use crate::model::{Decoder, Past, Span, Tokens};
use candle_core::{DType, Tensor};

/// A request's prompt inside one context template.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub ids: Vec<u32>,
    /// Position of the subject's last token: where keys are read and δ is added.
    pub subject_last: usize,
}

impl Row {
    /// `template` around `prompt` around the subject; each holds one `{}`.
    pub fn new(tokens: &Tokens, template: &str, prompt: &str, subject: &str) -> Result<Row> {
        let (before, after) = template
            .split_once("{}")
            .ok_or_else(|| EditError::BadTemplate {
                template: template.into(),
            })?;
        let (head, tail) = prompt
            .split_once("{}")
            .ok_or_else(|| EditError::NoPlaceholder {
                prompt: prompt.into(),
            })?;
        let text = format!("{before}{head}{subject}{tail}{after}");
        let begin = before.len() + head.len();
        let blank = subject.len() - subject.trim_start().len();
        let encoded = tokens.encode(&text)?;
        let range = begin + blank..begin + blank + subject.trim().len();
        let subject = encoded.tokens_over(range).ok_or(EditError::EmptySubject)?;
        Ok(Row {
            ids: encoded.ids,
            subject_last: subject.end - 1,
        })
    }
}

/// A request tokenised in every context.
#[derive(Clone, Debug)]
pub struct Context {
    /// Row 0 is the bare prompt.
    pub rows: Vec<Row>,
    /// "{subject} is a", where the model should go on saying what it said.
    pub essence: Row,
    /// The target's tokens, as they continue the prompt.
    pub target: Vec<u32>,
}

impl Context {
    pub fn new(tokens: &Tokens, request: &Request, templates: &[String]) -> Result<Context> {
        if request.subject.trim().is_empty() {
            return Err(EditError::EmptySubject);
        }
        if !request.prompt.contains("{}") {
            return Err(EditError::NoPlaceholder {
                prompt: request.prompt.clone(),
            });
        }
        if templates.is_empty() {
            return Err(EditError::NoTemplates);
        }
        let row = |template: &String| Row::new(tokens, template, &request.prompt, &request.subject);
        Ok(Context {
            rows: templates.iter().map(row).collect::<Result<_>>()?,
            essence: Row::new(tokens, "{}", "{} is a", &request.subject)?,
            target: target_ids(tokens, &request.target)?,
        })
    }
}

/// The target's tokens, with the leading space that byte-level tokenizers want.
pub fn target_ids(tokens: &Tokens, target: &str) -> Result<Vec<u32>> {
    if target.trim().is_empty() {
        return Err(EditError::EmptyTarget);
    }
    let spaced = if target.starts_with(' ') {
        target.to_owned()
    } else {
        format!(" {target}")
    };
    let ids = tokens.encode_bare(&spaced)?;
    if ids.is_empty() {
        return Err(EditError::EmptyTarget);
    }
    Ok(ids)
}

/// Rows padded on the right to one length, `[B][T]`. Pads need no mask: nothing
/// real looks to its right.
pub fn pad_right(rows: &[Vec<u32>]) -> Vec<Vec<u32>> {
    let longest = rows.iter().map(Vec::len).max().unwrap_or(0);
    let pad = |row: &Vec<u32>| {
        let mut row = row.clone();
        row.resize(longest, 0);
        row
    };
    rows.iter().map(pad).collect()
}

/// Activations of `points` of `layer` at every row's subject-last token, each
/// `[B, width]` in f64, from one pass that stops after the layer.
pub fn read_at_subject<P: Probe>(
    decoder: &Decoder,
    rows: &[Row],
    layer: usize,
    points: &[Point],
    probe: &mut P,
) -> Result<Vec<Vec<Vec<f64>>>> {
    let sites: Vec<Site> = points.iter().map(|&p| Site::new(layer, p)).collect();
    read_sites(decoder, rows, &sites, probe)
}

/// The same of any `sites`, of several layers: one pass to the deepest of them.
pub fn read_sites<P: Probe>(
    decoder: &Decoder,
    rows: &[Row],
    sites: &[Site],
    probe: &mut P,
) -> Result<Vec<Vec<Vec<f64>>>> {
    let deepest = sites.iter().map(|site| site.layer + 1).max().unwrap_or(0);
    let ids: Vec<Vec<u32>> = rows
        .iter()
        .map(|row| row.ids[..=row.subject_last].to_vec())
        .collect();
    let ids = pad_right(&ids);
    let refs: Vec<&[u32]> = ids.iter().map(Vec::as_slice).collect();
    let width = refs.first().map_or(0, |row| row.len());
    decoder.check_length(width)?;
    let span = Span::whole(width, decoder.device())?;
    let mut capture = (probe, Capture::at(sites.iter().copied()));
    let x = decoder.embed(&refs, &span, &mut capture)?;
    decoder.run_layers(x, 0..deepest, &span, None::<&mut Past>, &mut capture)?;
    let mut read = Vec::with_capacity(sites.len());
    for &site in sites {
        let Some(seen) = capture.1.take(site) else {
            return Err(EditError::NoSuchLayer {
                layer: site.layer,
                last: decoder.layers() - 1,
            });
        };
        read.push(at_subject(&seen, rows)?);
    }
    Ok(read)
}

/// Row b of `[B, T, w]` at its subject-last token, in f64.
fn at_subject(x: &Tensor, rows: &[Row]) -> Result<Vec<Vec<f64>>> {
    rows.iter()
        .enumerate()
        .map(|(b, row)| {
            Ok(x.get(b)?
                .get(row.subject_last)?
                .to_dtype(DType::F64)?
                .to_vec1()?)
        })
        .collect()
}

/// The mean of equally long vectors.
pub fn mean(vectors: &[Vec<f64>]) -> Vec<f64> {
    let Some(first) = vectors.first() else {
        return Vec::new();
    };
    let mut sum = vec![0.0; first.len()];
    for vector in vectors {
        for (s, v) in sum.iter_mut().zip(vector) {
            *s += v;
        }
    }
    let n = vectors.len() as f64;
    sum.iter().map(|s| s / n).collect()
}

pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

pub fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}
