//! What was changed in a model's weights: two checkpoints side by side, tensor by
//! tensor, and of each matrix that differs how large the change is, of what rank,
//! and what it says.
//!
//! Neither model is opened. The files are mapped, a pair of tensors with the same
//! bytes is passed over, and of any other one difference at a time is in memory.

mod change;
mod data;
mod difference;
pub mod keys;
pub mod lens;
mod numbers;
pub mod said;
mod spectrum;

pub use change::change_of;
pub use data::{Change, Directions, Keys, Response, Spectrum, Token};
pub use said::Said;

use crate::edit::EditError;
use crate::model::source::Source;
use crate::model::weights::checkpoint::{Checkpoint, Views};
use crate::model::weights::down::{full_name, is_turned};
use crate::model::weights::ending::Ending;
use crate::model::{Config, ModelError};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Why two models were not compared.
#[derive(Debug, thiserror::Error)]
pub enum ForensicsError {
    #[error("the singular values of the change of `{name}` cannot be found: they do not converge")]
    NoSvd { name: String },
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error(transparent)]
    Edit(#[from] EditError),
}

pub type Result<T, E = ForensicsError> = std::result::Result<T, E>;

/// A checkpoint on disk with its config.
pub struct Files {
    pub name: String,
    pub config: Config,
    checkpoint: Checkpoint,
}

impl Files {
    /// Maps the files of a model on this machine; `name` is what it is told as.
    pub fn open(source: &Source, name: &str) -> Result<Files> {
        Ok(Files {
            name: name.to_owned(),
            config: source.config()?,
            checkpoint: source.checkpoint()?,
        })
    }

    pub fn views(&self) -> Result<Views<'_>> {
        Ok(self.checkpoint.views()?)
    }

    /// Every tensor's own name in the file, by the name that the whole model gives it.
    fn names(&self, views: &Views) -> BTreeMap<String, String> {
        let family = self.config.family;
        let names = views.names().into_iter();
        names
            .map(|name| (full_name(family, name), name.to_owned()))
            .collect()
    }
}

/// Two checkpoints side by side; names are those of the whole model.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Comparison {
    pub base: String,
    pub other: String,
    /// Tensors that both have in one shape.
    pub both: usize,
    /// Those of them that are the same byte for byte.
    #[serde(rename = "same_bytes")]
    pub same: usize,
    /// Those that hold the same numbers in another precision.
    pub recast: Vec<String>,
    pub only_base: Vec<String>,
    pub only_other: Vec<String>,
    pub reshaped: Vec<Reshaped>,
    /// In the order of their layers.
    pub changes: Vec<Change>,
    /// What the changes to MLP outputs make BASE say otherwise of the subjects that
    /// they answer to.
    pub said: Vec<Said>,
}

/// A tensor that has another shape in each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reshaped {
    pub name: String,
    pub base: Vec<usize>,
    pub other: Vec<usize>,
}

impl Comparison {
    /// The layers whose MLP output differs, its weights or its bias.
    pub fn layers(&self) -> BTreeSet<usize> {
        let measured = self.changes.iter().filter(|change| change.norm.is_some());
        measured
            .filter_map(|change| change.down_of.or(change.bias_of))
            .collect()
    }

    /// Whether both hold the same numbers under the same names.
    pub fn is_same(&self) -> bool {
        self.changes.is_empty()
            && self.reshaped.is_empty()
            && self.only_base.is_empty()
            && self.only_other.is_empty()
    }
}

/// Compares two checkpoints. `each` sees how many tensors are done, of how many,
/// and says whether to go on.
///
/// # Errors
/// A file that is damaged; `Cancelled` where `each` says to stop.
pub fn compare(
    base: &Files,
    other: &Files,
    each: &mut dyn FnMut(usize, usize) -> bool,
) -> Result<Comparison> {
    let (old, new) = (base.views()?, other.views()?);
    let (old_names, new_names) = (base.names(&old), other.names(&new));
    let only = |names: &BTreeMap<String, String>, without: &BTreeMap<String, String>| {
        let alone = names.keys().filter(|name| !without.contains_key(*name));
        in_order(alone.cloned().collect())
    };
    let mut found = Comparison {
        base: base.name.clone(),
        other: other.name.clone(),
        only_base: only(&old_names, &new_names),
        only_other: only(&new_names, &old_names),
        ..Comparison::default()
    };
    let shared = old_names
        .keys()
        .filter(|name| new_names.contains_key(*name));
    let shared = in_order(shared.cloned().collect());
    for (done, name) in shared.iter().enumerate() {
        if !each(done, shared.len()) {
            return Err(ModelError::Cancelled.into());
        }
        let (a, b) = (old.view(&old_names[name])?, new.view(&new_names[name])?);
        if a.shape() != b.shape() {
            found.reshaped.push(Reshaped {
                name: name.clone(),
                base: a.shape().to_vec(),
                other: b.shape().to_vec(),
            });
            continue;
        }
        found.both += 1;
        if a.dtype() == b.dtype() && a.data() == b.data() {
            found.same += 1;
        } else {
            let place = place(name, a.shape(), &base.config);
            match change::between(name, place, &a, &b)? {
                Some(change) => found.changes.push(change),
                None => found.recast.push(name.clone()),
            }
        }
        old.release();
        new.release();
    }
    Ok(found)
}

/// What each change to an MLP's output says, through the ending of OTHER. After
/// [`keys::fill`], so that the signs are known where they can be.
pub fn speak(changes: &mut [Change], other: &Source) -> Result<()> {
    if changes.iter().all(|change| change.first.is_none()) {
        return Ok(());
    }
    let config = other.config()?;
    let tokens = other.tokens(&config)?;
    let place = crate::model::device::Place {
        device: candle_core::Device::Cpu,
        dtype: candle_core::DType::F32,
        packed: false,
    };
    let ending = Ending::from_checkpoint(&other.checkpoint()?, &config, &place)?;
    for change in changes {
        if let Some([output, _]) = &change.first {
            let known = change.keys.is_some();
            let said = lens::read(output, known, &ending, &config, &tokens)?;
            change.directions = Some(said);
        }
    }
    Ok(())
}

/// Where a tensor stands among an edit's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// An MLP's output matrix; `turned`: the file has it as `[d_k, d]`.
    Down {
        layer: usize,
        turned: bool,
    },
    /// The bias beside it.
    Bias {
        layer: usize,
    },
    Elsewhere,
}

/// A tensor whose shape is not what the config says is no place for an edit.
fn place(name: &str, shape: &[usize], config: &Config) -> Place {
    let turned = is_turned(config.family);
    let matrix = match turned {
        true => [config.d_mlp, config.d],
        false => [config.d, config.d_mlp],
    };
    let found = (0..config.layers).find_map(|layer| {
        let rest = name.strip_prefix(&config.family.down_module(layer))?;
        match rest {
            ".weight" if shape == matrix => Some(Place::Down { layer, turned }),
            ".bias" if shape == [config.d] => Some(Place::Bias { layer }),
            _ => None,
        }
    });
    found.unwrap_or(Place::Elsewhere)
}

/// Layer 2 before layer 10.
fn in_order(mut names: Vec<String>) -> Vec<String> {
    names.sort_by_cached_key(|name| {
        let part = |part: &str| match part.parse::<u64>() {
            Ok(number) => (String::new(), number),
            Err(_) => (part.to_owned(), 0),
        };
        name.split('.').map(part).collect::<Vec<_>>()
    });
    names
}
