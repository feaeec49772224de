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
    let shape = (config.family, config.layers, config.d);
    let known = PUBLISHED.iter().find(|row| row.0 == shape);
    let Some((_, layer, steps, weight_decay, clamp)) = known else {
        return Defaults {
            layer: None,
            hyper: Hyper::default(),
        };
    };
    Defaults {
        layer: Some(*layer),
        hyper: Hyper {
            steps: *steps,
            weight_decay: *weight_decay,
            clamp: *clamp,
            ..Hyper::default()
        },
    }
}

/// Family, layers and width; layer, steps, weight decay and clamp.
type Row = ((Family, usize, usize), usize, usize, f64, f64);

/// ALGORITHMS §3. The gpt2, gpt-j and neox-20b rows are the authors' own.
#[rustfmt::skip]
const PUBLISHED: [Row; 16] = [
    ((Family::Gpt2, 24, 1024), 8, 20, 0.5, 3.0),     // gpt2-medium
    ((Family::Gpt2, 36, 1280), 12, 20, 0.5, 4.0),    // gpt2-large
    ((Family::Gpt2, 48, 1600), 17, 20, 0.5, 4.0),    // gpt2-xl
    ((Family::GptJ, 28, 4096), 5, 20, 0.5, 4.0),     // gpt-j-6b
    ((Family::NeoX, 44, 6144), 15, 20, 0.5, 4.0),    // gpt-neox-20b
    ((Family::NeoX, 12, 768), 3, 20, 0.5, 4.0),      // pythia-160m
    ((Family::NeoX, 24, 1024), 7, 20, 0.5, 4.0),     // pythia-410m
    ((Family::NeoX, 16, 2048), 7, 20, 0.5, 4.0),     // pythia-1b
    ((Family::NeoX, 32, 2560), 5, 20, 0.5, 4.0),     // pythia-2.8b
    ((Family::NeoX, 32, 4096), 5, 20, 0.5, 4.0),     // pythia-6.9b
    ((Family::NeoX, 36, 5120), 5, 20, 0.5, 4.0),     // pythia-12b
    ((Family::Llama, 32, 4096), 5, 25, 1e-3, 4.0),   // llama-2-7b, llama-3-8b
    ((Family::Llama, 28, 3072), 5, 25, 1e-3, 4.0),   // llama-3.2-3b
    ((Family::Mistral, 32, 4096), 5, 25, 1e-3, 4.0), // mistral-7b
    ((Family::Qwen2, 28, 3584), 5, 25, 1e-3, 4.0),   // qwen2-7b, qwen2.5-7b
    ((Family::Qwen2, 36, 2048), 15, 25, 1e-3, 4.0),  // qwen2.5-3b
];

/// Found for Atlas, not copied: the values that its first layer writes are some
/// ten times as long as the published models', so that steps of 0.5 end before
/// they are there; longer ones than this move more of the neighbours.
fn atlas_hyper() -> Hyper {
    Hyper {
        steps: 60,
        lr: 2.0,
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
