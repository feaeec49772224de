//! The causal trace: tokens down, layers across (or transposed), one heat map
//! a kind, on a scale fixed from *low* to *high*.

use super::{empty, frame};
use crate::edit::LayerChoice;
use crate::trace::Kind;
use crate::tui::app::trace::At;
use crate::tui::app::{JobKind, Pane, Show, State, TraceGrid, TraceView};
use crate::tui::text::{clip, p, put, put_right, seconds, visible, width};
use crate::tui::theme::Styles;
use crate::tui::widgets::heatmap::Grid;
use ratatui::buffer::Buffer;
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
    fn cell(&self, at: At) -> (usize, usize) {
        if self.transposed {
            (at.layer, at.token)
        } else {
            (at.token, at.layer)
        }
    }

    fn at(&self, (row, column): (usize, usize)) -> At {
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
struct Plan {
    maps: Vec<Map>,
    heading: Option<u16>,
    axis: Option<u16>,
    readout: Option<u16>,
    legend: Option<u16>,
    warning: Option<u16>,
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

fn plan(inner: Rect, view: &TraceView) -> Option<Plan> {
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

pub fn draw(buf: &mut Buffer, area: Rect, state: &State, styles: &Styles) {
    let view = &state.trace;
    let other = view
        .grid
        .as_ref()
        .is_some_and(|g| g.prompt != state.fact.text());
    let mut about = vec![];
    if let Some(grid) = &view.grid
        && other
    {
        let prompt = clip(&visible(&grid.prompt), usize::from(area.width) / 2).into_owned();
        about.push((format!("of “{prompt}”").into(), styles.dim()));
    }
    let inner = frame(Pane::Trace, state, styles, about, count(state, styles)).draw(buf, area);
    let (Some(grid), Some(plan)) = (&view.grid, plan(inner, view)) else {
        return nothing_yet(buf, inner, state, styles);
    };
    let cursor = view.at();
    for map in &plan.maps {
        cells(buf, map, grid, styles);
        marks(buf, map, grid, cursor, state, styles);
        if let Some(y) = plan.heading {
            heading(buf, map, inner, y, plan.maps.len(), styles);
        }
        if let Some(y) = plan.axis {
            axis(buf, map, y, grid, state, styles);
        }
    }
    labels(buf, inner, &plan.maps[0], grid, cursor, styles);
    if let (Some(y), Some(at)) = (plan.readout, cursor) {
        readout(buf, inner, y, at, grid, styles);
    }
    if let Some(y) = plan.legend {
        legend(buf, inner, y, view.kind(), grid, styles);
    }
    if let (Some(y), Some(warning)) = (plan.warning, grid.warnings.last()) {
        let words = format!("⚠ {warning}");
        put(buf, inner.x, y, inner.right(), &words, styles.doubt());
    }
}

fn nothing_yet(buf: &mut Buffer, inner: Rect, state: &State, styles: &Styles) {
    let running = state.jobs.of_kind(JobKind::Trace).next().is_some();
    let words: &[(&str, bool)] = if running {
        &[("the clean run and the corrupted runs come first …", false)]
    } else {
        &[
            ("Where is this fact stored?  `t` traces it.", true),
            (
                "The subject is blurred with noise until the answer is gone; then one token at \
                 one layer is put back. Where the answer returns, the fact passes through.",
                false,
            ),
        ]
    };
    empty(buf, inner, words, styles);
}

/// How many cells are known, or how long it took.
fn count<'a>(state: &State, styles: &Styles) -> super::Words<'a> {
    let Some(grid) = &state.trace.grid else {
        return vec![];
    };
    let running = state.jobs.of_kind(JobKind::Trace).next().is_some();
    if running && !grid.finished {
        let all = grid.tokens() * grid.layers() * Kind::ALL.len();
        return vec![(format!("{} of {all}", grid.known).into(), styles.dim())];
    }
    if grid.finished {
        return vec![(seconds(grid.elapsed_s).into(), styles.faint())];
    }
    vec![("stopped".into(), styles.doubt())]
}

fn cells(buf: &mut Buffer, map: &Map, grid: &TraceGrid, styles: &Styles) {
    map.grid.draw(buf, |row, column| {
        styles.heat(map.kind, grid.share(map.at((row, column))))
    });
}

/// The suggested cell and the cursor, written into the cells.
fn marks(
    buf: &mut Buffer,
    map: &Map,
    grid: &TraceGrid,
    cursor: Option<At>,
    state: &State,
    styles: &Styles,
) {
    if map.kind == Kind::Mlp
        && let Some(layer) = grid.suggested_layer()
    {
        let at = At {
            kind: map.kind,
            token: grid.key_token(),
            layer,
        };
        let (row, column) = map.cell(at);
        if let Some(place) = map.grid.place(row, column) {
            let ink = styles.on_heat(grid.share(at));
            let x = place.x + (place.width - 1) / 2;
            put(buf, x, place.y, place.right(), "◆", ink);
        }
    }
    let focused = state.focus == Pane::Trace && state.overlays.is_empty();
    let Some(at) = cursor.filter(|at| at.kind == map.kind && focused) else {
        return;
    };
    let (row, column) = map.cell(at);
    let Some(place) = map.grid.place(row, column) else {
        return;
    };
    let ink = styles.on_heat(grid.share(at));
    let right = place.right();
    if place.width == 1 {
        put(buf, place.x, place.y, right, "◻", ink);
    } else {
        put(buf, place.x, place.y, right, "[", ink);
        put(buf, right - 1, place.y, right, "]", ink);
    }
}

fn heading(buf: &mut Buffer, map: &Map, inner: Rect, y: u16, maps: usize, styles: &Styles) {
    let name = |kind| match kind {
        Kind::State => "state",
        Kind::Mlp => "MLP",
        Kind::Attn => "attention",
    };
    let end = map.grid.area.right() + 2;
    if maps > 1 {
        let kind = styles.kind(map.kind);
        put(buf, map.grid.area.x, y, end, name(map.kind), kind);
        return;
    }
    // Alone, it stands among the names of the others.
    let mut x = map.grid.area.x;
    for kind in Kind::ALL {
        let style = if kind == map.kind {
            styles
                .kind(kind)
                .add_modifier(ratatui::style::Modifier::BOLD)
        } else {
            styles.faint()
        };
        x = put(buf, x, y, inner.right(), name(kind), style) + 2;
    }
}

/// Numbers of layers (or the start of tokens, transposed) under the columns.
fn axis(buf: &mut Buffer, map: &Map, y: u16, grid: &TraceGrid, state: &State, styles: &Styles) {
    let cell = usize::from(map.grid.cell.0);
    let end = map.grid.area.right();
    if map.transposed {
        for token in map.grid.visible_columns() {
            let Some(place) = map.grid.place(map.grid.first_row, token) else {
                continue;
            };
            let name = visible(grid.header.tokens[token].trim_start());
            let name: String = clip(&name, cell.saturating_sub(1).max(1)).into_owned();
            put(
                buf,
                place.x,
                y,
                end,
                &name,
                token_style(grid, token, styles),
            );
        }
        return;
    }
    let widest = grid.layers().saturating_sub(1).to_string().len() + 1;
    let step = widest.div_ceil(cell).max(1);
    let edited = match state.fact.layer {
        LayerChoice::At(layer) => Some(layer),
        LayerChoice::Auto => None,
    };
    let suggested = grid.suggested_layer().filter(|_| map.kind == Kind::Mlp);
    for layer in map.grid.visible_columns() {
        let special = Some(layer) == edited || Some(layer) == suggested;
        let crowded = |other: Option<usize>| {
            other.is_some_and(|o| o != layer && o.abs_diff(layer) * cell < widest)
        };
        if !special && (layer % step != 0 || crowded(edited) || crowded(suggested)) {
            continue;
        }
        let Some(place) = map.grid.place(map.grid.first_row, layer) else {
            continue;
        };
        let style = if special {
            styles.key()
        } else {
            styles.faint()
        };
        let name = layer.to_string();
        let margin = (place.width.saturating_sub(name.len() as u16)) / 2;
        put(buf, place.x + margin, y, end + 1, &name, style);
    }
}

fn token_style(grid: &TraceGrid, token: usize, styles: &Styles) -> ratatui::style::Style {
    if grid.is_subject(token) && token == grid.key_token() {
        styles.key_token()
    } else if grid.is_subject(token) {
        styles.subject()
    } else {
        styles.dim()
    }
}

/// Tokens (or layers, transposed) on the left, the subject's starred.
fn labels(
    buf: &mut Buffer,
    inner: Rect,
    map: &Map,
    grid: &TraceGrid,
    cursor: Option<At>,
    styles: &Styles,
) {
    let end = map.grid.area.x.saturating_sub(1);
    for row in map.grid.visible_rows() {
        let Some(place) = map.grid.place(row, map.grid.first_column) else {
            continue;
        };
        let here = cursor.is_some_and(|at| map.cell(at).0 == row);
        if map.transposed {
            let suggested = grid.suggested_layer() == Some(row);
            let style = if suggested {
                styles.key()
            } else {
                styles.faint()
            };
            put_right(buf, inner.x, place.y, end, &row.to_string(), style);
            continue;
        }
        let subject = grid.is_subject(row);
        let token = visible(&grid.header.tokens[row]);
        let room = usize::from(end - inner.x).saturating_sub(usize::from(subject));
        let mut style = token_style(grid, row, styles);
        if here {
            style = style.add_modifier(ratatui::style::Modifier::BOLD);
        }
        let x = put(buf, inner.x, place.y, end, &clip(&token, room), style);
        if subject {
            put(buf, x, place.y, end, "*", styles.subject());
        }
    }
}

/// Where the cursor is and what stands there.
fn readout(buf: &mut Buffer, inner: Rect, y: u16, at: At, grid: &TraceGrid, styles: &Styles) {
    let end = inner.right();
    let token = visible(grid.header.tokens[at.token].trim()).into_owned();
    let mut x = put(
        buf,
        inner.x,
        y,
        end,
        &format!("“{}”", clip(&token, 14)),
        styles.text(),
    );
    let layer = if inner.width < 44 { "L" } else { "layer " };
    let layer = format!(" · {layer}{}", at.layer);
    x = put(buf, x, y, end, &layer, styles.text());
    let [first, last] = grid.window(at.kind, at.layer);
    let what = match at.kind {
        Kind::State => "state".to_string(),
        kind if first == last => name_of(kind).to_string(),
        kind => format!("{} {first}–{last}", name_of(kind)),
    };
    x = put(buf, x, y, end, " · ", styles.text());
    x = put(buf, x, y, end, &what, styles.kind(at.kind)) + 2;
    match grid.p(at) {
        Some(value) => {
            x = put(buf, x, y, end, &format!("p {}", p(value)), styles.strong()) + 1;
            let gain = value - grid.header.low;
            put(buf, x, y, end, &format!("{gain:+.2}"), styles.dim());
        }
        None => {
            put(buf, x, y, end, "not there yet", styles.faint());
        }
    }
}

fn name_of(kind: Kind) -> &'static str {
    match kind {
        Kind::State => "state",
        Kind::Mlp => "MLP",
        Kind::Attn => "attn",
    }
}

/// The scale from low to high, the answer it is about, and the suggestion.
fn legend(buf: &mut Buffer, inner: Rect, y: u16, kind: Kind, grid: &TraceGrid, styles: &Styles) {
    let end = inner.right();
    let (low, high) = (grid.header.low, grid.header.high);
    let mut x = put(
        buf,
        inner.x,
        y,
        end,
        &format!("low {} ", p(low)),
        styles.dim(),
    );
    for step in 0..10 {
        let heat = styles.heat(kind, Some(f64::from(step) / 9.0));
        x = put(buf, x, y, end, heat.glyph, heat.style);
    }
    x = put(buf, x, y, end, &format!(" {} high", p(high)), styles.dim());
    let answer = visible(grid.header.answer.text.trim()).into_owned();
    let answer = format!("  of {}", clip(&answer, 16));
    let suggestion = match (grid.suggested_layer(), grid.published) {
        (Some(layer), Some(published)) => format!("◆ layer {layer}, published {published}"),
        (Some(layer), None) => format!("◆ layer {layer}"),
        _ => String::new(),
    };
    let start = end.saturating_sub(width(&suggestion) as u16);
    if start > x + 1 {
        put(buf, start, y, end, &suggestion, styles.accent());
    }
    if x + (width(&answer) as u16) < start {
        put(buf, x, y, start, &answer, styles.dim());
    }
}
