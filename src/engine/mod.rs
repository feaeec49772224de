//! The model's thread: specs in, events out, cancellation.

pub mod event;
pub mod from_session;
pub mod spec;

pub use event::*;
pub use spec::{EditId, LoadSpec, Source, Spec, Stacked};
