//! An adapter's `adapter_config.json`: how its factors are scaled, and what in
//! it no pair of factors can stand for.

use super::ImportError;
use regex::{Regex, RegexBuilder};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};
use std::fmt;
use std::path::Path;

/// Bytes that a pattern may grow to once it is compiled.
const PATTERN_LIMIT: usize = 1 << 20;

/// What is not a plain LoRA, and why its factors alone would be another change.
const NOT_PLAIN: [(&str, &str); 14] = [
    (
        "use_dora",
        "DoRA rescales the weights beside adding to them",
    ),
    ("modules_to_save", "it brings whole modules of its own"),
    ("lora_bias", "its factors have biases"),
    (
        "use_qalora",
        "its factors are grouped for quantised weights",
    ),
    ("use_bdlora", "its factors are in blocks"),
    (
        "target_parameters",
        "it changes parameters that are no module's",
    ),
    ("trainable_token_indices", "it changes single embeddings"),
    ("layer_replication", "it runs layers twice"),
    ("loftq_config", "its base is a quantised copy of the model"),
    ("quantization_config", "it is quantised"),
    ("kasa_config", "it changes the model's own weights first"),
    ("monteclora_config", "its factors are drawn anew each time"),
    ("arrow_config", "it chooses among adapters, token by token"),
    (
        "alora_invocation_tokens",
        "it acts only after certain tokens",
    ),
];

/// Ways to begin a training that take something out of the model's weights.
const CHANGES_THE_BASE: [&str; 6] = ["pissa", "corda", "olora", "loftq", "lora_ga", "mica"];

#[derive(Deserialize)]
struct Raw {
    #[serde(default)]
    peft_type: Option<String>,
    #[serde(default)]
    base_model_name_or_path: Option<String>,
    // PEFT's own defaults where a config is silent.
    #[serde(default = "eight")]
    r: u32,
    #[serde(default = "eight_alpha")]
    lora_alpha: f64,
    #[serde(default)]
    use_rslora: Option<bool>,
    #[serde(default)]
    bias: Option<String>,
    #[serde(default)]
    rank_pattern: Option<Pairs<u32>>,
    #[serde(default)]
    alpha_pattern: Option<Pairs<f64>>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

fn eight() -> u32 {
    8
}

fn eight_alpha() -> f64 {
    8.0
}

/// A JSON object in the order of its file: the first pattern that fits counts.
struct Pairs<T>(Vec<(String, T)>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Pairs<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Reader<T> {
            type Value = Pairs<T>;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("an object from patterns to numbers")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs<T>, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Reader(std::marker::PhantomData))
    }
}

/// What an adapter's config says of its factors.
pub struct AdapterConfig {
    /// The model it was trained on, as its maker called it.
    pub base: Option<String>,
    rank: u32,
    alpha: f64,
    rslora: bool,
    ranks: Vec<(Regex, u32)>,
    alphas: Vec<(Regex, f64)>,
}

impl AdapterConfig {
    /// Reads `adapter_config.json`; `path` names it in errors.
    pub fn from_json(bytes: &[u8], path: &Path) -> Result<AdapterConfig, ImportError> {
        let bad = |reason: String| ImportError::Config {
            path: path.to_owned(),
            reason,
        };
        let raw: Raw = serde_json::from_slice(bytes).map_err(|e| bad(e.to_string()))?;
        match raw.peft_type.as_deref() {
            Some(kind) if kind.eq_ignore_ascii_case("lora") => {}
            Some(kind) => {
                return Err(ImportError::Unsupported {
                    what: format!("an adapter of type {kind:?}"),
                    hint: "LoRA adapters can; for others, merge it into the model with peft \
                           and open that"
                        .into(),
                });
            }
            None => return Err(bad("it names no `peft_type`".into())),
        }
        plain(&raw)?;
        let ranks = raw.rank_pattern.map_or(Vec::new(), |p| p.0);
        let alphas = raw.alpha_pattern.map_or(Vec::new(), |p| p.0);
        let zero = ranks.iter().map(|(_, r)| *r).chain([raw.r]);
        if zero.into_iter().any(|r| r == 0) {
            return Err(bad("a rank of 0".into()));
        }
        Ok(AdapterConfig {
            base: raw.base_model_name_or_path.filter(|b| !b.is_empty()),
            rank: raw.r,
            alpha: raw.lora_alpha,
            rslora: raw.use_rslora.unwrap_or(false),
            ranks: compiled(ranks).map_err(bad)?,
            alphas: compiled(alphas).map_err(bad)?,
        })
    }

    /// The rank of a module's factors; `module` as the model calls it.
    pub fn rank(&self, module: &str) -> usize {
        first(&self.ranks, module).unwrap_or(self.rank) as usize
    }

    /// What B·A is multiplied by: alpha / r, or alpha / √r.
    ///
    /// `fan_in_fan_out` has no part in it: PEFT keeps A `[r, in]` and B `[out, r]`
    /// for a `Conv1D` as for a `Linear`, and sets the flag itself where it is wrong.
    pub fn scale(&self, module: &str) -> f64 {
        let (alpha, rank) = (
            first(&self.alphas, module).unwrap_or(self.alpha),
            self.rank(module) as f64,
        );
        alpha / if self.rslora { rank.sqrt() } else { rank }
    }
}

fn first<T: Copy>(patterns: &[(Regex, T)], module: &str) -> Option<T> {
    let mut fits = patterns.iter().filter(|(regex, _)| regex.is_match(module));
    fits.next().map(|(_, value)| *value)
}

/// As PEFT matches them: a pattern for the end of a module's name.
fn compiled<T>(patterns: Vec<(String, T)>) -> Result<Vec<(Regex, T)>, String> {
    let compile = |(pattern, value): (String, T)| {
        let whole = format!(r"^(?:.*\.)?(?:{pattern})$");
        let mut builder = RegexBuilder::new(&whole);
        match builder.size_limit(PATTERN_LIMIT).build() {
            Ok(regex) => Ok((regex, value)),
            Err(_) => Err(format!(
                "the pattern {pattern:?} cannot be read: write the module's full name"
            )),
        }
    };
    patterns.into_iter().map(compile).collect()
}

/// Refuses, by name, whatever makes the change another than B·A.
fn plain(raw: &Raw) -> Result<(), ImportError> {
    let refuse = |what: String, why: &str| {
        Err(ImportError::Unsupported {
            what,
            hint: format!("{why}; merge it into the model with peft and open that"),
        })
    };
    let set = |name: &str| raw.rest.get(name).is_some_and(is_set);
    if let Some((name, why)) = NOT_PLAIN.iter().find(|(name, _)| set(name)) {
        return refuse(format!("an adapter with `{name}`"), why);
    }
    if let Some(bias) = raw.bias.as_deref().filter(|bias| *bias != "none") {
        return refuse(
            format!("an adapter with bias {bias:?}"),
            "it moves biases of the model as well",
        );
    }
    let begun = raw.rest.get("init_lora_weights").and_then(Value::as_str);
    let begun = begun.unwrap_or_default().to_ascii_lowercase();
    if CHANGES_THE_BASE.iter().any(|way| begun.starts_with(way)) {
        return Err(ImportError::Unsupported {
            what: format!("an adapter with init_lora_weights {begun:?}"),
            hint: "it stands on weights that its training changed; save it with \
                   path_initial_model_for_weight_conversion, as a plain LoRA"
                .into(),
        });
    }
    Ok(())
}

fn is_set(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::Array(items) => !items.is_empty(),
        Value::Object(map) => !map.is_empty(),
        Value::String(text) => !text.is_empty(),
        Value::Bool(true) | Value::Number(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(json: Value) -> Result<AdapterConfig, ImportError> {
        AdapterConfig::from_json(
            json.to_string().as_bytes(),
            Path::new("adapter_config.json"),
        )
    }

    #[test]
    fn factors_are_scaled_as_peft_scales_them() {
        let module = "transformer.h.3.mlp.c_proj";
        let plain = read(json!({"peft_type": "LORA", "r": 4, "lora_alpha": 16})).unwrap();
        assert_eq!((plain.rank(module), plain.scale(module)), (4, 4.0));
        let root = json!({"peft_type": "LORA", "r": 4, "lora_alpha": 16, "use_rslora": true});
        assert_eq!(read(root).unwrap().scale(module), 8.0);
        let silent = read(json!({"peft_type": "LORA"})).unwrap();
        assert_eq!((silent.rank(module), silent.scale(module)), (8, 1.0));
    }

    #[test]
    fn the_first_pattern_that_fits_a_names_end_counts() {
        let text = r#"{"peft_type": "LORA", "r": 4, "lora_alpha": 4,
            "rank_pattern": {"h\\.[01]\\.mlp\\.c_proj": 2, "c_proj": 8},
            "alpha_pattern": {"transformer.h.0.mlp.c_proj": 6, "proj": 1000}}"#;
        let config = AdapterConfig::from_json(text.as_bytes(), Path::new("x")).unwrap();
        let module = |layer: usize| format!("transformer.h.{layer}.mlp.c_proj");
        assert_eq!(
            (config.rank(&module(0)), config.scale(&module(0))),
            (2, 3.0)
        );
        assert_eq!(
            (config.rank(&module(1)), config.scale(&module(1))),
            (2, 2.0)
        );
        assert_eq!(
            (config.rank(&module(2)), config.scale(&module(2))),
            (8, 0.5)
        );
    }

    #[test]
    fn what_is_not_a_plain_lora_is_refused_by_name() {
        let told = [
            (json!({"peft_type": "IA3"}), "IA3"),
            (json!({"r": 3}), "peft_type"),
            (json!({"peft_type": "LORA", "use_dora": true}), "use_dora"),
            (
                json!({"peft_type": "LORA", "modules_to_save": ["lm_head"]}),
                "modules_to_save",
            ),
            (
                json!({"peft_type": "LORA", "bias": "lora_only"}),
                "lora_only",
            ),
            (
                json!({"peft_type": "LORA", "loftq_config": {"bits": 4}}),
                "quantised",
            ),
            (
                json!({"peft_type": "LORA", "init_lora_weights": "pissa_niter_4"}),
                "pissa",
            ),
            (json!({"peft_type": "LORA", "r": 0}), "rank of 0"),
            (json!({"peft_type": "LORA", "r": "many"}), "string"),
            (
                json!({"peft_type": "LORA", "rank_pattern": {"a": 0}}),
                "rank of 0",
            ),
            (
                json!({"peft_type": "LORA", "rank_pattern": {"(": 1}}),
                "full name",
            ),
            (
                json!({"peft_type": "LORA", "rank_pattern": {"((a{999}){999}){999}": 1}}),
                "full name",
            ),
            (json!([1]), "config"),
        ];
        for (config, words) in told {
            let Err(error) = read(config.clone()) else {
                panic!("{config} was taken");
            };
            assert!(error.to_string().contains(words), "{config}: {error}");
        }
    }
}
