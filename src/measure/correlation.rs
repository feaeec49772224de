//! Does one figure go with another?

use serde::Serialize;

/// Pearson's r of some pairs, with its 95 % interval by Fisher's transformation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Correlation {
    pub r: f64,
    pub from: f64,
    pub to: f64,
    pub pairs: usize,
}

/// `None` where there is nothing to correlate: fewer than three pairs, or one of
/// the two never changes.
pub fn correlation(pairs: &[(f64, f64)]) -> Option<Correlation> {
    let n = pairs.len() as f64;
    let (x, y) = pairs
        .iter()
        .fold((0.0, 0.0), |(x, y), pair| (x + pair.0 / n, y + pair.1 / n));
    let sum = |of: &dyn Fn(f64, f64) -> f64| -> f64 {
        let apart = pairs.iter().map(|&(a, b)| (a - x, b - y));
        apart.map(|(a, b)| of(a, b)).sum()
    };
    let (xx, yy) = (sum(&|a, _| a * a), sum(&|_, b| b * b));
    // Rounding alone spreads equal numbers by some 1e-16 of their size.
    let still = |spread: f64, mean: f64| spread <= n * (1e-12 * mean).powi(2);
    if pairs.len() < 3 || still(xx, x) || still(yy, y) {
        return None;
    }
    let r = (sum(&|a, b| a * b) / (xx * yy).sqrt()).clamp(-1.0, 1.0);
    // artanh r is about normal with a deviation of 1/√(n − 3).
    let half = match pairs.len() {
        3 => f64::INFINITY,
        _ => 1.96 / (n - 3.0).sqrt(),
    };
    let back = |z: f64| if z.is_nan() { r } else { z.tanh() };
    Some(Correlation {
        r,
        from: back(r.atanh() - half),
        to: back(r.atanh() + half),
        pairs: pairs.len(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_a_textbook() {
        // r by numpy.corrcoef; tanh(artanh r ± 1.96/√2).
        let pairs = [(1.0, 2.0), (2.0, 3.0), (3.0, 5.0), (4.0, 6.0), (5.0, 10.0)];
        let found = correlation(&pairs).unwrap();
        for (got, want) in [
            (found.r, 0.964_578_856_876_937_9),
            (found.from, 0.552_472_354_001_892),
            (found.to, 0.997_747_157_961_278_1),
        ] {
            assert!((got - want).abs() < 1e-12, "{got} {want}");
        }
    }

    #[test]
    fn a_line_is_1_and_what_stands_still_has_none() {
        let line = |sign: f64| -> Vec<(f64, f64)> {
            (0..9)
                .map(|n| (f64::from(n), sign * f64::from(n)))
                .collect()
        };
        assert_eq!(correlation(&line(1.0)).map(|c| c.r), Some(1.0));
        assert_eq!(correlation(&line(-2.0)).map(|c| c.r), Some(-1.0));
        assert_eq!(correlation(&line(0.0)), None);
        assert_eq!(correlation(&line(1.0)[..2]), None);
        assert_eq!(correlation(&[(0.1, 1.0), (0.1, 2.0), (0.1, 4.0)]), None);
    }
}
