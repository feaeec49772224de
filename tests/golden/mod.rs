//! The goldens as the tests read them.

pub mod edit;
pub mod forward;
pub mod trace;

use candle_core::{Device, Tensor};
use pentimento::model::{Loaded, Source};
use serde_json::Value;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

pub struct Golden {
    pub name: String,
    pub json: Value,
    pub activations: HashMap<String, Tensor>,
    pub edits: HashMap<String, Tensor>,
    pub loaded: Loaded,
}

/// Runs `check` on every family folder; fails where there is none.
pub fn each_family(check: impl Fn(&Golden)) {
    let root = match std::env::var_os("PENTIMENTO_GOLDENS") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens"),
    };
    let mut folders: Vec<PathBuf> = std::fs::read_dir(&root)
        .unwrap_or_else(|e| panic!("{}: {e}", root.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("golden.json").is_file())
        .collect();
    folders.sort();
    assert!(
        !folders.is_empty(),
        "no golden.json below {}",
        root.display()
    );
    for folder in folders {
        let golden = Golden::read(&folder);
        println!("checking {}", golden.name);
        check(&golden);
    }
}

impl Golden {
    fn read(folder: &Path) -> Golden {
        let json = std::fs::read(folder.join("golden.json")).unwrap();
        let tensors =
            |name: &str| candle_core::safetensors::load(folder.join(name), &Device::Cpu).unwrap();
        Golden {
            name: folder.file_name().unwrap().to_string_lossy().into_owned(),
            json: serde_json::from_slice(&json).unwrap(),
            activations: tensors("activations.safetensors"),
            edits: tensors("edits.safetensors"),
            loaded: Source::Folder(folder.to_owned())
                .load(&Device::Cpu)
                .unwrap(),
        }
    }

    pub fn ids(&self, at: &str) -> Vec<u32> {
        serde_json::from_value(self.get(at).clone()).unwrap()
    }

    pub fn number(&self, at: &str) -> f64 {
        self.get(at)
            .as_f64()
            .unwrap_or_else(|| panic!("{at} is no number"))
    }

    pub fn text(&self, at: &str) -> &str {
        self.get(at)
            .as_str()
            .unwrap_or_else(|| panic!("{at} is no string"))
    }

    /// A field by its JSON pointer, `/rome/layer`.
    pub fn get(&self, at: &str) -> &Value {
        self.json
            .pointer(at)
            .unwrap_or_else(|| panic!("{} has no {at}", self.name))
    }
}

/// Largest absolute difference, relative to the reference's largest entry where that exceeds 1.
pub fn worst(got: &Tensor, want: &Tensor) -> f64 {
    let flat = |t: &Tensor| {
        t.to_dtype(candle_core::DType::F64)
            .unwrap()
            .flatten_all()
            .unwrap()
            .to_vec1::<f64>()
            .unwrap()
    };
    let (got, want) = (flat(got), flat(want));
    assert_eq!(got.len(), want.len(), "different sizes");
    let scale = want.iter().fold(1f64, |m, v| m.max(v.abs()));
    got.iter().zip(&want).fold(0f64, |m, (a, b)| {
        let difference = (a - b).abs() / scale;
        if difference.is_nan() {
            f64::INFINITY
        } else {
            m.max(difference)
        }
    })
}

pub fn close(what: &str, got: f64, want: f64, tolerance: f64) {
    let error = (got - want).abs() / want.abs().max(1.0);
    assert!(
        error <= tolerance,
        "{what}: {got} instead of {want} (off by {error:.2e}, allowed {tolerance:.0e})"
    );
}
