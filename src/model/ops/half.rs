//! Matrices in half precision, read as f32.

use super::slices::floats;
use candle_core::{CpuStorage, Layout, Result, Storage, Tensor, bail};
use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};
use rayon::prelude::*;
use std::borrow::Cow;

/// Numbers that one task widens.
const CHUNK: usize = 1 << 16;

/// The contiguous values of an f32, f16 or bf16 argument of an op.
pub(super) fn wide<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<Cow<'a, [f32]>> {
    let Some((begin, end)) = layout.contiguous_offsets() else {
        bail!("a fused kernel was given a strided tensor");
    };
    match storage {
        CpuStorage::F16(values) => Ok(Cow::Owned(widen(&values[begin..end], f16_to_f32))),
        CpuStorage::BF16(values) => Ok(Cow::Owned(widen(&values[begin..end], bf16_to_f32))),
        _ => floats(storage, layout).map(Cow::Borrowed),
    }
}

/// The same of a tensor on the CPU; copies only what is strided or half.
pub(super) fn with_wide<R>(tensor: &Tensor, f: impl FnOnce(&[f32]) -> Result<R>) -> Result<R> {
    let tensor = tensor.contiguous()?;
    let (storage, layout) = tensor.storage_and_layout();
    match &*storage {
        Storage::Cpu(storage) => f(&wide(storage, layout)?),
        _ => bail!("a fused CPU kernel was given a tensor on another device"),
    }
}

fn widen<T: Sync>(values: &[T], convert: fn(&[T], &mut [f32])) -> Vec<f32> {
    let mut out = vec![0.0; values.len()];
    out.par_chunks_mut(CHUNK)
        .zip(values.par_chunks(CHUNK))
        .for_each(|(out, values)| convert(values, out));
    out
}

fn f16_to_f32(values: &[f16], out: &mut [f32]) {
    values.convert_to_f32_slice(out);
}

fn bf16_to_f32(values: &[bf16], out: &mut [f32]) {
    values.convert_to_f32_slice(out);
}
