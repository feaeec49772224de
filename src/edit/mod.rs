//! Rewriting a fact: ROME and its successors.

pub mod spec;

pub use spec::{Delta, EditSpec, Hyper, LayerChoice, Method, MomentSource, Request};
