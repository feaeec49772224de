//! The real program in a real terminal.

#![cfg(unix)]

#[path = "../common/mod.rs"]
mod common;
mod families;
mod faults;
mod life;
mod lines;
mod panics;
mod showing;
mod terminal;
mod wear;
mod wide;
