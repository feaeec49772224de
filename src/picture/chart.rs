//! Curves and clouds of points.

use super::svg::{Anchor, Svg};

/// Where one panel lies, and its plot within it.
const PANEL: (f64, f64) = (590.0, 380.0);
const LEFT: f64 = 60.0;
const TOP: f64 = 40.0;
const RIGHT: f64 = 200.0;
const BOTTOM: f64 = 40.0;

/// Told apart also without colour: each has its own dashes.
pub(super) const STYLES: [(&str, &str); 10] = [
    ("#0072b2", ""),
    ("#d55e00", ""),
    ("#009e73", ""),
    ("#cc79a7", ""),
    ("#e69f00", ""),
    ("#56b4e9", "6 3"),
    ("#000000", "6 3"),
    ("#009e73", "2 3"),
    ("#cc79a7", "2 3"),
    ("#e69f00", "2 3"),
];
pub(super) const INK: &str = "#333333";
pub(super) const GRID: &str = "#dddddd";

/// Some points under one name.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    pub name: String,
    pub points: Vec<(f64, f64)>,
    /// Whether a curve goes through them.
    pub joined: bool,
}

/// One panel. What a logarithmic axis has no place for is left out.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    pub title: String,
    /// What is counted along x.
    pub across: String,
    pub log_x: bool,
    pub lines: Vec<Line>,
    /// `None`: what the points span.
    pub range: Option<(f64, f64)>,
    pub log_y: bool,
    /// A named level to compare with.
    pub level: Option<(String, f64)>,
}

/// Panels from left to right.
pub fn side_by_side(charts: &[Chart]) -> String {
    let mut svg = Svg::new(PANEL.0 * charts.len() as f64, PANEL.1);
    for (n, chart) in charts.iter().enumerate() {
        chart.draw(&mut svg, PANEL.0 * n as f64);
    }
    svg.finish()
}

impl Chart {
    fn draw(&self, svg: &mut Svg, left: f64) {
        let shown = |&(x, y): &(f64, f64)| {
            let fits = |value: f64, log: bool| value.is_finite() && (!log || value > 0.0);
            fits(x, self.log_x) && fits(y, self.log_y)
        };
        let points = || {
            self.lines
                .iter()
                .flat_map(|l| &l.points)
                .filter(|p| shown(p))
        };
        let level = self
            .level
            .iter()
            .map(|(_, y)| *y)
            .filter(|y| shown(&(1.0, *y)));
        let x = Axis::spanning(points().map(|p| p.0), self.log_x);
        let y = match self.range {
            Some((from, to)) => Axis {
                from,
                to,
                log: self.log_y,
            },
            None => Axis::spanning(points().map(|p| p.1).chain(level), self.log_y),
        };
        let (width, height) = (PANEL.0 - LEFT - RIGHT, PANEL.1 - TOP - BOTTOM);
        let across = |value| left + LEFT + width * x.share(value);
        let down = |value| TOP + height * (1.0 - y.share(value));
        let (begin, end) = (left + LEFT, left + LEFT + width);
        svg.text((begin, TOP - 16.0), Anchor::Start, INK, &self.title);
        for tick in y.ticks() {
            svg.line((begin, down(tick)), (end, down(tick)), GRID, "");
            svg.text(
                (begin - 8.0, down(tick) + 4.0),
                Anchor::End,
                INK,
                &number(tick),
            );
        }
        for tick in x.ticks() {
            svg.line((across(tick), TOP), (across(tick), TOP + height), GRID, "");
            svg.text(
                (across(tick), TOP + height + 18.0),
                Anchor::Middle,
                INK,
                &number(tick),
            );
        }
        svg.text(
            ((begin + end) / 2.0, PANEL.1 - 6.0),
            Anchor::Middle,
            INK,
            &self.across,
        );
        if let Some((name, value)) = self.level.as_ref().filter(|(_, y)| shown(&(1.0, *y))) {
            svg.line((begin, down(*value)), (end, down(*value)), INK, "1 3");
            svg.text((begin + 4.0, down(*value) - 4.0), Anchor::Start, INK, name);
        }
        for (n, line) in self.lines.iter().enumerate() {
            let (colour, dashes) = STYLES[n % STYLES.len()];
            let kept = line.points.iter().filter(|p| shown(p));
            let at: Vec<(f64, f64)> = kept.map(|&(a, b)| (across(a), down(b))).collect();
            if line.joined {
                svg.path(&at, colour, dashes);
            }
            at.iter().for_each(|&point| svg.dot(point, colour));
            let row = TOP + 8.0 + 18.0 * n as f64;
            match line.joined {
                true => svg.path(&[(end + 12.0, row), (end + 36.0, row)], colour, dashes),
                false => svg.dot((end + 24.0, row), colour),
            }
            svg.text((end + 42.0, row + 4.0), Anchor::Start, INK, &line.name);
        }
    }
}

struct Axis {
    from: f64,
    to: f64,
    log: bool,
}

impl Axis {
    /// From the smallest value to the largest, of a logarithmic one to whole
    /// powers of ten.
    fn spanning(values: impl Iterator<Item = f64>, log: bool) -> Axis {
        let (mut from, mut to) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in values {
            (from, to) = (from.min(value), to.max(value));
        }
        if from > to {
            (from, to) = (1.0, 10.0);
        }
        if log {
            from = 10f64.powf(from.log10().floor());
            to = 10f64.powf(to.log10().ceil()).max(10.0 * from);
        } else if from == to {
            to = from + 1.0;
        }
        Axis { from, to, log }
    }

    /// 0 at the beginning, 1 at the end.
    fn share(&self, value: f64) -> f64 {
        let share = match self.log {
            true => (value / self.from).ln() / (self.to / self.from).ln(),
            false => (value - self.from) / (self.to - self.from),
        };
        share.clamp(0.0, 1.0)
    }

    fn ticks(&self) -> Vec<f64> {
        match self.log {
            true => {
                let decades = (self.to / self.from).log10().round() as i32;
                (0..=decades).map(|n| self.from * 10f64.powi(n)).collect()
            }
            false => {
                let step = round_step((self.to - self.from) / 5.0);
                let first = (self.from / step - 1e-9).ceil();
                let all = (0..12).map(|n| (first + f64::from(n)) * step);
                all.filter(|&tick| tick <= self.to + 1e-9 * step).collect()
            }
        }
    }
}

/// The next of 1, 2, 5, 10, 20, … from `step` on.
fn round_step(step: f64) -> f64 {
    let ten = 10f64.powf(step.log10().floor());
    let rounds = [1.0, 2.0, 5.0, 10.0].map(|n| n * ten);
    let fits = |round: &f64| *round >= step * (1.0 - 1e-9);
    rounds.into_iter().find(fits).unwrap_or(10.0 * ten)
}

/// 1,000 as 1k, small numbers with what matters.
fn number(value: f64) -> String {
    match value {
        v if v >= 1e6 => format!("1e{:.0}", v.log10()),
        v if v >= 1000.0 => format!("{:.0}k", v / 1000.0),
        // −0 is written as 0.
        v if (v - v.round()).abs() < 1e-9 => format!("{:.0}", v.round() + 0.0),
        // Steps of a tenth and the like are not exact in binary.
        v => format!("{v:.6}").trim_end_matches('0').to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_lie_where_the_axes_say() {
        let axis = Axis::spanning([1.0, 1000.0].into_iter(), true);
        assert!((axis.share(10.0) - 1.0 / 3.0).abs() < 1e-12);
        assert_eq!(axis.ticks().len(), 4);
        let flat = Axis::spanning([5.0, 5.0].into_iter(), false);
        assert_eq!(flat.share(5.0), 0.0);
        let layers = Axis::spanning([0.0, 7.0].into_iter(), false);
        assert_eq!(layers.ticks(), [0.0, 2.0, 4.0, 6.0]);
        let shares = Axis::spanning([-0.1, 0.32].into_iter(), false).ticks();
        let shares: Vec<String> = shares.into_iter().map(number).collect();
        assert_eq!(shares, ["-0.1", "0", "0.1", "0.2", "0.3"]);
        let none = Axis::spanning(std::iter::empty(), true);
        assert_eq!((none.from, none.to), (1.0, 10.0));
    }

    #[test]
    fn what_cannot_be_drawn_is_left_out() {
        let chart = Chart {
            title: "t".into(),
            across: "edits".into(),
            log_x: true,
            lines: vec![Line {
                name: "a".into(),
                joined: true,
                points: vec![
                    (1.0, f64::NAN),
                    (10.0, 2.0),
                    (100.0, f64::INFINITY),
                    (0.0, 1.0),
                ],
            }],
            range: None,
            log_y: true,
            level: Some(("b".into(), f64::NAN)),
        };
        let svg = side_by_side(&[chart]);
        assert_eq!(svg.matches("<circle").count(), 1);
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
    }
}
