//! How many colours the terminal has, asked in the order of what is most
//! certain. OpenSSH does not forward `COLORTERM`, so terminfo is asked too.

use serde::Deserialize;
use std::path::PathBuf;

/// The colours a terminal can show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Depth {
    None,
    #[default]
    Sixteen,
    Indexed,
    True,
}

/// What the terminal's background is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ground {
    #[default]
    Dark,
    Light,
}

impl Ground {
    /// From `COLORFGBG` (`15;0`: the last number is the background's), which
    /// some terminals set; the others are taken for dark ones. Asking the
    /// terminal itself would race its answer against the keys.
    pub fn detect(env: impl Fn(&str) -> Option<String>) -> Ground {
        let background = env("COLORFGBG").and_then(|v| v.rsplit(';').next()?.parse::<u8>().ok());
        match background {
            Some(7 | 15) => Ground::Light,
            _ => Ground::Dark,
        }
    }
}

/// How many colours the user asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Choice {
    #[default]
    Auto,
    Always(Depth),
}

impl TryFrom<String> for Choice {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Choice, &'static str> {
        Choice::parse(&text).ok_or("name one of auto, never, 16, 256, truecolor")
    }
}

impl Choice {
    /// "auto", "never", "16", "256" or "truecolor".
    pub fn parse(text: &str) -> Option<Choice> {
        Some(match text {
            "auto" => Choice::Auto,
            "never" | "none" => Choice::Always(Depth::None),
            "16" => Choice::Always(Depth::Sixteen),
            "256" => Choice::Always(Depth::Indexed),
            "truecolor" | "always" => Choice::Always(Depth::True),
            _ => return None,
        })
    }
}

/// `NO_COLOR`, then the user's choice, then `COLORTERM`, then terminfo's `RGB`
/// or `Tc`, then the name in `TERM`, else 16 colours. `env` reads a variable,
/// `terminfo` a compiled entry by terminal name.
pub fn detect(
    choice: Choice,
    env: impl Fn(&str) -> Option<String>,
    terminfo: impl Fn(&str) -> Option<Vec<u8>>,
) -> Depth {
    if env("NO_COLOR").is_some_and(|v| !v.is_empty()) {
        return Depth::None;
    }
    if let Choice::Always(depth) = choice {
        return depth;
    }
    let term = env("TERM").unwrap_or_default();
    if term == "dumb" {
        return Depth::None;
    }
    if env("COLORTERM").is_some_and(|v| matches!(v.as_str(), "truecolor" | "24bit")) {
        return Depth::True;
    }
    if term.ends_with("-direct") || terminfo(&term).is_some_and(|entry| promises_rgb(&entry)) {
        return Depth::True;
    }
    if term.ends_with("256color") {
        return Depth::Indexed;
    }
    Depth::Sixteen
}

/// Whether a compiled terminfo entry names the extended capability `RGB` or
/// `Tc`. Extended names stand NUL-terminated at the file's end.
fn promises_rgb(entry: &[u8]) -> bool {
    [&b"\0RGB\0"[..], &b"\0Tc\0"[..]]
        .iter()
        .any(|name| entry.windows(name.len()).any(|w| w == *name))
}

/// The compiled entry of `term` from the usual folders.
pub fn terminfo_entry(term: &str) -> Option<Vec<u8>> {
    let first = term.chars().next()?;
    if term.contains('/') {
        return None;
    }
    let home = std::env::var_os("HOME").map(|h| PathBuf::from(h).join(".terminfo"));
    let own = std::env::var_os("TERMINFO").map(PathBuf::from);
    let system = ["/etc/terminfo", "/lib/terminfo", "/usr/share/terminfo"].map(PathBuf::from);
    own.into_iter()
        .chain(home)
        .chain(system)
        .flat_map(|folder| {
            // macOS names the folder after the letter's code.
            [
                folder.join(first.to_string()).join(term),
                folder.join(format!("{:x}", first as u32)).join(term),
            ]
        })
        .find_map(|path| std::fs::read(path).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn depth(choice: Choice, vars: &[(&str, &str)], entry: Option<&[u8]>) -> Depth {
        let env = |name: &str| {
            vars.iter()
                .find(|(n, _)| *n == name)
                .map(|(_, v)| v.to_string())
        };
        detect(choice, env, |_| entry.map(<[u8]>::to_vec))
    }

    #[test]
    fn the_ground_is_dark_unless_it_says_otherwise() {
        let ground = |v: &str| Ground::detect(|_| Some(v.to_string()));
        assert_eq!(ground("0;15"), Ground::Light);
        assert_eq!(ground("0;default;7"), Ground::Light);
        assert_eq!(ground("15;0"), Ground::Dark);
        assert_eq!(ground("nonsense"), Ground::Dark);
        assert_eq!(Ground::detect(|_| None), Ground::Dark);
    }

    #[test]
    fn the_order_of_certainty() {
        let xterm = ("TERM", "xterm-256color");
        let auto = Choice::Auto;
        let always = Choice::Always(Depth::True);
        assert_eq!(
            depth(always, &[("NO_COLOR", "1"), xterm], None),
            Depth::None
        );
        assert_eq!(
            depth(auto, &[("NO_COLOR", ""), xterm], None),
            Depth::Indexed
        );
        assert_eq!(depth(always, &[("TERM", "vt100")], None), Depth::True);
        assert_eq!(
            depth(auto, &[("COLORTERM", "truecolor"), xterm], None),
            Depth::True
        );
        assert_eq!(depth(auto, &[xterm], Some(b"xx\0Tc\0yy\0")), Depth::True);
        assert_eq!(
            depth(auto, &[xterm], Some(b"xx\0Tcx\0yy\0")),
            Depth::Indexed
        );
        assert_eq!(depth(auto, &[("TERM", "vt100")], None), Depth::Sixteen);
        assert_eq!(depth(auto, &[("TERM", "dumb")], None), Depth::None);
    }
}
