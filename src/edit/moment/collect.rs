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
/// "Enough": the halves of the sample agree on C⁻¹k to this.
const SETTLED: f64 = 0.01;

/// How far a collection is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    pub tokens: usize,
    pub wanted: usize,
    /// 1 − cos between C⁻¹k from the two halves, for some keys, at the last look.
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
    each: impl FnMut(Progress),
) -> Result<Collected> {
    let mut collection = Collection::new(decoder, layers)?;
    let settled_early = collection.run(decoder, sequences, wanted, probe, each)?;
    Ok(Collected {
        moments: collection.finish()?,
        settled_early,
    })
}

/// A collection under way. What was read stays read: a run that ended by an
/// error or a cancellation is gone on with by another [`Collection::run`].
pub struct Collection {
    pub(super) layers: Vec<usize>,
    pub(super) sums: Vec<Sum>,
    /// Tokens and sequences that are in the sums.
    pub(super) tokens: usize,
    pub(super) read: usize,
    /// The half of the sample that the next batch belongs to.
    pub(super) half: usize,
}

impl Collection {
    pub fn new(decoder: &Decoder, layers: &[usize]) -> Result<Collection> {
        let last = decoder.layers() - 1;
        if let Some(&layer) = layers.iter().find(|&&layer| layer > last) {
            return Err(EditError::NoSuchLayer { layer, last });
        }
        Ok(Collection {
            layers: layers.to_vec(),
            sums: layers
                .iter()
                .map(|_| Sum::new(decoder.config.d_mlp))
                .collect(),
            tokens: 0,
            read: 0,
            half: 0,
        })
    }

    /// Tokens that are in the sums.
    pub fn tokens(&self) -> usize {
        self.tokens
    }

    /// Goes on until `wanted` tokens are in the sums, or the text ends, or the
    /// halves of the sample agree (then true). `sequences` is the whole text:
    /// what was read of it is skipped.
    pub fn run<P: Probe>(
        &mut self,
        decoder: &Decoder,
        sequences: impl Iterator<Item = Vec<u32>>,
        wanted: usize,
        probe: &mut P,
        mut each: impl FnMut(Progress),
    ) -> Result<bool> {
        let mut sequences = sequences.skip(self.read).fuse();
        let mut look = wanted / 2;
        while look < self.tokens {
            look += wanted / 4;
        }
        let mut drift = None;
        while self.tokens < wanted {
            let batch = next_batch(&mut sequences, decoder.config.context, wanted - self.tokens);
            if batch.is_empty() {
                break;
            }
            self.add(decoder, &batch, probe)?;
            if self.tokens >= look && self.tokens < wanted {
                drift = self.sums.iter().filter_map(Sum::drift).reduce(f64::max);
                look += wanted / 4;
            }
            each(Progress {
                tokens: self.tokens,
                wanted,
                drift,
            });
            if drift.is_some_and(|d| d < SETTLED) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// One pass that stops after the deepest layer.
    fn add<P: Probe>(
        &mut self,
        decoder: &Decoder,
        batch: &[Vec<u32>],
        probe: &mut P,
    ) -> Result<()> {
        let Some(&deepest) = self.layers.iter().max() else {
            return Ok(());
        };
        let padded = pad_right(batch);
        let refs: Vec<&[u32]> = padded.iter().map(Vec::as_slice).collect();
        let sites = self.layers.iter().map(|&l| Site::new(l, Point::MlpKey));
        let mut capture = (probe, Capture::at(sites));
        let span = Span::whole(refs[0].len(), decoder.device())?;
        let x = decoder.embed(&refs, &span, &mut capture)?;
        let layers = 0..deepest + 1;
        decoder.run_layers(x, layers, &span, None::<&mut Past>, &mut capture)?;
        for (&layer, sum) in self.layers.iter().zip(&mut self.sums) {
            if let Some(keys) = capture.1.take(Site::new(layer, Point::MlpKey)) {
                sum.add(&keys, batch, self.half)?;
            }
        }
        self.half = 1 - self.half;
        self.tokens += batch.iter().map(Vec::len).sum::<usize>();
        self.read += batch.len();
        Ok(())
    }

    /// A second moment a layer, in the order asked.
    pub fn finish(self) -> Result<Vec<SecondMoment>> {
        self.layers
            .into_iter()
            .zip(self.sums)
            .map(|(layer, sum)| sum.finish(layer))
            .collect()
    }
}

/// Sequences until there is work for a pass or `left` tokens are taken.
fn next_batch(
    sequences: &mut impl Iterator<Item = Vec<u32>>,
    context: usize,
    left: usize,
) -> Vec<Vec<u32>> {
    let mut batch: Vec<Vec<u32>> = Vec::new();
    let (mut tokens, mut widest) = (0, 0);
    while batch.len() * widest < BATCH_TOKENS && tokens < left {
        let Some(mut ids) = sequences.next() else {
            break;
        };
        ids.truncate(context.min(left - tokens));
        // An empty one counts as read: it keeps its place in the text.
        tokens += ids.len();
        widest = widest.max(ids.len());
        batch.push(ids);
    }
    match tokens {
        0 => Vec::new(),
        _ => batch,
    }
}

/// Keys that the drift is measured on.
const WITNESSES: usize = 8;

/// Σ k kᵀ in two halves (lower triangles), and a few single keys.
pub(super) struct Sum {
    pub d_k: usize,
    pub halves: [Vec<f64>; 2],
    pub tokens: [usize; 2],
    /// `[n, d_k]`, n ≤ [`WITNESSES`]: keys as an edit's are, of single tokens.
    /// Their mean would not do: C holds k̄k̄ᵀ, which all but cancels k̄ in C⁻¹k̄
    /// and leaves the difference between the halves.
    pub witnesses: Vec<f64>,
}

impl Sum {
    pub fn new(d_k: usize) -> Sum {
        let square = || vec![0.0; d_k * d_k];
        Sum {
            d_k,
            halves: [square(), square()],
            tokens: [0, 0],
            witnesses: Vec::new(),
        }
    }

    /// Adds keys `[B, T, d_k]`, without the padding. Multiplied in f64 too: where C
    /// is solved with without a ridge, the rounding of f32 products comes back
    /// multiplied by its condition (1.8e-4 of an update at a condition of 1e5).
    fn add(&mut self, keys: &Tensor, batch: &[Vec<u32>], half: usize) -> Result<()> {
        let d = self.d_k;
        let keys = keys.to_dtype(DType::F32)?;
        let mut rows: Vec<f32> = Vec::new();
        for (b, ids) in batch.iter().enumerate().filter(|(_, ids)| !ids.is_empty()) {
            rows.extend(
                keys.get(b)?
                    .narrow(0, 0, ids.len())?
                    .flatten_all()?
                    .to_vec1::<f32>()?,
            );
        }
        let n = rows.len() / d;
        let wide: Vec<f64> = rows.iter().map(|&x| f64::from(x)).collect();
        let x = MatRef::from_row_major_slice(&wide, n, d);
        let mut block = Mat::<f64>::zeros(d, d);
        let whole = BlockStructure::Rectangular;
        matmul(
            block.as_mut(),
            BlockStructure::TriangularLower,
            Accum::Replace,
            x.transpose(),
            whole,
            x,
            whole,
            1.0,
            Par::rayon(0),
        );
        for j in 0..d {
            for i in j..d {
                self.halves[half][i * d + j] += block[(i, j)];
            }
        }
        // One from each of the first batches, in turn from both halves. That a key
        // is in one half's sum does not turn its C⁻¹k (Sherman and Morrison).
        if let Some(row) = rows.chunks_exact(d).last()
            && self.witnesses.len() < WITNESSES * d
        {
            self.witnesses.extend(row.iter().map(|&v| f64::from(v)));
        }
        self.tokens[half] += n;
        Ok(())
    }

    /// How far the two halves disagree on the direction C⁻¹k of a key, as the
    /// mean of 1 − cos, with the default ridge. `None` before both have tokens.
    fn drift(&self) -> Option<f64> {
        if self.tokens.contains(&0) {
            return None;
        }
        let factor = |half: usize| {
            let n = self.tokens[half].max(1) as f64;
            let c = full(&self.halves[half], self.d_k, n);
            let moment = SecondMoment::new(c, self.d_k, About::default()).ok()?;
            moment.factor(1e-2).ok()
        };
        let (a, b) = (factor(0)?, factor(1)?);
        let drifts: Vec<f64> = self
            .witnesses
            .chunks_exact(self.d_k)
            .filter_map(|key| {
                let (a, b) = (a.solve(key).ok()?, b.solve(key).ok()?);
                Some(1.0 - dot(&a, &b) / (norm(&a) * norm(&b)))
            })
            .collect();
        let n = drifts.len() as f64;
        (n > 0.0).then(|| drifts.iter().sum::<f64>() / n)
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
fn full(lower: &[f64], d: usize, n: f64) -> Vec<f64> {
    let mut c = vec![0.0; d * d];
    for i in 0..d {
        for j in 0..=i {
            let value = lower[i * d + j] / n;
            c[i * d + j] = value;
            c[j * d + i] = value;
        }
    }
    c
}
