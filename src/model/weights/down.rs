//! A layer's last MLP matrix straight from a checkpoint's files, for those who
//! need not open the whole model.

use super::checkpoint::Views;
use crate::model::config::{Config, Family};
use crate::model::error::{ModelError, Result};

/// A tensor's name as the whole text model has it: the hub's gpt2 was saved without
/// the first part of its names, and Gemma 3's larger models keep the text further in.
pub fn full_name(family: Family, name: &str) -> String {
    let bare = |part: &str| name.starts_with(part);
    if family == Family::Gpt2 && ["h.", "wte.", "wpe.", "ln_f."].into_iter().any(bare) {
        return format!("transformer.{name}");
    }
    let inner = ["language_model.model.", "model.language_model."];
    match inner.iter().find_map(|inner| name.strip_prefix(inner)) {
        Some(rest) if family == Family::Gemma3 => format!("model.{rest}"),
        _ => name.to_owned(),
    }
}

/// W `[d, d_k]` of `layer`, row-major, whichever way the file has it.
pub fn weight(views: &Views, config: &Config, layer: usize) -> Result<Vec<f32>> {
    let name = format!("{}.weight", config.family.down_module(layer));
    let all = views.names();
    let full = |candidate: &&&str| full_name(config.family, candidate) == name;
    let name = match all.iter().find(full) {
        Some(name) => name,
        // A GGUF's own names are others, and it answers to these.
        None if views.has(&name) => name.as_str(),
        None => return Err(ModelError::MissingTensor { name }),
    };
    let (d, d_k) = (config.d, config.d_mlp);
    if is_turned(config.family) {
        views.read_turned(name, [d_k, d])
    } else {
        views.read(name, &[d, d_k])
    }
}

/// ‖W‖_F of `layer`.
pub fn norm(views: &Views, config: &Config, layer: usize) -> Result<f64> {
    let squares = weight(views, config, layer)?;
    let sum: f64 = squares.into_iter().map(|x| f64::from(x).powi(2)).sum();
    Ok(sum.sqrt())
}

/// Whether a family's files hold its matrices as `[in, out]`: GPT-2's `Conv1D`.
pub fn is_turned(family: Family) -> bool {
    family == Family::Gpt2
}
