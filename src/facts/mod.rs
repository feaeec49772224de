//! What a model is known to know: facts, how they are worded, and which follow
//! from which. Atlas is trained on such a world; the workbench draws its noise
//! subjects, neighbours and consistency checks from the same one.

mod error;
mod fact;
mod sentence;
mod wording;
mod world;

pub use error::FactsError;
pub use fact::{Derivation, Fact};
pub use sentence::Sentence;
pub use wording::{Asked, continuation};
pub use world::World;
