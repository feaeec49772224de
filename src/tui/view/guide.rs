//! The banner of the tour, or of a session that is shown.

use crate::tui::app::State;
use crate::tui::app::guide::{Guide, Show, Tour};
use crate::tui::text::{put, visible, wrap_plain};
use crate::tui::theme::Styles;
use crate::tui::widgets::panel::{Panel, clear};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// At the lower right, above the footer: where least is hidden.
pub fn draw(buf: &mut Buffer, state: &State, styles: &Styles) {
    let (title, words, keys) = match &state.guide {
        Some(Guide::Tour(tour)) => match tour.words() {
            Some((heading, words)) => (
                format!("Tour {} of {}: {heading}", tour.step + 1, Tour::STEPS),
                state.tell(words),
                state.tell("‹tour› ends it"),
            ),
            None => return,
        },
        Some(Guide::Show(show)) => told(show, state),
        None => return,
    };
    let wide = buf.area.width.saturating_sub(4).min(72);
    let lines = wrap_plain(&words, usize::from(wide).saturating_sub(4));
    let high = (lines.len() as u16 + 2).min(buf.area.height.saturating_sub(2));
    let area = Rect {
        x: buf.area.right().saturating_sub(wide + 2),
        y: buf.area.bottom().saturating_sub(high + 1),
        width: wide,
        height: high,
    };
    clear(buf, area);
    let panel = Panel {
        border: styles.border(true),
        title: vec![(title.into(), styles.key())],
        right: vec![(keys.into(), styles.dim())],
    };
    let inner = panel.draw(buf, area);
    for (line, y) in lines.iter().zip(inner.y..inner.bottom()) {
        let line = line.trim_end();
        put(buf, inner.x, y, inner.right(), line, styles.text());
    }
}

fn told(show: &Show, state: &State) -> (String, String, String) {
    let name = show.path.file_stem().unwrap_or_default().to_string_lossy();
    let title = match show.scenes.len() {
        0 => format!("{}: reading …", visible(&name)),
        all => format!("{} · {} of {all}", visible(&name), show.played),
    };
    let words = show
        .scene()
        .map(|scene| scene.caption())
        .unwrap_or_default();
    let keys = match (show.is_over(), show.every, show.paused) {
        (true, ..) => state.tell("the end · ‹quit› quits"),
        (false, None, _) => state.tell("‹show-next› next"),
        (false, Some(_), false) => state.tell("‹show-next› next · ‹show-pause› pause"),
        (false, Some(_), true) => state.tell("paused · ‹show-pause› goes on"),
    };
    (title, visible(&words).into_owned(), keys)
}
