//! The real program in a real terminal.

#![cfg(unix)]

mod families;
mod life;
mod terminal;
