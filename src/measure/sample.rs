//! Where one edit's norm stands among many edits of the same model.
//!
//! The published thresholds (15 %, 50 %) were found on gpt2-medium; a model of
//! another width has another scale. Atlas ships the norms of a sample of its
//! own edits, made by `cargo bench --bench counterfact`.

/// ‖ΔW‖/‖W‖ of a sample of Atlas's edits, ascending; one number a line.
const ATLAS: &str = include_str!("../../assets/atlas/edit_norms.txt");

pub fn atlas() -> Vec<f64> {
    let mut norms: Vec<f64> = ATLAS
        .lines()
        .filter_map(|line| line.trim().parse().ok())
        .collect();
    norms.sort_by(f64::total_cmp);
    norms
}

/// The share of `sample` (ascending) that is smaller than `value`.
pub fn percentile(sample: &[f64], value: f64) -> Option<f64> {
    let smaller = sample.partition_point(|&norm| norm < value);
    (!sample.is_empty()).then(|| smaller as f64 / sample.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentile_counts_what_is_smaller() {
        assert_eq!(percentile(&[], 1.0), None);
        assert_eq!(percentile(&[1.0, 2.0, 3.0, 4.0], 2.5), Some(0.5));
    }
}
