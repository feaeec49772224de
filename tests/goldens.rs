//! Checks every family folder under `tests/goldens/` (or under the folder that
//! `PENTIMENTO_GOLDENS` names) against a float64 reference implementation.
//! What each file holds is said in `tests/goldens/README.md`.

mod golden;

use golden::{Golden, each_family};

/// f32 agrees with the reference to 1e-5 on trace cells and 1e-4 elsewhere.
const TIGHT: f64 = 1e-5;
const LOOSE: f64 = 1e-4;

#[test]
fn activations_and_logits() {
    each_family(|g: &Golden| golden::forward::activations(g, LOOSE));
}

#[test]
fn greedy_continuation() {
    each_family(golden::forward::greedy);
}

#[test]
fn second_moment() {
    each_family(|g: &Golden| golden::edit::second_moment(g, LOOSE));
}

#[test]
fn rome_and_r_rome() {
    each_family(|g: &Golden| golden::edit::rome(g, LOOSE));
}

#[test]
fn memit() {
    each_family(|g: &Golden| golden::edit::memit(g, LOOSE));
}

#[test]
fn noise_and_trace_grids() {
    each_family(|g: &Golden| golden::trace::grids(g, TIGHT));
}
