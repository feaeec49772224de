//! A LoRA adapter as PEFT reads it: W + B·A, with B = r and A = uᵀ. For GPT-2,
//! whose weights lie transposed, `fan_in_fan_out` says so and the factors stay.

use super::{ExportError, On, low_rank};
use crate::model::config::Config;
use crate::model::weights::down::is_turned;
use crate::session::factors::{bytes, pack};
use serde_json::json;
use std::collections::HashMap;

pub fn files(
    on: &[On],
    config: &Config,
    base: &str,
) -> Result<[(&'static str, Vec<u8>); 2], ExportError> {
    let layers = low_rank::layers(on, config)?;
    let rank = layers.values().map(|low| low.rank).max().unwrap_or(0);
    let mut tensors = Vec::new();
    for (&layer, low) in &layers {
        let name = format!("base_model.model.{}", config.family.down_module(layer));
        let part = |part: char| format!("{name}.lora_{part}.weight");
        tensors.push((part('A'), vec![rank, config.d_mlp], bytes(&low.u)));
        tensors.push((part('B'), vec![config.d, rank], bytes(&low.r)));
    }
    let format = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    let weights = pack(&tensors, format).map_err(ExportError::Encode)?;
    // Full names: a bare "c_proj" would match attention's too.
    let modules = layers.keys().map(|&layer| config.family.down_module(layer));
    let modules: Vec<String> = modules.collect();
    // PEFT scales by alpha / r: 1 here.
    let config = json!({
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base,
        "r": rank,
        "lora_alpha": rank,
        "lora_dropout": 0.0,
        "bias": "none",
        "fan_in_fan_out": is_turned(config.family),
        "inference_mode": true,
        "use_rslora": false,
        "use_dora": false,
        "modules_to_save": null,
        "rank_pattern": {},
        "alpha_pattern": {},
        "target_modules": modules,
    });
    let config =
        serde_json::to_vec_pretty(&config).map_err(|e| ExportError::Encode(e.to_string()))?;
    Ok([
        ("adapter_model.safetensors", weights),
        ("adapter_config.json", config),
    ])
}
