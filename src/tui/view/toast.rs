//! Errors and warnings, in a box above the footer until they are acknowledged; and what
//! stays true until the program is started again.

use crate::tui::app::{Health, State, Tone};
use crate::tui::theme::Styles;
use crate::tui::widgets::note;
use crate::tui::widgets::panel::Panel;
use ratatui::buffer::Buffer;

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
    let panel = Panel {
        border: colours[0],
        title: vec![(title.into(), colours[1])],
        right: match way_out {
            "" => vec![],
            way_out => vec![(state.tell(way_out).into(), styles.dim())],
        },
    };
    note::draw(buf, panel, &words, 76, styles.text());
}
