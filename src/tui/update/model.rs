//! Choosing a model, and going over to it.

use super::act;
use crate::engine::{LoadSpec, Source, Spec};
use crate::tui::app::{
    Confabs, Confirm, CounterfactView, Duel, Edits, Effect, Entry, EraseView, GeometryView, Health,
    JobKind, LensView, Mode, Overlay, SessionState, State, TraceView, ViewsView, Watched,
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

/// Asks the open model what it knows, as long as that is not known well enough.
pub fn ask(state: &mut State) -> Option<Effect> {
    state.model.as_ref().filter(|model| model.asks)?;
    if state.jobs.of_kind(JobKind::Know).next().is_some() {
        return None;
    }
    let (_, effect) = state.jobs.submit(Spec::Know);
    Some(effect)
}

/// More is known of what the open model knows: the first example is filled in where
/// nothing was written yet.
pub fn known(
    state: &mut State,
    examples: Vec<[String; 4]>,
    known: usize,
    done: bool,
) -> Vec<Effect> {
    // What was asked of a model that is not open any more says nothing of this one.
    let Some(model) = state.model.as_mut().filter(|model| model.asks) else {
        return vec![];
    };
    let none = model.examples.is_empty();
    (model.examples, model.asks) = (examples, !done);
    let found = none && !model.examples.is_empty();
    let mut effects = Vec::new();
    if found && state.fact.text().is_empty() && state.mode == Mode::Command {
        effects.extend(act::example(state, 0));
    } else if done && known == 0 {
        state.say(state.tell(
            "this model completes none of the built-in facts: press ‹type-prompt› and type a prompt",
        ));
    }
    effects.extend(ask(state));
    effects
}

/// A model that did not come leaves the one that is open.
pub fn failed(state: &mut State, words: String) {
    match state.model {
        Some(_) => state.complain(words),
        None => state.health = Health::Failed(words),
    }
}
