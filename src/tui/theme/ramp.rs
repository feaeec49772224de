//! Heat scales of one hue each, from *low* near the ground's own brightness to
//! *high* far from it. Brightness goes one way at every step, in 256 colours
//! too: a scale that turns back would draw a ring where there is none.

use super::{Ground, LEVELS};
use crate::trace::Kind;
use ratatui::style::Color;

type Rgb = (u8, u8, u8);

/// Which hue a scale has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ramp {
    State,
    Mlp,
    Attn,
    /// The old answer's.
    Old,
    /// The new answer's.
    New,
}

impl Ramp {
    #[cfg(test)]
    const ALL: [Ramp; 5] = [Ramp::State, Ramp::Mlp, Ramp::Attn, Ramp::Old, Ramp::New];
}

impl From<Kind> for Ramp {
    fn from(kind: Kind) -> Ramp {
        match kind {
            Kind::State => Ramp::State,
            Kind::Mlp => Ramp::Mlp,
            Kind::Attn => Ramp::Attn,
        }
    }
}

#[rustfmt::skip]
const fn anchors(ramp: Ramp, ground: Ground) -> [Rgb; 4] {
    match (ground, ramp) {
        (Ground::Dark, Ramp::State) => [(33, 29, 44), (80, 56, 138), (145, 110, 224), (220, 205, 255)],
        (Ground::Dark, Ramp::Mlp) => [(25, 35, 30), (31, 92, 62), (74, 168, 108), (198, 242, 196)],
        (Ground::Dark, Ramp::Attn) => [(43, 28, 28), (126, 42, 44), (216, 90, 80), (255, 212, 194)],
        (Ground::Dark, Ramp::Old) => [(24, 30, 42), (38, 70, 128), (92, 142, 214), (205, 226, 255)],
        (Ground::Dark, Ramp::New) => [(38, 32, 24), (110, 78, 24), (217, 164, 65), (255, 236, 190)],
        (Ground::Light, Ramp::State) => [(242, 239, 249), (203, 190, 236), (140, 105, 205), (70, 30, 140)],
        (Ground::Light, Ramp::Mlp) => [(236, 245, 238), (178, 220, 187), (80, 165, 105), (10, 85, 45)],
        (Ground::Light, Ramp::Attn) => [(250, 239, 235), (244, 190, 172), (220, 95, 80), (130, 15, 20)],
        (Ground::Light, Ramp::Old) => [(237, 242, 250), (184, 206, 238), (70, 120, 195), (15, 50, 115)],
        (Ground::Light, Ramp::New) => [(249, 243, 231), (238, 210, 150), (190, 130, 30), (100, 62, 0)],
    }
}

#[rustfmt::skip]
const fn cube(ramp: Ramp, ground: Ground) -> [u8; 8] {
    match (ground, ramp) {
        (Ground::Dark, Ramp::State) => [234, 53, 54, 92, 98, 141, 183, 189],
        (Ground::Dark, Ramp::Mlp) => [234, 22, 28, 34, 71, 77, 114, 157],
        (Ground::Dark, Ramp::Attn) => [234, 52, 88, 124, 160, 167, 174, 217],
        (Ground::Dark, Ramp::Old) => [234, 17, 18, 25, 32, 74, 117, 153],
        (Ground::Dark, Ramp::New) => [234, 58, 94, 136, 178, 179, 221, 222],
        (Ground::Light, Ramp::State) => [255, 189, 183, 141, 98, 92, 54, 53],
        (Ground::Light, Ramp::Mlp) => [255, 157, 114, 77, 71, 34, 28, 22],
        (Ground::Light, Ramp::Attn) => [255, 224, 217, 174, 167, 160, 124, 88],
        (Ground::Light, Ramp::Old) => [255, 153, 117, 74, 32, 25, 18, 17],
        (Ground::Light, Ramp::New) => [255, 222, 221, 179, 178, 136, 94, 52],
    }
}

/// The colour of `level` (of [`LEVELS`]) in 24 bits.
pub fn truecolor(ramp: Ramp, ground: Ground, level: usize) -> Color {
    let anchors = anchors(ramp, ground);
    let last = anchors.len() - 1;
    let at = level.min(LEVELS - 1) as f64 / (LEVELS - 1) as f64 * last as f64;
    let from = (at as usize).min(last - 1);
    let share = at - from as f64;
    let mix = |a: u8, b: u8| (f64::from(a) + (f64::from(b) - f64::from(a)) * share).round() as u8;
    let (a, b) = (anchors[from], anchors[from + 1]);
    Color::Rgb(mix(a.0, b.0), mix(a.1, b.1), mix(a.2, b.2))
}

/// The colour of `level` (of [`LEVELS`]) in the 256-colour palette.
pub fn indexed(ramp: Ramp, ground: Ground, level: usize) -> Color {
    let cube = cube(ramp, ground);
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
        for ramp in Ramp::ALL {
            for color in [truecolor, indexed] {
                let steps = |ground| (0..LEVELS).map(move |l| luminance(color(ramp, ground, l)));
                let dark: Vec<f64> = steps(Ground::Dark).collect();
                let light: Vec<f64> = steps(Ground::Light).rev().collect();
                assert!(dark.is_sorted(), "{ramp:?}: {dark:?}");
                assert!(light.is_sorted(), "{ramp:?}: {light:?}");
                assert!(dark[0] < 0.03 && dark[LEVELS - 1] > 0.4);
                assert!(light[0] < 0.1 && light[LEVELS - 1] > 0.8);
            }
        }
    }
}
