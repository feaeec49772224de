//! Does a large prediction go with a large change? By ranks alone, whatever the
//! scale of either.

use crate::measure::correlation::correlation;
use serde::Serialize;

/// Spearman's ρ with a 95 % interval (Bonett and Wright 2000).
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct RankCorrelation {
    pub rho: f64,
    pub from: f64,
    pub to: f64,
    pub pairs: usize,
}

/// The share of (positive, negative) pairs whose positive has the larger score, ties
/// for a half, with a 95 % interval (Hanley and McNeil 1982). ½ is chance.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Area {
    pub area: f64,
    pub from: f64,
    pub to: f64,
    pub positive: usize,
    pub negative: usize,
}

/// `None` where there is nothing to correlate: fewer than four pairs, or one of the
/// two never changes.
pub fn rank_correlation(pairs: &[(f64, f64)]) -> Option<RankCorrelation> {
    if pairs.len() < 4 {
        return None;
    }
    let x = ranks(&pairs.iter().map(|pair| pair.0).collect::<Vec<_>>());
    let y = ranks(&pairs.iter().map(|pair| pair.1).collect::<Vec<_>>());
    let ranked: Vec<(f64, f64)> = x.into_iter().zip(y).collect();
    let rho = correlation(&ranked)?.r;
    let half = 1.96 * ((1.0 + rho * rho / 2.0) / (pairs.len() as f64 - 3.0)).sqrt();
    Some(RankCorrelation {
        rho,
        from: (rho.atanh() - half).tanh(),
        to: (rho.atanh() + half).tanh(),
        pairs: pairs.len(),
    })
}

/// From 1 for the smallest; equal values share the mean of their ranks.
pub fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut first = 0;
    for equal in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let mean = first as f64 + (equal.len() as f64 + 1.0) / 2.0;
        equal.iter().for_each(|&at| ranks[at] = mean);
        first += equal.len();
    }
    ranks
}

/// `None` without positives or without negatives.
pub fn area(scored: &[(f64, bool)]) -> Option<Area> {
    let positive = scored.iter().filter(|(_, is)| *is).count();
    let negative = scored.len() - positive;
    if positive == 0 || negative == 0 {
        return None;
    }
    let ranks = ranks(&scored.iter().map(|(score, _)| *score).collect::<Vec<_>>());
    let own = ranks.iter().zip(scored).filter(|(_, (_, is))| *is);
    let sum: f64 = own.map(|(rank, _)| rank).sum();
    let (m, n) = (positive as f64, negative as f64);
    let area = (sum - m * (m + 1.0) / 2.0) / (m * n);
    let (q1, q2) = (area / (2.0 - area), 2.0 * area * area / (1.0 + area));
    let spread =
        area * (1.0 - area) + (m - 1.0) * (q1 - area * area) + (n - 1.0) * (q2 - area * area);
    let half = 1.96 * (spread.max(0.0) / (m * n)).sqrt();
    Some(Area {
        area,
        from: (area - half).max(0.0),
        to: (area + half).min(1.0),
        positive,
        negative,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_share_what_ties_take_together() {
        assert_eq!(ranks(&[3.0, 1.0, 3.0, 2.0]), [3.5, 1.0, 3.5, 2.0]);
        assert!(ranks(&[]).is_empty());
    }

    #[test]
    fn agrees_with_another_library() {
        // numpy.corrcoef of the ranks, and a count over all pairs.
        let pairs = [
            (0.1, 0.3),
            (0.4, 0.2),
            (0.4, 0.9),
            (0.7, 0.5),
            (0.9, 0.9),
            (0.2, 0.1),
        ];
        let found = rank_correlation(&pairs).unwrap();
        assert!((found.rho - SPEARMAN).abs() < 1e-12, "{}", found.rho);
        assert!(found.from < found.rho && found.rho < found.to);
        let labels = [false, true, false, true, true, false];
        let scored: Vec<(f64, bool)> = pairs.iter().map(|p| p.0).zip(labels).collect();
        let found = area(&scored).unwrap();
        assert!((found.area - AREA).abs() < 1e-12, "{}", found.area);
        assert!(found.from >= 0.0 && found.from < found.area && found.to <= 1.0);
    }

    const SPEARMAN: f64 = 0.632_352_941_176_470_6;
    const AREA: f64 = 0.944_444_444_444_444_4;

    #[test]
    fn order_alone_counts_and_nothing_to_order_has_none() {
        let grow: Vec<(f64, f64)> = (0..9).map(|n| (f64::from(n), f64::from(n).exp())).collect();
        assert_eq!(rank_correlation(&grow).unwrap().rho, 1.0);
        let still: Vec<(f64, f64)> = (0..9).map(|n| (f64::from(n), 0.0)).collect();
        assert_eq!(rank_correlation(&still), None);
        assert_eq!(rank_correlation(&grow[..3]), None);
        assert_eq!(area(&[(1.0, true), (2.0, true)]), None);
        assert_eq!(area(&[(1.0, true), (1.0, false)]).unwrap().area, 0.5);
    }
}
