//! Where things live that the user did not name: the XDG folders.

use etcetera::{BaseStrategy, choose_base_strategy};
use std::path::PathBuf;

const PROGRAM: &str = "pentimento";

/// `$XDG_STATE_HOME/pentimento`; `None` without a home folder.
pub fn state() -> Option<PathBuf> {
    let strategy = choose_base_strategy().ok()?;
    let folder = strategy.state_dir().unwrap_or_else(|| strategy.data_dir());
    Some(folder.join(PROGRAM))
}

/// `$XDG_CACHE_HOME/pentimento`.
pub fn cache() -> Option<PathBuf> {
    Some(choose_base_strategy().ok()?.cache_dir().join(PROGRAM))
}

/// `$XDG_CONFIG_HOME/pentimento`.
pub fn config() -> Option<PathBuf> {
    Some(choose_base_strategy().ok()?.config_dir().join(PROGRAM))
}

/// Where unsaved sittings are kept.
pub fn autosaves() -> Option<PathBuf> {
    Some(state()?.join("autosave"))
}

/// Where weight hashes are remembered.
pub fn hashes() -> Option<PathBuf> {
    Some(cache()?.join("sha256.json"))
}

/// There once the tour has begun.
pub fn toured() -> Option<PathBuf> {
    Some(state()?.join("toured"))
}

/// Locks of sessions that are open.
pub fn locks() -> Option<PathBuf> {
    Some(state()?.join("locks"))
}

/// Sockets of workbenches that may be watched.
pub fn followed() -> Option<PathBuf> {
    Some(state()?.join("follow"))
}

/// The log, since the screen is taken.
pub fn log() -> Option<PathBuf> {
    Some(state()?.join("pentimento.log"))
}
