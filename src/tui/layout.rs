//! Where the panes are: the same answer for drawing and for the mouse.

use super::pane::Pane;
use ratatui::layout::Constraint::{Fill, Length};
use ratatui::layout::{Layout, Rect, Size};
use serde::{Deserialize, Serialize};

/// Below this the workbench says that it needs more room.
pub const SMALLEST: Size = Size::new(60, 20);

/// Rows of the fact: three lines and its border.
const FACT: u16 = 5;

/// The screen divided up.
#[derive(Clone, Debug, PartialEq)]
pub struct Screen {
    pub header: Rect,
    pub footer: Rect,
    /// Panes that are shown, and where.
    pub panes: Vec<(Pane, Rect)>,
    /// The names of the panes that share one place, where there is room for one.
    pub tabs: Option<Rect>,
}

impl Screen {
    pub fn pane(&self, pane: Pane) -> Option<Rect> {
        let found = self.panes.iter().find(|(p, _)| *p == pane);
        found.map(|(_, rect)| *rect)
    }
}

/// Which panes get the room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// Four panes of like weight.
    #[default]
    Bench,
    /// The trace from edge to edge, the edit and another pane below it.
    Trace,
    /// The probes from edge to edge, below the edit and another pane.
    Probes,
}

impl Preset {
    pub const ALL: [Preset; 3] = [Preset::Bench, Preset::Trace, Preset::Probes];

    pub fn name(self) -> &'static str {
        match self {
            Preset::Bench => "bench",
            Preset::Trace => "trace",
            Preset::Probes => "probes",
        }
    }

    pub fn named(name: &str) -> Option<Preset> {
        Preset::ALL.into_iter().find(|preset| preset.name() == name)
    }

    pub fn next(self) -> Preset {
        match self {
            Preset::Bench => Preset::Trace,
            Preset::Trace => Preset::Probes,
            Preset::Probes => Preset::Bench,
        }
    }
}

/// What the shape of the screen depends on.
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    pub size: Size,
    pub focus: Pane,
    /// The pane shown where there is room for one below the fact.
    pub body: Pane,
    pub zoomed: bool,
    pub preset: Preset,
    /// Rows that the trace would like, border included.
    pub trace_rows: u16,
    /// Rows that the stack's own screen would like, border included.
    pub stack_rows: u16,
}

/// Divides the screen; `None` where it is too small to be of use.
pub fn divide(wish: Wish) -> Option<Screen> {
    let Size { width, height } = wish.size;
    if width < SMALLEST.width || height < SMALLEST.height {
        return None;
    }
    let row = |y, h| Rect::new(0, y, width, h);
    let (header, footer) = (row(0, 1), row(height - 1, 1));
    let mut screen = Screen {
        header,
        footer,
        panes: Vec::with_capacity(5),
        tabs: None,
    };
    if wish.zoomed {
        screen.panes.push((wish.focus, row(1, height - 2)));
        return Some(screen);
    }
    if wish.focus == Pane::Stack {
        screen.panes.extend(stack(wish, row(1, height - 2)));
        return Some(screen);
    }
    if wish.focus.is_alone() {
        screen.panes.push((wish.focus, row(1, height - 2)));
        return Some(screen);
    }
    screen.panes.push((Pane::Fact, row(1, FACT)));
    let body = row(1 + FACT, height - 2 - FACT);
    if width < 78 || body.height < 15 {
        screen.tabs = Some(Rect { height: 1, ..body });
        let rest = Rect {
            y: body.y + 1,
            height: body.height - 1,
            ..body
        };
        screen.panes.push((wish.body, rest));
        return Some(screen);
    }
    screen.panes.extend(match wish.preset {
        Preset::Bench => bench(wish, body),
        Preset::Trace => trace_wide(wish, body),
        Preset::Probes => probes_wide(wish, body),
    });
    Some(screen)
}

fn bench(wish: Wish, body: Rect) -> Vec<(Pane, Rect)> {
    let width = body.width;
    // From here on three heat maps stand side by side on the left.
    let left = if width >= 110 {
        width * 8 / 15
    } else {
        width / 2
    };
    let (above, below) = cut(body, top_rows(wish, body.height));
    let (trace, edit) = split(above, left);
    let (neighbours, confabulations) = split(below, left);
    vec![
        (Pane::Trace, trace),
        (Pane::Edit, edit),
        (Pane::Neighbours, neighbours),
        (Pane::Confabulations, confabulations),
    ]
}

/// Heat maps over the whole width; below them the edit, and of the other two the
/// one that was looked at last.
fn trace_wide(wish: Wish, body: Rect) -> Vec<(Pane, Rect)> {
    let (above, below) = cut(body, top_rows(wish, body.height));
    let (left, right) = split(below, body.width / 2);
    let other = looked_at_last(wish, Pane::Neighbours);
    vec![(Pane::Trace, above), (Pane::Edit, left), (other, right)]
}

/// Of the confabulations and another pane, the one that shares the edit's row.
fn looked_at_last(wish: Wish, other: Pane) -> Pane {
    match wish.body {
        Pane::Confabulations => Pane::Confabulations,
        _ => other,
    }
}

/// The board over the whole width; above it the edit, and of the other two the
/// one that was looked at last.
fn probes_wide(wish: Wish, body: Rect) -> Vec<(Pane, Rect)> {
    // Two thirds are the board's, unless there is too little for the rest.
    let above = (body.height / 3).max(7);
    let (above, below) = cut(body, above);
    let (left, right) = split(above, body.width / 2);
    let other = looked_at_last(wish, Pane::Trace);
    vec![
        (Pane::Edit, left),
        (other, right),
        (Pane::Neighbours, below),
    ]
}

/// The upper rows and the rest.
fn cut(area: Rect, rows: u16) -> (Rect, Rect) {
    let [above, below] = Layout::vertical([Length(rows), Fill(1)]).areas(area);
    (above, below)
}

/// The left columns and the rest.
fn split(area: Rect, columns: u16) -> (Rect, Rect) {
    let [left, right] = Layout::horizontal([Length(columns), Fill(1)]).areas(area);
    (left, right)
}

/// The stack's own screen: the neighbours stay in sight under it, because they
/// move as α does.
fn stack(wish: Wish, body: Rect) -> Vec<(Pane, Rect)> {
    if body.width < 78 || body.height < 20 {
        return vec![(Pane::Stack, body)];
    }
    let below = (body.height / 3).clamp(6, 16);
    let height = wish.stack_rows.clamp(12, body.height - below);
    let (stack, under) = cut(body, height);
    vec![(Pane::Stack, stack), (Pane::Neighbours, under)]
}

/// Rows of the upper panes: what the trace needs where there is plenty; on a
/// small screen the focused row gets the larger part.
fn top_rows(wish: Wish, height: u16) -> u16 {
    if height < 24 {
        let large = height * 3 / 5;
        let below = matches!(wish.body, Pane::Neighbours | Pane::Confabulations);
        return if below { height - large } else { large };
    }
    wish.trace_rows.clamp(16, (height * 3 / 5).max(16))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(width: u16, height: u16, body: Pane, zoomed: bool) -> Wish {
        let preset = Preset::Bench;
        Wish {
            preset,
            size: Size::new(width, height),
            focus: body,
            body,
            zoomed,
            trace_rows: 14,
            stack_rows: 18,
        }
    }

    #[test]
    fn panes_tile_the_screen_at_every_size() {
        for width in 60..220 {
            for height in 20..80 {
                let own = &Pane::ALL[5..];
                for body in Pane::BELOW.iter().chain(own) {
                    let all = Preset::ALL.map(|preset| (preset, false));
                    for (preset, zoomed) in all.into_iter().chain([(Preset::Bench, true)]) {
                        let wish = Wish {
                            preset,
                            ..wish(width, height, *body, zoomed)
                        };
                        let screen = divide(wish).unwrap();
                        // What has the focus is to be seen.
                        assert!(screen.pane(*body).is_some(), "{body:?} in {preset:?}");
                        let area: u32 = screen
                            .panes
                            .iter()
                            .map(|(_, r)| *r)
                            .chain([screen.header, screen.footer])
                            .chain(screen.tabs)
                            .map(|r| u32::from(r.width) * u32::from(r.height))
                            .sum();
                        assert_eq!(area, u32::from(width) * u32::from(height));
                        let smallest = screen.panes.iter().map(|(_, r)| r.height).min();
                        assert!(smallest.unwrap() >= 5, "{width}x{height}");
                    }
                }
            }
        }
        assert_eq!(divide(wish(59, 40, Pane::Trace, false)), None);
        assert_eq!(divide(wish(120, 19, Pane::Trace, true)), None);
    }
}
