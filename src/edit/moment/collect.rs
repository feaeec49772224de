//! Collecting C over text, all requested layers in one pass that stops after
//! the deepest.

use super::{About, SecondMoment};
use crate::edit::context::{dot, norm, pad_right};
use crate::edit::error::{EditError, Result};
use crate::model::probe::{Capture, Point, Probe, Site};
use crate::model::{Decoder, Past, Span};
use candle_core::{DType, Tensor};
use faer::linalg::matmul::triangular::{BlockStructure, matmul};
use faer::{Accum, Mat, MatRef, Par};

/// Rows of one forward pass, in tokens: enough to fill the matrix multiplications.
const BATCH_TOKENS: usize = 1024;
/// "Enough": the halves of the sample agree on C⁻¹k̄ to this.
const SETTLED: f64 = 0.01;

/// How far a collection is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    pub tokens: usize,
    pub wanted: usize,
    /// 1 − cos between C⁻¹k̄ from the two halves, at the last look.
    pub drift: Option<f64>,
}

/// The outcome of [`collect`]: a second moment a layer, in the order asked.
pub struct Collected {
    pub moments: Vec<SecondMoment>,
    /// The halves agreed before `wanted` tokens were read.
    pub settled_early: bool,
}

/// Sums k kᵀ over `sequences` at `layers` until `wanted` tokens are read, or the
/// text ends, or the halves of the sample agree. Sequences are cut to the
/// context; padding never counts.
pub fn collect<P: Probe>(
    decoder: &Decoder,
    sequences: impl Iterator<Item = Vec<u32>>,
    layers: &[usize],
    wanted: usize,
    probe: &mut P,
    mut each: impl FnMut(Progress),
) -> Result<Collected> {
    let last = decoder.layers() - 1;
    if let Some(&layer) = layers.iter().find(|&&layer| layer > last) {
        return Err(EditError::NoSuchLayer { layer, last });
    }
    let mut sums: Vec<Sum> = layers
        .iter()
        .map(|_| Sum::new(decoder.config.d_mlp))
        .collect();
    let mut batch: Vec<Vec<u32>> = Vec::new();
    let (mut tokens, mut half, mut settled_early) = (0, 0, false);
    let mut look = wanted / 2;
    let mut drift = None;
    let mut sequences = sequences.fuse();
    while tokens < wanted && !settled_early {
        match sequences.next() {
            Some(mut ids) => {
                ids.truncate(decoder.config.context.min(wanted - tokens));
                tokens += ids.len();
                if !ids.is_empty() {
                    batch.push(ids);
                }
                let widest = batch.iter().map(Vec::len).max().unwrap_or(0);
                if batch.len() * widest < BATCH_TOKENS && tokens < wanted {
                    continue;
                }
            }
            None if batch.is_empty() => break,
            None => {}
        }
        let ended = batch.is_empty();
        add_batch(
            decoder,
            &std::mem::take(&mut batch),
            layers,
            &mut sums,
            half,
            probe,
        )?;
        half = 1 - half;
        if tokens >= look && tokens < wanted {
            drift = sums.iter().filter_map(Sum::drift).reduce(f64::max);
            settled_early = drift.is_some_and(|d| d < SETTLED);
            look += wanted / 4;
        }
        each(Progress {
            tokens,
            wanted,
            drift,
        });
        if ended {
            break;
        }
    }
    let moments = layers
        .iter()
        .zip(sums)
        .map(|(&layer, sum)| sum.finish(layer))
        .collect::<Result<_>>()?;
    Ok(Collected {
        moments,
        settled_early,
    })
}

fn add_batch<P: Probe>(
    decoder: &Decoder,
    batch: &[Vec<u32>],
    layers: &[usize],
    sums: &mut [Sum],
    half: usize,
    probe: &mut P,
) -> Result<()> {
    let Some(&deepest) = layers.iter().max() else {
        return Ok(());
    };
    if batch.is_empty() {
        return Ok(());
    }
    let padded = pad_right(batch);
    let refs: Vec<&[u32]> = padded.iter().map(Vec::as_slice).collect();
    let mut capture = (
        probe,
        Capture::at(layers.iter().map(|&layer| Site::new(layer, Point::MlpKey))),
    );
    let span = Span::whole(refs[0].len(), decoder.device())?;
    let x = decoder.embed(&refs, &span, &mut capture)?;
    let x = decoder.run_layers(x, 0..deepest, &span, None::<&mut Past>, &mut capture)?;
    // Of the deepest block everything up to the key is needed; its output is not.
    decoder.run_layers(
        x,
        deepest..deepest + 1,
        &span,
        None::<&mut Past>,
        &mut capture,
    )?;
    for (&layer, sum) in layers.iter().zip(sums) {
        if let Some(keys) = capture.1.take(Site::new(layer, Point::MlpKey)) {
            sum.add(&keys, batch, half)?;
        }
    }
    Ok(())
}

/// Σ k kᵀ in two halves (lower triangles), and Σ k.
struct Sum {
    d_k: usize,
    halves: [Vec<f64>; 2],
    tokens: [usize; 2],
    keys: Vec<f64>,
}

impl Sum {
    fn new(d_k: usize) -> Sum {
        let square = || vec![0.0; d_k * d_k];
        Sum {
            d_k,
            halves: [square(), square()],
            tokens: [0, 0],
            keys: vec![0.0; d_k],
        }
    }

    /// Adds keys `[B, T, d_k]`, without the padding: f32 blocks summed into f64.
    fn add(&mut self, keys: &Tensor, batch: &[Vec<u32>], half: usize) -> Result<()> {
        let d = self.d_k;
        let keys = keys.to_dtype(DType::F32)?;
        let mut rows: Vec<f32> = Vec::new();
        for (b, ids) in batch.iter().enumerate() {
            rows.extend(
                keys.get(b)?
                    .narrow(0, 0, ids.len())?
                    .flatten_all()?
                    .to_vec1::<f32>()?,
            );
        }
        let n = rows.len() / d;
        let x = MatRef::from_row_major_slice(&rows, n, d);
        let mut block = Mat::<f32>::zeros(d, d);
        let whole = BlockStructure::Rectangular;
        matmul(
            block.as_mut(),
            BlockStructure::TriangularLower,
            Accum::Replace,
            x.transpose(),
            whole,
            x,
            whole,
            1.0f32,
            Par::rayon(0),
        );
        for j in 0..d {
            for i in j..d {
                self.halves[half][i * d + j] += f64::from(block[(i, j)]);
            }
        }
        for row in rows.chunks_exact(d) {
            for (s, v) in self.keys.iter_mut().zip(row) {
                *s += f64::from(*v);
            }
        }
        self.tokens[half] += n;
        Ok(())
    }

    /// How far the two halves disagree on the direction C⁻¹k̄, as 1 − cos, with
    /// k̄ the sample's own mean key and the default ridge.
    fn drift(&self) -> Option<f64> {
        let direction = |half: usize| {
            let n = self.tokens[half].max(1) as f64;
            let c = full(&self.halves[half], self.d_k, n);
            let factor = SecondMoment::new(c, self.d_k, About::default())
                .ok()?
                .factor(1e-2)
                .ok()?;
            factor.solve(&self.keys).ok()
        };
        let (a, b) = (direction(0)?, direction(1)?);
        Some(1.0 - dot(&a, &b) / (norm(&a) * norm(&b)))
    }

    fn finish(self, layer: usize) -> Result<SecondMoment> {
        let tokens = self.tokens[0] + self.tokens[1];
        let text = |reason: &str| EditError::Text {
            path: "(text)".into(),
            reason: reason.into(),
        };
        if tokens == 0 {
            return Err(text("it has no tokens"));
        }
        let drift = self.drift();
        let [a, b] = &self.halves;
        let sum: Vec<f64> = a.iter().zip(b).map(|(a, b)| a + b).collect();
        let c = full(&sum, self.d_k, tokens as f64);
        SecondMoment::new(
            c,
            self.d_k,
            About {
                layer,
                tokens,
                drift,
            },
        )
        .map_err(|reason| text(&reason))
    }
}

/// A lower triangle, divided by `n` and mirrored.
fn full(lower: &[f64], d: usize, n: f64) -> Vec<f32> {
    let mut c = vec![0f32; d * d];
    for i in 0..d {
        for j in 0..=i {
            let value = (lower[i * d + j] / n) as f32;
            c[i * d + j] = value;
            c[j * d + i] = value;
        }
    }
    c
}
