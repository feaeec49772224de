//! Heat scales of one hue each, from *low* near the ground's own brightness to
//! *high* far from it. Brightness goes one way at every step, in 256 colours
//! too: a scale that turns back would draw a ring where there is none.

use super::{Ground, LEVELS, Palette};
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

/// Brightness alone tells the steps of a scale apart, in every palette; the
/// colour-blind one has hues of its own.
#[rustfmt::skip]
const fn anchors(ramp: Ramp, palette: Palette, ground: Ground) -> [Rgb; 4] {
    if let Palette::ColourBlind = palette {
        match (ground, ramp) {
            (Ground::Dark, Ramp::State) => return [(33, 29, 44), (95, 60, 95), (190, 120, 185), (250, 215, 248)],
            (Ground::Dark, Ramp::Mlp) => return [(20, 35, 30), (0, 85, 65), (0, 158, 115), (180, 240, 215)],
            (Ground::Dark, Ramp::Attn) => return [(43, 28, 20), (120, 55, 10), (226, 104, 20), (255, 205, 160)],
            (Ground::Dark, Ramp::New) => return [(38, 34, 20), (105, 88, 15), (220, 185, 50), (255, 240, 170)],
            (Ground::Light, Ramp::State) => return [(246, 238, 246), (222, 180, 218), (165, 80, 155), (90, 20, 85)],
            (Ground::Light, Ramp::Mlp) => return [(232, 245, 240), (160, 215, 198), (0, 140, 105), (0, 70, 52)],
            (Ground::Light, Ramp::Attn) => return [(250, 238, 230), (246, 190, 150), (215, 85, 10), (120, 40, 0)],
            (Ground::Light, Ramp::New) => return [(249, 245, 228), (236, 212, 130), (180, 130, 20), (95, 65, 0)],
            (_, Ramp::Old) => {}
        }
    }
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
const fn cube(ramp: Ramp, palette: Palette, ground: Ground) -> [u8; 8] {
    if let Palette::ColourBlind = palette {
        match (ground, ramp) {
            (Ground::Dark, Ramp::State) => return [234, 53, 96, 133, 139, 176, 182, 225],
            (Ground::Dark, Ramp::Mlp) => return [234, 22, 23, 29, 36, 43, 79, 158],
            (Ground::Dark, Ramp::Attn) => return [234, 52, 94, 130, 166, 208, 215, 223],
            (Ground::Dark, Ramp::New) => return [234, 58, 94, 136, 178, 220, 221, 229],
            (Ground::Light, Ramp::State) => return [255, 225, 182, 176, 139, 133, 96, 53],
            (Ground::Light, Ramp::Mlp) => return [255, 152, 115, 72, 36, 29, 23, 22],
            (Ground::Light, Ramp::Attn) => return [255, 223, 215, 208, 166, 130, 94, 52],
            (Ground::Light, Ramp::New) => return [255, 223, 222, 221, 178, 136, 94, 58],
            (_, Ramp::Old) => {}
        }
    }
    match (ground, ramp) {
        (Ground::Dark, Ramp::State) => [234, 53, 54, 92, 98, 141, 183, 189],
        (Ground::Dark, Ramp::Mlp) => [234, 22, 28, 34, 71, 77, 114, 157],
        (Ground::Dark, Ramp::Attn) => [234, 52, 88, 124, 160, 167, 174, 217],
        (Ground::Dark, Ramp::Old) => [233, 17, 18, 25, 32, 74, 117, 153],
        (Ground::Dark, Ramp::New) => [234, 58, 94, 136, 178, 179, 221, 222],
        (Ground::Light, Ramp::State) => [255, 189, 183, 141, 98, 92, 54, 53],
        (Ground::Light, Ramp::Mlp) => [255, 157, 114, 77, 71, 34, 28, 22],
        (Ground::Light, Ramp::Attn) => [255, 224, 217, 174, 167, 160, 124, 88],
        (Ground::Light, Ramp::Old) => [255, 153, 117, 74, 32, 25, 18, 17],
        (Ground::Light, Ramp::New) => [255, 222, 221, 179, 178, 136, 94, 52],
    }
}

/// The colour of `level` (of [`LEVELS`]) in 24 bits.
pub fn truecolor(ramp: Ramp, palette: Palette, ground: Ground, level: usize) -> Color {
    let anchors = anchors(ramp, palette, ground);
    let last = anchors.len() - 1;
    let at = level.min(LEVELS - 1) as f64 / (LEVELS - 1) as f64 * last as f64;
    let from = (at as usize).min(last - 1);
    let share = at - from as f64;
    let mix = |a: u8, b: u8| (f64::from(a) + (f64::from(b) - f64::from(a)) * share).round() as u8;
    let (a, b) = (anchors[from], anchors[from + 1]);
    Color::Rgb(mix(a.0, b.0), mix(a.1, b.1), mix(a.2, b.2))
}

/// The colour of `level` (of [`LEVELS`]) in the 256-colour palette.
pub fn indexed(ramp: Ramp, palette: Palette, ground: Ground, level: usize) -> Color {
    let cube = cube(ramp, palette, ground);
    let at = level.min(LEVELS - 1) * (cube.len() - 1);
    Color::Indexed(cube[(at + (LEVELS - 1) / 2) / (LEVELS - 1)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::theme::sight;

    fn rgb(color: Color) -> Rgb {
        match color {
            Color::Rgb(r, g, b) => (r, g, b),
            Color::Indexed(i) => sight::of_cube(i),
            other => panic!("{other:?} is not in a ramp"),
        }
    }

    #[test]
    fn brightness_goes_one_way() {
        let all = |ramp| Palette::ALL.map(|palette| (ramp, palette));
        for (ramp, palette) in Ramp::ALL.into_iter().flat_map(all) {
            for color in [truecolor, indexed] {
                let shade = move |ground, l| sight::luminance(rgb(color(ramp, palette, ground, l)));
                let steps = |ground| (0..LEVELS).map(move |l| shade(ground, l));
                let dark: Vec<f64> = steps(Ground::Dark).collect();
                let light: Vec<f64> = steps(Ground::Light).rev().collect();
                assert!(dark.is_sorted(), "{ramp:?} {palette:?}: {dark:?}");
                assert!(light.is_sorted(), "{ramp:?} {palette:?}: {light:?}");
                assert!(dark[0] < 0.03 && dark[LEVELS - 1] > 0.4);
                assert!(light[0] < 0.12 && light[LEVELS - 1] > 0.8);
            }
        }
    }
}
