//! Where everything in the pane is: for drawing and for the mouse.

use crate::trace::Kind;
use crate::tui::app::trace::At;
use crate::tui::app::{Show, State, TraceView};
use crate::tui::text::{visible, width};
use crate::tui::widgets::heatmap::Grid;
use ratatui::layout::{Position, Rect};

/// The widest that a token's name may get.
const LABEL: usize = 16;

/// One heat map in the pane.
#[derive(Clone, Copy, Debug)]
pub struct Map {
    pub kind: Kind,
    pub grid: Grid,
    pub transposed: bool,
}

impl Map {
    /// (row, column) of a cell.
    pub fn cell(&self, at: At) -> (usize, usize) {
        if self.transposed {
            (at.layer, at.token)
        } else {
            (at.token, at.layer)
        }
    }

    pub fn at(&self, (row, column): (usize, usize)) -> At {
        let (token, layer) = if self.transposed {
            (column, row)
        } else {
            (row, column)
        };
        At {
            kind: self.kind,
            token,
            layer,
        }
    }
}

/// Where everything of the pane is.
pub struct Plan {
    pub maps: Vec<Map>,
    pub heading: Option<u16>,
    pub axis: Option<u16>,
    pub readout: Option<u16>,
    pub legend: Option<u16>,
    pub warning: Option<u16>,
}

/// Rows of terminal the pane would like, its border included.
pub fn rows_wanted(state: &State) -> u16 {
    match &state.trace.grid {
        Some(grid) => {
            let rows = if state.trace.transposed {
                grid.layers()
            } else {
                grid.tokens()
            };
            // Cells may be two rows high on a tall screen.
            let rows = rows.min(200) * if state.size.height >= 48 { 2 } else { 1 };
            (rows + 6 + usize::from(!grid.warnings.is_empty())) as u16
        }
        None => 0,
    }
}

pub fn plan(inner: Rect, view: &TraceView) -> Option<Plan> {
    let trace = view.grid.as_ref()?;
    let at = view.at()?;
    // Lines around the maps, given away as the height allows.
    let mut y = inner.y;
    let mut rest = inner.height;
    let mut from_top = |needs: u16| {
        (rest >= needs).then(|| {
            rest -= 1;
            y += 1;
            y - 1
        })
    };
    let heading = from_top(4);
    let mut bottom = inner.bottom();
    let mut from_bottom = |needs: u16| {
        (rest >= needs).then(|| {
            rest -= 1;
            bottom -= 1;
            bottom
        })
    };
    let warns = !trace.warnings.is_empty();
    let warning = if warns { from_bottom(9) } else { None };
    let legend = from_bottom(7);
    let readout = from_bottom(3);
    // The axis follows the maps directly.
    let axis_rows = u16::from(rest >= 3);
    let (rows, columns) = if view.transposed {
        (trace.layers(), trace.tokens())
    } else {
        (trace.tokens(), trace.layers())
    };
    let label = if view.transposed {
        3
    } else {
        let widest = trace
            .header
            .tokens
            .iter()
            .take(400)
            .map(|t| width(&visible(t)) + 1);
        widest
            .max()
            .unwrap_or(1)
            .min(LABEL)
            .min(usize::from(inner.width / 3))
    } as u16;
    let room = inner.width.saturating_sub(label + 1);
    let kinds: &[Kind] = match view.show {
        Show::Together if fits_together(room, columns) => &Kind::ALL,
        Show::Together => match view.kind() {
            Kind::State => &[Kind::State],
            Kind::Mlp => &[Kind::Mlp],
            Kind::Attn => &[Kind::Attn],
        },
        Show::One(Kind::State) => &[Kind::State],
        Show::One(Kind::Mlp) => &[Kind::Mlp],
        Show::One(Kind::Attn) => &[Kind::Attn],
    };
    let gap = 2 * (kinds.len() as u16 - 1);
    let each = room.saturating_sub(gap) / kinds.len() as u16;
    let largest = if kinds.len() == 1 { (6, 2) } else { (4, 2) };
    let height = rest.saturating_sub(axis_rows);
    let mut x = inner.x + label + 1;
    let mut maps = Vec::with_capacity(3);
    for kind in kinds {
        let area = Rect::new(x, y, each, height);
        let focus = if view.transposed {
            (at.layer, at.token)
        } else {
            (at.token, at.layer)
        };
        let wide = usize::from(each) / columns.max(1) >= 3;
        let largest = if wide { largest } else { (largest.0, 1) };
        let grid = Grid::fit(area, rows, columns, largest, focus);
        x += grid.area.width + 2;
        maps.push(Map {
            kind: *kind,
            grid,
            transposed: view.transposed,
        });
    }
    let axis = (axis_rows == 1).then(|| maps[0].grid.area.bottom());
    Some(Plan {
        maps,
        heading,
        axis,
        readout,
        legend,
        warning,
    })
}

/// Three maps side by side need cells that can be told apart.
fn fits_together(room: u16, columns: usize) -> bool {
    let each = usize::from(room.saturating_sub(4)) / 3;
    each >= columns * 2 || (columns >= 16 && each >= columns)
}

/// The cell at a place of the terminal.
pub fn cell_at(area: Rect, state: &State, position: Position) -> Option<At> {
    let plan = plan(inside(area), &state.trace)?;
    plan.maps
        .iter()
        .find_map(|map| Some(map.at(map.grid.at(position)?)))
}

fn inside(area: Rect) -> Rect {
    Rect {
        x: area.x + 2,
        y: area.y + 1,
        width: area.width.saturating_sub(4),
        height: area.height.saturating_sub(2),
    }
}
