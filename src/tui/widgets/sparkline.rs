//! Lines of small blocks.

const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const PARTS: [char; 8] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/// `values` over at most `width` columns, the lowest at the bottom and the
/// highest at the top; more values than columns share one by their mean.
pub fn spark(values: &[f64], width: usize) -> String {
    let finite = |v: &&f64| v.is_finite();
    let low = values
        .iter()
        .filter(finite)
        .copied()
        .fold(f64::INFINITY, f64::min);
    let high = values
        .iter()
        .filter(finite)
        .copied()
        .fold(f64::NEG_INFINITY, f64::max);
    let columns = width.min(values.len());
    (0..columns)
        .map(|column| {
            let from = column * values.len() / columns;
            let to = ((column + 1) * values.len() / columns).max(from + 1);
            let slice = &values[from..to];
            let mean = slice.iter().sum::<f64>() / slice.len() as f64;
            if mean.is_finite() {
                block((mean - low) / (high - low))
            } else {
                ' '
            }
        })
        .collect()
}

/// `values` between 0 and 1 over at most `width` columns, each as high as it is;
/// of more values than columns the last of each column's counts.
pub fn spark_of_shares(values: &[f64], width: usize) -> String {
    let columns = width.min(values.len());
    let shown = (1..=columns).map(|column| values[column * values.len() / columns - 1]);
    shown.map(block).collect()
}

/// How many of `values` fall on each of `width` columns of the axis 0 to `max`;
/// empty columns stay blank. What lies beyond falls on the last column.
pub fn histogram(values: &[f64], max: f64, width: usize) -> String {
    if width == 0 {
        return String::new();
    }
    let mut counts = vec![0usize; width];
    for v in values.iter().filter(|v| v.is_finite()) {
        let column = (v / max * width as f64) as usize;
        counts[column.min(width - 1)] += 1;
    }
    let most = counts.iter().copied().max().unwrap_or(0).max(1);
    counts
        .iter()
        .map(|&n| {
            if n == 0 {
                ' '
            } else {
                block((n - 1) as f64 / most as f64)
            }
        })
        .collect()
}

fn block(share: f64) -> char {
    let share = if share.is_finite() {
        share.clamp(0.0, 1.0)
    } else {
        0.0
    };
    BLOCKS[(share * 7.0).round() as usize]
}

/// A bar of `share` of `width` columns, in eighths.
pub fn bar(share: f64, width: usize) -> String {
    let share = if share.is_finite() {
        share.clamp(0.0, 1.0)
    } else {
        0.0
    };
    let eighths = (share * width as f64 * 8.0).round() as usize;
    let mut bar = "█".repeat(eighths / 8);
    if !eighths.is_multiple_of(8) {
        bar.push(PARTS[eighths % 8]);
    }
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_fit_their_width() {
        assert_eq!(spark(&[8.0, 4.0, 1.0], 10), "█▄▁");
        assert_eq!(spark(&[1.0; 40], 5).chars().count(), 5);
        assert_eq!(spark(&[], 5), "");
        assert_eq!(spark(&[f64::NAN, 1.0], 5), " ▁");
        assert_eq!(spark_of_shares(&[0.0, 0.5, 1.0, 0.2], 9), "▁▅█▂");
        assert_eq!(spark_of_shares(&[0.0, 1.0, 0.0, 0.2], 2), "█▂");
        assert_eq!(spark_of_shares(&[], 3), "");
        assert_eq!(bar(0.5, 4), "██");
        assert_eq!(bar(2.0, 4), "████");
        assert_eq!(bar(f64::NAN, 4), "");
    }

    #[test]
    fn a_histogram_stays_on_its_axis() {
        let shown = histogram(&[0.05, 0.06, 0.3, 9.0], 0.6, 6);
        assert_eq!(shown.chars().count(), 6);
        assert_eq!(shown.chars().nth(1), Some(' '));
        assert_ne!(shown.chars().nth(5), Some(' '));
    }
}
