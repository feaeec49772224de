//! Sessions in files, as the command line reads and writes them.

use super::lock::Mine;
use super::{NotSaved, Opened, SessionData, SessionEntry, Store};
use crate::engine::{ModelInfo, Source, Stacked};
use crate::hub::Settings;
use crate::session::export::Form;
use crate::session::{
    Autosave, Factors, MadeOn, Model, SavedEdit, Session, autosave, list, load, save,
};
use crate::tui::app::EditRecord;
use std::path::{Path, PathBuf};

/// Sessions in a folder, and autosaves in another.
pub struct Files {
    /// Where sessions are looked for: here, and in `sessions/` below.
    folder: PathBuf,
    /// `None` keeps no autosaves.
    autosaves: Option<PathBuf>,
    open: Option<Autosave>,
    /// Where models are.
    hub: Settings,
    /// Written once the tour has begun.
    toured: Option<PathBuf>,
    /// The session that no other workbench may save to.
    mine: Mine,
}

impl Files {
    pub fn new(folder: PathBuf, autosaves: Option<PathBuf>, hub: Settings) -> Files {
        Files {
            hub,
            folder,
            autosaves,
            open: None,
            toured: None,
            mine: Mine::default(),
        }
    }

    /// Tells other workbenches, by locks in this folder, which session is open here.
    pub fn locking(self, folder: Option<PathBuf>) -> Files {
        Files {
            mine: Mine::in_folder(folder),
            ..self
        }
    }

    /// Remembers in this file that the tour has begun.
    pub fn touring(self, toured: Option<PathBuf>) -> Files {
        Files { toured, ..self }
    }

    fn left_behind(&self) -> Vec<PathBuf> {
        let folder = self.autosaves.as_deref();
        folder.map(autosave::left_behind).unwrap_or_default()
    }
}

impl Store for Files {
    fn save(&mut self, path: &Path, over: bool, data: &SessionData) -> Result<PathBuf, NotSaved> {
        let path = save::named(path);
        if !over && path.exists() {
            return Err(NotSaved::Exists(path));
        }
        if !self.mine.take(&path) {
            return Err(NotSaved::Failed(format!(
                "{} is open in another workbench: save under another name",
                path.display()
            )));
        }
        let (session, factors) = session(data);
        save(&session, &factors, &path).map_err(|e| NotSaved::Failed(e.to_string()))?;
        self.discard();
        Ok(path)
    }

    fn autosave(&mut self, data: &SessionData) -> Result<(), String> {
        let Some(folder) = &self.autosaves else {
            return Ok(());
        };
        let failed = |e: &dyn std::fmt::Display| format!("this sitting is not kept safe: {e}");
        if self.open.is_none() {
            self.open = Some(Autosave::begin(folder).map_err(|e| failed(&e))?);
        }
        let (session, factors) = session(data);
        match &self.open {
            Some(open) => open.write(&session, &factors).map_err(|e| failed(&e)),
            None => Ok(()),
        }
    }

    fn discard(&mut self) {
        if let Some(open) = self.open.take() {
            open.discard();
        }
    }

    fn toured(&mut self) {
        // Where it cannot be remembered, the tour begins again: no harm.
        if let Some(path) = &self.toured {
            let folder = path.parent().map_or(Ok(()), std::fs::create_dir_all);
            let _ = folder.and_then(|()| std::fs::write(path, ""));
        }
    }

    fn list(&mut self, model: &ModelInfo) -> Result<Vec<SessionEntry>, String> {
        let mut entries: Vec<SessionEntry> = self
            .left_behind()
            .iter()
            .map(|path| {
                entry(
                    path,
                    crate::session::read(path).map_err(|e| e.why.to_string()),
                    model,
                    true,
                )
            })
            .collect();
        for folder in [self.folder.clone(), self.folder.join("sessions")] {
            let found = match list(&folder) {
                Ok(found) => found,
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => continue,
                Err(e) => return Err(format!("{}: {e}", folder.display())),
            };
            entries.extend(found.into_iter().map(|listed| {
                let session = listed.session.map(|s| *s).map_err(|why| why.to_string());
                entry(&listed.path, session, model, false)
            }));
        }
        Ok(entries)
    }

    fn places(&self) -> Settings {
        self.hub.clone()
    }

    fn load(&mut self, path: &Path, model: &ModelInfo) -> Result<(Opened, SessionData), String> {
        let path = save::named(path);
        let (session, factors) = load(&path, &Model::from(model)).map_err(|e| e.to_string())?;
        let data = data(session, factors, model);
        if !self.left_behind().contains(&path) {
            return Ok(match self.mine.take(&path) {
                true => (Opened::File(path), data),
                false => (Opened::Copy(path), data),
            });
        }
        // It becomes this sitting's own autosave before the old one goes.
        self.autosave(&data)?;
        autosave::remove(&path);
        Ok((Opened::LeftBehind, data))
    }
}

/// Writes the edits that are on; says how many.
pub fn export(form: Form, to: &Path, source: &Source, data: &SessionData) -> Result<usize, String> {
    let (session, factors) = session(data);
    crate::session::export::export(&session, &factors, source, form, to)
        .map_err(|e| e.to_string())?;
    let on = session.edits.iter().filter(|e| e.on && e.alpha != 0.0);
    Ok(on.count())
}

fn entry(
    path: &Path,
    session: Result<Session, String>,
    model: &ModelInfo,
    left_behind: bool,
) -> SessionEntry {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let mut entry = SessionEntry {
        path: path.to_owned(),
        name: if left_behind {
            format!("left behind · {stem}")
        } else {
            stem.into_owned()
        },
        about: String::new(),
        when: String::new(),
        refused: None,
        left_behind,
    };
    match session {
        Ok(session) => {
            entry.about = about(&session);
            entry.when = session
                .saved
                .to_string()
                .chars()
                .take(16)
                .collect::<String>()
                .replace('T', " ");
            if !session.model.sha256.eq_ignore_ascii_case(&model.sha256) {
                entry.refused = Some(format!("for other weights: {}", session.model.id));
            }
        }
        Err(why) => entry.refused = Some(why),
    }
    entry
}

/// "Space Needle → Paris and 2 more".
fn about(session: &Session) -> String {
    let fact = |edit: &SavedEdit| {
        let request = &edit.asked.request;
        if edit.asked.is_imported() {
            return edit.asked.origin.clone();
        }
        format!("{} → {}", request.subject, request.target.trim())
    };
    match (session.edits.first(), session.edits.len()) {
        (None, _) => format!("no edits, {} traces", session.traces.len()),
        (Some(first), 1) => fact(first),
        (Some(first), n) => format!("{} and {} more", fact(first), n - 1),
    }
}

fn session(data: &SessionData) -> (Session, Factors) {
    let made_on = MadeOn::here(&data.model.device, &data.model.dtype);
    let mut session = Session::new(Model::from(&data.model), made_on);
    let mut factors = Factors::new();
    for (stacked, record) in &data.edits {
        let mut saved = SavedEdit::new(
            stacked.id,
            record.made_on.clone(),
            &record.spec,
            &record.watch,
            &record.report,
        );
        (saved.alpha, saved.on) = (stacked.alpha, stacked.on);
        session.edits.push(saved);
        if !record.deltas.is_empty() {
            factors.insert(stacked.id, record.deltas.clone());
        }
    }
    session.probes.clone_from(&data.probes);
    session.generations.clone_from(&data.generations);
    session.traces.clone_from(&data.traces);
    (session, factors)
}

fn data(session: Session, mut factors: Factors, model: &ModelInfo) -> SessionData {
    let edits = session.edits.into_iter().map(|saved| {
        let stacked = Stacked {
            id: saved.id,
            alpha: saved.alpha,
            on: saved.on,
        };
        let record = EditRecord {
            spec: saved.asked,
            watch: saved.watch,
            made_on: saved.made_on,
            report: saved.result,
            deltas: factors.remove(&saved.id).unwrap_or_default(),
        };
        (stacked, record)
    });
    SessionData {
        model: model.clone(),
        edits: edits.collect(),
        probes: session.probes,
        traces: session.traces,
        generations: session.generations,
    }
}
