//! Pentimento: a workbench for editing single facts in a language model's
//! weights and watching what else moves.
//!
//! The folders are floors, each of which uses only the ones below it:
//! `tests/house.rs` lists them from the ground up, and holds them to that.
//!
//! The library works without the terminal. Most is asked of the [`engine`], which owns
//! a model on a thread of its own:
//!
//! ```
//! use pentimento::engine::{Engine, EventKind, Folders, LoadSpec, Outcome, Spec};
//!
//! let (engine, events) = Engine::start(Folders::default())?;
//! engine.submit(Spec::Load(LoadSpec::default()));
//! let asked = engine.submit(Spec::Predict {
//!     prompt: "The Space Needle is located in".into(),
//!     top: 3,
//! });
//! let answer = events.iter().find_map(|event| match event.kind {
//!     EventKind::Finished(result) if event.job == asked.id => Some(result),
//!     _ => None,
//! });
//! let Some(Ok(Outcome::Predicted(prediction))) = answer else {
//!     panic!("{answer:?}");
//! };
//! assert_eq!(prediction.before[0].text, " Seattle");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What it computes with can be called by itself, floor by floor ([`model::probe`],
//! [`trace::trace()`], [`edit::stack`], [`measure::score::score()`]); `examples/` has a trace with
//! an edit, and an edit by hand.

#![deny(unsafe_code)]

pub mod cli;
pub mod config;
pub mod edit;
pub mod engine;
pub mod facts;
pub mod hub;
pub mod measure;
pub mod model;
pub mod picture;
pub mod session;
pub mod trace;
pub mod train;
pub mod tui;
