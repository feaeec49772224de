//! Where published work edits which model, and with what hyper-parameters
//! (ALGORITHMS §3, the table).

use super::hyper::Hyper;
use super::method::Method;
use crate::model::config::{Config, Family};
use serde::Serialize;

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
/// ten times as long as the published models', so that twenty steps of 0.5 end
/// before they are there. Longer steps get there sooner and move more of the
/// neighbours: more steps, then.
fn atlas_hyper() -> Hyper {
    Hyper {
        steps: 160,
        ..Hyper::default()
    }
}

/// Where and how a method rewrites a model (ALGORITHMS §4, the tables).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ForMethod {
    /// First and last layer; `None`: take what the trace suggests.
    pub layers: Option<(usize, usize)>,
    pub hyper: Hyper,
}

pub fn for_method(method: Method, config: &Config, atlas: bool) -> ForMethod {
    let rome = defaults(config, atlas);
    let at_rome = rome.layer.map(|layer| (layer, layer));
    let shape = (config.family, config.layers, config.d);
    let (layers, hyper) = match method {
        Method::Rome | Method::RRome | Method::Direct => (at_rome, rome.hyper),
        Method::Memit | Method::AlphaEdit => {
            let known = match is_llama_3(config) {
                true => Some(&LLAMA_3),
                false => SPREAD.iter().find(|row| row.0 == shape),
            };
            let mut hyper = known.map_or(spread_hyper(), |row| Hyper {
                steps: row.2,
                lr: row.3,
                weight_decay: row.4,
                clamp: row.5,
                lambda: row.6,
                ..spread_hyper()
            });
            if atlas {
                hyper = atlas_spread_hyper();
            }
            if method == Method::AlphaEdit {
                hyper.lambda = 10.0;
            }
            if method == Method::AlphaEdit && atlas {
                (hyper.lambda, hyper.threshold) = ATLAS_ALPHA;
            }
            let layers = known.map(|row| row.1);
            (if atlas { Some(ATLAS_SPREAD) } else { layers }, hyper)
        }
        Method::Emmet => {
            let known = EMMET.iter().find(|row| row.0 == shape);
            let mut hyper = known.map_or(spread_hyper(), |row| Hyper {
                clamp: row.2,
                lambda: row.3,
                ..spread_hyper()
            });
            if atlas {
                hyper = Hyper {
                    lambda: ATLAS_EMMET_LAMBDA,
                    ..atlas_spread_hyper()
                };
            }
            hyper.ridge = Hyper::default().ridge;
            let layers = known.map(|row| (row.1, row.1)).or(at_rome);
            (if atlas { Some(ATLAS_EMMET) } else { layers }, hyper)
        }
        Method::Imported => (None, rome.hyper),
        Method::Ft | Method::FtL => {
            let known = FINE_TUNED.iter().find(|row| row.0 == shape);
            let (lr, epsilon) = match atlas {
                true => ATLAS_TUNED,
                false => (5e-4, known.map_or(Hyper::default().epsilon, |row| row.2)),
            };
            let hyper = Hyper {
                steps: 25,
                lr,
                epsilon,
                ..Hyper::default()
            };
            let layer = match method {
                Method::FtL => Some(0),
                _ => known.map(|row| row.1),
            };
            (layer.map(|layer| (layer, layer)), hyper)
        }
    };
    ForMethod { layers, hyper }
}

/// The layers for a method that is to work around the one a trace suggests: as
/// wide as published, five of forty-eight.
pub fn around(method: Method, layer: usize, layers: usize) -> (usize, usize) {
    let width = match method.spreads() {
        true => (layers / 8).clamp(1, 5),
        false => 1,
    };
    ((layer + 1).saturating_sub(width), layer)
}

/// What the authors' files have in common.
fn spread_hyper() -> Hyper {
    Hyper {
        clamp: 0.75,
        lambda: 15_000.0,
        // λ does the ridge's work.
        ridge: 0.0,
        ..Hyper::default()
    }
}

/// For Atlas: the layers that its averaged trace names, and λs tried on a few
/// facts (its second moments are far smaller than the published models').
const ATLAS_SPREAD: (usize, usize) = (0, 3);
const ATLAS_EMMET: (usize, usize) = (0, 0);
const ATLAS_EMMET_LAMBDA: f64 = 0.1;
/// λ₂ and the threshold.
const ATLAS_ALPHA: (f64, f64) = (0.1, 0.1);
/// Rate and ε with which fine-tuning says new facts at all: at the published
/// ones it says 12 and 0 of 20.
const ATLAS_TUNED: (f64, f64) = (5e-3, 2e-2);

fn atlas_spread_hyper() -> Hyper {
    Hyper {
        lambda: 15.0,
        // Of 100 facts together 40 steps say 93, 80 say 95, in twice the time.
        steps: 60,
        ..atlas_hyper()
    }
}

/// MEMIT: shape; first and last layer, steps, lr, weight decay, clamp, λ.
type Spread = (
    (Family, usize, usize),
    (usize, usize),
    usize,
    f64,
    f64,
    f64,
    f64,
);

#[rustfmt::skip]
const SPREAD: [Spread; 12] = [
    ((Family::Gpt2, 48, 1600), (13, 17), 20, 0.5, 0.5, 0.75, 2e4),   // gpt2-xl
    ((Family::GptJ, 28, 4096), (3, 8), 25, 0.5, 0.5, 0.75, 1.5e4),   // gpt-j-6b
    ((Family::Llama, 32, 4096), (4, 8), 25, 0.5, 1e-3, 4.0, 1.5e4),  // llama-2-7b
    ((Family::Mistral, 32, 4096), (4, 8), 25, 0.5, 1e-3, 4.0, 1.5e4),
    ((Family::Qwen2, 28, 3584), (4, 8), 25, 0.5, 1e-3, 4.0, 1.5e4),  // qwen2-7b
    ((Family::NeoX, 12, 768), (0, 4), 20, 0.5, 0.5, 0.75, 2e4),      // pythia-160m
    ((Family::NeoX, 24, 1024), (5, 9), 20, 0.5, 0.5, 0.75, 2e4),     // pythia-410m
    ((Family::NeoX, 16, 2048), (4, 8), 20, 0.5, 0.5, 0.75, 2e4),     // pythia-1b
    ((Family::NeoX, 32, 2560), (3, 7), 20, 0.5, 0.5, 0.75, 2e4),     // pythia-2.8b
    ((Family::NeoX, 32, 4096), (4, 8), 20, 0.5, 0.5, 0.75, 2e4),     // pythia-6.9b
    ((Family::NeoX, 36, 5120), (4, 8), 20, 0.5, 0.5, 0.75, 2e4),     // pythia-12b
    ((Family::Gpt2, 24, 1024), (6, 10), 20, 0.5, 0.5, 0.75, 2e4),    // gpt2-medium: ours, around ROME's 8
];

/// llama-3-8b, which has llama-2-7b's layers and width.
const LLAMA_3: Spread = ((Family::Llama, 32, 4096), (4, 8), 25, 0.1, 0.5, 0.75, 1.5e4);

/// Told from llama-2-7b (11,008) by the width of its MLP.
fn is_llama_3(config: &Config) -> bool {
    let shape = (config.family, config.layers, config.d, config.d_mlp);
    shape == (Family::Llama, 32, 4096, 14_336)
}

/// EMMET: shape, layer, clamp, w·λ_e (1000·0.1, and 0.1).
type Equality = ((Family, usize, usize), usize, f64, f64);

#[rustfmt::skip]
const EMMET: [Equality; 3] = [
    ((Family::Gpt2, 48, 1600), 17, 0.75, 100.0), // gpt2-xl
    ((Family::GptJ, 28, 4096), 5, 0.75, 0.1),    // gpt-j-6b
    ((Family::Llama, 32, 4096), 5, 4.0, 0.1),    // llama-2-7b
];

/// FT and FT+L: shape, FT's layer, FT+L's ε.
type Tuned = ((Family, usize, usize), usize, f64);

#[rustfmt::skip]
const FINE_TUNED: [Tuned; 4] = [
    ((Family::Gpt2, 48, 1600), 1, 5e-4),  // gpt2-xl
    ((Family::Gpt2, 24, 1024), 1, 2e-3),  // gpt2-medium: FT's layer as gpt2-xl's
    ((Family::Gpt2, 36, 1280), 1, 1e-3),  // gpt2-large: likewise
    ((Family::GptJ, 28, 4096), 21, 5e-5), // gpt-j-6b
];
