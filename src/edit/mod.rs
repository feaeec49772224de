//! Rewriting a fact: ROME and its successors.
//!
//! An edit reads top to bottom in `rome.rs`; each step has its own file:
//! templates → keys → second moment → value → update → stack. Every method is
//! a [`Rewrite`].

mod adam;
pub mod alpha_edit;
pub mod calibrated;
pub mod context;
pub mod defaults;
pub mod direct;
pub mod error;
pub mod fine_tune;
pub mod hyper;
pub mod make;
pub mod memit;
pub mod method;
pub mod moment;
pub mod overlap;
pub mod parts;
mod problem;
pub mod recall;
pub mod rome;
pub mod spec;
pub mod stack;
pub mod task;
pub mod templates;
pub mod value;

pub use context::Context;
pub use error::EditError;
pub use hyper::{Hyper, Knob};
pub use make::make;
pub use method::Method;
pub use moment::{Factor, SecondMoment};
pub use spec::{Delta, EditSpec, LayerChoice, MomentSource, Request};
pub use task::{Made, Metric, Rewrite, Task};
