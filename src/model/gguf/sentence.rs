//! SentencePiece's vocabulary as merges.
//!
//! SentencePiece joins the two neighbours whose whole scores best, over and over. BPE
//! joins the pair that ranks first: the same, if every way of making a piece out of two
//! others is a merge, and merges rank by their wholes' scores.

use rayon::prelude::*;
use std::collections::HashMap;

/// Every pair of pieces that makes a piece, best first. `pieces`: text and score, in
/// the order of their ids; among equal scores the first id goes first.
pub fn merges(pieces: &[(&str, f32)]) -> Vec<(String, String)> {
    let known: HashMap<&str, ()> = pieces.iter().map(|(text, _)| (*text, ())).collect();
    let mut order: Vec<&(&str, f32)> = pieces.iter().collect();
    order.sort_by(|a, b| b.1.total_cmp(&a.1));
    order
        .par_iter()
        .flat_map_iter(|(whole, _)| {
            let cuts = whole
                .char_indices()
                .skip(1)
                .map(|(at, _)| whole.split_at(at));
            let both = |(a, b): &(&str, &str)| known.contains_key(a) && known.contains_key(b);
            cuts.filter(both).map(|(a, b)| (a.to_owned(), b.to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_is_a_merge_and_ranks_by_its_whole() {
        let pieces = [
            ("a", 0.0),
            ("b", 0.0),
            ("ab", -2.0),
            ("aé", -9.0),
            ("aba", -1.0),
            ("ba", -3.0),
        ];
        let all = merges(&pieces);
        let all: Vec<(&str, &str)> = all.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        assert_eq!(all, [("a", "ba"), ("ab", "a"), ("a", "b"), ("b", "a")]);
    }
}
