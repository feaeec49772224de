//! The user's own defaults for the workbench: `config.toml` in the XDG folder.

use super::error::CliError;
use crate::session::text::shown;
use serde::Deserialize;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// What `config.toml` may say; whatever it leaves out stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `atlas` or a folder.
    pub model: Option<String>,
    /// auto, never, 16, 256 or truecolor.
    pub color: Option<String>,
    pub mouse: Option<bool>,
    /// A file of probes that are watched with every edit.
    pub probes: Option<PathBuf>,
    /// Neighbours to propose for an edit.
    pub propose: Option<usize>,
    /// Candidates shown for the next token.
    pub top: Option<usize>,
    /// Tokens per continuation.
    pub tokens: Option<usize>,
    pub seed: Option<u32>,
}

impl Config {
    /// Reads a file; one that is not there says nothing.
    pub fn read(path: &Path) -> Result<Config, CliError> {
        let text = match fs::read_to_string(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Config::default()),
            other => other.map_err(|source| CliError::File {
                path: path.to_owned(),
                source,
            })?,
        };
        toml::from_str(&text).map_err(|error| {
            let before = error
                .span()
                .and_then(|span| text.get(..span.start))
                .unwrap_or("");
            CliError::Line {
                path: path.to_owned(),
                line: before.matches('\n').count() + 1,
                column: before.chars().rev().take_while(|c| *c != '\n').count() + 1,
                reason: shown(error.message()),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content: &str) -> Result<Config, CliError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        fs::write(&path, content).unwrap();
        Config::read(&path)
    }

    #[test]
    fn what_is_left_out_stays() {
        assert_eq!(
            Config::read(Path::new("/no/such/file")).unwrap(),
            Config::default()
        );
        let config = read("mouse = false\ntop = 9\n").unwrap();
        assert_eq!(
            (config.mouse, config.top, config.seed),
            (Some(false), Some(9), None)
        );
    }

    #[test]
    fn errors_have_line_and_column() {
        for (content, at) in [
            ("top = 1\nmouse = maybe", "line 2, column 9"),
            ("top = 1\n\ncolour = 3", "line 3, column 1"),
            ("top = \"é\"\n", "line 1, column 7"),
        ] {
            let error = read(content).unwrap_err().to_string();
            assert!(error.contains(&format!("config.toml, {at}: ")), "{error}");
        }
    }
}
