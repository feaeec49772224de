//! Where the hub is, where its cache lies, and who asks: the variables that
//! every tool of the Hugging Face hub honours.

use super::places::Places;
use etcetera::{BaseStrategy, choose_base_strategy};
use std::fmt;
use std::path::PathBuf;

/// An access token. It is sent to the hub's own host alone, and never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// `None` for blanks, and for what cannot stand in a header.
    pub fn new(text: &str) -> Option<Token> {
        let text = text.trim();
        let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
        plain.then(|| Token(text.to_owned()))
    }

    /// The value of an `Authorization` header.
    pub(super) fn bearer(&self) -> String {
        format!("Bearer {}", self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The hub, without a slash at its end.
    pub endpoint: String,
    /// The folder of `models--…` folders; `None` without a home.
    pub cache: Option<PathBuf>,
    pub token: Option<Token>,
    /// Never ask the network.
    pub offline: bool,
    /// Where other programs keep models.
    pub places: Places,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            endpoint: "https://huggingface.co".into(),
            cache: None,
            token: None,
            offline: false,
            places: Places::default(),
        }
    }
}

impl Settings {
    /// Reads HF_ENDPOINT, HF_HUB_CACHE, HF_HOME, HF_TOKEN, HF_TOKEN_PATH and
    /// HF_HUB_OFFLINE, and what says where other programs keep models.
    pub fn from_env() -> Settings {
        Settings::from(|name| std::env::var(name).ok())
    }

    fn from(variable: impl Fn(&str) -> Option<String>) -> Settings {
        let variable = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let strategy = choose_base_strategy().ok();
        let home = variable("HF_HOME")
            .map(PathBuf::from)
            .or_else(|| Some(strategy.as_ref()?.cache_dir().join("huggingface")));
        let cache = variable("HF_HUB_CACHE")
            .map(PathBuf::from)
            .or_else(|| Some(home.as_ref()?.join("hub")));
        let kept = variable("HF_TOKEN_PATH")
            .map(PathBuf::from)
            .or_else(|| Some(home.as_ref()?.join("token")));
        let token = variable("HF_TOKEN").or_else(|| std::fs::read_to_string(kept?).ok());
        let endpoint = variable("HF_ENDPOINT").unwrap_or(Settings::default().endpoint);
        let yes =
            |value: String| ["1", "true", "yes", "on"].contains(&value.to_lowercase().as_str());
        Settings {
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            cache,
            token: token.as_deref().and_then(Token::new),
            offline: variable("HF_HUB_OFFLINE").is_some_and(yes),
            places: Places::from(variable, etcetera::home_dir().ok().as_deref()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variables_are_honoured() {
        let settings = Settings::from(|name| {
            let value = match name {
                "HF_HOME" => "/h",
                "HF_TOKEN" => " hf_secret \n",
                "HF_ENDPOINT" => "http://mirror/",
                "HF_HUB_OFFLINE" => "ON",
                _ => return None,
            };
            Some(value.to_owned())
        });
        assert_eq!(settings.cache, Some("/h/hub".into()));
        assert_eq!(settings.endpoint, "http://mirror");
        assert!(settings.offline);
        assert_eq!(settings.token, Token::new("hf_secret"));
        assert!(!format!("{settings:?}").contains("secret"));
        let own = Settings::from(|name| (name == "HF_HUB_CACHE").then(|| "/c".to_owned()));
        assert_eq!(own.cache, Some("/c".into()));
        assert!(!own.offline);
    }

    #[test]
    fn what_cannot_stand_in_a_header_is_no_token() {
        assert_eq!(Token::new("  "), None);
        assert_eq!(Token::new("a\r\nHost: b"), None);
    }
}
