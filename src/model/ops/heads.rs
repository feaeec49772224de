//! One head's part of a row-major tensor, and the small products of attention.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use pulp::Simd;

/// Multiplications below which plain loops beat a call to faer.
const SMALL: usize = 1 << 13;
/// Vectors that are summed at once.
const ABREAST: usize = 4;

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
    #[inline(always)]
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

/// Σ a·b.
#[inline(always)]
pub(super) fn dot<S: Simd>(simd: S, a: &[f32], b: &[f32]) -> f32 {
    let ((a, a_rest), (b, b_rest)) = (S::as_simd_f32s(a), S::as_simd_f32s(b));
    let mut sum = simd.splat_f32s(0.0);
    for (&a, &b) in a.iter().zip(b) {
        sum = simd.mul_add_e_f32s(a, b, sum);
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    simd.reduce_sum_f32s(sum) + rest
}

/// scale · q kᵀ into columns `column..column + k.n` of the row-major `scores`.
#[inline(always)]
pub(super) fn scores<S: Simd>(
    simd: S,
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
            *score = scale * dot(simd, q, k.row(j));
        }
    }
}

/// Adds weights · v to columns `column..` of the rows of `out`, `stride` apart.
#[inline(always)]
pub(super) fn mix<S: Simd>(
    simd: S,
    out: &mut [f32],
    column: usize,
    stride: usize,
    weights: View<'_>,
    v: View<'_>,
) {
    if weights.n * v.n * v.width > SMALL {
        let out = mat_mut(out, column, weights.n, v.width, stride);
        matmul(out, Accum::Add, weights.mat(), v.mat(), 1.0, Par::Seq);
        return;
    }
    for (i, row) in out.chunks_exact_mut(stride).enumerate() {
        let weights = weights.row(i);
        let (out, rest) = S::as_mut_simd_f32s(&mut row[column..column + v.width]);
        let done = v.width - rest.len();
        // A few vectors of the row at a time, which stay in registers over all of v.
        for (c, out) in out.chunks_mut(ABREAST).enumerate() {
            let mut sums = [simd.splat_f32s(0.0); ABREAST];
            sums.iter_mut().zip(&*out).for_each(|(sum, &o)| *sum = o);
            for (j, &weight) in weights.iter().enumerate() {
                let weight = simd.splat_f32s(weight);
                let v = &S::as_simd_f32s(v.row(j)).0[c * ABREAST..];
                for (sum, &v) in sums.iter_mut().zip(v) {
                    *sum = simd.mul_add_e_f32s(weight, v, *sum);
                }
            }
            out.iter_mut().zip(sums).for_each(|(o, sum)| *o = sum);
        }
        for (j, &weight) in weights.iter().enumerate() {
            for (o, &v) in rest.iter_mut().zip(&v.row(j)[done..]) {
                *o += weight * v;
            }
        }
    }
}
