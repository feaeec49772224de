//! From a file to a session, or to the reason why not.

use super::check;
use super::error::{LoadError, Refusal};
use super::factors;
use super::schema::{FORMAT, Factors, Model, Session};
use super::text::{LAST_LINE, shown};
use crate::edit::MomentSource;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Component, Path};
use toml::Table;

/// Above any session's text; a file of this size is something else.
const LIMIT: u64 = 64 << 20;

/// Reads a session's text, which is enough to show it and to replay it.
pub fn read(path: &Path) -> Result<Session, LoadError> {
    let folder = path.parent().unwrap_or(Path::new(""));
    bytes(path)
        .and_then(|bytes| from_bytes(&bytes))
        .and_then(|session| resolve_paths(session, folder))
        .map_err(|why| LoadError::new(path, why))
}

/// Files that an edit was made with are named from the session's folder.
fn resolve_paths(mut session: Session, folder: &Path) -> Result<Session, Refusal> {
    for edit in &mut session.edits {
        if let MomentSource::File(file) | MomentSource::Text(file) = &mut edit.asked.moments
            && file.is_relative()
        {
            if !file
                .components()
                .all(|part| matches!(part, Component::Normal(_)))
            {
                return Err(Refusal::OutsideFolder {
                    name: file.to_string_lossy().into(),
                });
            }
            let whole = folder.join(&file);
            *file = std::path::absolute(whole).map_err(Refusal::Unreadable)?;
        }
    }
    Ok(session)
}

/// Reads a session for the model that is open, with the exact factors of its
/// edits. An edit without factors in the map is to be made again from the text.
pub fn load(path: &Path, model: &Model) -> Result<(Session, Factors), LoadError> {
    let session = read(path)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    same_model(path, &session, model)?;
    factors::read(&session, folder)
        .map_err(|why| LoadError::new(path, why))
        .map(|factors| (session, factors))
}

/// The factors of the edits that the text of a session, read from `path`, cannot
/// make again: those that were imported.
pub fn imported(path: &Path, session: &Session) -> Result<Factors, LoadError> {
    let mut only = session.clone();
    only.edits.retain(|edit| edit.asked.is_imported());
    if only.edits.is_empty() {
        return Ok(Factors::new());
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    factors::read(&only, folder).map_err(|why| LoadError::new(path, why))
}

/// Whether a session, read from `path`, is for the model that is open.
pub fn same_model(path: &Path, session: &Session, open: &Model) -> Result<(), LoadError> {
    belongs(&session.model, open).map_err(|why| LoadError::new(path, why))
}

fn belongs(session: &Model, open: &Model) -> Result<(), Refusal> {
    if !session.sha256.eq_ignore_ascii_case(&open.sha256) {
        return Err(Refusal::OtherWeights {
            session_id: session.id.clone(),
            session: session.sha256.clone(),
            model_id: open.id.clone(),
            model: open.sha256.clone(),
        });
    }
    let sizes = [
        ("layers", session.layers, open.layers),
        ("d", session.d, open.d),
        ("d_mlp", session.d_mlp, open.d_mlp),
    ];
    match sizes
        .into_iter()
        .find(|(_, session, model)| session != model)
    {
        Some((field, session, model)) => Err(Refusal::OtherShape {
            field,
            session,
            model,
        }),
        None => Ok(()),
    }
}

fn bytes(path: &Path) -> Result<Vec<u8>, Refusal> {
    // Before opening: a pipe would wait for a writer that never comes.
    let metadata = fs::metadata(path).map_err(Refusal::Unreadable)?;
    if !metadata.is_file() {
        return Err(Refusal::NotAFile);
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(Refusal::Unreadable)?;
    file.take(LIMIT + 1)
        .read_to_end(&mut bytes)
        .map_err(Refusal::Unreadable)?;
    if bytes.len() as u64 > LIMIT {
        return Err(Refusal::TooLarge {
            bytes: metadata.len(),
            limit: LIMIT,
        });
    }
    Ok(bytes)
}

/// A session from the bytes of its text file.
pub fn from_bytes(bytes: &[u8]) -> Result<Session, Refusal> {
    let text = std::str::from_utf8(bytes).map_err(|e| {
        let before = std::str::from_utf8(&bytes[..e.valid_up_to()]).unwrap_or_default();
        match e.error_len() {
            // Cut in the middle of a character.
            None if starts_like_one(before) => Refusal::Truncated,
            _ => Refusal::NotText {
                at: e.valid_up_to(),
            },
        }
    })?;
    let whole = text.ends_with('\n') && text.trim_end().lines().last() == Some(LAST_LINE);
    let table: Table = text.parse().map_err(|e| match whole {
        true => syntax(text, &e),
        false if starts_like_one(text) => Refusal::Truncated,
        false => Refusal::NotASession,
    })?;
    match table.get("format").and_then(|value| value.as_integer()) {
        None => return Err(Refusal::NotASession),
        Some(FORMAT) => {}
        Some(found) => {
            return Err(Refusal::UnknownVersion {
                found,
                known: FORMAT,
            });
        }
    }
    if !whole {
        return Err(Refusal::Truncated);
    }
    check::finite(&table)?;
    let mut session: Session = match table.try_into() {
        Ok(session) => session,
        // From the text again, not from the table: so the error knows its line.
        Err(_) => toml::from_str(text).map_err(|e| syntax(text, &e))?,
    };
    check::session(&session)?;
    for edit in &mut session.edits {
        let asked = &edit.asked;
        edit.result.templates = asked.templates.clone().unwrap_or_default();
        edit.result.hyper = asked.hyper.clone().unwrap_or_default();
    }
    Ok(session)
}

/// Whether a text that is no TOML once began as a session.
fn starts_like_one(text: &str) -> bool {
    let first = text.lines().next().unwrap_or_default();
    let beginning = format!("format = {FORMAT}");
    first.starts_with("format = ") || beginning.starts_with(first)
}

fn syntax(text: &str, error: &toml::de::Error) -> Refusal {
    let at = error.span().map_or(0, |span| span.start.min(text.len()));
    let before = &text.as_bytes()[..at];
    let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
    let start = before
        .iter()
        .rposition(|&byte| byte == b'\n')
        .map_or(0, |i| i + 1);
    let column = String::from_utf8_lossy(&before[start..]).chars().count() + 1;
    Refusal::Syntax {
        line,
        column,
        message: shown(error.message()),
    }
}
