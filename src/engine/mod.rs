//! The model's thread: specs in, events out, cancellation.

pub mod calibration;
pub mod error;
pub mod event;
mod folders;
pub mod from_session;
mod jobs;
mod kept;
mod outbox;
pub mod pace;
pub mod spec;
mod state;
mod thread;

pub use error::EngineError;
pub use event::*;
pub use folders::Folders;
pub use pace::Pace;
pub use spec::{EditId, LoadSpec, Source, Spec, Stacked};
pub use thread::{Engine, JobHandle};
