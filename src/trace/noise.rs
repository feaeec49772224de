//! The corruption: Gaussian noise on the subject's token embeddings
//! (ALGORITHMS §1.1–2).

use super::error::Result;
use super::rng::RandomState;
use crate::model::{Decoder, Tokens};
use candle_core::{DType, Tensor};

/// σ of the subjects' embeddings: their tokens' rows, gathered and joined, one
/// unbiased standard deviation over all elements. `None`: no subject has a token.
pub fn embedding_deviation(
    decoder: &Decoder,
    tokens: &Tokens,
    subjects: &[String],
) -> Result<Option<f64>> {
    let mut ids = Vec::new();
    for subject in subjects {
        ids.extend(tokens.encode_bare(subject)?);
    }
    if ids.is_empty() {
        return Ok(None);
    }
    let rows = decoder.embed_tokens(&[&ids])?;
    let values: Vec<f64> = rows.flatten_all()?.to_dtype(DType::F64)?.to_vec1()?;
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|v| (v - mean) * (v - mean)).sum();
    Ok(Some((squares / (n - 1.0).max(1.0)).sqrt()))
}

/// `scale`·z for `samples` draws of `tokens` subject tokens, row-major
/// [samples, tokens, d].
pub fn draw(seed: u32, samples: usize, tokens: usize, d: usize, scale: f64) -> Vec<f64> {
    let mut noise = RandomState::new(seed).randn(samples * tokens * d);
    noise.iter_mut().for_each(|z| *z *= scale);
    noise
}

/// Embedding rows [1, R, d], of which the first `tokens` are the subject's, to
/// corrupted rows [samples, R, d]. The sum is formed in f64 and rounded once.
pub fn corrupt(rows: &Tensor, noise: &[f64], samples: usize, tokens: usize) -> Result<Tensor> {
    let (_, r, d) = rows.dims3()?;
    let clean: Vec<f64> = rows.flatten_all()?.to_dtype(DType::F64)?.to_vec1()?;
    let mut corrupted = clean.repeat(samples);
    let per_sample = noise.chunks_exact(tokens * d);
    for (rows, noise) in corrupted.chunks_exact_mut(r * d).zip(per_sample) {
        for (x, z) in rows.iter_mut().zip(noise) {
            *x += z;
        }
    }
    let corrupted = Tensor::from_vec(corrupted, (samples, r, d), &candle_core::Device::Cpu)?;
    Ok(corrupted.to_dtype(rows.dtype())?.to_device(rows.device())?)
}
