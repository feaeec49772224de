//! Whether a file is the one that the hub names.

use super::error::{HubError, Result};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// What an `ETag` says: the name of the content, without quotes. `None` if it
/// could not be a file's name.
pub(super) fn name_of(etag: &str) -> Option<String> {
    let name = etag.trim().trim_start_matches("W/").trim_matches('"');
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    let fits = (1..=128).contains(&name.len()) && name.bytes().all(plain) && !name.starts_with('.');
    fits.then(|| name.to_owned())
}

/// Compares a file's size and hash with the hub's. Large files are named by
/// their sha256, small ones by git's sha1 of `blob SIZE\0CONTENT`; other names
/// (of a mirror) say nothing, and the size must do.
pub(super) fn check(path: &Path, file: &str, name: &str, size: u64) -> Result<()> {
    let read = |source| HubError::Write {
        path: path.to_owned(),
        source,
    };
    let mut content = File::open(path).map_err(read)?;
    let length = content.metadata().map_err(read)?.len();
    let damaged = |what, got: String, want: &str| HubError::Damaged {
        file: file.to_owned(),
        what,
        got,
        want: want.to_owned(),
    };
    if length != size {
        return Err(damaged("size", length.to_string(), &size.to_string()));
    }
    let is_hex = name.bytes().all(|b| b.is_ascii_hexdigit());
    let hash = match name.len() {
        64 if is_hex => digest(Sha256::new(), &mut content).map_err(read)?,
        40 if is_hex => {
            let start = Sha1::new().chain_update(format!("blob {size}\0"));
            digest(start, &mut content).map_err(read)?
        }
        _ => return Ok(()),
    };
    match hash.eq_ignore_ascii_case(name) {
        true => Ok(()),
        false => Err(damaged("hash", hash, name)),
    }
}

fn digest<D: Digest>(mut digest: D, content: &mut impl Read) -> std::io::Result<String> {
    let mut buffer = vec![0; 1 << 20];
    loop {
        match content.read(&mut buffer)? {
            0 => break,
            n => digest.update(&buffer[..n]),
        }
    }
    Ok(digest
        .finalize()
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_of_the_hubs_hashes_are_checked() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        std::fs::write(&path, "abc").unwrap();
        let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        // git hash-object of the same.
        let git = "f2ba8f84ab5c1bce84a7b441cb1959cfc7093b7f";
        for name in [sha256, git, "some-mirror-etag"] {
            assert!(check(&path, "f", name, 3).is_ok(), "{name}");
            assert!(check(&path, "f", name, 4).is_err());
        }
        std::fs::write(&path, "abd").unwrap();
        for name in [sha256, git] {
            let error = check(&path, "f", name, 3).unwrap_err().to_string();
            assert!(error.contains("hash"), "{error}");
        }
    }

    #[test]
    fn an_etag_is_a_name_or_nothing() {
        assert_eq!(name_of("W/\"ab-1\"").as_deref(), Some("ab-1"));
        for etag in ["", "\"\"", "../x", "a/b", ".."] {
            assert_eq!(name_of(etag), None, "{etag:?}");
        }
    }
}
