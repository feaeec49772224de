//! Where everything in the pane is: for drawing and for the mouse.

use crate::tui::app::State;
use crate::tui::app::lens::{Cell, LensView};
use crate::tui::text::{visible, width, wrap_plain};
use crate::tui::widgets::heatmap::Grid;
use ratatui::layout::{Position, Rect};

/// The widest that a token's name may get.
const LABEL: usize = 16;
/// Between the maps.
const GAP: u16 = 3;

pub struct Plan {
    pub sentence: Rect,
    /// The line above the maps, and those below them.
    pub heading: u16,
    pub maps: [Grid; 2],
    pub axis: u16,
    pub leaders: u16,
    pub readout: u16,
    /// The likeliest tokens of the cell; without height where there is no room.
    pub guesses: Rect,
    pub legend: u16,
}

pub fn plan(inner: Rect, view: &LensView) -> Plan {
    let report = view.report.as_deref();
    let (tokens, columns) = report.map_or((0, 0), |r| (r.tokens.len(), r.columns.len()));
    let sentence = report.map_or("", |r| r.sentence.as_str());
    let said = wrap_plain(sentence, inner.width.into()).len().min(3) as u16;
    // Under the sentence a heading; under the maps an axis, who leads, the cursor's
    // reading and the legend.
    let rest = inner.height.saturating_sub(said + 5);
    let told = report
        .and_then(|r| r.after.top.first()?.first())
        .map_or(0, Vec::len) as u16;
    let wanted = if told == 0 { 0 } else { told + 2 };
    // On a small screen the maps keep six rows, and the likeliest tokens get what
    // is left where that is worth it.
    let left = rest.saturating_sub((tokens as u16).min(6));
    let guesses = match wanted.min(left) {
        few if few < 4 => 0,
        enough => enough,
    };
    let height = rest - guesses;
    let names = report.iter().flat_map(|r| r.tokens.iter().take(400));
    let widest = names.map(|token| width(&visible(token)) + 2).max();
    let label = widest
        .unwrap_or(1)
        .min(LABEL)
        .min(usize::from(inner.width / 4)) as u16;
    let room = inner.width.saturating_sub(label + 1 + GAP);
    let at = view.at().map_or((0, 0), |at| (at.token, at.depth));
    let place = |x| Rect::new(x, inner.y + said + 1, room / 2, height);
    let left = inner.x + label + 1;
    let map = |x| Grid::fit(place(x), tokens, columns, (6, 2), at);
    let first = map(left);
    let second = map(left + first.area.width.max(24).min(room / 2) + GAP);
    let below = first.area.bottom();
    let row = |n: u16| (below + n).min(inner.bottom().saturating_sub(1));
    Plan {
        sentence: Rect {
            height: said,
            ..inner
        },
        heading: inner.y + said,
        axis: row(0),
        leaders: row(1),
        readout: row(2),
        guesses: Rect {
            y: row(3),
            height: guesses,
            ..inner
        },
        legend: inner.bottom().saturating_sub(1),
        maps: [first, second],
    }
}

/// The cell at a place of the terminal, in either map.
pub fn cell_at(area: Rect, state: &State, position: Position) -> Option<Cell> {
    state.lens.report.as_ref()?;
    let inner = Rect {
        x: area.x + 2,
        y: area.y + 1,
        width: area.width.saturating_sub(4),
        height: area.height.saturating_sub(2),
    };
    let maps = plan(inner, &state.lens).maps;
    let (token, depth) = maps.iter().find_map(|map| map.at(position))?;
    Some(Cell { token, depth })
}
