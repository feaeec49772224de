//! The exact factors of a session's edits, a safetensors file.
//!
//! Every tensor's name carries a hash of its content and the session's text
//! says which hashes it needs. So the file can be rewritten before the text
//! is: it then holds what the old text needs and what the new one will, and
//! whichever text a crash leaves behind finds its tensors.

use super::error::Refusal;
use super::hash::hex;
use super::schema::{FactorRef, Factors, Model, Session};
use crate::edit::Delta;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The metadata entry that tells a factor file from any other safetensors.
const MARK: (&str, &str) = ("pentimento", "factors 1");

/// As the safetensors format limits it.
const HEADER_LIMIT: u64 = 100_000_000;

/// What a factor file holds: r and u by layer and content.
pub type Store = BTreeMap<String, Delta>;

/// The reference a session keeps to `delta`.
pub fn reference(delta: &Delta) -> FactorRef {
    let mut hasher = Sha256::new();
    for number in [delta.layer, delta.rank, delta.r.len(), delta.u.len()] {
        hasher.update((number as u64).to_le_bytes());
    }
    hasher.update(bytes(&delta.r));
    hasher.update(bytes(&delta.u));
    hasher.update(bytes(&delta.bias));
    FactorRef {
        layer: delta.layer,
        rank: delta.rank,
        sha256: hex(&hasher.finalize()),
    }
}

/// The store's name for a factor.
pub fn name(factor: &FactorRef) -> String {
    format!("layer.{}.{}", factor.layer, factor.sha256)
}

/// The safetensors file of a store: `NAME.r` [d, m] and `NAME.u` [d_k, m]; of a
/// dense change `NAME.u` alone, `[d_k·d]`; `NAME.b` `[d]` where the bias moves.
pub fn encode(store: &Store) -> Result<Vec<u8>, String> {
    let tensors = store.iter().flat_map(|(name, delta)| {
        let rank = delta.rank.max(1);
        let parts = [('r', &delta.r), ('u', &delta.u), ('b', &delta.bias)];
        let there = parts.into_iter().filter(|(_, values)| !values.is_empty());
        there.map(move |(which, values)| {
            let rank = if which == 'b' { 1 } else { rank };
            let shape = vec![values.len() / rank, rank];
            (format!("{name}.{which}"), shape, bytes(values))
        })
    });
    let mark = HashMap::from([(MARK.0.to_string(), MARK.1.to_string())]);
    pack(&tensors.collect::<Vec<_>>(), mark)
}

/// A safetensors file of f32 tensors: name, shape, bytes.
pub fn pack(
    tensors: &[(String, Vec<usize>, Vec<u8>)],
    metadata: HashMap<String, String>,
) -> Result<Vec<u8>, String> {
    let views = tensors.iter().map(|(name, shape, data)| {
        let view = TensorView::new(Dtype::F32, shape.clone(), data);
        view.map(|view| (name.as_str(), view))
    });
    let views: Vec<(&str, TensorView)> =
        views.collect::<Result<_, _>>().map_err(|e| e.to_string())?;
    safetensors::serialize(views, Some(metadata)).map_err(|e| e.to_string())
}

/// The factors that `session` names, read from the file beside it in
/// `folder`, every one checked against its hash and against the model.
pub fn read(session: &Session, folder: &Path) -> Result<Factors, Refusal> {
    let Some(file) = &session.factors else {
        return Ok(Factors::new());
    };
    let imported = session.edits.iter().any(|e| e.asked.is_imported());
    let path = within_folder(folder, file, imported)?;
    let damaged = |reason: String| Refusal::DamagedFactors {
        file: file.clone(),
        reason,
        imported,
    };
    let data = fs::read(&path).map_err(|e| damaged(e.to_string()))?;
    let tensors = parse(&data).map_err(&damaged)?;
    let mut factors = Factors::new();
    for edit in session.edits.iter().filter(|edit| !edit.factors.is_empty()) {
        let mut deltas = Vec::with_capacity(edit.factors.len());
        for factor in &edit.factors {
            let delta = find(&tensors, factor).map_err(&damaged)?;
            sound(&delta, edit.id, &session.model)?;
            deltas.push(delta);
        }
        factors.insert(edit.id, deltas);
    }
    Ok(factors)
}

/// Whether a delta can be added to this model's weights.
pub fn sound(delta: &Delta, edit: u64, model: &Model) -> Result<(), Refusal> {
    let (layer, rank) = (delta.layer, delta.rank);
    let (r, u) = match delta.is_dense() {
        true => (0, model.d_mlp * model.d),
        false => (model.d * rank, model.d_mlp * rank),
    };
    let b = if delta.bias.is_empty() { 0 } else { model.d };
    let parts = [
        ('r', &delta.r, r),
        ('u', &delta.u, u),
        ('b', &delta.bias, b),
    ];
    for (tensor, values, wanted) in parts {
        if values.len() != wanted {
            let rank = rank.max(1);
            let found = vec![values.len() / rank, rank];
            let expected = vec![wanted / rank, rank];
            return Err(Refusal::WrongShape {
                edit,
                layer,
                tensor,
                found,
                expected,
            });
        }
        if let Some(i) = values.iter().position(|v| !v.is_finite()) {
            let field = format!("factors of edit {edit}, layer {layer}, {tensor}[{i}]");
            return Err(Refusal::NotFinite {
                field,
                value: values[i].to_string(),
            });
        }
    }
    Ok(())
}

/// What a factor file holds of a session's factors; damage is no error here,
/// because this only serves to keep what can be kept.
pub fn salvage(session: &Session, folder: &Path) -> Store {
    let path = session
        .factors
        .as_ref()
        .and_then(|file| within_folder(folder, file, false).ok());
    let Some(data) = path.and_then(|path| fs::read(path).ok()) else {
        return Store::new();
    };
    let Ok(tensors) = parse(&data) else {
        return Store::new();
    };
    let refs = session.edits.iter().flat_map(|edit| &edit.factors);
    refs.filter_map(|factor| Some((name(factor), find(&tensors, factor).ok()?)))
        .collect()
}

/// Whether a file at `path` may be replaced: it is one of ours, or not there.
/// Reads the header alone, since the file may be somebody's model.
pub fn is_ours(path: &Path) -> io::Result<bool> {
    let mut file = match File::open(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(true),
        other => other?,
    };
    if !file.metadata()?.is_file() {
        return Ok(false);
    }
    let mut head = Vec::new();
    file.by_ref().take(8).read_to_end(&mut head)?;
    let Ok(length) = <[u8; 8]>::try_from(head.as_slice()).map(u64::from_le_bytes) else {
        return Ok(false);
    };
    let mut header = Vec::new();
    file.take(length.min(HEADER_LIMIT))
        .read_to_end(&mut header)?;
    let header: serde_json::Value = serde_json::from_slice(&header).unwrap_or_default();
    Ok(header["__metadata__"][MARK.0] == MARK.1)
}

/// The file's path, unless it is not there or leads elsewhere. `imported`: what
/// is in it cannot be made again.
fn within_folder(folder: &Path, file: &str, imported: bool) -> Result<PathBuf, Refusal> {
    super::check::bare_file_name(file)?;
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let path = folder.join(file);
    let real = match path.canonicalize() {
        Ok(real) => real,
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            return Err(Refusal::MissingFactors {
                file: file.into(),
                imported,
            });
        }
        Err(e) => {
            return Err(Refusal::DamagedFactors {
                file: file.into(),
                reason: e.to_string(),
                imported,
            });
        }
    };
    let home = folder.canonicalize().map_err(Refusal::Unreadable)?;
    if real.parent() != Some(&home) {
        return Err(Refusal::OutsideFolder { name: file.into() });
    }
    if !real.is_file() {
        let reason = "it is not a plain file".into();
        return Err(Refusal::DamagedFactors {
            file: file.into(),
            reason,
            imported,
        });
    }
    Ok(path)
}

fn parse(data: &[u8]) -> Result<SafeTensors<'_>, String> {
    SafeTensors::deserialize(data).map_err(|e| e.to_string())
}

/// A factor's tensors, sound by their hash.
fn find(tensors: &SafeTensors, factor: &FactorRef) -> Result<Delta, String> {
    let name = name(factor);
    let read = |which: char, needed: bool| -> Result<Vec<f32>, String> {
        let tensor = format!("{name}.{which}");
        let view = match tensors.tensor(&tensor) {
            Ok(view) => view,
            Err(_) if !needed => return Ok(Vec::new()),
            Err(_) => return Err(format!("it has no `{tensor}`")),
        };
        if view.dtype() != Dtype::F32 {
            return Err(format!("`{tensor}` is {:?}, not F32", view.dtype()));
        }
        let value = |b: &[u8]| f32::from_le_bytes([b[0], b[1], b[2], b[3]]);
        Ok(view.data().chunks_exact(4).map(value).collect())
    };
    let delta = Delta {
        layer: factor.layer,
        rank: factor.rank,
        r: read('r', factor.rank > 0)?,
        u: read('u', true)?,
        bias: read('b', false)?,
    };
    if reference(&delta) != *factor {
        return Err(format!("`{name}` is not what was saved: its hash differs"));
    }
    Ok(delta)
}

pub(super) fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}
