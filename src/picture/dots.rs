//! Means with their intervals, in groups side by side.

use super::chart::{GRID, INK, STYLES};
use super::svg::{Anchor, Svg};

/// One series: a mean and the half-width of its interval for every group.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    pub name: String,
    pub points: Vec<(f64, f64)>,
}

const LEFT: f64 = 50.0;
const TOP: f64 = 40.0;
const RIGHT: f64 = 130.0;
const HEIGHT: f64 = 300.0;
/// Between two series of a group, and between two groups.
const STEP: f64 = 14.0;
const GAP: f64 = 28.0;

/// A panel from 0 to 100.
pub fn in_groups(title: &str, groups: &[&str], series: &[Series]) -> String {
    let each = STEP * series.len() as f64 + GAP;
    let end = LEFT + each * groups.len() as f64;
    let mut svg = Svg::new(end + RIGHT, TOP + HEIGHT + 40.0);
    let down = |value: f64| TOP + HEIGHT * (1.0 - value.clamp(0.0, 100.0) / 100.0);
    svg.text((LEFT, TOP - 16.0), Anchor::Start, INK, title);
    for tick in [0.0, 20.0, 40.0, 60.0, 80.0, 100.0] {
        svg.line((LEFT, down(tick)), (end, down(tick)), GRID, "");
        svg.text(
            (LEFT - 8.0, down(tick) + 4.0),
            Anchor::End,
            INK,
            &tick.to_string(),
        );
    }
    for (n, group) in groups.iter().enumerate() {
        let left = LEFT + each * n as f64 + GAP / 2.0;
        let middle = left + 0.5 * STEP * series.len() as f64;
        svg.text((middle, TOP + HEIGHT + 20.0), Anchor::Middle, INK, group);
        for (m, one) in series.iter().enumerate() {
            let Some(&(mean, half)) = one.points.get(n).filter(|p| p.0.is_finite()) else {
                continue;
            };
            let x = left + STEP * (m as f64 + 0.5);
            let (colour, _) = STYLES[m % STYLES.len()];
            svg.line((x, down(mean - half)), (x, down(mean + half)), colour, "");
            svg.dot((x, down(mean)), colour);
        }
    }
    for (m, one) in series.iter().enumerate() {
        let (colour, _) = STYLES[m % STYLES.len()];
        let y = TOP + 8.0 + 18.0 * m as f64;
        svg.dot((end + 18.0, y), colour);
        svg.text((end + 30.0, y + 4.0), Anchor::Start, INK, &one.name);
    }
    svg.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_not_drawn() {
        let series = |points: &[(f64, f64)]| Series {
            name: "a <b>".into(),
            points: points.to_vec(),
        };
        let dots = |svg: &str| svg.matches("<circle").count();
        let full = in_groups("t", &["ES", "PS"], &[series(&[(50.0, 5.0), (90.0, 0.0)])]);
        let part = in_groups(
            "t",
            &["ES", "PS"],
            &[series(&[(50.0, 5.0), (f64::NAN, 0.0)])],
        );
        assert_eq!((dots(&full), dots(&part)), (3, 2));
        assert!(full.contains("a &lt;b&gt;"));
    }
}
