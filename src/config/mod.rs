//! The user's own defaults: `config.toml` in the XDG folder. Most are the
//! workbench's; the thresholds are the command line's too.

mod keys;
mod print;

pub use print::print_default;

use crate::measure::{validate, views};
use crate::session::FileError;
use crate::session::folders;
use crate::tui::keymap::KeyMap;
use crate::tui::layout::Preset;
use crate::tui::theme::{Choice, Ground, Theme};
use serde::Deserialize;
use serde::de::{Deserializer, Error};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// What `config.toml` may say; whatever it leaves out stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `atlas`, a folder, or a model of the hub.
    pub model: Option<String>,
    pub mouse: Option<bool>,
    /// Whether the tour begins by itself, the first time.
    pub tour: Option<bool>,
    /// How many colours: auto, never, 16, 256 or truecolor.
    pub color: Option<Choice>,
    pub theme: Theme,
    /// The terminal's background, where it does not say.
    pub ground: Option<Ground>,
    pub layout: Preset,
    /// Frames a second at most.
    #[serde(deserialize_with = "frames")]
    pub frames: Option<u16>,
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
    pub validation: validate::Thresholds,
    /// From which score on a view of an edit passes.
    pub views: views::Thresholds,
    pub models: Models,
    #[serde(deserialize_with = "keys::read")]
    pub keys: KeyMap,
}

/// Where else models are looked for.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Models {
    /// GGUF files and folders in Hugging Face layout below these are listed.
    #[serde(deserialize_with = "roots")]
    pub folders: Vec<PathBuf>,
}

/// A folder is the same wherever the program starts: absolute, or below `~`.
fn roots<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<PathBuf>, D::Error> {
    let home = etcetera::home_dir().ok();
    let read = |text: String| match (text.strip_prefix("~/"), &home) {
        (Some(below), Some(home)) => Ok(home.join(below)),
        (None, Some(home)) if text == "~" => Ok(home.clone()),
        _ if Path::new(&text).is_absolute() => Ok(PathBuf::from(text)),
        _ => Err(D::Error::custom(format!(
            "“{text}” is no folder to look in: begin with / or ~/"
        ))),
    };
    Vec::<String>::deserialize(from)?
        .into_iter()
        .map(read)
        .collect()
}

fn frames<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u16>, D::Error> {
    match u16::deserialize(from)? {
        frames @ 1..=240 => Ok(Some(frames)),
        other => Err(D::Error::custom(format!(
            "{other} is out of range: frames a second go from 1 to 240"
        ))),
    }
}

fn thresholds<'de, D: Deserializer<'de>>(from: D) -> Result<validate::Thresholds, D::Error> {
    let read = validate::Thresholds::deserialize(from)?;
    let validate::Thresholds { kl_strict, kl, .. } = read;
    match kl_strict <= kl {
        true => Ok(read),
        false => Err(D::Error::custom(format!(
            "kl_strict is {kl_strict} and kl {kl}: the strict one is the lower one"
        ))),
    }
}

impl Config {
    /// Where the user's own lies; `None` without a home folder.
    pub fn place() -> Option<PathBuf> {
        Some(folders::config()?.join("config.toml"))
    }

    /// The user's own; an absent one says nothing.
    pub fn of_user() -> Result<Config, FileError> {
        let config = Config::place().map(|path| Config::read(&path));
        Ok(config.transpose()?.unwrap_or_default())
    }

    /// Reads a file; one that is not there says nothing.
    pub fn read(path: &Path) -> Result<Config, FileError> {
        let text = match fs::read_to_string(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Config::default()),
            other => other.map_err(FileError::io(path))?,
        };
        toml::from_str(&text).map_err(|error| {
            let before = error
                .span()
                .and_then(|span| text.get(..span.start))
                .unwrap_or("");
            let line = before.matches('\n').count() + 1;
            let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
            FileError::line(path, (line, column), error.message())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::validate::Thresholds;
    use crate::tui::keymap::Command;
    use crate::tui::pane::Pane;

    fn read(content: &str) -> Result<Config, FileError> {
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
    fn what_is_printed_is_what_holds() {
        let printed = read(&print_default()).unwrap();
        let filled = Config {
            mouse: Some(true),
            tour: Some(true),
            color: Some(Choice::Auto),
            ..printed.clone()
        };
        assert_eq!(printed, filled);
        assert_eq!(printed.keys, KeyMap::default());
        assert_eq!(printed.validation, Thresholds::default());
        assert_eq!((printed.theme, printed.layout), Default::default());
        for view in views::View::ALL {
            assert_eq!(printed.views.of(view), view.threshold());
        }
        // What is commented out is read as well, once it is not.
        let all: String = print_default()
            .lines()
            .map(|line| match line.strip_prefix("# ") {
                Some(set) if set.contains(" = ") => format!("{set}\n"),
                _ => format!("{line}\n"),
            })
            .collect();
        let all = read(&all).unwrap();
        assert!(all.model.is_some() && all.frames.is_some() && all.probes.is_some());
        assert_eq!(all.models.folders.len(), 1);
    }

    #[test]
    fn keys_are_the_users_to_give() {
        let config = read(
            "[keys]\ntrace = \"ctrl-t\"\nedit = [\"t\", \"f5\"]\n[keys.in.trace]\ntake-layer = []\n",
        )
        .unwrap();
        let press = |text: &str| text.parse().unwrap();
        let at = |key| config.keys.lookup(Pane::Trace, press(key));
        assert_eq!(at("ctrl-t"), Some(Command::Trace));
        assert_eq!(at("t"), Some(Command::Edit));
        assert_eq!(at("f5"), Some(Command::Edit));
        assert_eq!((at("e"), at("enter")), (None, None));
    }

    #[test]
    fn errors_have_line_and_column() {
        for (content, at) in [
            ("top = 1\nmouse = maybe", "line 2, column 9"),
            ("top = 1\n\ncolour = 3", "line 3, column 1"),
            ("top = \"é\"\n", "line 1, column 7"),
            ("theme = \"blue\"\n", "line 1, column 9"),
            ("color = \"blue\"\n", "line 1, column 9"),
            ("\nlayout = \"x\"\n", "line 2, column 10"),
            ("frames = 0\n", "line 1, column 10"),
            (
                "[validation]\nkl = 0.2\nfingerprint = 9",
                "line 3, column 15",
            ),
            ("[validation]\nlayers = 0", "line 2, column 10"),
            (
                "top = 1\n[validation]\nkl_strict = 0.5\n",
                "line 2, column 1",
            ),
            ("[models]\nfolders = [\"mine\"]", "line 2, column 11"),
            ("[models]\nfolder = []", "line 2, column 1"),
            ("[keys]\n\ntrace = \"ctrl-i\"", "line 3, column 9"),
            ("[keys]\ntrace = [\"t\", \"nokey\"]", "line 2, column 9"),
            ("[keys]\ntrac = \"t\"", "line 2, column 1"),
            ("[keys.in.trace]\nsort = \"t\"", "line 2, column 1"),
            ("[keys]\ntrace = \"x\"\nedit = \"x\"", "line 1, column 1"),
        ] {
            let error = read(content).unwrap_err().to_string();
            assert!(error.contains(&format!("config.toml, {at}: ")), "{error}");
        }
    }
}
