//! Saving so that whatever happens, one whole session is on disk.

use super::atomic::write_atomically;
use super::check;
use super::error::{Refusal, SaveError};
use super::factors::{self, Store};
use super::load;
use super::schema::{Factors, Session};
use super::text;
use crate::edit::MomentSource;
use std::io;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// Writes `session` to `path` and the factors of its edits beside it.
///
/// The order makes it atomic as a pair: first the factor file, which then
/// holds what the text on disk needs *and* what the new text will need; then
/// the text. Both are written elsewhere and renamed. An edit without an entry
/// in `factors` is saved as text alone.
pub fn save(session: &Session, factors: &Factors, path: &Path) -> Result<(), SaveError> {
    let path = &real(path);
    let write = |source| SaveError::Write {
        path: path.clone(),
        source,
    };
    let unsound = |why| SaveError::Unsound {
        path: path.clone(),
        why,
    };
    let encode = |reason| SaveError::Encode {
        path: path.clone(),
        reason,
    };
    let name = path
        .file_name()
        .and_then(|name| name.to_str()?.strip_suffix(".toml"));
    let (Some(folder), Some(name)) = (path.parent(), name.filter(|name| !name.is_empty())) else {
        return Err(SaveError::Name { path: path.clone() });
    };
    let file = format!("{name}.safetensors");
    let prepare = || {
        let store = store(session, factors).map_err(unsound)?;
        let named = (!store.is_empty()).then(|| file.clone());
        let session = on_disk(session, factors, folder, named);
        check::session(&session).map_err(unsound)?;
        let table = table(&session).map_err(|e| encode(e.to_string()))?;
        check::finite(&table).map_err(unsound)?;
        Ok((store, text::write(&table)))
    };
    // Of a thousand edits, reading what is there takes as long as writing anew.
    let (old, new) = rayon::join(|| replaceable(path), prepare);
    let old = old?.filter(|old| old.factors.as_ref() == Some(&file));
    let (store, text) = new?;

    let beside = folder.join(&file);
    let old = old
        .map(|old| factors::salvage(&old, folder))
        .unwrap_or_default();
    let missing = store.keys().any(|name| !old.contains_key(name));
    if missing {
        if !factors::is_ours(&beside).map_err(write)? {
            return Err(SaveError::NotOurs { path: beside });
        }
        let both = old.into_iter().chain(store).collect();
        let data = factors::encode(&both).map_err(encode)?;
        write_atomically(&beside, &data).map_err(write)?;
    }
    write_atomically(path, text.as_bytes()).map_err(write)
}

/// A session's file for a name given by hand: `.toml` may be left out.
pub fn named(path: &Path) -> PathBuf {
    if path.extension().is_some_and(|e| e == "toml") {
        return path.to_owned();
    }
    let mut name = path.as_os_str().to_owned();
    name.push(".toml");
    name.into()
}

/// What is in the way at `path`: nothing, or the session to replace. Anything
/// else stays.
fn replaceable(path: &Path) -> Result<Option<Session>, SaveError> {
    match load::read(path).map_err(|e| e.why) {
        Ok(session) => Ok(Some(session)),
        Err(Refusal::Unreadable(e)) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(Refusal::Unreadable(source)) => Err(SaveError::Write {
            path: path.to_owned(),
            source,
        }),
        Err(_) => Err(SaveError::NotOurs {
            path: path.to_owned(),
        }),
    }
}

/// Follows a link, so that saving replaces the file and not the link.
fn real(path: &Path) -> PathBuf {
    let path = path.canonicalize().or_else(|_| std::path::absolute(path));
    path.unwrap_or_default()
}

fn store(session: &Session, factors: &Factors) -> Result<Store, Refusal> {
    let mut store = Store::new();
    for edit in &session.edits {
        for delta in factors.get(&edit.id).into_iter().flatten() {
            factors::sound(delta, edit.id, &session.model)?;
            store.insert(factors::name(&factors::reference(delta)), delta.clone());
        }
    }
    Ok(store)
}

/// The session as the file has it: every factor named by its hash, and files
/// in the session's folder named from there.
fn on_disk(session: &Session, factors: &Factors, folder: &Path, file: Option<String>) -> Session {
    let mut session = Session {
        factors: file,
        ..session.clone()
    };
    for edit in &mut session.edits {
        let deltas = factors.get(&edit.id).into_iter().flatten();
        edit.factors = deltas.map(factors::reference).collect();
        if let MomentSource::File(file) | MomentSource::Text(file) = &mut edit.asked.moments {
            let whole = std::path::absolute(&file).unwrap_or_else(|_| file.clone());
            *file = whole
                .strip_prefix(folder)
                .map(Path::to_owned)
                .unwrap_or(whole);
        }
    }
    session
}

/// As TOML, what was measured rounded to what is worth reading, and nothing
/// said twice.
pub fn table(session: &Session) -> Result<Table, toml::ser::Error> {
    let mut table = Table::try_from(session)?;
    // The conversion knows no dates.
    table.insert("saved".into(), Value::Datetime(session.saved));
    for name in ["edit", "trace"] {
        for item in table
            .get_mut(name)
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            if let Some(result) = item.get_mut("result") {
                round(result);
                if let (Some(result), "edit") = (result.as_table_mut(), name) {
                    result.remove("templates");
                    result.remove("hyper");
                }
            }
        }
    }
    table.get_mut("probes").into_iter().for_each(round);
    Ok(table)
}

/// Six significant digits: the last ones of an f32 differ from one machine to
/// the next, and would fill a diff with noise.
fn round(value: &mut Value) {
    match value {
        Value::Float(number) => *number = rounded(*number),
        Value::Array(items) => items.iter_mut().for_each(round),
        Value::Table(table) => table.iter_mut().for_each(|(_, value)| round(value)),
        _ => {}
    }
}

pub(super) fn rounded(number: f64) -> f64 {
    format!("{number:.5e}").parse().unwrap_or(number)
}
