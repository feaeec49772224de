//! A saved session, shown: its facts are traced, edited and looked at again,
//! one scene after the other, as they were made.

use super::{act, session, stack};
use crate::engine::{Spec, Stacked};
use crate::tui::app::guide::{Guide, Scene, Show};
use crate::tui::app::{Effect, Pane, State};
use crate::tui::store::{Opened, SessionData};
use std::collections::BTreeSet;
use std::time::Duration;

/// Asks for the session once its model is there.
pub fn start(state: &mut State) -> Vec<Effect> {
    let (Some((path, every)), Some(model)) = (state.settings.show.clone(), state.model.clone())
    else {
        return vec![];
    };
    state.guide = Some(Guide::Show(Box::new(Show::new(path.clone(), every))));
    vec![Effect::Load(path, Box::new(model))]
}

/// Whether a session that was read is to be shown rather than opened.
pub fn waits(state: &State) -> bool {
    matches!(&state.guide, Some(Guide::Show(show)) if show.scenes.is_empty())
}

/// The session was read, or it says why not.
pub fn loaded(state: &mut State, read: Result<(Opened, Box<SessionData>), String>) -> Vec<Effect> {
    let scenes = match read {
        Ok((_, data)) => scenes(&data),
        Err(words) => {
            state.guide = None;
            state.complain(words);
            return vec![];
        }
    };
    if let Some(Guide::Show(show)) = &mut state.guide {
        show.scenes = scenes;
        if show.scenes.is_empty() {
            state.guide = None;
            state.complain("this session holds no edit that could be shown");
            return vec![];
        }
    }
    next(state)
}

fn scenes(data: &SessionData) -> Vec<Scene> {
    let left: Vec<Stacked> = data.edits.iter().map(|(stacked, _)| *stacked).collect();
    let traced: BTreeSet<&str> = data
        .traces
        .iter()
        .map(|t| t.result.prompt.as_str())
        .collect();
    let mut edits: Vec<_> = data.edits.iter().collect();
    edits.sort_by_key(|(stacked, _)| stacked.id);
    let mut scenes = Vec::new();
    for (stacked, record) in &edits {
        let id = stacked.id;
        if record.spec.is_imported() {
            scenes.push(Scene::Adopt(id, Box::new(record.clone())));
            continue;
        }
        scenes.push(Scene::Fact(Box::new(record.spec.clone())));
        if traced.contains(record.spec.request.text().as_str()) {
            scenes.push(Scene::Trace);
        }
        let (spec, watch) = (record.spec.clone(), record.watch.clone());
        scenes.push(Scene::Edit(id, Box::new(spec), Box::new(watch)));
        scenes.push(Scene::Neighbours);
        scenes.push(Scene::Confabulations);
    }
    let made = edits.iter().map(|(stacked, _)| Stacked {
        alpha: 1.0,
        on: true,
        ..*stacked
    });
    if !left.iter().copied().eq(made) {
        scenes.push(Scene::Stack(left));
    }
    scenes
}

/// The next scene, once the one before has come to its end.
pub fn next(state: &mut State) -> Vec<Effect> {
    let now = state.now;
    let busy = busy(state);
    let Some(Guide::Show(show)) = &mut state.guide else {
        state.say("nothing is being shown: pentimento session replay --live FILE shows a session");
        return vec![];
    };
    if busy {
        state.say("this scene is not over yet");
        return vec![];
    }
    let Some(scene) = show.scenes.get(show.played).cloned() else {
        return vec![];
    };
    show.played += 1;
    show.quiet_since = now;
    play(state, scene)
}

/// Goes on by itself, or stays.
pub fn pause(state: &mut State) {
    let now = state.now;
    if let Some(Guide::Show(show)) = &mut state.guide {
        show.paused = !show.paused;
        show.quiet_since = now;
    }
}

/// A show that goes on by itself does so here, and leaves after its last scene.
pub fn tick(state: &mut State, now: Duration) -> Vec<Effect> {
    let busy = busy(state);
    let Some(Guide::Show(show)) = &mut state.guide else {
        return vec![];
    };
    let Some(every) = show
        .every
        .filter(|_| !show.paused && !show.scenes.is_empty())
    else {
        return vec![];
    };
    if busy {
        show.quiet_since = now;
    }
    if now.saturating_sub(show.quiet_since) < every {
        return vec![];
    }
    match show.is_over() {
        true => session::discard_and_quit(),
        false => next(state),
    }
}

fn busy(state: &State) -> bool {
    state.jobs.busy().is_some() || !state.edits.making.is_empty()
}

fn play(state: &mut State, scene: Scene) -> Vec<Effect> {
    match scene {
        Scene::Fact(spec) => {
            act::bring_back(state, &spec);
            state.focus_on(Pane::Fact);
            act::predict(state)
        }
        Scene::Trace => act::trace(state),
        Scene::Edit(saved, spec, watch) => {
            state.focus_on(Pane::Edit);
            let (id, effects) = act::submit(state, *spec, *watch, None);
            known_as(state, saved, id);
            effects
        }
        Scene::Adopt(saved, record) => {
            let id = state.edits.next_id();
            known_as(state, saved, id);
            let (asked, deltas) = (
                record.spec.requests().cloned().collect(),
                record.deltas.clone(),
            );
            let adopt = state.jobs.submit(Spec::Adopt { id, asked, deltas }).1;
            let (alpha, on) = (1.0, true);
            state.edits.push(Stacked { id, alpha, on }, *record);
            state.focus_on(Pane::Edit);
            let mut effects = vec![adopt];
            effects.extend(stack::restack(state));
            effects
        }
        Scene::Neighbours => {
            state.focus_on(Pane::Neighbours);
            vec![]
        }
        Scene::Confabulations => {
            state.focus_on(Pane::Confabulations);
            vec![]
        }
        Scene::Stack(left) => {
            let Some(Guide::Show(show)) = &state.guide else {
                return vec![];
            };
            let here = |stacked: Stacked| {
                let id = *show.ids.get(&stacked.id)?;
                Some(Stacked { id, ..stacked })
            };
            let wanted = left.into_iter().filter_map(here).collect();
            state.edits.arrange(wanted);
            state.focus_on(Pane::Stack);
            stack::changed(state)
        }
    }
}

fn known_as(state: &mut State, saved: u64, here: u64) {
    if let Some(Guide::Show(show)) = &mut state.guide {
        show.ids.insert(saved, here);
    }
}
