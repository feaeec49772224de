//! The GGUF files and model folders below a folder, whatever else lies there:
//! links in a circle, pipes, a hundred thousand other files.

use super::gguf;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Entries that are looked at below one folder.
const MOST: usize = 50_000;

/// A file that is called a GGUF.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct File {
    /// Below the folder that was walked, with `/` between the parts.
    pub name: String,
    pub path: PathBuf,
    pub bytes: u64,
    /// Why it cannot be read, if it cannot.
    pub trouble: Option<&'static str>,
}

/// What a walk found, by name.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub files: Vec<File>,
    /// Folders with a `config.json`.
    pub folders: Vec<PathBuf>,
}

/// Looks through `root` and `depth` levels of folders below it. Nothing is
/// opened. Names that are not UTF-8 are left out: no one could type them.
pub(super) fn walk(root: &Path, depth: usize) -> Found {
    let mut found = Found::default();
    let mut seen = BTreeSet::new();
    let mut left = MOST;
    let mut waiting = vec![(root.to_owned(), String::new(), depth)];
    while let Some((folder, name, depth)) = waiting.pop() {
        let first_time = fs::canonicalize(&folder).is_ok_and(|real| seen.insert(real));
        let Some(entries) = first_time.then(|| fs::read_dir(&folder).ok()).flatten() else {
            continue;
        };
        for entry in entries.flatten() {
            let Some(rest) = left.checked_sub(1) else {
                break;
            };
            left = rest;
            let Ok(own) = entry.file_name().into_string() else {
                continue;
            };
            let path = entry.path();
            let below = match name.is_empty() {
                true => own.clone(),
                false => format!("{name}/{own}"),
            };
            if gguf::stem(&own).is_some() {
                found.files.push(look(below, path));
            } else if own == "config.json" {
                found.folders.push(folder.clone());
            } else if depth > 0 && path.is_dir() {
                waiting.push((path, below, depth - 1));
            }
        }
    }
    found.files.sort_by(|a, b| a.name.cmp(&b.name));
    found.folders.sort_unstable();
    found
}

fn look(name: String, path: PathBuf) -> File {
    // Follows links: a pipe or a device is known before anyone waits at it.
    let (bytes, trouble) = match fs::metadata(&path) {
        Ok(file) if file.is_file() => (file.len(), None),
        Ok(_) => (0, Some("not a file")),
        Err(_) if path.is_symlink() => (0, Some("a link to a file that is not there")),
        Err(_) => (0, Some("it cannot be read")),
    };
    File {
        name,
        path,
        bytes,
        trouble,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn circles_pipes_and_dead_links_hold_nothing_up() {
        use std::os::unix::fs::symlink;
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir_all(at("a/b/c/d")).unwrap();
        fs::write(at("a/m.gguf"), "12345").unwrap();
        fs::write(at("a/b/c/d/deep.gguf"), "").unwrap();
        fs::write(at("a/b/config.json"), "{}").unwrap();
        fs::write(at("a/m.txt"), "").unwrap();
        fs::create_dir(at("folder.gguf")).unwrap();
        symlink(dir.path(), at("a/circle")).unwrap();
        symlink("/nowhere", at("dead.gguf")).unwrap();
        let made = std::process::Command::new("mkfifo")
            .arg(at("pipe.gguf"))
            .status();
        assert!(made.unwrap().success());

        let found = walk(dir.path(), 3);
        let seen: Vec<_> = found
            .files
            .iter()
            .map(|file| (file.name.as_str(), file.bytes, file.trouble))
            .collect();
        assert_eq!(
            seen,
            [
                ("a/m.gguf", 5, None),
                ("dead.gguf", 0, Some("a link to a file that is not there")),
                ("folder.gguf", 0, Some("not a file")),
                ("pipe.gguf", 0, Some("not a file")),
            ]
        );
        assert_eq!(found.folders, [at("a/b")]);
        assert!(walk(&at("nothing"), 3).files.is_empty());
    }
}
