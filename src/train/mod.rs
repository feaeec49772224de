//! Training a small model on a world of facts: corpus, tokenizer, weights,
//! optimiser, loop, checkpoints, export, and what the result remembers.

mod adam;
mod batch;
pub mod bpe;
mod checkpoint;
pub mod corpus;
mod error;
pub mod examine;
mod export;
mod init;
mod rng;
mod run;
mod silence;
mod spec;

pub use batch::{Batch, Batcher};
pub use error::TrainError;
pub use export::export;
pub use init::Params;
pub use run::{Progress, Run};
pub use spec::TrainSpec;

#[cfg(test)]
mod tests;
