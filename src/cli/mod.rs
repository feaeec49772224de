//!
pub mod train;
