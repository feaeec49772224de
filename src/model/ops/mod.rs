//! The arithmetic of the forward pass, differentiable everywhere.
//!
//! On the CPU in f32 each function is one fused, parallel kernel with its own
//! backward; on other devices the same function is composed from candle's
//! differentiable ops. Activations are f32 everywhere; matrices may be half. One
//! decoder therefore serves inference, gradients of a single vector and training.
//! (candle's own fused ops have no backward: the gradient stops there without an
//! error. Its elementwise ones meet at a spinning barrier from 64 Ki numbers on,
//! and wait there for a core that another program has.)

mod activation;
mod attend;
mod attention;
mod cross_entropy;
mod half;
mod head_nll;
mod heads;
mod lanes;
mod linear;
mod log_softmax;
mod made;
mod matrix;
mod mlp;
mod multiply;
mod norm;
mod rotary;
mod slices;
mod soft_cap;

#[cfg(test)]
mod check;
#[cfg(test)]
mod matrix_tests;

pub use activation::Activation;
pub use attend::Heads;
pub use attention::{apply_pattern, attend, attend_after, attention_pattern, join};
pub use cross_entropy::{cross_entropy, nll};
pub use head_nll::head_nll;
pub use linear::{Affine, Weight, linear, linear_of};
pub use log_softmax::log_softmax;
pub use made::Rows;
pub use matrix::{Matrix, MatrixId};
pub use mlp::{Mlp, key, mlp};
pub use norm::{layer_norm, rms_norm};
pub use rotary::{Turns, rotate};
pub use soft_cap::soft_cap;
