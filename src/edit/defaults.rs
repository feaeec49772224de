//! Where published work edits which model, and with what hyper-parameters
//! (ALGORITHMS §3, the table).

use super::spec::Hyper;
use crate::model::config::{Config, Family};

/// Where the averaged trace of Atlas is strongest: the MLP row at the last
/// subject token (assets/atlas/README.md).
const ATLAS_LAYER: usize = 0;

/// A model's known defaults.
#[derive(Clone, Debug, PartialEq)]
pub struct Defaults {
    /// The published layer; `None`: take what the trace suggests.
    pub layer: Option<usize>,
    pub hyper: Hyper,
}

/// Defaults for a model, told by its family and shape rather than by a name
/// that a folder may not bear. `atlas`: the model inside the binary.
pub fn defaults(config: &Config, atlas: bool) -> Defaults {
    if atlas {
        return Defaults {
            layer: Some(ATLAS_LAYER),
            hyper: atlas_hyper(),
        };
    }
    let Family::Gpt2 = config.family;
    let (layer, clamp) = match (config.layers, config.d) {
        (24, 1024) => (Some(8), 3.0),
        (36, 1280) => (Some(12), 4.0),
        (48, 1600) => (Some(17), 4.0),
        _ => (None, 4.0),
    };
    Defaults {
        layer,
        hyper: Hyper {
            clamp,
            ..Hyper::default()
        },
    }
}

/// Found for Atlas, not copied: the values that its first layer writes are some
/// 420 long, ten times those of the published models, so that steps of 0.5 end
/// long before they are there.
fn atlas_hyper() -> Hyper {
    Hyper {
        steps: 50,
        lr: 3.0,
        weight_decay: 0.05,
        ..Hyper::default()
    }
}

/// Refuses hyper-parameters that cannot work, by the name of their flag.
pub fn check(hyper: &Hyper) -> super::error::Result<()> {
    let rules: [(&'static str, f64, bool, &'static str); 5] = [
        ("--lr", hyper.lr, hyper.lr > 0.0, "positive"),
        (
            "--kl-factor",
            hyper.kl_factor,
            hyper.kl_factor >= 0.0,
            "zero or positive",
        ),
        (
            "--weight-decay",
            hyper.weight_decay,
            hyper.weight_decay >= 0.0,
            "zero or positive",
        ),
        ("--clamp", hyper.clamp, hyper.clamp > 0.0, "positive"),
        (
            "--ridge",
            hyper.ridge,
            hyper.ridge >= 0.0,
            "zero or positive",
        ),
    ];
    for (name, value, holds, want) in rules {
        if !(holds && value.is_finite()) {
            return Err(super::EditError::Hyper { name, value, want });
        }
    }
    match hyper.steps {
        0 => Err(super::EditError::Hyper {
            name: "--steps",
            value: 0.0,
            want: "at least 1",
        }),
        _ => Ok(()),
    }
}
