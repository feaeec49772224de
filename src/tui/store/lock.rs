//! One workbench a session: the one that has it open may save to it.
//!
//! A lock is held on a file of its own, in the user's state folder, named by the
//! session's full path: the session itself is replaced whenever it is saved, and a
//! lock would go with the old file. It ends with the process, however that ends.

use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

#[derive(Default)]
pub struct Mine {
    /// `None`: no locks, every session may be saved to.
    folder: Option<PathBuf>,
    held: Option<(PathBuf, File)>,
}

impl Mine {
    pub fn in_folder(folder: Option<PathBuf>) -> Mine {
        Mine { folder, held: None }
    }

    /// Holds this session in the place of the one before; whether no other
    /// workbench has it. Where locks cannot be had, nobody is kept from anything.
    pub fn take(&mut self, session: &Path) -> bool {
        let Some(folder) = &self.folder else {
            return true;
        };
        let whole = whole(session);
        if self.held.as_ref().is_some_and(|(held, _)| *held == whole) {
            return true;
        }
        let name = format!(
            "{:x}.lock",
            Sha256::digest(whole.as_os_str().as_encoded_bytes())
        );
        let made = fs::create_dir_all(folder).and_then(|()| File::create(folder.join(name)));
        let Ok(file) = made else {
            return true;
        };
        match file.try_lock() {
            Ok(()) => {
                self.held = Some((whole, file));
                true
            }
            Err(fs::TryLockError::WouldBlock) => false,
            Err(fs::TryLockError::Error(_)) => true,
        }
    }
}

/// One name for a file however it is written; it need not be there yet.
fn whole(session: &Path) -> PathBuf {
    if let Ok(there) = fs::canonicalize(session) {
        return there;
    }
    let full = std::path::absolute(session).unwrap_or_else(|_| session.to_owned());
    match (full.parent().map(fs::canonicalize), full.file_name()) {
        (Some(Ok(folder)), Some(name)) => folder.join(name),
        _ => full,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_one_workbenchs_until_it_takes_another() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (folder.path().join("a.toml"), folder.path().join("b.toml"));
        let locks = || Some(folder.path().join("locks"));
        let (mut one, mut two) = (Mine::in_folder(locks()), Mine::in_folder(locks()));
        assert!(one.take(&a) && one.take(&a));
        assert!(!two.take(&a));
        // By another name of the same file, too.
        fs::write(&a, "").unwrap();
        let around = folder.path().join("locks/../a.toml");
        assert!(one.take(&b));
        assert!(two.take(&around));
        assert!(!one.take(&a));
        drop(two);
        assert!(one.take(&a));
        assert!(Mine::default().take(&a));
    }
}
