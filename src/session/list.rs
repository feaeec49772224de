//! The sessions in a folder.

use super::error::Refusal;
use super::load;
use super::schema::Session;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// One line of a list of sessions.
#[derive(Debug)]
pub struct Listed {
    pub path: PathBuf,
    /// The file's name without `.toml`.
    pub name: String,
    /// What it holds, or why it cannot be opened.
    pub session: Result<Box<Session>, Refusal>,
}

/// The sessions in `folder`, by name. TOML files of other kinds are passed
/// over; a session that cannot be opened is listed with its reason.
pub fn list(folder: &Path) -> io::Result<Vec<Listed>> {
    let mut sessions: Vec<Listed> = fs::read_dir(folder)?
        .filter_map(|entry| listed(&entry.ok()?.path()))
        .collect();
    sessions.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(sessions)
}

fn listed(path: &Path) -> Option<Listed> {
    if path.extension()? != "toml" {
        return None;
    }
    let session = match load::read(path).map_err(|error| error.why) {
        Err(Refusal::NotASession | Refusal::NotAFile | Refusal::NotText { .. }) => return None,
        other => other.map(Box::new),
    };
    let name = path.file_stem()?.to_string_lossy().into_owned();
    Some(Listed {
        path: path.to_owned(),
        name,
        session,
    })
}
