//! The tour: it begins once a first model is open, goes on as things are done,
//! and comes back when it is called.

use crate::tui::app::guide::{Guide, Tour};
use crate::tui::app::{Effect, Health, State};

/// Begins the tour, or ends it.
pub fn turn(state: &mut State) -> Vec<Effect> {
    match &state.guide {
        None => return begin(state),
        Some(Guide::Show(_)) => state.say("a session is being shown: no tour meanwhile"),
        Some(Guide::Tour(_)) => {
            state.guide = None;
            state.say("that was all: :tour begins it again");
        }
    }
    vec![]
}

/// Begins it; where it begins by itself, it does so once.
pub fn begin(state: &mut State) -> Vec<Effect> {
    let prompt = state.fact.text().to_owned();
    state.guide = Some(Guide::Tour(Tour {
        prompt,
        traces: state.trace.kept.len(),
        edits: state.edits.stack.len(),
        ..Tour::default()
    }));
    vec![Effect::Toured]
}

/// Looks whether what the tour asks for is done. Who has gone ahead is not asked for
/// what was left out.
pub fn follow(state: &mut State) {
    let Some(Guide::Tour(tour)) = &state.guide else {
        return;
    };
    let mut tour = tour.clone();
    let edited = state.edits.stack.len() > tour.edits && state.edits.making.is_empty();
    if edited {
        tour.step = tour.step.max(3);
    } else if state.trace.kept.len() > tour.traces {
        tour.step = tour.step.max(2);
    }
    let done = match tour.step {
        _ if state.health != Health::Ready => false,
        0 => state.fact.text() != tour.prompt && state.fact.current().is_some(),
        1 => {
            let grid = state.trace.grid.as_ref();
            grid.is_some_and(|grid| grid.finished && grid.prompt == state.fact.text())
        }
        2 => !state.edits.on().is_empty() && state.edits.making.is_empty(),
        3 => {
            tour.undone |= state.edits.on().is_empty();
            tour.undone && !state.edits.on().is_empty()
        }
        _ => state.session.path.is_some() && !state.session.unsaved(),
    };
    tour.step += usize::from(done);
    if tour.words().is_some() {
        state.guide = Some(Guide::Tour(tour));
    } else {
        state.guide = None;
        state.say("that was the tour; :tour begins it again");
    }
}
