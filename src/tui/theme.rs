//! One object answers all questions of colour.
//!
//! What carries meaning: purple is the state, green the MLP, red attention;
//! blue is the old answer and ochre the new one, in every pane. Without colour
//! the same is told by shading glyphs, weight and underlines.

mod detect;
mod palette;
mod ramp;
#[cfg(test)]
mod sight;

pub use detect::{Choice, Depth, Ground, detect, terminfo_entry};
pub use palette::Palette;
pub use ramp::Ramp;

use crate::measure::{BROKEN, HEALTHY};
use crate::trace::Kind;
use palette::{Hue, Hues};
use ratatui::style::{Color, Modifier, Style};
use serde::{Deserialize, Deserializer};

/// How many steps a heat scale has. Few, so that a cell that hardly changes
/// keeps its bytes and a repaint stays small.
pub const LEVELS: usize = 20;

/// Shading for terminals without enough colours, from low to high.
const SHADES: [&str; 5] = ["·", "░", "▒", "▓", "█"];
/// The same for what fell, where a difference has two ends.
const FALLS: [&str; 5] = ["·", "-", "=", "≡", "▼"];

/// How one heat cell is painted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Heat {
    pub glyph: &'static str,
    pub style: Style,
}

/// What the user chooses by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Theme {
    /// The house's palette on the ground that the terminal has.
    #[default]
    Auto,
    Dark,
    Light,
    /// Every text at 7:1 or more.
    Contrast,
    /// Nothing is told by red against green.
    ColourBlind,
}

impl Theme {
    pub const ALL: [Theme; 5] = [
        Theme::Auto,
        Theme::Dark,
        Theme::Light,
        Theme::Contrast,
        Theme::ColourBlind,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Theme::Auto => "auto",
            Theme::Dark => "dark",
            Theme::Light => "light",
            Theme::Contrast => "contrast",
            Theme::ColourBlind => "colour-blind",
        }
    }

    pub fn named(name: &str) -> Option<Theme> {
        Theme::ALL.into_iter().find(|theme| theme.name() == name)
    }

    pub fn next(self) -> Theme {
        let at = Theme::ALL.iter().position(|theme| *theme == self);
        Theme::ALL[at.map_or(0, |at| (at + 1) % Theme::ALL.len())]
    }

    fn palette(self) -> Palette {
        match self {
            Theme::Auto | Theme::Dark | Theme::Light => Palette::Standard,
            Theme::Contrast => Palette::Contrast,
            Theme::ColourBlind => Palette::ColourBlind,
        }
    }

    /// On this ground, unless the theme is of one itself.
    fn ground(self, detected: Ground) -> Ground {
        match self {
            Theme::Dark => Ground::Dark,
            Theme::Light => Ground::Light,
            _ => detected,
        }
    }
}

impl<'de> Deserialize<'de> for Theme {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Theme, D::Error> {
        let name = String::deserialize(from)?;
        Theme::named(&name).ok_or_else(|| {
            let words = "name one of auto, dark, light, contrast, colour-blind";
            serde::de::Error::custom(words)
        })
    }
}

/// The styles of the workbench for one colour depth.
#[derive(Clone, Debug)]
pub struct Styles {
    pub depth: Depth,
    pub ground: Ground,
    /// The ground that the terminal was found to have.
    detected: Ground,
    palette: Palette,
}

impl Styles {
    /// The house's palette.
    pub fn new(depth: Depth, ground: Ground) -> Self {
        Styles {
            depth,
            ground,
            detected: ground,
            palette: Palette::Standard,
        }
    }

    /// The same terminal in a theme.
    pub fn themed(&self, theme: Theme) -> Self {
        Styles {
            ground: theme.ground(self.detected),
            palette: theme.palette(),
            ..*self
        }
    }

    fn hues(&self) -> &'static Hues {
        self.palette.hues()
    }

    fn color(&self, hue: Hue) -> Option<Color> {
        let (rgb, indexed) = match self.ground {
            Ground::Dark => hue.dark,
            Ground::Light => hue.light,
        };
        match self.depth {
            Depth::None => None,
            Depth::Sixteen => hue.of_sixteen(self.ground),
            Depth::Indexed => Some(Color::Indexed(indexed)),
            Depth::True => Some(Color::Rgb(rgb.0, rgb.1, rgb.2)),
        }
    }

    fn fg(&self, hue: Hue) -> Style {
        self.color(hue).map_or(Style::new(), |c| Style::new().fg(c))
    }

    fn few_colors(&self) -> bool {
        matches!(self.depth, Depth::None | Depth::Sixteen)
    }

    /// The terminal's own colour.
    pub fn text(&self) -> Style {
        Style::new().fg(Color::Reset)
    }

    pub fn strong(&self) -> Style {
        self.text().add_modifier(Modifier::BOLD)
    }

    /// Secondary text.
    pub fn dim(&self) -> Style {
        self.muted(self.hues().grey)
    }

    /// Rules, ticks, things that are not there yet.
    pub fn faint(&self) -> Style {
        self.muted(self.hues().shade)
    }

    fn muted(&self, hue: Hue) -> Style {
        if self.few_colors() {
            Style::new().add_modifier(Modifier::DIM)
        } else {
            self.fg(hue)
        }
    }

    /// The program's own colour: focus, keys, what to do next.
    pub fn accent(&self) -> Style {
        self.fg(self.hues().new)
    }

    pub fn key(&self) -> Style {
        self.accent().add_modifier(Modifier::BOLD)
    }

    pub fn brand(&self) -> Style {
        self.accent()
            .add_modifier(Modifier::BOLD | Modifier::ITALIC)
    }

    pub fn border(&self, focused: bool) -> Style {
        if focused { self.accent() } else { self.faint() }
    }

    pub fn title(&self, focused: bool) -> Style {
        if focused { self.key() } else { self.strong() }
    }

    /// What the unedited model says.
    pub fn old(&self) -> Style {
        self.fg(self.hues().old)
    }

    /// What the edit writes.
    pub fn new_answer(&self) -> Style {
        self.accent()
    }

    pub fn good(&self) -> Style {
        self.fg(self.hues().good)
    }

    pub fn doubt(&self) -> Style {
        self.fg(self.hues().doubt)
    }

    pub fn bad(&self) -> Style {
        self.fg(self.hues().bad)
    }

    pub fn bad_strong(&self) -> Style {
        self.bad().add_modifier(Modifier::BOLD)
    }

    /// A short label on a coloured ground: the typing mode, the running job.
    pub fn badge(&self) -> Style {
        self.key().add_modifier(Modifier::REVERSED)
    }

    /// The row or entry the cursor is on.
    pub fn selected(&self, focused: bool) -> Style {
        match self.color(self.hues().ground) {
            Some(c) if focused => Style::new().bg(c).add_modifier(Modifier::BOLD),
            Some(c) => Style::new().bg(c),
            None if focused => Style::new().add_modifier(Modifier::REVERSED),
            None => Style::new().add_modifier(Modifier::BOLD),
        }
    }

    /// A token of the subject.
    pub fn subject(&self) -> Style {
        self.fg(self.hues().state)
    }

    /// The token whose key is edited.
    pub fn key_token(&self) -> Style {
        self.fg(self.hues().state)
            .add_modifier(Modifier::BOLD | Modifier::UNDERLINED)
    }

    pub fn kind(&self, kind: Kind) -> Style {
        self.ink(kind.into())
    }

    fn ink(&self, ramp: Ramp) -> Style {
        match ramp {
            Ramp::State => self.fg(self.hues().state),
            Ramp::Mlp => self.fg(self.hues().mlp),
            Ramp::Attn => self.fg(self.hues().attn),
            Ramp::Old => self.old(),
            Ramp::New => self.new_answer(),
        }
    }

    /// A heat cell: `value` is 0 at *low*, 1 at *high*; `None` is not known yet.
    pub fn heat(&self, ramp: impl Into<Ramp>, value: Option<f64>) -> Heat {
        let ramp = ramp.into();
        let Some(value) = value.filter(|v| v.is_finite()) else {
            return Heat {
                glyph: if self.few_colors() { " " } else { "·" },
                style: self.faint(),
            };
        };
        let value = value.clamp(0.0, 1.0);
        let level = (value * (LEVELS - 1) as f64).round() as usize;
        if self.few_colors() {
            return Heat {
                glyph: SHADES[shade(value)],
                style: self.ink(ramp),
            };
        }
        let color = match self.depth {
            Depth::True => ramp::truecolor(ramp, self.palette, self.ground, level),
            _ => ramp::indexed(ramp, self.palette, self.ground, level),
        };
        Heat {
            glyph: " ",
            style: Style::new().bg(color),
        }
    }

    /// A cell of a difference of probabilities: a fall in the old answer's colour,
    /// a rise in the new one's.
    pub fn change(&self, value: Option<f64>) -> Heat {
        match value.filter(|v| v.is_finite()) {
            Some(v) if v < 0.0 && self.few_colors() => Heat {
                glyph: FALLS[shade(-v)],
                style: self.ink(Ramp::Old),
            },
            Some(v) if v < 0.0 => self.heat(Ramp::Old, Some(-v)),
            value => self.heat(Ramp::New, value),
        }
    }

    /// Ink that is read on the heat of `value`.
    pub fn on_heat(&self, value: Option<f64>) -> Style {
        if self.few_colors() {
            return Style::new().add_modifier(Modifier::REVERSED | Modifier::BOLD);
        }
        let ink = match value {
            // High is light on a dark ground, and dark on a light one.
            Some(v) if (v > 0.55) == (self.ground == Ground::Dark) => {
                (Color::Rgb(20, 16, 24), Color::Indexed(16))
            }
            _ => (Color::Rgb(255, 236, 200), Color::Indexed(230)),
        };
        let fg = if self.depth == Depth::True {
            ink.0
        } else {
            ink.1
        };
        Style::new().fg(fg).add_modifier(Modifier::BOLD)
    }

    /// The gauge's colour at a relative update norm (a fraction).
    pub fn norm(&self, relative: f64) -> Style {
        match relative {
            r if r < HEALTHY => self.good(),
            r if r < BROKEN => self.doubt(),
            _ => self.bad(),
        }
    }
}

/// Which of the shading glyphs stands for a value from 0 to 1.
fn shade(value: f64) -> usize {
    (value.clamp(0.0, 1.0) * (SHADES.len() - 1) as f64).round() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_colour_no_style_names_one() {
        let styles = Styles::new(Depth::None, Ground::Dark);
        let all = [
            styles.accent(),
            styles.dim(),
            styles.old(),
            styles.bad(),
            styles.subject(),
            styles.selected(true),
            styles.heat(Kind::Mlp, Some(0.7)).style,
            styles.on_heat(Some(0.7)),
        ];
        let plain = |c: Option<Color>| matches!(c, None | Some(Color::Reset));
        assert!(all.iter().all(|s| plain(s.fg) && plain(s.bg)));
    }

    #[test]
    fn shading_rises_from_low_to_high() {
        let styles = Styles::new(Depth::None, Ground::Dark);
        let glyphs: Vec<_> = [0.0, 0.25, 0.5, 0.75, 1.0]
            .map(|v| styles.heat(Kind::State, Some(v)).glyph)
            .to_vec();
        assert_eq!(glyphs, SHADES);
        assert_eq!(styles.heat(Kind::State, Some(9.0)).glyph, "█");
    }

    #[test]
    fn without_colour_a_fall_is_told_from_a_rise() {
        let styles = Styles::new(Depth::None, Ground::Dark);
        let glyphs = [-1.0, -0.25, 0.0, 0.25, 1.0].map(|v| styles.change(Some(v)).glyph);
        assert_eq!(glyphs, ["▼", "-", "·", "░", "█"]);
    }

    #[test]
    fn near_values_share_their_bytes() {
        let styles = Styles::new(Depth::True, Ground::Dark);
        assert_eq!(
            styles.heat(Kind::Attn, Some(0.500)),
            styles.heat(Kind::Attn, Some(0.510))
        );
    }
}
