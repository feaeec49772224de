//! Edits taken away: as an adapter, as merged weights, as bare factors.

mod delta;
mod gguf;
mod gguf_file;
mod gguf_model;
mod gguf_scan;
mod low_rank;
mod merged;
mod peft;

use super::atomic::{replace, write_atomically};
use super::schema::{Factors, SavedEdit, Session};
use crate::edit::Delta;
use crate::model::{ModelError, Source};
use gguf_file::GgufFile;
use serde_json::json;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// What an export is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A LoRA adapter in PEFT's layout, a folder.
    Peft,
    /// A LoRA adapter for llama.cpp, a file.
    Gguf,
    /// The whole model with the edits in it, a folder.
    Merged,
    /// The whole model with the edits in it as the GGUF file it came as, the edited
    /// matrices in F16.
    GgufModel,
    /// The same, the edited matrices in F32.
    GgufModelF32,
    /// The factors alone, a safetensors file.
    Delta,
}

impl Form {
    pub const ALL: [Form; 6] = [
        Form::Peft,
        Form::Gguf,
        Form::Merged,
        Form::GgufModel,
        Form::GgufModelF32,
        Form::Delta,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Form::Peft => "peft",
            Form::Gguf => "gguf",
            Form::Merged => "merged",
            Form::GgufModel => "gguf-model",
            Form::GgufModelF32 => "gguf-model-f32",
            Form::Delta => "delta",
        }
    }

    /// Whether it is a folder.
    pub fn is_folder(self) -> bool {
        matches!(self, Form::Peft | Form::Merged)
    }
}

/// Why nothing was exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error("no edit of this session is on: there is nothing to export")]
    Nothing,
    #[error("{} exists: name a new one", .0.display())]
    Exists(PathBuf),
    #[error(
        "the change of edit {id} ({method}) is dense, it has no small factors: export it as merged, gguf-model or delta"
    )]
    Dense { id: u64, method: String },
    #[error("llama.cpp has no {0}, so a GGUF adapter for it cannot be loaded: export it as peft")]
    NoArchitecture(&'static str),
    #[error(
        "the session's model is no GGUF file: export it as merged, and convert that folder with \
         llama.cpp's convert_hf_to_gguf.py"
    )]
    NotGguf,
    #[error("{} cannot be copied: {reason}", path.display())]
    Copy { path: PathBuf, reason: String },
    #[error(
        "the edited matrix of layer {0} holds values that F16 cannot: export it as gguf-model-f32"
    )]
    BeyondF16(usize),
    #[error("the model's files have no tensor {0:?}: is this the model of the session?")]
    NoTensor(String),
    #[error("cannot write {}: {source}", path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the file cannot be put together: {0}")]
    Encode(String),
    #[error(transparent)]
    Model(#[from] ModelError),
}

/// Writes the edits that are on, at their scales, to `to`, which must not exist.
pub fn export(
    session: &Session,
    factors: &Factors,
    source: &Source,
    form: Form,
    to: &Path,
) -> Result<(), ExportError> {
    let on = on(session, factors);
    if on.is_empty() {
        return Err(ExportError::Nothing);
    }
    if to.symlink_metadata().is_ok() {
        return Err(ExportError::Exists(to.to_owned()));
    }
    let config = source.config()?;
    match form {
        Form::Gguf => write_gguf(to, &gguf::file(&on, &config)?),
        Form::GgufModel | Form::GgufModelF32 => {
            let wide = form == Form::GgufModelF32;
            let model = gguf_model::Model::open(&on, &config, source, wide)?;
            write_gguf(to, &model.file(session)?)
        }
        Form::Delta => write(to, &delta::file(&on, &config, session)?),
        Form::Peft => {
            let files = peft::files(&on, &config, &session.model.id)?;
            in_folder(to, |folder| {
                let mut files = files.iter();
                files.try_for_each(|(name, data)| write(&folder.join(name), data))
            })
        }
        Form::Merged => in_folder(to, |folder| merged::write_to(folder, &on, &config, source)),
    }
}

/// A folder that is whole or not there.
fn in_folder(
    to: &Path,
    fill: impl FnOnce(&Path) -> Result<(), ExportError>,
) -> Result<(), ExportError> {
    let failed = |source| ExportError::Write {
        path: to.to_owned(),
        source,
    };
    let beside = match to.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    let folder = builder.prefix(".pentimento-").tempdir_in(beside);
    let folder = folder.map_err(failed)?;
    // The user knows the place that was named, not the folder that becomes it.
    fill(folder.path()).map_err(|error| match error {
        ExportError::Write { source, .. } => failed(source),
        other => other,
    })?;
    std::fs::rename(folder.path(), to).map_err(failed)
}

/// Changes by layer, each with its α.
type Edited<'a> = BTreeMap<usize, Vec<(&'a Delta, f64)>>;

fn edited<'a>(on: &[On<'a>]) -> Edited<'a> {
    let mut edited = Edited::new();
    for On { edit, deltas } in on {
        for delta in *deltas {
            let of = edited.entry(delta.layer).or_default();
            of.push((delta, edit.alpha));
        }
    }
    edited
}

/// What an edit is, for whoever finds it in a file.
fn about(On { edit, .. }: &On) -> serde_json::Value {
    let requests: Vec<_> = edit.asked.requests().collect();
    json!({
        "requests": requests,
        "origin": edit.asked.origin,
        "method": edit.asked.method.name(),
        "alpha": edit.alpha,
    })
}

/// An edit that is on with its changes.
struct On<'a> {
    edit: &'a SavedEdit,
    deltas: &'a [Delta],
}

fn on<'a>(session: &'a Session, factors: &'a Factors) -> Vec<On<'a>> {
    let on = session.edits.iter().filter(|e| e.on && e.alpha != 0.0);
    on.filter_map(|edit| {
        let deltas = factors.get(&edit.id)?;
        Some(On { edit, deltas })
    })
    .collect()
}

fn write_gguf(path: &Path, file: &GgufFile) -> Result<(), ExportError> {
    let failed = |source| ExportError::Write {
        path: path.to_owned(),
        source,
    };
    // What went wrong while a tensor was made travels inside.
    let own = |e: io::Error| e.downcast().unwrap_or_else(failed);
    replace(path, |out| file.write(out)).map_err(own)
}

fn write(path: &Path, data: &[u8]) -> Result<(), ExportError> {
    write_atomically(path, data).map_err(|source| ExportError::Write {
        path: path.to_owned(),
        source,
    })
}
