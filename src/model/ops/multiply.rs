//! Matrix products, shared between threads as independent blocks of the output.
//!
//! faer's own parallel multiplication meets at a spinning barrier: where another
//! program wants a core, both threads wait for the one that lost it. Blocks of
//! columns keep b's part in a core's cache and need no meeting (with few rows up
//! to twice as fast, otherwise equal on an idle machine).

use faer::linalg::matmul::matmul;
use faer::reborrow::ReborrowMut;
use faer::{Accum, MatMut, MatRef, Par, RowRef};
use rayon::prelude::*;

/// Multiplications (rows · inner · columns) worth a second thread.
const SERIAL: usize = 1 << 18;
/// Columns of a block: fewer, and packing `a` again for each begins to cost.
const COLUMNS: usize = 256;
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
    let (m, k, n) = (a.nrows(), a.ncols(), b.ncols());
    let mut product = vec![0.0; m * n];
    let out = MatMut::from_row_major_slice_mut(&mut product, m, n);
    let bias = match start {
        Start::Zero => None,
        Start::Bias(bias) => Some(RowRef::from_slice(bias)),
    };
    let threads = rayon::current_num_threads();
    if threads == 1 || m * k * n < SERIAL {
        block(out, a, b, bias);
        return product;
    }
    // With few rows the work is reading b: then its blocks should fit the cache.
    let most = if m <= ROWS { n } else { 4 * threads };
    let across = (n / COLUMNS).clamp(1, most.max(1));
    let down = threads.div_ceil(across).clamp(1, (m / ROWS).max(1));
    let blocks = out
        .par_row_partition_mut(down)
        .zip(a.par_row_partition(down));
    blocks.for_each(|(out, a)| {
        let blocks = out
            .par_col_partition_mut(across)
            .zip(b.par_col_partition(across));
        match bias {
            None => blocks.for_each(|(out, b)| block(out, a, b, None)),
            Some(bias) => blocks
                .zip(bias.par_partition(across))
                .for_each(|((out, b), bias)| block(out, a, b, Some(bias))),
        }
    });
    product
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
