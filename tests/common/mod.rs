//! What several test programs start from.

use std::path::{Path, PathBuf};

/// A folder with a tiny model of each family, in order.
pub fn families() -> Vec<PathBuf> {
    let goldens = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens");
    let folders = std::fs::read_dir(goldens).expect("the goldens are there");
    let mut folders: Vec<PathBuf> = folders
        .map(|entry| entry.expect("it can be listed").path())
        .filter(|path| path.join("model.safetensors").is_file())
        .collect();
    folders.sort();
    folders
}
