//! What every method is given, and what it gives back.

use super::Context;
use super::error::{EditError, Result};
use super::hyper::Hyper;
use super::moment::{Factor, NullSpace};
use super::spec::Delta;
use super::value::{Loss, Value};
use crate::model::Decoder;
use crate::model::probe::Probe;
use faer::Mat;
use std::sync::Arc;

/// A way of rewriting facts.
pub trait Rewrite {
    /// Each layer's change, and what led to it.
    fn rewrite(&self, task: &mut Task) -> Result<Made>;
}

/// What is to be rewritten, where, and with what.
pub struct Task<'a> {
    /// The weights as they are, edits included.
    pub decoder: &'a Decoder,
    /// The facts in their contexts, one or many.
    pub facts: &'a [Context],
    /// Ascending; methods that rewrite one layer take the last.
    pub layers: &'a [usize],
    pub hyper: &'a Hyper,
    /// What is known of the other keys at each of `layers`.
    pub metrics: &'a [Metric],
    /// Keys `[d_k, n]` of the edits beneath at each of `layers`; may be empty.
    pub kept_keys: &'a [Mat<f64>],
    pub probe: &'a mut (dyn Probe + Send),
    /// Sees every evaluation of a loss: number of the fact, step, loss.
    pub each: &'a mut dyn FnMut(usize, usize, Loss),
}

/// How a method knows the keys that it should leave alone.
#[derive(Clone)]
pub enum Metric {
    Factor(Arc<Factor>),
    NullSpace(Arc<NullSpace>),
}

impl Task<'_> {
    pub fn last_layer(&self) -> usize {
        self.layers.last().copied().unwrap_or(0)
    }

    /// C's factor at the `n`th of the layers.
    pub fn factor(&self, n: usize) -> Result<&Factor> {
        match self.metrics.get(n) {
            Some(Metric::Factor(factor)) => Ok(factor),
            _ => Err(missing("a factor of C")),
        }
    }

    pub fn null_space(&self, n: usize) -> Result<&NullSpace> {
        match self.metrics.get(n) {
            Some(Metric::NullSpace(space)) => Ok(space),
            _ => Err(missing("the eigenvectors of C")),
        }
    }
}

fn missing(what: &str) -> EditError {
    EditError::Moment {
        path: "(none)".into(),
        reason: format!("this method needs {what}"),
    }
}

/// A finished change with what led to it.
#[derive(Clone, Debug, Default)]
pub struct Made {
    pub deltas: Vec<Delta>,
    /// One a fact; fine-tuning has one for all of them; none without a gradient.
    pub values: Vec<Value>,
    /// k·u of a rank-one update: small means a large, fragile one.
    pub division_factor: Option<f64>,
}
