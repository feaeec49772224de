//! Choosing a model, and going over to it.

use crate::engine::{LoadSpec, Source, Spec};
use crate::tui::app::{
    Confabs, Confirm, CounterfactView, Duel, Edits, Effect, Entry, EraseView, GeometryView, Health,
    JobKind, LensView, Overlay, SessionState, State, TraceView, ViewsView, Watched,
};

/// Opens the list of models.
pub fn list(state: &mut State) -> Vec<Effect> {
    state.models = None;
    state.overlays.push(Overlay::Models {
        entry: Entry::default(),
        selected: 0,
    });
    vec![Effect::ListModels]
}

/// Opens a model; asks first where something would be lost.
pub fn open(state: &mut State, source: Source) -> Vec<Effect> {
    if state.session.unsaved() {
        state
            .overlays
            .push(Overlay::Confirm(Confirm::Model(source)));
        return vec![];
    }
    load(state, source)
}

/// The model that is open stays until the other one is.
pub fn load(state: &mut State, source: Source) -> Vec<Effect> {
    if matches!(state.health, Health::Dead(_)) {
        state.complain("the model's thread is gone: save, and start again");
        return vec![];
    }
    let before: Vec<_> = state
        .jobs
        .of_kind(JobKind::Load)
        .map(|j| j.ticket)
        .collect();
    let mut effects: Vec<Effect> = before
        .into_iter()
        .filter_map(|ticket| state.jobs.cancel(ticket))
        .collect();
    state.settings.load = LoadSpec {
        source,
        ..state.settings.load.clone()
    };
    if state.model.is_none() {
        state.health = Health::Loading;
    }
    let (_, effect) = state.jobs.submit(Spec::Load(state.settings.load.clone()));
    effects.push(effect);
    effects
}

/// Nothing that was seen of one model says anything of another.
pub fn forget(state: &mut State) {
    state.edits = Edits::default();
    state.trace = TraceView::default();
    state.watch = Watched::default();
    state.geometry = GeometryView::default();
    state.confabs = Confabs::new(state.settings.seed);
    state.duel = Duel::default();
    state.lens = LensView::default();
    state.views = ViewsView::default();
    state.erase = EraseView::default();
    state.counterfact = CounterfactView::default();
    state.validation = None;
    state.session = SessionState::default();
    state.fact.layer = crate::edit::LayerChoice::Auto;
    state.fact.tuned.clear();
    state.fact.prediction = None;
}

/// A model that did not come leaves the one that is open.
pub fn failed(state: &mut State, words: String) {
    match state.model {
        Some(_) => state.complain(words),
        None => state.health = Health::Failed(words),
    }
}
