//! The files of one model: llama.cpp splits large ones, `…-00001-of-00003.gguf`.

use super::cursor::Read;
use super::value::Value;
use crate::model::error::{ModelError, Result};
use std::collections::HashMap;
use std::fs::File;
use std::io::{Error, ErrorKind, Read as _};
use std::path::{Path, PathBuf};

/// What a GGUF begins with.
pub const MAGIC: &[u8; 4] = b"GGUF";

/// Whether the path names a GGUF, or is a file that begins like one.
pub fn is_gguf(path: &Path) -> bool {
    let named = path
        .extension()
        .is_some_and(|end| end.eq_ignore_ascii_case("gguf"));
    let begins = || {
        let mut first = [0; 4];
        let read = File::open(path).and_then(|mut file| file.read_exact(&mut first));
        read.is_ok() && first == *MAGIC
    };
    if path.is_dir() {
        false
    } else {
        named || begins()
    }
}

/// All files of the model that `path` is a part of, in order.
///
/// # Errors
/// Where one of them is not there.
pub fn files(path: &Path) -> Result<Vec<PathBuf>> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let Some((stem, count)) = split(&name) else {
        return Ok(vec![path.to_owned()]);
    };
    let all = (1..=count).map(|n| path.with_file_name(format!("{stem}-{n:05}-of-{count:05}.gguf")));
    let all: Vec<PathBuf> = all.collect();
    match all.iter().find(|path| !path.is_file()) {
        None => Ok(all),
        Some(missing) => Err(ModelError::Read {
            path: missing.clone(),
            source: Error::new(
                ErrorKind::NotFound,
                format!("no such file; the model is in {count} files, and all are needed"),
            ),
        }),
    }
}

/// `x-00002-of-00003.gguf` as `x` and 3.
fn split(name: &str) -> Option<(&str, usize)> {
    let rest = name.strip_suffix(".gguf")?;
    let (rest, count) = rest.rsplit_once("-of-")?;
    let (stem, n) = rest.rsplit_once('-')?;
    let five = |text: &str| -> Option<usize> {
        let digits = text.len() == 5 && text.bytes().all(|b| b.is_ascii_digit());
        if digits { text.parse().ok() } else { None }
    };
    let (n, count) = (five(n)?, five(count)?);
    (1..=count).contains(&n).then_some((stem, count))
}

/// Holds what file number `n` (from 0) of `several` says of itself against its name.
pub(super) fn check(metadata: &HashMap<String, Value>, n: usize, several: usize) -> Read<()> {
    let said = |key: &str| metadata.get(key).and_then(Value::as_u64);
    let count = said("split.count").filter(|count| *count > 0).unwrap_or(1);
    if count != several as u64 {
        return Err(if several == 1 {
            format!(
                "it is one of {count} files; name them as llama.cpp does, \
                 `NAME-00001-of-{count:05}.gguf`"
            )
        } else {
            format!("it says that it is one of {count} files, its name says {several}")
        });
    }
    let number = said("split.no").unwrap_or(0);
    if several > 1 && number != n as u64 {
        let (number, n) = (number + 1, n + 1);
        return Err(format!(
            "it is file {number} of the model, its name says {n}"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_shards() {
        assert_eq!(split("a-b-00002-of-00003.gguf"), Some(("a-b", 3)));
        assert_eq!(split("a-00004-of-00003.gguf"), None);
        assert_eq!(split("a-0001-of-00003.gguf"), None);
        assert_eq!(split("a-of-b.gguf"), None);
        assert!(is_gguf(Path::new("none/here.gguf")) && !is_gguf(Path::new("none/here")));
    }
}
