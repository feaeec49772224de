//! Whose key a change answers to: the subjects at whose last token it writes most.

use super::Result;
use super::data::{Change, Keys, Response};
use crate::edit::context::{Row, dot, read_sites};
use crate::model::probe::{Point, Probe, Site};
use crate::model::{Decoder, Tokens};

/// Subjects that one pass reads.
const ROWS: usize = 256;
/// Subjects that are told.
const TOLD: usize = 3;

/// Reads the keys of every subject in the model before the change, and fills in
/// `keys` of the changes to MLP outputs; with them the sign of their directions is
/// known. Subjects that the tokenizer cannot tell are left out.
pub fn fill<P: Probe>(
    changes: &mut [Change],
    decoder: &Decoder,
    tokens: &Tokens,
    subjects: &[&str],
    probe: &mut P,
) -> Result<()> {
    let known: Vec<(&str, Row)> = subjects
        .iter()
        .filter_map(|subject| Some((*subject, Row::new(tokens, "{}", "{}", subject).ok()?)))
        .filter(|(_, row)| decoder.check_length(row.ids.len()).is_ok())
        .collect();
    let rows: Vec<Row> = known.iter().map(|(_, row)| row.clone()).collect();
    let mut changes: Vec<&mut Change> = changes.iter_mut().filter(|c| c.first.is_some()).collect();
    let sites = changes.iter().filter_map(|change| change.down_of);
    let sites: Vec<Site> = sites.map(|l| Site::new(l, Point::MlpKey)).collect();
    let mut met: Vec<Vec<f64>> = vec![Vec::with_capacity(rows.len()); changes.len()];
    for rows in rows.chunks(ROWS) {
        let read = read_sites(decoder, rows, &sites, probe)?;
        for ((met, change), keys) in met.iter_mut().zip(&changes).zip(read) {
            if let Some([_, direction]) = &change.first {
                met.extend(
                    keys.iter()
                        .map(|key| change.largest() * dot(direction, key)),
                );
            }
        }
    }
    for (change, met) in changes.iter_mut().zip(met) {
        let names = known.iter().map(|(subject, _)| (*subject).to_owned());
        let mut all: Vec<Response> = names
            .zip(met)
            .map(|(subject, response)| Response { subject, response })
            .collect();
        all.sort_by(|a, b| b.response.abs().total_cmp(&a.response.abs()));
        // A singular vector has no sign of its own: its strongest key is met positively.
        if all.first().is_some_and(|first| first.response < 0.0) {
            all.iter_mut().for_each(|r| r.response = -r.response);
            turn(change);
        }
        change.keys = (!all.is_empty()).then(|| Keys {
            subjects: all.len(),
            median: all[all.len() / 2].response.abs(),
            strongest: all.into_iter().take(TOLD).collect(),
        });
    }
    Ok(())
}

/// Turns both directions of a change round: together they say the same.
fn turn(change: &mut Change) {
    let both = change.first.iter_mut().flatten();
    both.flatten().for_each(|x| *x = -*x);
}
