//! Seeded sampling: one small generator whose numbers never change between
//! versions, so that a saved session replays.

/// SplitMix64 (Steele, Lea, Flood 2014).
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    pub fn new(seed: u64) -> Rng {
        Rng(seed)
    }

    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Uniform in [0, 1).
    pub fn uniform(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Uniform in 0..n (n > 0).
    pub fn below(&mut self, n: usize) -> usize {
        (self.uniform() * n as f64) as usize
    }

    /// Every order as likely as any other (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i + 1));
        }
    }
}

/// The `k` largest of `values` with their indices, largest first; the lower
/// index first on a tie.
pub fn top_k(values: &[f32], k: usize) -> Vec<(u32, f32)> {
    let order = |a: &u32, b: &u32| {
        let (x, y) = (values[*a as usize], values[*b as usize]);
        y.total_cmp(&x).then(a.cmp(b))
    };
    let mut indices: Vec<u32> = (0..values.len() as u32).collect();
    let k = k.min(indices.len());
    if k == 0 {
        return Vec::new();
    }
    if k < indices.len() {
        indices.select_nth_unstable_by(k - 1, order);
        indices.truncate(k);
    }
    indices.sort_unstable_by(order);
    indices
        .into_iter()
        .map(|i| (i, values[i as usize]))
        .collect()
}

/// The index of the largest value, the lowest on a tie.
pub fn argmax(values: &[f32]) -> u32 {
    top_k(values, 1).first().map_or(0, |&(index, _)| index)
}

/// One of the `k` likeliest tokens, in proportion to its probability.
pub fn sample_top_k(probs: &[f32], k: usize, rng: &mut Rng) -> u32 {
    let top = top_k(probs, k.max(1));
    let total: f64 = top.iter().map(|&(_, p)| p as f64).sum();
    let mut left = rng.uniform() * total;
    for &(id, p) in &top {
        left -= p as f64;
        if left < 0.0 {
            return id;
        }
    }
    top.first().map_or(0, |&(id, _)| id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn top_k_orders_and_breaks_ties_by_index() {
        assert_eq!(
            top_k(&[0.1, 0.5, 0.5, 0.2], 3),
            vec![(1, 0.5), (2, 0.5), (3, 0.2)]
        );
        assert_eq!(top_k(&[], 3), vec![]);
    }

    #[test]
    fn the_generator_is_splitmix64() {
        // The reference implementation's first values for seed 1234567.
        let mut rng = Rng::new(1234567);
        assert_eq!(rng.next_u64(), 6457827717110365317);
        assert_eq!(rng.next_u64(), 3203168211198807973);
    }

    #[test]
    fn sampling_follows_the_probabilities() {
        let mut rng = Rng::new(1);
        let probs = [0.0, 0.6, 0.3, 0.1];
        let mut counts = [0; 4];
        for _ in 0..10_000 {
            counts[sample_top_k(&probs, 2, &mut rng) as usize] += 1;
        }
        assert_eq!((counts[0], counts[3]), (0, 0));
        assert!((counts[1] as f64 / 10_000.0 - 2.0 / 3.0).abs() < 0.02);
    }
}
