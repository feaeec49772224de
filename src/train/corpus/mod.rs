//! Seeded text from a world of facts: what the model reads.
//!
//! Every text is a pure function of (seed, number), so that a resumed run goes
//! on with exactly the texts that an unbroken one would have read.

mod draft;
pub mod plain;
mod writer;

pub use draft::Draft;
pub use writer::{Mix, Writer};
