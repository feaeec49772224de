//! Means over cases, with their intervals.

use super::answers::Scores;
use crate::model::sample::Rng;

/// How some weights do: on cases, on plain text, and how far they moved.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Totals {
    /// One a case.
    pub scores: Vec<Scores>,
    /// On plain text.
    pub perplexity: f64,
    /// ‖W − W₀‖/‖W₀‖ of the layer where it is largest.
    pub change: f64,
}

/// A mean and the half-width of its 95 % interval.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Interval {
    pub mean: f64,
    pub half: f64,
}

/// The mean of some values; `None` of none.
pub fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (mut sum, mut n) = (0.0, 0.0);
    values.for_each(|value| (sum, n) = (sum + value, n + 1.0));
    (n > 0.0).then(|| sum / n)
}

/// The mean of `values`, 1.96·σ/√n on either side (σ with n − 1).
pub fn interval(values: &[f64]) -> Interval {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
    Interval {
        mean,
        half: 1.96 * (variance / n).sqrt(),
    }
}

/// S of shares ES, PS and NS; 0 where one of them is.
pub fn harmonic_mean(shares: [f64; 3]) -> f64 {
    match shares.iter().all(|&share| share > 0.0) {
        true => 3.0 / shares.iter().map(|share| 1.0 / share).sum::<f64>(),
        false => 0.0,
    }
}

/// Draws of a bootstrap.
const DRAWS: usize = 1000;

/// S, the harmonic mean of the mean ES, PS and NS; its interval by drawing
/// cases anew (the 2.5th to the 97.5th of a hundred, half of it).
pub fn harmonic(scores: &[Scores]) -> Interval {
    let of = |cases: &mut dyn Iterator<Item = &Scores>| {
        let (mut sums, mut n) = ([0.0; 3], 0.0);
        for case in cases {
            for (sum, share) in sums.iter_mut().zip([case.es, case.ps, case.ns]) {
                *sum += share;
            }
            n += 1.0;
        }
        harmonic_mean(sums.map(|sum| sum / n))
    };
    if scores.is_empty() {
        return Interval::default();
    }
    let mut rng = Rng::new(1);
    let mut draws: Vec<f64> = (0..DRAWS)
        .map(|_| of(&mut (0..scores.len()).map(|_| &scores[rng.below(scores.len())])))
        .collect();
    draws.sort_by(f64::total_cmp);
    let at = |share: f64| draws[((DRAWS - 1) as f64 * share).round() as usize];
    Interval {
        mean: of(&mut scores.iter()),
        half: 0.5 * (at(0.975) - at(0.025)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_mean_and_half_width() {
        let found = interval(&[1.0, 0.0, 1.0, 0.0]);
        assert_eq!(found.mean, 0.5);
        assert!((found.half - 1.96 * (1.0f64 / 3.0).sqrt() / 2.0).abs() < 1e-12);
        assert_eq!(interval(&[0.25]).half, 0.0);
    }

    #[test]
    fn s_is_a_harmonic_mean_of_means() {
        let case = |es, ps, ns| Scores {
            es,
            ps,
            ns,
            ..Scores::default()
        };
        let cases = [case(1.0, 0.5, 1.0), case(1.0, 0.5, 0.0)];
        let found = harmonic(&cases);
        assert!((found.mean - 0.6).abs() < 1e-12 && found.half > 0.0);
        let alike = [case(1.0, 0.5, 0.5); 20];
        assert!(harmonic(&alike).half.abs() < 1e-12);
        assert_eq!(harmonic(&[case(0.0, 1.0, 1.0)]).mean, 0.0);
        assert_eq!(harmonic(&[]), Interval::default());
    }
}
