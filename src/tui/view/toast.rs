//! Errors and warnings, in a box above the footer until they are acknowledged; and what
//! stays true until the program is started again.

use crate::tui::app::{Health, State, Tone};
use crate::tui::text::{put, wrap_plain};
use crate::tui::theme::Styles;
use crate::tui::widgets::panel::{Panel, clear};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

pub fn draw(buf: &mut Buffer, state: &State, styles: &Styles) {
    let notice = state.notice.as_ref().filter(|n| n.tone != Tone::Plain);
    let mut colours = [styles.bad(), styles.bad_strong()];
    let (title, words, way_out) = match (notice, &state.health) {
        (Some(notice), _) if notice.tone == Tone::Warning => {
            colours = [styles.doubt(), styles.key()];
            ("Mind this", notice.text.clone(), "any key")
        }
        (Some(notice), _) => ("That did not work", notice.text.clone(), "any key"),
        (None, Health::Dead(why)) => (
            "The engine has stopped",
            format!(
                "{why} {}",
                state.tell("What was finished is safe: ‹save› saves it, ‹quit› quits.")
            ),
            "",
        ),
        (None, Health::Failed(why)) => (
            "The model could not be opened",
            why.clone(),
            "‹models› another · ‹quit› quits",
        ),
        _ => return,
    };
    let wide = buf.area.width.saturating_sub(4).min(76);
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
        border: colours[0],
        title: vec![(title.into(), colours[1])],
        right: match way_out {
            "" => vec![],
            way_out => vec![(state.tell(way_out).into(), styles.dim())],
        },
    };
    let inner = panel.draw(buf, area);
    for (line, y) in lines.iter().zip(inner.y..inner.bottom()) {
        put(
            buf,
            inner.x,
            y,
            inner.right(),
            line.trim_end(),
            styles.text(),
        );
    }
}
