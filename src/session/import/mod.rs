//! Changes that were made elsewhere, brought into a session as edits.
//!
//! Such an edit has an origin instead of a request: it is kept by its factors
//! alone, and nothing in the session's text could make it again.

mod config;
pub mod peft;
pub mod reversal;

use super::schema::SavedEdit;
use crate::edit::{Delta, EditSpec, Method, stack};
use crate::measure::{EditReport, LayerNorm, Watch};
use crate::model::source::Source;
use crate::model::weights::down;
use crate::model::{Config, ModelError};
use std::io;
use std::path::PathBuf;

/// A change with where it came from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Brought {
    /// "adapter NAME".
    pub origin: String,
    /// One a layer, ascending.
    pub deltas: Vec<Delta>,
    /// What the user should know of it, in words.
    pub warnings: Vec<String>,
}

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error(
        "{} is no adapter: name the folder that holds adapter_config.json and \
         adapter_model.safetensors", .0.display()
    )]
    NotAFolder(PathBuf),
    #[error("cannot read {}: {source}", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{} has {bytes} bytes; an adapter's config has a few thousand", path.display())]
    TooLarge { path: PathBuf, bytes: u64 },
    #[error(
        "{} is a pickle, which can run code when it is read: save the adapter with \
         safe_serialization=True, as adapter_model.safetensors", .0.display()
    )]
    Pickle(PathBuf),
    #[error("{} is not a LoRA adapter's config: {reason}", path.display())]
    Config { path: PathBuf, reason: String },
    #[error("{what} cannot be imported: {hint}")]
    Unsupported { what: String, hint: String },
    #[error("{} is damaged or is no safetensors file: {reason}. Copy it again", path.display())]
    Weights { path: PathBuf, reason: String },
    #[error("{} holds no LoRA factors of any MLP output matrix ({module})", path.display())]
    Empty { path: PathBuf, module: String },
    #[error(
        "the adapter changes more than the MLPs' output matrices ({module}): {names}. \
         Take their part alone with --only-mlp, or merge the adapter into the model with peft \
         and open that"
    )]
    OtherTargets { names: String, module: String },
    #[error(
        "the adapter has {found:?} for a model that has {layers} layers: is it for another model?"
    )]
    NoSuchLayer { found: String, layers: usize },
    #[error("`{module}` has no {missing}: the adapter is not whole, copy it again")]
    Half { module: String, missing: String },
    #[error("layer {layer} is in the adapter twice, under two names: is it of two models?")]
    Twice { layer: usize },
    #[error(
        "`{tensor}` has shape {got:?} and this model wants {want}: is the adapter for another model?"
    )]
    Shape {
        tensor: String,
        got: Vec<usize>,
        want: String,
    },
    #[error(
        "`{module}` has rank {got}, and the adapter's config says {want}: they are not of one adapter"
    )]
    Rank {
        module: String,
        got: usize,
        want: usize,
    },
    #[error("`{tensor}` is {dtype}; F32, F16 and BF16 can be imported, quantised adapters cannot")]
    Dtype { tensor: String, dtype: String },
    #[error(
        "`{tensor}` holds a value that is not finite (NaN or infinity), or is not once it is \
         scaled; the file is damaged"
    )]
    NotFinite { tensor: String },
    #[error(transparent)]
    Model(#[from] ModelError),
}

/// An edit, on at α = 1, that holds what was brought. It stands on nothing: it
/// was not made on top of the edits beneath it.
pub fn edit(
    id: u64,
    brought: &Brought,
    source: &Source,
    model: &str,
) -> Result<SavedEdit, ImportError> {
    let config = source.config()?;
    let checkpoint = source.checkpoint()?;
    let views = checkpoint.views()?;
    let (mut layers, mut norms) = (Vec::new(), Vec::new());
    for delta in &brought.deltas {
        let norm = stack::norm([config.d, config.d_mlp], delta);
        let weight = down::norm(&views, &config, delta.layer)?;
        norms.push(norm);
        layers.push(LayerNorm {
            layer: delta.layer,
            relative_update_norm: if weight > 0.0 { norm / weight } else { 0.0 },
        });
    }
    let relative = layers.iter().map(|l| l.relative_update_norm);
    let report = EditReport {
        model: model.into(),
        method: Method::Imported.name().into(),
        layer: layers.last().map_or(0, |l| l.layer),
        update_norm: norms.last().copied().unwrap_or(0.0),
        relative_update_norm: relative.fold(0.0, f64::max),
        layers,
        warnings: brought.warnings.clone(),
        ..EditReport::default()
    };
    let asked = EditSpec {
        method: Method::Imported,
        origin: brought.origin.clone(),
        ..EditSpec::default()
    };
    Ok(SavedEdit::new(
        id,
        Vec::new(),
        &asked,
        &Watch::default(),
        &report,
    ))
}

/// The MLP output matrix of any layer, as the family calls it.
fn any_layer(config: &Config) -> String {
    config.family.down_module(0).replacen(".0.", ".N.", 1)
}
