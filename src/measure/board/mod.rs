//! A board of probes: hundreds of prompts with the answers they should keep, read
//! from files, put in order, followed over the edits, and taken away again.

mod history;
mod import;
mod json;
mod order;
mod picture;
mod text;

pub use history::{History, State};
pub use import::{Damaged, Imported, MOST, fits, parse};
pub use order::{Show, Sort};
pub use picture::svg;
pub use text::{csv, jsonl};
