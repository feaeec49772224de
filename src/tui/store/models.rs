//! The models that can be opened: Atlas, the hub's cache, and the common ones
//! that are not here yet.

use super::ModelEntry;
use crate::hub::{SHORT_NAMES, Settings, cache};
use crate::model::source::{Shape, Source};

pub fn all(settings: &Settings) -> Vec<ModelEntry> {
    let cached = cache::all(settings);
    let about = |shape: Result<Shape, _>| match shape {
        Ok(Shape {
            family,
            parameters,
            bytes,
        }) => {
            let (millions, size) = (parameters as f64 / 1e6, bytes as f64 / 1e6);
            format!("{family} · {millions:.0} M parameters · {size:.0} MB")
        }
        Err(error) => crate::model::ModelError::to_string(&error),
    };
    let mut entries = vec![ModelEntry {
        name: "atlas".into(),
        about: format!("inside the program · {}", about(Source::Atlas.shape())),
        here: true,
    }];
    entries.extend(cached.iter().map(|(id, folder)| ModelEntry {
        name: id.repo.clone(),
        about: about(Source::Folder(folder.clone()).shape()),
        here: true,
    }));
    let missing = SHORT_NAMES
        .iter()
        .filter(|(_, repo)| cached.iter().all(|(id, _)| id.repo != *repo));
    entries.extend(missing.map(|(short, repo)| ModelEntry {
        name: (*short).into(),
        about: (*repo).into(),
        here: false,
    }));
    entries
}
