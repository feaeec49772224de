//! One edit, from a request in its contexts to ΔW.

use super::context::Context;
use super::error::{EditError, Result};
use super::moment::Factor;
use super::rome::{Recalled, Update};
use super::spec::{Hyper, Method};
use super::value::{Loss, Value};
use super::{defaults, direct, rome, value};
use crate::model::Decoder;
use crate::model::probe::Probe;

/// A finished edit with what led to it.
#[derive(Clone, Debug)]
pub struct Made {
    pub update: Update,
    /// `None` for methods without a gradient.
    pub value: Option<Value>,
}

/// How and where a fact is rewritten.
#[derive(Clone, Copy)]
pub struct Plan<'a> {
    pub method: Method,
    pub layer: usize,
    pub hyper: &'a Hyper,
    /// C's factor, for the methods that use it.
    pub factor: Option<&'a Factor>,
}

/// Rewrites `context`'s fact in `decoder` (edits included) as `plan` says;
/// `each` sees every evaluation of the loss.
pub fn make<P: Probe>(
    decoder: &Decoder,
    context: &Context,
    plan: Plan,
    probe: &mut P,
    each: impl FnMut(usize, Loss),
) -> Result<Made> {
    let Plan {
        method,
        layer,
        hyper,
        factor,
    } = plan;
    let last = decoder.layers() - 1;
    if layer > last {
        return Err(EditError::NoSuchLayer { layer, last });
    }
    defaults::check(hyper)?;
    let factor = match (method, factor) {
        (Method::Direct, _) => {
            return Ok(Made {
                update: direct::update(decoder, context, layer, probe)?,
                value: None,
            });
        }
        (_, Some(factor)) => factor,
        (_, None) => {
            let reason = format!("{} needs one", method.name());
            return Err(EditError::Moment {
                path: "(none)".into(),
                reason,
            });
        }
    };
    let recalled = Recalled::read(decoder, context, layer, probe)?;
    let value = value::optimise(decoder, context, layer, hyper, probe, each)?;
    let update = rome::update(method, layer, &recalled, &value, factor)?;
    Ok(Made {
        update,
        value: Some(value),
    })
}
