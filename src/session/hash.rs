//! sha256 of a model's weights, computed once per file, size and time.

use super::atomic::write_atomically;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A file that changed this recently may change again within one tick of the
/// file system's clock, unseen; its hash is not remembered.
const SETTLED: Duration = Duration::from_secs(2);

/// What was hashed before.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Remembered {
    #[serde(default)]
    files: BTreeMap<String, Entry>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Entry {
    bytes: u64,
    /// Last change, nanoseconds since 1970.
    modified: String,
    sha256: String,
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// sha256 of bytes in memory: the model inside the binary.
pub fn of_bytes(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// sha256 of a model's weight files, remembered in the file `memory` (see
/// [`super::folders::hashes`]). One file gives its own hash, as `sha256sum`
/// prints it; several give the hash of their hashes in the given order.
pub fn of_files(files: &[PathBuf], memory: Option<&Path>) -> io::Result<String> {
    let hashes: Vec<String> = files
        .iter()
        .map(|f| of_file(f, memory))
        .collect::<Result<_, _>>()?;
    match hashes.as_slice() {
        [one] => Ok(one.clone()),
        several => Ok(of_bytes(several.join("\n").as_bytes())),
    }
}

/// The files whose hashes the file `memory` holds, by their canonical paths.
pub fn remembered(memory: &Path) -> Vec<PathBuf> {
    let files = recall(memory).files.into_keys();
    files.map(PathBuf::from).collect()
}

fn of_file(path: &Path, memory: Option<&Path>) -> io::Result<String> {
    let path = path.canonicalize()?;
    let name = path.to_string_lossy().into_owned();
    let (bytes, modified) = stamp(&path.metadata()?)?;
    // A memory that cannot be read is no memory; the hash is computed again.
    let mut remembered = memory.map(recall).unwrap_or_default();
    if let Some(entry) = remembered.files.get(&name)
        && (entry.bytes, entry.modified.as_str()) == (bytes, modified.as_str())
    {
        return Ok(entry.sha256.clone());
    }
    let sha256 = of_reader(File::open(&path)?)?;
    let settled = path
        .metadata()?
        .modified()?
        .elapsed()
        .is_ok_and(|age| age > SETTLED);
    let unchanged = stamp(&path.metadata()?)? == (bytes, modified.clone());
    if let (true, true, Some(memory)) = (settled, unchanged, memory) {
        remembered.files.insert(
            name,
            Entry {
                bytes,
                modified,
                sha256: sha256.clone(),
            },
        );
        // Not being able to remember costs time, and nothing else.
        let _ = remember(memory, &remembered);
    }
    Ok(sha256)
}

fn stamp(metadata: &Metadata) -> io::Result<(u64, String)> {
    let since = |when: SystemTime| when.duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos());
    Ok((metadata.len(), since(metadata.modified()?).to_string()))
}

fn recall(memory: &Path) -> Remembered {
    let text = fs::read_to_string(memory).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

fn remember(memory: &Path, remembered: &Remembered) -> io::Result<()> {
    if let Some(folder) = memory.parent() {
        fs::create_dir_all(folder)?;
    }
    let text = serde_json::to_vec_pretty(remembered)?;
    write_atomically(memory, &text)
}

fn of_reader(mut reader: impl Read) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match reader.read(&mut buffer)? {
            0 => return Ok(hex(&hasher.finalize())),
            read => hasher.update(&buffer[..read]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn age(path: &Path, seconds: u64) {
        let then = SystemTime::now() - Duration::from_secs(seconds);
        File::options()
            .write(true)
            .open(path)
            .unwrap()
            .set_modified(then)
            .unwrap();
    }

    #[test]
    fn one_file_hashes_as_sha256sum_does() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("model.safetensors");
        fs::write(&file, "abc").unwrap();
        assert_eq!(of_files(&[file], None).unwrap(), ABC);
        assert_eq!(of_bytes(b"abc"), ABC);
    }

    #[test]
    fn a_settled_file_is_remembered_until_it_changes() {
        let folder = tempfile::tempdir().unwrap();
        let (file, memory) = (
            folder.path().join("w"),
            folder.path().join("cache/hashes.json"),
        );
        fs::write(&file, "abc").unwrap();
        age(&file, 100);
        let files = [file.clone()];
        assert_eq!(of_files(&files, Some(&memory)).unwrap(), ABC);

        // What the memory says is what is answered, so it was asked.
        let text = fs::read_to_string(&memory)
            .unwrap()
            .replace(ABC, &"0".repeat(64));
        fs::write(&memory, text).unwrap();
        assert_eq!(of_files(&files, Some(&memory)).unwrap(), "0".repeat(64));

        age(&file, 50);
        assert_eq!(of_files(&files, Some(&memory)).unwrap(), ABC);
        fs::write(&memory, "no memory at all").unwrap();
        assert_eq!(of_files(&files, Some(&memory)).unwrap(), ABC);
    }

    #[test]
    fn a_file_just_written_is_not_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let (file, memory) = (folder.path().join("w"), folder.path().join("hashes.json"));
        fs::write(&file, "abc").unwrap();
        of_files(&[file], Some(&memory)).unwrap();
        assert!(!memory.exists());
    }

    #[test]
    fn shards_count_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let files = ["a", "b"].map(|name| folder.path().join(name));
        fs::write(&files[0], "1").unwrap();
        fs::write(&files[1], "2").unwrap();
        let there = of_files(&files, None).unwrap();
        let back = of_files(&[files[1].clone(), files[0].clone()], None).unwrap();
        assert_ne!(there, back);
    }
}
