//! One head's part of a row-major tensor, and the small products of attention.

use super::lanes::dot;
use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

/// Multiplications below which plain loops beat a call to faer.
const SMALL: usize = 1 << 13;

/// `width` columns from `column` on of `n` rows, `stride` apart.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub values: &'a [f32],
    pub column: usize,
    pub n: usize,
    pub width: usize,
    pub stride: usize,
}

impl<'a> View<'a> {
    pub(super) fn row(&self, i: usize) -> &'a [f32] {
        &self.values[i * self.stride + self.column..][..self.width]
    }

    pub(super) fn mat(&self) -> MatRef<'a, f32> {
        let values = self.values.get(self.column..).unwrap_or_default();
        MatRef::from_row_major_slice_with_stride(values, self.n, self.width, self.stride)
    }
}

/// The same to write to. (faer 0.24.4's `from_row_major_slice_with_stride_mut`
/// swaps the strides and writes past the slice.)
pub(super) fn mat_mut(
    values: &mut [f32],
    column: usize,
    n: usize,
    width: usize,
    stride: usize,
) -> MatMut<'_, f32> {
    let values = values.get_mut(column..).unwrap_or_default();
    MatMut::from_column_major_slice_with_stride_mut(values, width, n, stride).transpose_mut()
}

/// scale · q kᵀ into columns `column..column + k.n` of the row-major `scores`.
pub(super) fn scores(
    scores: &mut [f32],
    column: usize,
    stride: usize,
    q: View<'_>,
    k: View<'_>,
    scale: f32,
) {
    if q.n * k.n * q.width > SMALL {
        let scores = mat_mut(scores, column, q.n, k.n, stride);
        let keys = k.mat().transpose();
        matmul(scores, Accum::Replace, q.mat(), keys, scale, Par::Seq);
        return;
    }
    for (i, row) in scores.chunks_exact_mut(stride).enumerate() {
        let q = q.row(i);
        for (j, score) in row[column..column + k.n].iter_mut().enumerate() {
            *score = scale * dot(q, k.row(j));
        }
    }
}

/// Adds weights · v to columns `column..` of the rows of `out`, `stride` apart.
pub(super) fn mix(out: &mut [f32], column: usize, stride: usize, weights: View<'_>, v: View<'_>) {
    if weights.n * v.n * v.width > SMALL {
        let out = mat_mut(out, column, weights.n, v.width, stride);
        matmul(out, Accum::Add, weights.mat(), v.mat(), 1.0, Par::Seq);
        return;
    }
    for (i, row) in out.chunks_exact_mut(stride).enumerate() {
        let out = &mut row[column..column + v.width];
        for (j, &weight) in weights.row(i).iter().enumerate() {
            for (o, &v) in out.iter_mut().zip(v.row(j)) {
                *o += weight * v;
            }
        }
    }
}
