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

/// The sum of all rows of `width`.
pub(super) fn sum_rows(values: &[f32], width: usize) -> Vec<f32> {
    fold_rows(
        values.len() / width.max(1),
        width,
        vec![0.0; width],
        |sums, row| {
            add(sums, &values[row * width..][..width]);
        },
    )
}

/// Folds rows `0..rows` into an accumulator that starts as `zero`. Partial sums
/// are over fixed chunks and added in order, so that training repeats bit for bit.
pub(super) fn fold_rows(
    rows: usize,
    steps: usize,
    zero: Vec<f32>,
    fold: impl Fn(&mut [f32], usize) + Sync,
) -> Vec<f32> {
    let chunk = rows_a_task(rows, steps);
    let partial: Vec<Vec<f32>> = (0..rows.div_ceil(chunk))
        .into_par_iter()
        .map(|task| {
            let mut sums = zero.clone();
            let rows = task * chunk..rows.min((task + 1) * chunk);
            rows.for_each(|row| fold(&mut sums, row));
            sums
        })
        .collect();
    partial.iter().fold(zero, |mut total, part| {
        add(&mut total, part);
        total
    })
}

fn add(sums: &mut [f32], values: &[f32]) {
    for (s, v) in sums.iter_mut().zip(values) {
        *s += v;
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
