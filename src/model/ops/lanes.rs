//! Scalar kernels written so that the compiler turns them into vector code:
//! no branch, no call, and sums over independent lanes (a float sum in order
//! is a chain that cannot be vectorised).

const LANES: usize = 16;

/// e^x to 2e-7 relative, and exactly 0 for x < −87 (so e^−∞ = 0).
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    // x = n ln 2 + r with |r| ≤ ln 2 / 2; adding 1.5·2²³ rounds to an integer,
    // which then stands in the lowest bits.
    const ROUND: f32 = 12_582_912.0;
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    let clamped = x.clamp(-87.0, 88.0);
    let rounded = clamped * std::f32::consts::LOG2_E + ROUND;
    let n = rounded - ROUND;
    let r = clamped - n * LN2_HIGH - n * LN2_LOW;
    // Minimax polynomial for (e^r − 1 − r) / r² (Cephes expf).
    let mut p = 1.987_569_1e-4;
    p = p * r + 1.398_199_9e-3;
    p = p * r + 8.333_452e-3;
    p = p * r + 4.166_579_6e-2;
    p = p * r + 1.666_666_5e-1;
    p = p * r + 0.5;
    let e = p * r * r + r + 1.0;
    let scale = f32::from_bits((rounded.to_bits() << 23).wrapping_add(127 << 23));
    if x < -87.0 { 0.0 } else { e * scale }
}

#[inline(always)]
pub(super) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// Φ(x), the normal distribution function, to 1e-6 of its value near 0 and to
/// 1e-7 absolute everywhere (erfc by Chebyshev fit, Numerical Recipes §6.2).
#[inline(always)]
pub(super) fn normal_cdf(x: f32) -> f32 {
    let z = (x * std::f32::consts::FRAC_1_SQRT_2).abs();
    let t = 1.0 / (1.0 + 0.5 * z);
    let mut p = 0.170_872_77;
    p = p * t - 0.822_152_23;
    p = p * t + 1.488_515_9;
    p = p * t - 1.135_204;
    p = p * t + 0.278_868_07;
    p = p * t - 0.186_288_06;
    p = p * t + 0.096_784_18;
    p = p * t + 0.374_091_96;
    p = p * t + 1.000_023_7;
    p = p * t - 1.265_512_2;
    let tail = 0.5 * t * exp(p - z * z);
    if x < 0.0 { tail } else { 1.0 - tail }
}

/// Σ term(v).
#[inline(always)]
pub(super) fn sum_of(values: &[f32], term: impl Fn(f32) -> f32) -> f32 {
    let mut acc = [0.0f32; LANES];
    let chunks = values.chunks_exact(LANES);
    let rest = chunks.remainder();
    for chunk in chunks {
        for (a, &v) in acc.iter_mut().zip(chunk) {
            *a += term(v);
        }
    }
    acc.iter().sum::<f32>() + rest.iter().map(|&v| term(v)).sum::<f32>()
}

#[inline]
pub(super) fn sum(values: &[f32]) -> f32 {
    sum_of(values, |v| v)
}

/// Σ (v − mean)².
#[inline]
pub(super) fn squares_about(values: &[f32], mean: f32) -> f32 {
    sum_of(values, |v| (v - mean) * (v - mean))
}

#[inline]
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut acc = [0.0f32; LANES];
    let (a_chunks, b_chunks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f32 = a_chunks
        .remainder()
        .iter()
        .zip(b_chunks.remainder())
        .map(|(x, y)| x * y)
        .sum();
    for (x, y) in a_chunks.zip(b_chunks) {
        for i in 0..LANES {
            acc[i] += x[i] * y[i];
        }
    }
    acc.iter().sum::<f32>() + rest
}

/// The largest value; −∞ of nothing.
#[inline]
pub(super) fn max(values: &[f32]) -> f32 {
    let mut acc = [f32::NEG_INFINITY; LANES];
    let chunks = values.chunks_exact(LANES);
    let rest = chunks.remainder();
    for chunk in chunks {
        for (a, &v) in acc.iter_mut().zip(chunk) {
            *a = if v > *a { v } else { *a };
        }
    }
    acc.iter()
        .chain(rest)
        .copied()
        .fold(f32::NEG_INFINITY, f32::max)
}

/// Replaces each score by e^(score − max) and returns their sum; a row that
/// is masked everywhere becomes 0 and sums to 0.
#[inline]
pub(super) fn exp_from_max(row: &mut [f32]) -> f32 {
    let top = max(row);
    if top == f32::NEG_INFINITY {
        row.fill(0.0);
        return 0.0;
    }
    for v in row.iter_mut() {
        *v = exp(*v - top);
    }
    sum(row)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_exact_to_2e7_and_zero_far_left() {
        for i in -870_000..880_000 {
            let x = i as f32 * 1e-4;
            let truth = f64::from(x).exp();
            let error = (f64::from(exp(x)) / truth - 1.0).abs();
            assert!(error < 2e-7, "exp({x}) is off by {error:e}");
        }
        assert_eq!(exp(f32::NEG_INFINITY), 0.0);
        assert_eq!(exp(0.0), 1.0);
        assert!(exp(1e9).is_finite());
    }

    #[test]
    fn normal_cdf_agrees_with_known_values() {
        // Φ from tables of 15 digits.
        let known = [
            (0.0, 0.5),
            (0.5, 0.691_462_461_274_013),
            (1.0, 0.841_344_746_068_543),
            (-1.0, 0.158_655_253_931_457),
            (2.0, 0.977_249_868_051_821),
            (-2.0, 0.022_750_131_948_179_2),
            (-3.0, 0.001_349_898_031_630_09),
            (3.5, 0.999_767_370_920_965),
        ];
        for (x, phi) in known {
            let got = f64::from(normal_cdf(x));
            assert!((got - phi).abs() < 2e-7, "Φ({x}) = {got}, not {phi}");
            assert!((got / phi - 1.0).abs() < 2e-6, "Φ({x}) = {got}, not {phi}");
        }
    }

    #[test]
    fn reductions_take_the_remainder_along() {
        let v: Vec<f32> = (1..=37).map(|i| i as f32).collect();
        assert_eq!(sum(&v), 703.0);
        assert_eq!(dot(&v, &v), 17575.0);
        assert_eq!(max(&v), 37.0);
        assert_eq!(squares_about(&[1.0, 3.0], 2.0), 2.0);
    }

    #[test]
    fn a_row_without_any_key_has_no_weight() {
        let mut row = [f32::NEG_INFINITY; 3];
        assert_eq!(exp_from_max(&mut row), 0.0);
        assert_eq!(row, [0.0; 3]);
    }
}
