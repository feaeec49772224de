//! The screen as a function of the state: one file a pane.

pub mod confabulations;
pub mod confirm;
pub mod counterfact;
pub mod duel;
pub mod edit;
pub mod erasure;
pub mod fact;
pub mod footer;
pub mod geometry;
pub mod guide;
pub mod header;
pub mod help;
pub mod lens;
pub mod models;
pub mod neighbours;
pub mod palette;
pub mod recipe;
pub mod sessions;
pub mod stack;
pub mod toast;
pub mod trace;
pub mod validation;
pub mod views;

use super::app::{Mode, Overlay, Pane, State};
use super::keymap::Command;
use super::layout::{self, SMALLEST, Screen, Wish};
use super::text::{put, width};
use super::theme::Styles;
use super::widgets::panel::{Panel, Words};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

/// Where the panes are in this state; `None` where the screen is too small.
pub fn screen(state: &State) -> Option<Screen> {
    layout::divide(Wish {
        size: state.size,
        focus: state.focus,
        body: state.body,
        zoomed: state.zoomed,
        preset: state.preset,
        trace_rows: trace::rows_wanted(state),
        stack_rows: stack::rows_wanted(state),
    })
}

/// Draws everything; gives the place of the caret where one is shown.
pub fn draw(buf: &mut Buffer, state: &State, styles: &Styles) -> Option<Position> {
    let styles = &styles.themed(state.theme);
    let Some(screen) = screen(state) else {
        too_small(buf, styles);
        return None;
    };
    header::draw(buf, screen.header, state, styles);
    let mut caret = None;
    for (pane, area) in &screen.panes {
        let shown = self::pane(buf, *pane, *area, state, styles);
        caret = caret.or(shown);
    }
    if let Some(area) = screen.tabs {
        tabs(buf, area, state, styles);
    }
    footer::draw(buf, screen.footer, state, styles);
    guide::draw(buf, state, styles);
    toast::draw(buf, state, styles);
    for overlay in &state.overlays {
        caret = self::overlay(buf, overlay, state, styles);
    }
    caret
}

fn pane(
    buf: &mut Buffer,
    pane: Pane,
    area: Rect,
    state: &State,
    styles: &Styles,
) -> Option<Position> {
    match pane {
        Pane::Fact => return fact::draw(buf, area, state, styles),
        Pane::Trace => trace::draw(buf, area, state, styles),
        Pane::Edit => edit::draw(buf, area, state, styles),
        Pane::Neighbours => neighbours::draw(buf, area, state, styles),
        Pane::Confabulations => confabulations::draw(buf, area, state, styles),
        Pane::Stack => stack::draw(buf, area, state, styles),
        Pane::Duel => duel::draw(buf, area, state, styles),
        Pane::Lens => lens::draw(buf, area, state, styles),
        Pane::Views => views::draw(buf, area, state, styles),
        Pane::Geometry => geometry::draw(buf, area, state, styles),
        Pane::Erasure => erasure::draw(buf, area, state, styles),
        Pane::Counterfact => counterfact::draw(buf, area, state, styles),
    }
    None
}

fn overlay(
    buf: &mut Buffer,
    overlay: &Overlay,
    state: &State,
    styles: &Styles,
) -> Option<Position> {
    match overlay {
        Overlay::Help { scroll } => help::draw(buf, *scroll, &state.settings.keys, styles),
        Overlay::Palette { entry, selected } => {
            return Some(palette::draw(
                buf,
                entry,
                *selected,
                &state.settings.keys,
                styles,
            ));
        }
        Overlay::Models { entry, selected } => {
            return Some(models::draw(buf, entry, *selected, state, styles));
        }
        Overlay::Sessions { entry, selected } => {
            return Some(sessions::draw(buf, entry, *selected, state, styles));
        }
        Overlay::Recipe(recipe) => return recipe::draw(buf, recipe, state, styles),
        Overlay::Validation { back } => validation::draw(buf, *back, state, styles),
        Overlay::Confirm(confirm) => confirm::draw(buf, confirm, styles),
        Overlay::Ask(ask, entry) => return Some(confirm::ask(buf, *ask, entry, styles)),
    }
    None
}

/// The box of a pane: its name, what it says of itself, and what it counts.
fn frame<'a>(
    pane: Pane,
    state: &State,
    styles: &Styles,
    about: Words<'a>,
    right: Words<'a>,
) -> Panel<'a> {
    let focused = state.focus == pane && state.overlays.is_empty();
    let mut title: Words = vec![(pane.name().into(), styles.title(focused))];
    if !about.is_empty() {
        title.push(("  ".into(), styles.text()));
        title.extend(about);
    }
    Panel {
        border: styles.border(focused),
        title,
        right,
    }
}

/// The names of the panes that share one place.
fn tabs(buf: &mut Buffer, area: Rect, state: &State, styles: &Styles) {
    let mut x = area.x + 1;
    for pane in &Pane::ALL[1..] {
        // Those without a key are opened by what they show.
        let Some((_, keys)) = state.settings.keys.binding(Command::Go(*pane)) else {
            continue;
        };
        let number = keys.iter().find(|key| key.is_digit());
        let Some(key) = number.or(keys.first()) else {
            continue;
        };
        let shown = *pane == state.body;
        let style = if shown {
            styles.title(true)
        } else {
            styles.dim()
        };
        if usize::from(area.right().saturating_sub(x)) < width(pane.name()) + 2 {
            return;
        }
        x = put(
            buf,
            x,
            area.y,
            area.right(),
            &format!("{key} "),
            styles.faint(),
        );
        x = put(buf, x, area.y, area.right(), pane.name(), style) + 2;
    }
}

/// Sentences for a pane that has nothing to show yet; what stands in backticks
/// is a key, or the command whose key it is.
fn empty(
    buf: &mut Buffer,
    area: Rect,
    paragraphs: &[(&str, bool)],
    state: &State,
    styles: &Styles,
) {
    let wide = usize::from(area.width).min(64);
    let mut y = area.y;
    for (text, strong) in paragraphs {
        let style = if *strong { styles.text() } else { styles.dim() };
        let text = state.tell(text);
        let pieces = text.split('`').enumerate();
        let pieces = pieces.map(|(i, t)| (t, if i % 2 == 1 { styles.key() } else { style }));
        for line in super::text::wrap(pieces, wide) {
            if y >= area.bottom() {
                return;
            }
            let mut x = area.x;
            for (piece, style) in line {
                x = put(buf, x, y, area.right(), &piece, style);
            }
            y += 1;
        }
        y += 1;
    }
}

/// A box of at most `wide` × `high` in the middle of the screen, somewhat above.
fn centred(area: Rect, wide: u16, high: u16) -> Rect {
    let (wide, high) = (wide.min(area.width), high.min(area.height));
    Rect {
        x: area.x + (area.width - wide) / 2,
        y: area.y + (area.height - high) / 3,
        width: wide,
        height: high,
    }
}

fn too_small(buf: &mut Buffer, styles: &Styles) {
    let area = buf.area;
    let needs = format!("it needs {}×{}", SMALLEST.width, SMALLEST.height);
    let has = format!("this is {}×{}", area.width, area.height);
    let lines = [
        ("pentimento", styles.brand()),
        ("a little more room, please", styles.text()),
        (needs.as_str(), styles.dim()),
        (has.as_str(), styles.dim()),
    ];
    let top = area.y + area.height.saturating_sub(lines.len() as u16) / 2;
    for ((line, style), y) in lines.iter().zip(top..area.bottom()) {
        let margin = area.width.saturating_sub(width(line) as u16) / 2;
        put(buf, area.x + margin, y, area.right(), line, *style);
    }
}

/// Whether the keys go into an entry.
fn typing(state: &State) -> bool {
    state.mode != Mode::Command && state.overlays.is_empty()
}
