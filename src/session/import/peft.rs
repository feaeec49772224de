//! A LoRA adapter in PEFT's layout: `adapter_config.json` and
//! `adapter_model.safetensors` in one folder. The inverse of the export: B, scaled,
//! is r and A is uᵀ, in every family, whichever way its weights lie.

use super::config::AdapterConfig;
use super::{Brought, ImportError, any_layer};
use crate::edit::Delta;
use crate::model::config::Config;
use crate::model::mmap;
use crate::model::weights::number::{self, Flaw};
use safetensors::SafeTensors;
use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;

const CONFIG: &str = "adapter_config.json";
const WEIGHTS: &str = "adapter_model.safetensors";
const PICKLE: &str = "adapter_model.bin";
/// Far above any config; a file of this size is something else.
const CONFIG_LIMIT: u64 = 16 << 20;
/// Modules that an error names before it counts the rest.
const NAMED: usize = 3;

/// What an adapter is read with.
pub struct Onto<'a> {
    pub config: &'a Config,
    /// The model's name, to be held against the one in the adapter.
    pub model: &'a str,
    /// Leave out what is not an MLP output matrix, instead of refusing it.
    pub only_mlp: bool,
}

/// The names of one module's tensors in the file.
#[derive(Default)]
struct Pair {
    a: Option<String>,
    b: Option<String>,
}

/// Reads the adapter in `folder`. Nothing in its files can name another file.
pub fn read(folder: &Path, onto: &Onto) -> Result<Brought, ImportError> {
    if !folder.is_dir() {
        return Err(ImportError::NotAFolder(folder.to_owned()));
    }
    let path = folder.join(CONFIG);
    let adapter = AdapterConfig::from_json(&small(&path)?, &path)?;
    let path = folder.join(WEIGHTS);
    if !path.exists() && folder.join(PICKLE).exists() {
        return Err(ImportError::Pickle(folder.join(PICKLE)));
    }
    plain_file(&path)?;
    let data = mmap::map(&path)?;
    let damaged = |e: safetensors::SafeTensorError| ImportError::Weights {
        path: path.clone(),
        reason: e.to_string(),
    };
    let tensors = SafeTensors::deserialize(&data).map_err(damaged)?;
    let (modules, others) = sorted(&tensors, onto.config)?;
    let module = any_layer(onto.config);
    let mut warnings = Vec::new();
    if !others.is_empty() {
        let names = listed(&others);
        if !onto.only_mlp {
            return Err(ImportError::OtherTargets { names, module });
        }
        warnings.push(format!(
            "left out of the adapter: {names}. What it does here is only a part of what it does"
        ));
    }
    if modules.is_empty() {
        return Err(ImportError::Empty { path, module });
    }
    warnings.extend(another(adapter.base.as_deref(), onto.model));
    let deltas = modules
        .into_iter()
        .map(|(layer, pair)| delta(layer, pair, &tensors, &adapter, onto.config))
        .collect::<Result<_, _>>()?;
    Ok(Brought {
        origin: format!("adapter {}", name(folder)),
        deltas,
        warnings,
    })
}

/// "my-lora", of any way to write its folder.
fn name(folder: &Path) -> String {
    let whole = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let name = whole.file_name().unwrap_or(whole.as_os_str());
    name.to_string_lossy().into_owned()
}

/// A word on an adapter that says it is for a model of another name. The name
/// proves nothing: models are renamed, and folders are called anything.
fn another(base: Option<&str>, model: &str) -> Option<String> {
    let last = |name: &str| {
        let name = name.trim_end_matches('/').to_ascii_lowercase();
        name.rsplit('/').next().map(str::to_owned)
    };
    let base = base?;
    (last(base) != last(model)).then(|| {
        format!("the adapter says it is for {base:?}, and this is {model:?}: its shapes fit, no more is known")
    })
}

fn plain_file(path: &Path) -> Result<u64, ImportError> {
    let failed = |source| ImportError::Read {
        path: path.to_owned(),
        source,
    };
    // Before opening: a pipe would wait for a writer that never comes.
    let metadata = fs::metadata(path).map_err(failed)?;
    match metadata.is_file() {
        true => Ok(metadata.len()),
        false => Err(failed(std::io::Error::other("it is not a plain file"))),
    }
}

fn small(path: &Path) -> Result<Vec<u8>, ImportError> {
    let bytes = plain_file(path)?;
    let path = path.to_owned();
    if bytes > CONFIG_LIMIT {
        return Err(ImportError::TooLarge { path, bytes });
    }
    let mut data = Vec::new();
    let read = fs::File::open(&path).and_then(|f| f.take(CONFIG_LIMIT).read_to_end(&mut data));
    match read {
        Ok(_) => Ok(data),
        Err(source) => Err(ImportError::Read { path, source }),
    }
}

/// The factors of MLP output matrices by layer, and the modules of all others.
fn sorted(
    tensors: &SafeTensors,
    config: &Config,
) -> Result<(BTreeMap<usize, Pair>, Vec<String>), ImportError> {
    let mut layers: BTreeMap<usize, Pair> = BTreeMap::new();
    let mut others = Vec::new();
    for name in tensors.names() {
        let (module, part) = split(name);
        let Some(part) = part.filter(|_| is_down(&module, config)) else {
            others.push(module);
            continue;
        };
        let Some(layer) = (0..config.layers).find(|&l| names(config, l).contains(&module)) else {
            return Err(ImportError::NoSuchLayer {
                found: module,
                layers: config.layers,
            });
        };
        let pair = layers.entry(layer).or_default();
        let slot = if part == 'A' {
            &mut pair.a
        } else {
            &mut pair.b
        };
        if slot.replace(name.to_owned()).is_some() {
            return Err(ImportError::Twice { layer });
        }
    }
    others.sort_unstable();
    others.dedup();
    Ok((layers, others))
}

/// A tensor's module as the model calls it, and which factor it is: 'A', 'B', or
/// neither (an embedding's, a magnitude, a bias, a whole matrix).
fn split(name: &str) -> (String, Option<char>) {
    let inner = name.strip_prefix("base_model.model.").unwrap_or(name);
    for part in ['A', 'B'] {
        // With the adapter's name in it where a state dict was saved as it was.
        for end in ["weight", "default.weight"] {
            if let Some(module) = inner.strip_suffix(&format!(".lora_{part}.{end}")) {
                return (module.to_owned(), Some(part));
            }
        }
    }
    let module = match inner.find(".lora_") {
        Some(at) => &inner[..at],
        None => inner.trim_end_matches(".weight"),
    };
    (module.to_owned(), None)
}

/// What a layer's module may be called: by the whole model, and by the model
/// without its head, which lacks the first part of every name.
fn names(config: &Config, layer: usize) -> [String; 2] {
    let whole = config.family.down_module(layer);
    let inner = whole.split_once('.').map_or("", |(_, inner)| inner);
    [inner.to_owned(), whole]
}

/// Whether a module is some layer's MLP output matrix, of a layer that this model
/// need not have.
fn is_down(module: &str, config: &Config) -> bool {
    let number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let with_0: Vec<&str> = module
        .split('.')
        .map(|part| if number(part) { "0" } else { part })
        .collect();
    names(config, 0).contains(&with_0.join("."))
}

/// "a, b, c and 5 more".
fn listed(names: &[String]) -> String {
    let shown = names.iter().take(NAMED).cloned().collect::<Vec<_>>();
    match names.len().saturating_sub(NAMED) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// r = scale · B `[d, n]` and u = Aᵀ `[d_k, n]` of one layer.
fn delta(
    layer: usize,
    pair: Pair,
    tensors: &SafeTensors,
    adapter: &AdapterConfig,
    config: &Config,
) -> Result<Delta, ImportError> {
    let module = config.family.down_module(layer);
    let whole = |tensor: Option<String>, part: &str| {
        tensor.ok_or_else(|| ImportError::Half {
            module: module.clone(),
            missing: format!("lora_{part}"),
        })
    };
    let (a_name, b_name) = (whole(pair.a, "A")?, whole(pair.b, "B")?);
    let (a, a_shape) = values(tensors, &a_name)?;
    let (b, b_shape) = values(tensors, &b_name)?;
    let (d, d_k) = (config.d, config.d_mlp);
    let wrong = |tensor: &str, got: &[usize], want: String| ImportError::Shape {
        tensor: tensor.to_owned(),
        got: got.to_vec(),
        want,
    };
    let rank = match a_shape[..] {
        [rank, width] if width == d_k && rank > 0 => rank,
        _ => return Err(wrong(&a_name, &a_shape, format!("[rank, {d_k}]"))),
    };
    if b_shape != [d, rank] {
        return Err(wrong(&b_name, &b_shape, format!("[{d}, {rank}]")));
    }
    if adapter.rank(&module) != rank {
        return Err(ImportError::Rank {
            want: adapter.rank(&module),
            got: rank,
            module,
        });
    }
    let scale = adapter.scale(&module);
    let r: Vec<f32> = b.iter().map(|&x| (scale * f64::from(x)) as f32).collect();
    // The scale may be what is too much.
    if !r.iter().all(|v| v.is_finite()) {
        return Err(ImportError::NotFinite { tensor: b_name });
    }
    let turned = (0..d_k).flat_map(|k| (0..rank).map(move |j| j * d_k + k));
    let turned = turned.map(|at| a[at]);
    Ok(Delta {
        layer,
        r,
        u: turned.collect(),
        rank,
        bias: Vec::new(),
    })
}

/// A tensor's values and its shape.
fn values(tensors: &SafeTensors, name: &str) -> Result<(Vec<f32>, Vec<usize>), ImportError> {
    let view = tensors.tensor(name).map_err(|_| ImportError::Half {
        module: name.into(),
        missing: "values".into(),
    })?;
    let values = number::read(&view).map_err(|flaw| match flaw {
        Flaw::Kind => ImportError::Dtype {
            tensor: name.into(),
            dtype: format!("{:?}", view.dtype()),
        },
        Flaw::NotFinite | Flaw::TooLarge => ImportError::NotFinite {
            tensor: name.into(),
        },
    })?;
    Ok((values, view.shape().to_vec()))
}
