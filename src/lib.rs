//! Pentimento: a workbench for editing single facts in a language model's
//! weights and watching what else moves.
//!
//! The folders are floors. Each uses only the ones listed above it here, and
//! `tests/house.rs` holds them to that.

#![deny(unsafe_code)]

pub mod cli;
pub mod edit;
pub mod engine;
pub mod facts;
pub mod hub;
pub mod measure;
pub mod model;
pub mod session;
pub mod trace;
pub mod train;
pub mod tui;
