//! Heat scales of one hue each, from the dark of *low* to the light of *high*.
//! Brightness rises at every step, in 256 colours too: a scale that dips would
//! draw a ring where there is none.

use super::LEVELS;
use crate::trace::Kind;
use ratatui::style::Color;

type Rgb = (u8, u8, u8);

const fn anchors(kind: Kind) -> [Rgb; 4] {
    match kind {
        Kind::State => [
            (33, 29, 44),
            (80, 56, 138),
            (145, 110, 224),
            (220, 205, 255),
        ],
        Kind::Mlp => [(25, 35, 30), (31, 92, 62), (74, 168, 108), (198, 242, 196)],
        Kind::Attn => [(43, 28, 28), (126, 42, 44), (216, 90, 80), (255, 212, 194)],
    }
}

const fn cube(kind: Kind) -> [u8; 8] {
    match kind {
        Kind::State => [234, 53, 54, 92, 98, 141, 183, 189],
        Kind::Mlp => [234, 22, 28, 34, 71, 77, 114, 157],
        Kind::Attn => [234, 52, 88, 124, 160, 167, 174, 217],
    }
}

/// The colour of `level` (of [`LEVELS`]) in 24 bits.
pub fn truecolor(kind: Kind, level: usize) -> Color {
    let anchors = anchors(kind);
    let last = anchors.len() - 1;
    let at = level.min(LEVELS - 1) as f64 / (LEVELS - 1) as f64 * last as f64;
    let from = (at as usize).min(last - 1);
    let share = at - from as f64;
    let mix = |a: u8, b: u8| (f64::from(a) + (f64::from(b) - f64::from(a)) * share).round() as u8;
    let (a, b) = (anchors[from], anchors[from + 1]);
    Color::Rgb(mix(a.0, b.0), mix(a.1, b.1), mix(a.2, b.2))
}

/// The colour of `level` (of [`LEVELS`]) in the 256-colour palette.
pub fn indexed(kind: Kind, level: usize) -> Color {
    let cube = cube(kind);
    let at = level.min(LEVELS - 1) * (cube.len() - 1);
    Color::Indexed(cube[(at + (LEVELS - 1) / 2) / (LEVELS - 1)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rgb(color: Color) -> Rgb {
        let step = |n: u8| if n == 0 { 0 } else { 55 + 40 * n };
        match color {
            Color::Rgb(r, g, b) => (r, g, b),
            Color::Indexed(i) if i >= 232 => {
                (8 + 10 * (i - 232), 8 + 10 * (i - 232), 8 + 10 * (i - 232))
            }
            Color::Indexed(i) => (
                step((i - 16) / 36),
                step((i - 16) / 6 % 6),
                step((i - 16) % 6),
            ),
            other => panic!("{other:?} is not in a ramp"),
        }
    }

    fn luminance(color: Color) -> f64 {
        let linear = |c: u8| (f64::from(c) / 255.0).powf(2.2);
        let (r, g, b) = rgb(color);
        0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
    }

    #[test]
    fn brightness_never_falls() {
        for kind in Kind::ALL {
            for ramp in [truecolor, indexed] {
                let steps: Vec<f64> = (0..LEVELS).map(|l| luminance(ramp(kind, l))).collect();
                assert!(steps.is_sorted(), "{kind:?}: {steps:?}");
                assert!(steps[LEVELS - 1] > 0.4);
                assert!(steps[0] < 0.03);
            }
        }
    }
}
