//! The user's own defaults: `config.toml` in the XDG folder. All are the
//! workbench's; the thresholds of `[validation]` are the command line's too.

use super::error::CliError;
use crate::measure::validate::Thresholds;
use crate::measure::views;
use crate::session::folders;
use crate::session::text::shown;
use serde::Deserialize;
use serde::de::{Deserializer, Error};
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
    /// What a validated edit has to reach.
    #[serde(deserialize_with = "thresholds")]
    pub validation: Thresholds,
    /// From which score on a view of an edit passes.
    pub views: views::Thresholds,
}

fn thresholds<'de, D: Deserializer<'de>>(from: D) -> Result<Thresholds, D::Error> {
    let read = Thresholds::deserialize(from)?;
    let Thresholds { kl_strict, kl, .. } = read;
    match kl_strict <= kl {
        true => Ok(read),
        false => Err(D::Error::custom(format!(
            "kl_strict is {kl_strict} and kl {kl}: the strict one is the lower one"
        ))),
    }
}

impl Config {
    /// The user's own; an absent one says nothing.
    pub fn of_user() -> Result<Config, CliError> {
        let config = folders::config().map(|folder| Config::read(&folder.join("config.toml")));
        Ok(config.transpose()?.unwrap_or_default())
    }

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
        assert_eq!(config.validation, Thresholds::default());
        let config = read("[validation]\nparaphrases = 0.3\n").unwrap();
        assert_eq!(config.validation.paraphrases, 0.3);
        assert_eq!(config.validation.kl, Thresholds::default().kl);
    }

    #[test]
    fn errors_have_line_and_column() {
        for (content, at) in [
            ("top = 1\nmouse = maybe", "line 2, column 9"),
            ("top = 1\n\ncolour = 3", "line 3, column 1"),
            ("top = \"é\"\n", "line 1, column 7"),
            (
                "[validation]\nkl = 0.2\nfingerprint = 9",
                "line 3, column 15",
            ),
            ("[validation]\nlayers = 0", "line 2, column 10"),
            (
                "top = 1\n[validation]\nkl_strict = 0.5\n",
                "line 2, column 1",
            ),
        ] {
            let error = read(content).unwrap_err().to_string();
            assert!(error.contains(&format!("config.toml, {at}: ")), "{error}");
        }
    }
}
