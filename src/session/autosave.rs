//! The sitting that is open, kept safe while nobody has saved it.
//!
//! After every finished edit the session is written to the state folder. A
//! crash, a killed process or a dropped SSH line leaves it there; leaving in
//! good order removes it. Whether the process that wrote one still runs is
//! told by a lock, which the system lets go however the process ends.

use super::error::SaveError;
use super::save::save;
use super::schema::{Factors, Session};
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// One sitting's autosave.
#[derive(Debug)]
pub struct Autosave {
    path: PathBuf,
    _lock: File,
}

impl Autosave {
    /// Claims a name in `folder` (see [`super::folders::autosaves`]) that no
    /// other sitting has, living or dead.
    pub fn begin(folder: &Path) -> io::Result<Autosave> {
        fs::create_dir_all(folder)?;
        for number in 1.. {
            let path = folder.join(format!("unsaved-{number}.toml"));
            if path.exists() {
                continue;
            }
            let lock = File::create(lock_of(&path))?;
            // The name may have been taken between the look and the lock.
            if lock.try_lock().is_ok() && !path.exists() {
                return Ok(Autosave { path, _lock: lock });
            }
        }
        Err(io::Error::other("no free name for an autosave"))
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the sitting as it is now.
    pub fn write(&self, session: &Session, factors: &Factors) -> Result<(), SaveError> {
        save(session, factors, &self.path)
    }

    /// Removes it: the sitting was saved, or is not wanted.
    pub fn discard(self) {
        remove(&self.path);
    }
}

impl Drop for Autosave {
    /// A lock file without its session is of no use to anybody.
    fn drop(&mut self) {
        if !self.path.exists() {
            let _ = fs::remove_file(lock_of(&self.path));
        }
    }
}

/// The autosaves in `folder` whose sitting ended without saving, by name.
pub fn left_behind(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut left: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|e| e == "toml") && !is_open(path))
        .collect();
    left.sort();
    left
}

/// Removes an autosave that was recovered, with all that belongs to it.
pub fn remove(path: &Path) {
    for file in [
        path.to_owned(),
        path.with_extension("safetensors"),
        lock_of(path),
    ] {
        // Not there is as good as removed; anything else shows next time.
        let _ = fs::remove_file(file);
    }
}

/// Whether the sitting that writes to `path` still runs.
fn is_open(path: &Path) -> bool {
    let Ok(lock) = File::open(lock_of(path)) else {
        return false;
    };
    matches!(lock.try_lock(), Err(TryLockError::WouldBlock))
}

fn lock_of(path: &Path) -> PathBuf {
    path.with_extension("lock")
}
