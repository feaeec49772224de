//! Pentimento: a workbench for editing single facts in a language model's
//! weights and watching what else moves.
//!
//! The folders are floors, each of which uses only the ones below it:
//! `tests/house.rs` lists them from the ground up, and holds them to that.

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
