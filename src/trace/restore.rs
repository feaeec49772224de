//! What one cell of the grid restores, and when it costs nothing.

use super::baseline::{Baseline, Module, Pass};
use super::error::Result;
use super::spec::Kind;
use super::window;
use crate::model::config::Residual;
use candle_core::Tensor;
use std::ops::Range;

/// A restoration at some token: from the output of layer `from` on, the rows
/// there differ from the corrupted run's.
#[derive(Clone, Debug)]
pub struct Restoration {
    pub kind: Kind,
    /// The cell's layer, ℓ.
    pub layer: usize,
    /// The first restored layer, a.
    pub from: usize,
    /// A module whose output at the token is held to a recorded one after `from`.
    pub hold: Option<Hold>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Hold {
    pub module: Module,
    pub pass: Pass,
    pub layers: Range<usize>,
}

/// What stands in for a cell's computation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    High,
    Low,
}

impl Restoration {
    /// The cell (kind, ℓ) with windows `width` wide, in a model of `layers`.
    pub fn new(kind: Kind, layer: usize, width: usize, layers: usize) -> Restoration {
        let module = match kind {
            Kind::State => {
                return Restoration {
                    kind,
                    layer,
                    from: layer,
                    hold: None,
                };
            }
            Kind::Mlp => Module::Mlp,
            Kind::Attn => Module::Attn,
        };
        let window = window::around(layer, width, layers);
        let (from, layers) = (window.start, window.start + 1..window.end);
        let hold = Some(Hold {
            module,
            pass: Pass::Clean,
            layers,
        });
        Restoration {
            kind,
            layer,
            from,
            hold,
        }
    }

    /// The state at ℓ, with `module` at the token cut off in all later layers:
    /// held at its corrupted output (ALGORITHMS §1.5).
    pub fn severed(layer: usize, module: Module, layers: usize) -> Restoration {
        let hold = Hold {
            module,
            pass: Pass::Corrupted,
            layers: layer + 1..layers,
        };
        Restoration {
            kind: Kind::State,
            layer,
            from: layer,
            hold: Some(hold),
        }
    }

    /// Whether the module is held at `layer`.
    pub fn holds(&self, layer: usize) -> bool {
        self.hold
            .as_ref()
            .is_some_and(|hold| hold.layers.contains(&layer))
    }

    /// Do both begin alike? Then they are one computation until a hold ends.
    pub fn begins_like(&self, other: &Restoration) -> bool {
        let held = |r: &Restoration| r.hold.as_ref().map(|hold| (hold.module, hold.pass));
        (self.kind, self.from) == (other.kind, other.from) && held(self) == held(other)
    }

    /// The score where causality fixes it.
    pub fn known(&self, base: &Baseline<'_>, token: usize) -> Option<Known> {
        let (last_token, last_layer) = (base.tokens - 1, base.layers() - 1);
        if token < base.first {
            return Some(Known::Low);
        }
        match (self.from == last_layer, token == last_token) {
            // Nobody looks at this row any more.
            (true, false) => Some(Known::Low),
            // The clean run's last row itself.
            (true, true) if self.kind == Kind::State => Some(Known::High),
            _ => None,
        }
    }

    /// The residual after layer `from` at positions `token..`, [samples, R, d]:
    /// restored at the token, corrupted behind it.
    pub fn begin(&self, base: &Baseline<'_>, token: usize) -> Result<Tensor> {
        let layer = self.from;
        let (clean, corrupted, decoder) = (&base.clean, &base.corrupted, base.decoder);
        let row = |recorded: &Tensor| base.row(recorded, token);
        let restored = match self.kind {
            Kind::State => row(clean.post(layer))?,
            Kind::Mlp => {
                let attn = row(corrupted.module(Module::Attn, layer))?;
                let mid = decoder.add_attn(layer, &row(corrupted.pre(layer))?, &attn)?;
                decoder.add_mlp(layer, &mid, &row(clean.module(Module::Mlp, layer))?)?
            }
            Kind::Attn => {
                let attn = row(clean.module(Module::Attn, layer))?;
                let mid = decoder.add_attn(layer, &row(corrupted.pre(layer))?, &attn)?;
                let value = match decoder.config.residual {
                    // The MLP reads what the restored attention wrote.
                    Residual::Sequential => {
                        decoder.mlp_of_residual(layer, &mid, &mut base.brake())?
                    }
                    Residual::Parallel { .. } => row(corrupted.module(Module::Mlp, layer))?,
                };
                decoder.add_mlp(layer, &mid, &value)?
            }
        };
        let behind = base.tokens - token - 1;
        if behind == 0 {
            return Ok(restored);
        }
        let rest = corrupted
            .post(layer)
            .narrow(1, token - base.first + 1, behind)?;
        Ok(Tensor::cat(&[&restored, &rest.contiguous()?], 1)?)
    }
}
