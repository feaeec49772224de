//! Figures in 0–1 around a circle, each on a spoke of its own.

use super::chart::{GRID, INK, STYLES};
use super::svg::{Anchor, Svg};

/// One spoke.
#[derive(Clone, Debug, PartialEq)]
pub struct Spoke {
    pub name: String,
    /// `None`: not known; the outline is open there.
    pub value: Option<f64>,
    pub threshold: f64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Radar {
    /// Lines above everything.
    pub words: Vec<String>,
    pub spokes: Vec<Spoke>,
}

const RADIUS: f64 = 180.0;
/// Room for the names beside the circle.
const BESIDE: f64 = 150.0;
const LINE: f64 = 18.0;
const LETTER: f64 = 7.0;

/// Where `value` lies on spoke `n` of `all`, of a circle of radius 1 around the
/// origin: the first points up, the others follow clockwise. y grows upwards.
pub fn place(n: usize, all: usize, value: f64) -> (f64, f64) {
    let turn = std::f64::consts::TAU * n as f64 / all.max(1) as f64;
    (value * turn.sin(), value * turn.cos())
}

impl Radar {
    /// Lines between neighbouring spokes of which both values are known, from one
    /// place to the other; a radar closes.
    pub fn outline(&self) -> Vec<[(f64, f64); 2]> {
        self.round(|spoke| spoke.value.filter(|value| value.is_finite()))
    }

    /// As `outline`, of the thresholds.
    pub fn limits(&self) -> Vec<[(f64, f64); 2]> {
        self.round(|spoke| Some(spoke.threshold))
    }

    fn round(&self, of: impl Fn(&Spoke) -> Option<f64>) -> Vec<[(f64, f64); 2]> {
        let all = self.spokes.len();
        let at = |n: usize| Some(place(n, all, of(self.spokes.get(n)?)?.clamp(0.0, 1.0)));
        let edges = (0..all).filter_map(|n| Some([at(n)?, at((n + 1) % all)?]));
        edges.collect()
    }

    pub fn draw(&self) -> String {
        let all = self.spokes.len();
        let said = self.words.iter().map(|line| line.chars().count()).max();
        let needed = LETTER * said.unwrap_or(0) as f64 + 32.0;
        let width = (2.0 * (RADIUS + BESIDE)).max(needed);
        let top = 24.0 + LINE * self.words.len() as f64 + 24.0;
        let middle = (width / 2.0, top + RADIUS);
        let mut svg = Svg::new(width, top + 2.0 * RADIUS + 64.0);
        for (n, line) in self.words.iter().enumerate() {
            svg.text((16.0, 24.0 + LINE * n as f64), Anchor::Start, INK, line);
        }
        let on = |(x, y): (f64, f64)| (middle.0 + RADIUS * x, middle.1 - RADIUS * y);
        for ring in [0.25, 0.5, 0.75, 1.0] {
            let round: Vec<(f64, f64)> = (0..=all).map(|n| on(place(n, all, ring))).collect();
            svg.path(&round, GRID, "");
        }
        for (n, spoke) in self.spokes.iter().enumerate() {
            svg.line(middle, on(place(n, all, 1.0)), GRID, "");
            let (x, y) = place(n, all, 1.0 + 14.0 / RADIUS);
            let anchor = match x {
                x if x > 0.1 => Anchor::Start,
                x if x < -0.1 => Anchor::End,
                _ => Anchor::Middle,
            };
            let figure = match spoke.value {
                Some(value) => format!("{} {value:.2}", spoke.name),
                None => format!("{} –", spoke.name),
            };
            let (x, y) = on((x, y));
            svg.text((x, y + 4.0), anchor, INK, &figure);
        }
        let [(score, _), (limit, _), ..] = STYLES;
        for [from, to] in self.limits() {
            svg.line(on(from), on(to), limit, "4 3");
        }
        for [from, to] in self.outline() {
            svg.path(&[on(from), on(to)], score, "");
        }
        for (n, spoke) in self.spokes.iter().enumerate() {
            if let Some(value) = spoke.value.filter(|value| value.is_finite()) {
                let failed = value < spoke.threshold;
                let colour = if failed { limit } else { score };
                svg.dot(on(place(n, all, value.clamp(0.0, 1.0))), colour);
            }
        }
        let below = middle.1 + RADIUS + 44.0;
        svg.text(
            (16.0, below),
            Anchor::Start,
            INK,
            "solid: score; dashes: threshold; a gap: untold",
        );
        svg.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn radar(values: &[Option<f64>]) -> Radar {
        let spoke = |(n, value): (usize, &Option<f64>)| Spoke {
            name: format!("<{n}>"),
            value: *value,
            threshold: 0.5,
        };
        Radar {
            words: vec!["a & b".into()],
            spokes: values.iter().enumerate().map(spoke).collect(),
        }
    }

    #[test]
    fn spokes_go_round_clockwise_from_the_top() {
        let close = |(x, y): (f64, f64), (a, b): (f64, f64)| {
            assert!((x - a).abs() < 1e-12 && (y - b).abs() < 1e-12, "{x} {y}");
        };
        close(place(0, 4, 1.0), (0.0, 1.0));
        close(place(1, 4, 0.5), (0.5, 0.0));
        close(place(2, 4, 1.0), (0.0, -1.0));
        close(place(0, 0, 1.0), (0.0, 1.0));
    }

    #[test]
    fn the_outline_closes_and_is_open_where_nothing_is_known() {
        let whole = radar(&[Some(1.0), Some(0.5), Some(0.0)]);
        assert_eq!(whole.outline().len(), 3);
        let open = radar(&[Some(1.0), None, Some(0.5), Some(f64::NAN), Some(1.0)]);
        assert_eq!(open.outline().len(), 1, "from the last to the first");
        assert_eq!(open.limits().len(), 5);
        assert!(radar(&[]).outline().is_empty());
    }

    #[test]
    fn a_picture_says_every_spoke_and_no_text_leaves_its_element() {
        let svg = radar(&[Some(1.0), None, Some(7.0)]).draw();
        assert_eq!(svg.matches("<circle").count(), 2);
        assert!(svg.contains("&lt;0&gt; 1.00") && svg.contains("&lt;1&gt; –"));
        assert!(svg.contains("a &amp; b"));
    }
}
