//! The banner of the tour, or of a session that is shown.

use crate::tui::app::State;
use crate::tui::app::guide::{Guide, Show, Tour};
use crate::tui::text::visible;
use crate::tui::theme::Styles;
use crate::tui::widgets::note;
use crate::tui::widgets::panel::Panel;
use ratatui::buffer::Buffer;

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
    let panel = Panel {
        border: styles.border(true),
        title: vec![(title.into(), styles.key())],
        right: vec![(keys.into(), styles.dim())],
    };
    note::draw(buf, panel, &words, 72, styles.text());
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
