//! A file of JSON lines that grows as results come: what was broken off goes on
//! where it stopped.

use crate::cli::error::CliError;
use crate::cli::files::keep;
pub use crate::measure::table::markdown;
use crate::session::FileError;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

pub struct Lines {
    pub path: PathBuf,
    file: File,
}

impl Lines {
    /// The file, with what is in it already; `otherwise` says what to do where a
    /// line is none of these.
    pub fn open<T: DeserializeOwned>(
        path: PathBuf,
        otherwise: &str,
    ) -> Result<(Lines, Vec<T>), CliError> {
        let failed = FileError::io(&path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(&failed)?;
        }
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(failed(error).into()),
        };
        // A line that was cut short by a crash is made again.
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        let known = (1..).zip(text[..whole].lines()).map(|(line, text)| {
            serde_json::from_str(text)
                .map_err(|error| FileError::line(&path, (line, error.column()), otherwise))
        });
        let known = known.collect::<Result<Vec<T>, _>>()?;
        let file = OpenOptions::new().create(true).append(true).open(&path);
        let file = file.map_err(&failed)?;
        file.set_len(whole as u64).map_err(&failed)?;
        drop(failed);
        Ok((Lines { path, file }, known))
    }

    /// As `open`, of a file whose first line says what all its lines share. One of
    /// another `head` is refused; `what` names the parts of a head.
    pub fn headed<H, T>(path: PathBuf, head: &H, what: &str) -> Result<(Lines, Vec<T>), CliError>
    where
        H: Clone + PartialEq + Serialize + DeserializeOwned,
        T: DeserializeOwned,
    {
        let otherwise = "this is no line of such a file; choose another folder with --out";
        let (mut lines, entries) = Lines::open::<Entry<H, T>>(path, otherwise)?;
        if entries.is_empty() {
            lines.add(&Head { head: head.clone() })?;
        }
        let mut known = Vec::new();
        for entry in entries {
            match entry {
                Entry::Head(found) if found.head != *head => {
                    return Err(CliError::Failed(format!(
                        "{} is of another {what}; choose another folder with --out",
                        lines.path.display()
                    )));
                }
                Entry::Head(_) => {}
                Entry::Line(line) => known.push(line),
            }
        }
        Ok((lines, known))
    }

    /// As `headed`, of a file in the folder that the user named, if one was: without
    /// it nothing is known and nothing kept.
    pub fn within<H, T>(
        folder: Option<&Path>,
        name: &str,
        head: &H,
        what: &str,
    ) -> Result<(Option<Lines>, Vec<T>), CliError>
    where
        H: Clone + PartialEq + Serialize + DeserializeOwned,
        T: DeserializeOwned,
    {
        let Some(folder) = folder else {
            return Ok((None, Vec::new()));
        };
        let (lines, known) = Lines::headed(folder.join(name), head, what)?;
        Ok((Some(lines), known))
    }

    pub fn add(&mut self, line: &impl Serialize) -> Result<(), CliError> {
        let line = serde_json::to_string(line)? + "\n";
        let written = (self.file.write_all(line.as_bytes())).and_then(|()| self.file.sync_data());
        Ok(written.map_err(FileError::io(&self.path))?)
    }

    /// Its work is done.
    pub fn remove(self) -> Result<(), CliError> {
        Ok(fs::remove_file(&self.path).map_err(FileError::io(&self.path))?)
    }
}

#[derive(Serialize, Deserialize)]
struct Head<H> {
    head: H,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Entry<H, T> {
    Head(Head<H>),
    Line(T),
}

/// Writes whole files, each a name and its text; in words, where they are.
pub fn written(folder: &Path, files: [(&str, String); 2]) -> Result<String, CliError> {
    let write = |(name, text): (&str, String)| {
        let path = folder.join(name);
        keep(&path, &text)?;
        Ok(path.display().to_string())
    };
    let places = files
        .into_iter()
        .map(write)
        .collect::<Result<Vec<_>, CliError>>()?;
    Ok(format!("written: {}", places.join(", ")))
}
