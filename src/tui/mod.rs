//! The terminal workbench: state, update, view.
//!
//! [`app`] is plain data, [`update`] is the only thing that changes it, and
//! [`view`] only reads it. [`run`](mod@run) connects the three to a terminal, an engine
//! and a store.

pub mod app;
pub mod export;
pub mod keymap;
pub mod layout;
pub mod pane;
pub mod port;
pub mod run;
pub mod search;
pub mod snapshot;
pub mod store;
pub mod terminal;
pub mod text;
pub mod theme;
pub mod update;
pub mod view;
pub mod widgets;
