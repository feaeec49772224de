//! Matrix products, shared between threads as independent blocks of the output.
//!
//! faer's own parallel multiplication meets at a spinning barrier: where another
//! program wants a core, both threads wait for the one that lost it. Blocks of
//! columns keep b's part in a core's cache and need no meeting (with few rows up
//! to twice as fast, otherwise equal on an idle machine).

use super::made::Rows;
use faer::linalg::matmul::matmul;
use faer::reborrow::ReborrowMut;
use faer::{Accum, MatMut, MatRef, Par, RowRef};
use rayon::prelude::*;
use std::convert::Infallible;
use std::ops::Range;

/// Multiplications (rows · inner · columns) worth a second thread.
const SERIAL: usize = 1 << 18;
/// Columns of a block: fewer, and packing `a` again for each begins to cost.
pub(super) const COLUMNS: usize = 256;
/// Numbers of b in a block: more, and a block of what is made anew takes much memory.
const NUMBERS: usize = 1 << 22;
/// Rows of a block, where the columns alone do not give every thread one.
const ROWS: usize = 128;

/// A row-major matrix in a slice.
pub(super) fn rows(values: &[f32], nrows: usize, ncols: usize) -> MatRef<'_, f32> {
    MatRef::from_row_major_slice(values, nrows, ncols)
}

/// How the output begins.
#[derive(Clone, Copy)]
pub(super) enum Start<'a> {
    Zero,
    /// Each row begins as these numbers.
    Bias(&'a [f32]),
}

/// The product `a·b`, row-major, on top of `start`.
pub(super) fn multiply(a: MatRef<'_, f32>, b: MatRef<'_, f32>, start: Start<'_>) -> Vec<f32> {
    let each = |columns: Range<usize>, out: MatMut<'_, f32>, a: MatRef<'_, f32>, bias: Bias<'_>| {
        block(out, a, b.subcols(columns.start, columns.len()), bias);
        Ok::<(), Infallible>(())
    };
    match blocks(a, b.ncols(), start, each) {
        Ok(product) => product,
        Err(never) => match never {},
    }
}

/// The same with bᵀ made row by row: by the same blocks, so that each number is the
/// same. A thread holds one block of b.
pub(super) fn multiply_made(
    a: MatRef<'_, f32>,
    b: &dyn Rows,
    start: Start<'_>,
) -> candle_core::Result<Vec<f32>> {
    let (n, k) = b.shape();
    blocks(a, n, start, |columns, out, a, bias| {
        let mut part = vec![0.0; columns.len() * k];
        b.make(columns.clone(), &mut part)?;
        block(out, a, rows(&part, columns.len(), k).transpose(), bias);
        Ok(())
    })
}

type Bias<'a> = Option<RowRef<'a, f32>>;

/// The product of `a` with `n` columns, a block of the output at a time: `each` gets
/// the columns, their part of the output, the rows of `a`, and how they begin.
fn blocks<E: Send>(
    a: MatRef<'_, f32>,
    n: usize,
    start: Start<'_>,
    each: impl Fn(Range<usize>, MatMut<'_, f32>, MatRef<'_, f32>, Bias<'_>) -> Result<(), E> + Sync,
) -> Result<Vec<f32>, E> {
    let (m, k) = (a.nrows(), a.ncols());
    let mut product = vec![0.0; m * n];
    let out = MatMut::from_row_major_slice_mut(&mut product, m, n);
    let bias = match start {
        Start::Zero => None,
        Start::Bias(bias) => Some(RowRef::from_slice(bias)),
    };
    let threads = rayon::current_num_threads();
    if threads == 1 || m * k * n < SERIAL {
        each(0..n, out, a, bias)?;
        return Ok(product);
    }
    // With few rows the work is reading b: then its blocks should fit the cache.
    let most = if m <= ROWS {
        n
    } else {
        (4 * threads).max(k * n / NUMBERS)
    };
    let across = (n / COLUMNS).clamp(1, most.max(1));
    let down = threads.div_ceil(across).clamp(1, (m / ROWS).max(1));
    // As evenly as it goes, the longer ones first: faer's partition.
    let begin = |i: usize| i * (n / across) + i.min(n % across);
    let blocks = out
        .par_row_partition_mut(down)
        .zip(a.par_row_partition(down));
    blocks.try_for_each(|(out, a)| {
        let blocks = out.par_col_partition_mut(across).enumerate();
        blocks.into_par_iter().try_for_each(|(i, out)| {
            let columns = begin(i)..begin(i + 1);
            let bias = bias.map(|bias| bias.subcols(columns.start, columns.len()));
            each(columns, out, a, bias)
        })
    })?;
    Ok(product)
}

/// One block, on one thread. The bias is written by whoever multiplies there:
/// the block is then in that core's cache.
fn block(
    mut out: MatMut<'_, f32>,
    a: MatRef<'_, f32>,
    b: MatRef<'_, f32>,
    bias: Option<RowRef<'_, f32>>,
) {
    let accum = match bias {
        None => Accum::Replace,
        Some(bias) => {
            for i in 0..out.nrows() {
                out.rb_mut().row_mut(i).copy_from(bias);
            }
            Accum::Add
        }
    };
    matmul(out, accum, a, b, 1.0, Par::Seq);
}
