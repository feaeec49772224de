//! Heat scales of one hue each, from *low* near the ground's own brightness to
//! *high* far from it. Brightness goes one way at every step, in 256 colours
//! too: a scale that turns back would draw a ring where there is none.

use super::{Ground, LEVELS};
use crate::trace::Kind;
use ratatui::style::Color;

type Rgb = (u8, u8, u8);

#[rustfmt::skip]
const fn anchors(kind: Kind, ground: Ground) -> [Rgb; 4] {
    match (ground, kind) {
        (Ground::Dark, Kind::State) => [(33, 29, 44), (80, 56, 138), (145, 110, 224), (220, 205, 255)],
        (Ground::Dark, Kind::Mlp) => [(25, 35, 30), (31, 92, 62), (74, 168, 108), (198, 242, 196)],
        (Ground::Dark, Kind::Attn) => [(43, 28, 28), (126, 42, 44), (216, 90, 80), (255, 212, 194)],
        (Ground::Light, Kind::State) => [(242, 239, 249), (203, 190, 236), (140, 105, 205), (70, 30, 140)],
        (Ground::Light, Kind::Mlp) => [(236, 245, 238), (178, 220, 187), (80, 165, 105), (10, 85, 45)],
        (Ground::Light, Kind::Attn) => [(250, 239, 235), (244, 190, 172), (220, 95, 80), (130, 15, 20)],
    }
}

const fn cube(kind: Kind, ground: Ground) -> [u8; 8] {
    match (ground, kind) {
        (Ground::Dark, Kind::State) => [234, 53, 54, 92, 98, 141, 183, 189],
        (Ground::Dark, Kind::Mlp) => [234, 22, 28, 34, 71, 77, 114, 157],
        (Ground::Dark, Kind::Attn) => [234, 52, 88, 124, 160, 167, 174, 217],
        (Ground::Light, Kind::State) => [255, 189, 183, 141, 98, 92, 54, 53],
        (Ground::Light, Kind::Mlp) => [255, 157, 114, 77, 71, 34, 28, 22],
        (Ground::Light, Kind::Attn) => [255, 224, 217, 174, 167, 160, 124, 88],
    }
}

/// The colour of `level` (of [`LEVELS`]) in 24 bits.
pub fn truecolor(kind: Kind, ground: Ground, level: usize) -> Color {
    let anchors = anchors(kind, ground);
    let last = anchors.len() - 1;
    let at = level.min(LEVELS - 1) as f64 / (LEVELS - 1) as f64 * last as f64;
    let from = (at as usize).min(last - 1);
    let share = at - from as f64;
    let mix = |a: u8, b: u8| (f64::from(a) + (f64::from(b) - f64::from(a)) * share).round() as u8;
    let (a, b) = (anchors[from], anchors[from + 1]);
    Color::Rgb(mix(a.0, b.0), mix(a.1, b.1), mix(a.2, b.2))
}

/// The colour of `level` (of [`LEVELS`]) in the 256-colour palette.
pub fn indexed(kind: Kind, ground: Ground, level: usize) -> Color {
    let cube = cube(kind, ground);
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
    fn brightness_goes_one_way() {
        for kind in Kind::ALL {
            for ramp in [truecolor, indexed] {
                let steps = |ground| (0..LEVELS).map(move |l| luminance(ramp(kind, ground, l)));
                let dark: Vec<f64> = steps(Ground::Dark).collect();
                let light: Vec<f64> = steps(Ground::Light).rev().collect();
                assert!(dark.is_sorted(), "{kind:?}: {dark:?}");
                assert!(light.is_sorted(), "{kind:?}: {light:?}");
                assert!(dark[0] < 0.03 && dark[LEVELS - 1] > 0.4);
                assert!(light[0] < 0.1 && light[LEVELS - 1] > 0.8);
            }
        }
    }
}
