//! Choosing the layers to edit: by step, by number, on the trace's map.

use crate::edit::LayerChoice;
use crate::tui::app::State;

/// One layer down; from layer 0 to the automatic choice, and from that to the
/// layer under the suggested one.
pub fn lower(layer: LayerChoice, suggested: Option<usize>) -> LayerChoice {
    match (layer, suggested) {
        (LayerChoice::At(0), _) => LayerChoice::Auto,
        (LayerChoice::At(layer), _) => LayerChoice::At(layer - 1),
        (LayerChoice::Span(0, _), _) => LayerChoice::Auto,
        (LayerChoice::Span(first, last), _) => LayerChoice::Span(first - 1, last - 1),
        (LayerChoice::Auto, Some(layer)) => LayerChoice::At(layer.saturating_sub(1)),
        (LayerChoice::Auto, None) => LayerChoice::Auto,
    }
}

pub fn higher(state: &State) -> LayerChoice {
    let last = state.layers().saturating_sub(1);
    match (state.fact.layer, state.suggested_layer()) {
        (LayerChoice::At(layer), _) => LayerChoice::At((layer + 1).min(last)),
        (LayerChoice::Span(first, end), _) if end < last => LayerChoice::Span(first + 1, end + 1),
        (span @ LayerChoice::Span(..), _) => span,
        (LayerChoice::Auto, Some(layer)) => LayerChoice::At((layer + 1).min(last)),
        (LayerChoice::Auto, None) => LayerChoice::At(0),
    }
}

/// "5", "5-9" or "auto".
pub fn set(state: &mut State, text: &str) {
    let last = state.layers().saturating_sub(1);
    match span(text) {
        Some((first, end)) if first <= end && end <= last => take_span(state, first, end),
        _ if text == "auto" => state.fact.layer = LayerChoice::Auto,
        _ => state.complain(format!("layers go from 0 to {last}: write 5, 5-9 or auto")),
    }
}

/// "5" and "5-9" as first and last.
fn span(text: &str) -> Option<(usize, usize)> {
    let (first, last) = text.split_once(['-', '–']).unwrap_or((text, text));
    Some((first.trim().parse().ok()?, last.trim().parse().ok()?))
}

/// From the first to the last, both included.
pub fn take_span(state: &mut State, first: usize, last: usize) {
    if first == last {
        state.fact.layer = LayerChoice::At(last);
        state.say(format!("edits go to layer {last}"));
        return;
    }
    state.fact.layer = LayerChoice::Span(first, last);
    match state.fact.method.spreads() {
        true => state.say(format!("edits go to layers {first}–{last}")),
        false => state.say("several layers are for MEMIT and AlphaEdit: m changes the method"),
    }
}

/// Stretches the layers to edit from the trace's cursor.
pub fn stretch(state: &mut State, by: isize) {
    let (Some(mut at), Some(grid)) = (state.trace.at(), &state.trace.grid) else {
        return;
    };
    let last = grid.layers().saturating_sub(1);
    let anchor = *state.trace.anchor.get_or_insert(at.layer);
    at.layer = at.layer.saturating_add_signed(by).min(last);
    state.trace.cursor = Some(at);
    take_span(state, anchor.min(at.layer), anchor.max(at.layer));
}

/// The layer under the trace's cursor; taken again, the automatic choice.
pub fn take_here(state: &mut State) {
    let Some(at) = state.trace.at() else {
        return;
    };
    state.trace.anchor = None;
    let taken = LayerChoice::At(at.layer);
    if state.fact.layer == taken {
        state.fact.layer = LayerChoice::Auto;
        state.say("the edit's layer is chosen by the workbench again");
    } else {
        state.fact.layer = taken;
        state.say(format!("edits go to layer {}", at.layer));
    }
}

/// A method of one layer keeps the last of several.
pub fn only_last_layer(state: &mut State) {
    if let (LayerChoice::Span(_, last), false) = (state.fact.layer, state.fact.method.spreads()) {
        state.fact.layer = LayerChoice::At(last);
    }
}
