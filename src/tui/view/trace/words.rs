//! What the pane says in words: the cursor's reading, the scale, the counts.

use crate::trace::Kind;
use crate::tui::app::trace::At;
use crate::tui::app::{JobKind, State, TraceGrid};
use crate::tui::text::{clip, p, put, seconds, visible, width};
use crate::tui::theme::Styles;
use crate::tui::view::{Words, empty};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Where the cursor is and what stands there.
pub fn readout(buf: &mut Buffer, inner: Rect, y: u16, at: At, grid: &TraceGrid, styles: &Styles) {
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
pub fn legend(
    buf: &mut Buffer,
    inner: Rect,
    y: u16,
    kind: Kind,
    grid: &TraceGrid,
    styles: &Styles,
) {
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

/// How many cells are known, or how long it took.
pub fn count<'a>(state: &State, styles: &Styles) -> Words<'a> {
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

pub fn nothing_yet(buf: &mut Buffer, inner: Rect, state: &State, styles: &Styles) {
    let running = state.jobs.of_kind(JobKind::Trace).next().is_some();
    let words: &[(&str, bool)] = if running {
        &[("the clean run and the corrupted runs come first …", false)]
    } else {
        &[
            ("Where is this fact stored?  `‹trace›` traces it.", true),
            (
                "The subject is blurred with noise until the answer is gone; then one token at \
                 one layer is put back. Where the answer returns, the fact passes through.",
                false,
            ),
        ]
    };
    empty(buf, inner, words, state, styles);
}
