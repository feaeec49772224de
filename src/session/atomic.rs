//! Files that are whole or as they were.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::path::Path;

/// Replaces `path` by a file that is complete and on the disk, or leaves it. A link's
/// goal is replaced, not the link; a device or a pipe is written to.
pub fn write_atomically(path: &Path, data: &[u8]) -> io::Result<()> {
    replace(path, |file| file.write_all(data))
}

pub(super) fn replace(
    path: &Path,
    fill: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<()> {
    let path = &path.canonicalize().unwrap_or_else(|_| path.to_owned());
    if fs::metadata(path).is_ok_and(|old| !old.is_file() && !old.is_dir()) {
        let mut device = File::options().write(true).open(path)?;
        return fill(&mut device);
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".pentimento-");
    // A new file is the user's alone (0600): prompts may say what others should not
    // read. One that is replaced keeps what it was given.
    #[cfg(unix)]
    builder.permissions(<Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o600));
    let mut file = builder.tempfile_in(folder)?;
    fill(file.as_file_mut())?;
    file.as_file().sync_all()?;
    if let Ok(old) = fs::metadata(path) {
        file.as_file().set_permissions(old.permissions())?;
    }
    file.persist(path).map_err(|e| e.error)?;
    // The rename itself reaches the disk with its folder, where that can be
    // asked for; some file systems refuse, and the file is in place already.
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
    Ok(())
}
