//! The models that can be opened: Atlas, what is on this machine, and the
//! common ones that are not here yet.

use super::{ModelEntry, Origin};
use crate::hub::{SHORT_NAMES, Settings};
use crate::model::inventory::{self, Facts, Item};
use std::time::{Duration, Instant};

/// A list that is still being read is shown anew this often.
const PACE: Duration = Duration::from_millis(100);

/// Tells the list: names at once, then what the headers say, as they are read.
/// Stops where `say` says so.
pub fn tell(settings: &Settings, say: &mut dyn FnMut(Vec<ModelEntry>) -> bool) {
    let mut items = inventory::names(settings);
    if !say(entries(&items)) {
        return;
    }
    let mut told = Instant::now();
    for nth in 0..items.len() {
        items[nth].read();
        if told.elapsed() > PACE {
            if !say(entries(&items)) {
                return;
            }
            told = Instant::now();
        }
    }
    say(entries(&items));
}

fn entries(items: &[Item]) -> Vec<ModelEntry> {
    let here = items.iter().map(|item| {
        let place = item.path.as_ref().map(|path| path.display().to_string());
        let left_out = item.left_out.iter().map(|words| format!("without {words}"));
        let about: Vec<String> = left_out.chain(place).collect();
        ModelEntry {
            name: item.name.clone(),
            origin: item.origin.map_or(Origin::Inside, Origin::Kept),
            facts: item.facts.clone(),
            bytes: Some(item.bytes),
            about: about.join(" · "),
        }
    });
    let missing = SHORT_NAMES
        .iter()
        .filter(|(_, repo)| items.iter().all(|item| item.name != *repo));
    let missing = missing.map(|(short, repo)| ModelEntry {
        name: (*short).into(),
        origin: Origin::ToFetch,
        facts: Facts::Unread,
        bytes: None,
        about: (*repo).into(),
    });
    here.chain(missing).collect()
}
