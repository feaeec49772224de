//! From tensors to `&[f32]` and back, and when to share work between threads.

use candle_core::{CpuStorage, DType, Layout, Result, Storage, Tensor, bail};
use rayon::prelude::*;

/// Below this many scalar steps a kernel stays on the calling thread: waking
/// the pool costs some microseconds.
const SERIAL: usize = 1 << 15;

/// Do these tensors take the fused kernels?
pub(super) fn fused(tensors: &[&Tensor]) -> bool {
    tensors
        .iter()
        .all(|t| t.device().is_cpu() && t.dtype() == DType::F32)
}

/// The contiguous values of an op's argument.
pub(super) fn floats<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    match layout.contiguous_offsets() {
        Some((begin, end)) => Ok(&storage.as_slice::<f32>()?[begin..end]),
        None => bail!("a fused kernel was given a strided tensor"),
    }
}

/// Reads a tensor on the CPU; copies only if it is strided.
pub(super) fn read<R>(tensor: &Tensor, f: impl FnOnce(&[f32]) -> Result<R>) -> Result<R> {
    let tensor = tensor.contiguous()?;
    let (storage, layout) = tensor.storage_and_layout();
    match &*storage {
        Storage::Cpu(storage) => f(floats(storage, layout)?),
        _ => bail!("a fused CPU kernel was given a tensor on another device"),
    }
}

/// A tensor of `like`'s shape and device.
pub(super) fn shaped_like(values: Vec<f32>, like: &Tensor) -> Result<Tensor> {
    Tensor::from_vec(values, like.shape(), like.device())
}

/// Calls `f(first_row, rows)` on chunks of whole rows of `out`, in parallel
/// where `steps` scalar steps a row are worth it.
pub(super) fn for_rows(
    out: &mut [f32],
    width: usize,
    steps: usize,
    f: impl Fn(usize, &mut [f32]) + Sync,
) {
    if out.is_empty() {
        return;
    }
    let rows = out.len() / width;
    let chunk = rows_a_task(rows, steps);
    if chunk >= rows {
        f(0, out);
    } else {
        out.par_chunks_mut(chunk * width)
            .enumerate()
            .for_each(|(i, rows)| f(i * chunk, rows));
    }
}

/// Rows for one task: a few tasks a thread, none of them too small.
pub(super) fn rows_a_task(rows: usize, steps: usize) -> usize {
    let threads = rayon::current_num_threads();
    if threads == 1 || rows.saturating_mul(steps) < SERIAL {
        return rows.max(1);
    }
    rows.div_ceil(4 * threads)
        .max((SERIAL / 4).div_ceil(steps.max(1)))
}
