//! The colours that carry meaning, once a palette.
//!
//! *Standard* is the house's own. *Contrast* reads at 7:1 on black and on white
//! (WCAG 2.1, 1.4.6), in 256 colours at 6.7:1. *Colour-blind* keeps apart what must not be confused for
//! protanopes, deuteranopes and tritanopes, after the hues of Okabe and Ito (2008).

use super::Ground;
use ratatui::style::Color;
use serde::{Deserialize, Serialize};

type Rgb = (u8, u8, u8);

/// A named colour on a dark ground and on a light one, each in truecolor and in
/// 256 colours; and in 16.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hue {
    pub dark: (Rgb, u8),
    pub light: (Rgb, u8),
    pub ansi: Color,
}

impl Hue {
    /// Of the sixteen colours; none where the ground's own letters are meant. On black
    /// the dark half of them is hardly seen (blue at 1.3:1 on Linux's console), on white
    /// the bright half.
    pub fn of_sixteen(&self, ground: Ground) -> Option<Color> {
        Some(match (self.ansi, ground) {
            (Color::Reset, _) => return None,
            (Color::Blue, Ground::Dark) => Color::LightBlue,
            (Color::Red, Ground::Dark) => Color::LightRed,
            (Color::Magenta, Ground::Dark) => Color::LightMagenta,
            (Color::LightBlue, Ground::Light) => Color::Blue,
            (Color::LightRed, Ground::Light) => Color::Red,
            (Color::LightMagenta, Ground::Light) => Color::Magenta,
            (Color::LightGreen, Ground::Light) => Color::Green,
            (Color::LightYellow, Ground::Light) => Color::Yellow,
            (other, _) => other,
        })
    }
}

const fn hue(dark: (Rgb, u8), light: (Rgb, u8), ansi: Color) -> Hue {
    Hue { dark, light, ansi }
}

/// What the workbench paints with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hues {
    /// The new answer, and the program's own colour.
    pub new: Hue,
    /// The old answer.
    pub old: Hue,
    pub state: Hue,
    pub mlp: Hue,
    pub attn: Hue,
    pub good: Hue,
    pub doubt: Hue,
    pub bad: Hue,
    /// Secondary text.
    pub grey: Hue,
    /// Rules, ticks, what is not there yet.
    pub shade: Hue,
    /// Behind the selected row.
    pub ground: Hue,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Palette {
    #[default]
    Standard,
    Contrast,
    ColourBlind,
}

impl Palette {
    pub const ALL: [Palette; 3] = [Palette::Standard, Palette::Contrast, Palette::ColourBlind];

    pub fn hues(self) -> &'static Hues {
        match self {
            Palette::Standard => &STANDARD,
            Palette::Contrast => &CONTRAST,
            Palette::ColourBlind => &COLOUR_BLIND,
        }
    }
}

const OCHRE: Hue = hue(((217, 164, 65), 179), ((156, 104, 0), 94), Color::Yellow);
const BLUE: Hue = hue(((122, 162, 219), 110), ((38, 98, 170), 25), Color::Blue);
const GREEN: Hue = hue(((112, 190, 128), 71), ((30, 130, 60), 28), Color::Green);
const RED: Hue = hue(((230, 104, 96), 167), ((190, 50, 45), 124), Color::Red);

#[rustfmt::skip]
static STANDARD: Hues = Hues {
    new: OCHRE,
    old: BLUE,
    state: hue(((167, 139, 250), 141), ((108, 74, 200), 62), Color::Magenta),
    mlp: GREEN,
    attn: RED,
    good: GREEN,
    doubt: OCHRE,
    bad: RED,
    grey: hue(((140, 138, 148), 245), ((112, 109, 118), 242), Color::Reset),
    shade: hue(((92, 90, 100), 241), ((170, 167, 176), 248), Color::Reset),
    ground: hue(((43, 40, 52), 236), ((234, 229, 217), 254), Color::Reset),
};

const STRONG_OCHRE: Hue = hue(
    ((255, 210, 90), 221),
    ((110, 66, 0), 58),
    Color::LightYellow,
);
const STRONG_GREEN: Hue = hue(((130, 235, 150), 120), ((0, 85, 30), 22), Color::LightGreen);
const STRONG_RED: Hue = hue(((255, 150, 140), 210), ((150, 10, 10), 88), Color::LightRed);

#[rustfmt::skip]
static CONTRAST: Hues = Hues {
    new: STRONG_OCHRE,
    old: hue(((140, 200, 255), 117), ((0, 60, 130), 18), Color::LightBlue),
    state: hue(((215, 185, 255), 183), ((80, 30, 160), 54), Color::LightMagenta),
    mlp: STRONG_GREEN,
    attn: STRONG_RED,
    good: STRONG_GREEN,
    doubt: STRONG_OCHRE,
    bad: STRONG_RED,
    grey: hue(((200, 200, 205), 252), ((70, 70, 75), 238), Color::Reset),
    shade: hue(((165, 165, 170), 248), ((88, 88, 92), 240), Color::Reset),
    ground: hue(((52, 52, 66), 237), ((220, 220, 220), 253), Color::Reset),
};

const YELLOW: Hue = hue(((240, 205, 60), 221), ((150, 98, 0), 94), Color::Yellow);

#[rustfmt::skip]
static COLOUR_BLIND: Hues = Hues {
    new: YELLOW,
    old: hue(((86, 170, 233), 74), ((0, 90, 170), 25), Color::Blue),
    state: hue(((214, 150, 210), 176), ((150, 60, 140), 90), Color::Magenta),
    mlp: hue(((0, 158, 115), 36), ((0, 120, 90), 29), Color::Cyan),
    attn: hue(((226, 104, 20), 166), ((196, 62, 0), 130), Color::Red),
    good: hue(((60, 180, 150), 36), ((0, 100, 140), 24), Color::Cyan),
    doubt: YELLOW,
    bad: hue(((235, 100, 60), 209), ((130, 0, 40), 52), Color::Red),
    grey: hue(((140, 138, 148), 245), ((112, 109, 118), 242), Color::Reset),
    shade: hue(((92, 90, 100), 241), ((170, 167, 176), 248), Color::Reset),
    ground: hue(((43, 40, 52), 236), ((234, 229, 217), 254), Color::Reset),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::theme::sight::{contrast, difference, seen_by};

    /// Both colour depths of a hue on one ground.
    fn both((rgb, index): (Rgb, u8)) -> [Rgb; 2] {
        [rgb, crate::tui::theme::sight::of_cube(index)]
    }

    /// The hues that stand for something, those beside each other that must differ.
    fn groups(hues: &Hues) -> [Vec<Hue>; 3] {
        [
            vec![hues.old, hues.new],
            vec![hues.state, hues.mlp, hues.attn],
            vec![hues.good, hues.doubt, hues.bad],
        ]
    }

    #[test]
    fn contrast_reads_on_black_and_on_white() {
        let Hues { grey, shade, .. } = CONTRAST;
        let all = groups(&CONTRAST).into_iter().flatten();
        for hue in all.chain([grey, shade]) {
            for (colour, ground) in [(hue.dark, (0, 0, 0)), (hue.light, (255, 255, 255))] {
                for (rgb, enough) in both(colour).into_iter().zip([7.0, 6.7]) {
                    let ratio = contrast(rgb, ground);
                    assert!(ratio >= enough, "{hue:?}: {rgb:?} has {ratio:.2}");
                }
            }
        }
    }

    #[test]
    fn colour_blind_eyes_tell_apart_what_differs() {
        for group in &groups(&COLOUR_BLIND) {
            for (at, one) in group.iter().enumerate() {
                for other in &group[..at] {
                    for (a, b) in [(one.dark, other.dark), (one.light, other.light)] {
                        for (a, b) in both(a).into_iter().zip(both(b)) {
                            for eyes in 0..3 {
                                let seen = difference(seen_by(a, eyes), seen_by(b, eyes));
                                assert!(seen > 18.0, "{a:?} and {b:?}: {seen:.0}, eyes {eyes}");
                            }
                        }
                    }
                }
            }
        }
    }
}
