//! What the keys are read of.

use crate::edit::{Delta, Factor, Request};
use crate::facts::World;
use crate::model::{Decoder, Tokens};

/// An edit, the model without it and with it, and what is known beside it.
pub struct Scene<'a> {
    /// The weights of the stack without this edit, and with it.
    pub without: &'a Decoder,
    pub with: &'a Decoder,
    pub tokens: &'a Tokens,
    pub world: &'a World,
    /// What the edit rewrote, at least one fact, and the old answer of the first.
    pub asked: &'a [Request],
    pub old: &'a str,
    /// Its change at the layer that is looked at.
    pub delta: &'a Delta,
    /// C's factor at that layer, where it is at hand.
    pub factor: Option<&'a Factor>,
}
