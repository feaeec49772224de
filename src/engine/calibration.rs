//! Where a model's calibrated defaults are kept: by the hash of its weights.

use crate::edit::calibrated::Calibrated;
use crate::session::atomic::write_atomically;
use std::io;
use std::path::{Path, PathBuf};

/// The table of these weights in a cache folder; `None` for a hash that is none.
pub fn path(cache: &Path, sha256: &str) -> Option<PathBuf> {
    let name = sha256.get(..24)?;
    Some(cache.join("calibrated").join(format!("{name}.json")))
}

/// The user's own table, else the shipped one; and why the user's is ignored, if it is.
pub fn find(
    cache: Option<&Path>,
    sha256: &str,
    layers: usize,
) -> (Option<Calibrated>, Option<String>) {
    let shipped = || Calibrated::shipped(sha256, layers);
    let Some(path) = cache.and_then(|cache| path(cache, sha256)) else {
        return (shipped(), None);
    };
    let read = match std::fs::read_to_string(&path) {
        Ok(text) => Calibrated::read(&text, sha256, layers),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return (shipped(), None),
        Err(error) => Err(format!("it cannot be read: {error}")),
    };
    match read {
        Ok(table) => (Some(table), None),
        Err(reason) => {
            let words = format!(
                "the calibration {} is ignored: {reason}; delete it, or run `pentimento model \
                 calibrate` again",
                path.display()
            );
            (shipped(), Some(words))
        }
    }
}

/// Keeps a table for the next time its model is opened.
///
/// # Errors
/// What the file system says.
pub fn keep(cache: &Path, table: &Calibrated) -> io::Result<PathBuf> {
    let no_hash = || io::Error::new(io::ErrorKind::InvalidData, "the table names no weights");
    let path = path(cache, &table.sha256).ok_or_else(no_hash)?;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    write_atomically(&path, (serde_json::to_string(table)? + "\n").as_bytes())?;
    Ok(path)
}
