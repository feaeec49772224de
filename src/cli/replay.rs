//! `pentimento session replay`: the text of a session, run again.

use super::client::Client;
use super::error::CliError;
use super::table::{Align, Table};
use super::{Context, open, trace};
use crate::engine::{Outcome, from_session};
use crate::measure::EditReport;
use crate::session::compare::{Difference, differences};
use crate::session::text::shown;
use crate::session::{self, Factors, Model, Session};
use std::io::Write;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The session's file
    pub session: PathBuf,
    /// Report each figure that differs from the saved one, and fail if any does
    #[arg(long)]
    check: bool,
    /// How far a figure may be off: absolute below 1, relative above
    #[arg(long, value_name = "X", default_value_t = 1e-3, value_parser = trace::number)]
    tolerance: f64,
    /// Show it in the workbench, scene by scene
    #[arg(long, conflicts_with_all = ["check", "save", "json", "tolerance"])]
    pub live: bool,
    /// With --live: go on by itself, so many seconds after each scene, and quit at the end
    #[arg(long, value_name = "SECONDS", requires = "live", value_parser = trace::number)]
    pub every: Option<f64>,
    /// Save what came out
    #[arg(long, value_name = "SESSION")]
    save: Option<PathBuf>,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
}

pub fn run(
    args: &Args,
    client: &Client,
    context: &Context,
    out: &mut dyn Write,
) -> Result<(), CliError> {
    let save = trace::free(args.save.as_deref(), Some(&args.session))?;
    let saved = session::read(&args.session)?;
    let info = open::load(client, context.open.spec(Some(&saved.model))?)?;
    session::load::same_model(&args.session, &saved, &Model::from(&info))?;
    let imported = session::load::imported(&args.session, &saved)?;
    let (again, factors) = again(&saved, imported, client)?;
    if let Some(path) = save {
        session::save(&again, &factors, &path)?;
    }
    let found =
        compare(&saved, &again, args.tolerance).map_err(|e| CliError::Failed(e.to_string()))?;
    if args.json {
        serde_json::to_writer(&mut *out, &found)?;
        writeln!(out)?;
    } else {
        print(&again, &found, out)?;
    }
    match found.len() {
        differences if args.check && differences > 0 => Err(CliError::Differs { differences }),
        _ => Ok(()),
    }
}

/// The session with every result made anew, on what was `imported`, which stays
/// as it is.
fn again(
    saved: &Session,
    imported: Factors,
    client: &Client,
) -> Result<(Session, Factors), CliError> {
    open::grounded(saved, &imported)?;
    let mut again = saved.clone();
    again.saved = session::time::now();
    let mut factors = imported;
    let mut traces = again.traces.iter_mut();
    let specs = from_session::restore(saved, &factors);
    for spec in specs.into_iter().chain(from_session::look_again(saved)) {
        match client.run(spec)? {
            Outcome::Edited { id, report, deltas } => {
                factors.insert(id, deltas);
                let edit = again.edits.iter_mut().find(|edit| edit.id == id);
                if let Some(edit) = edit {
                    // How it was chosen is not made again, only the edit.
                    let validation = edit.result.validation.take();
                    edit.result = EditReport {
                        validation,
                        ..*report
                    };
                }
            }
            Outcome::Traced(report) => {
                traces
                    .next()
                    .into_iter()
                    .for_each(|trace| trace.result = (*report).clone());
            }
            Outcome::Probed(rows) => again.probes = rows,
            _ => {}
        }
    }
    Ok((again, factors))
}

fn compare(
    saved: &Session,
    now: &Session,
    tolerance: f64,
) -> Result<Vec<Difference>, toml::ser::Error> {
    let mut found = Vec::new();
    for (saved, now) in saved.edits.iter().zip(&now.edits) {
        let name = format!("edit {}", saved.id);
        found.extend(differences(&name, &saved.result, &now.result, tolerance)?);
    }
    for (i, (saved, now)) in saved.traces.iter().zip(&now.traces).enumerate() {
        found.extend(differences(
            &format!("trace {i}"),
            &saved.result,
            &now.result,
            tolerance,
        )?);
    }
    for (i, (saved, now)) in saved.probes.iter().zip(&now.probes).enumerate() {
        found.extend(differences(&format!("probe {i}"), saved, now, tolerance)?);
    }
    Ok(found)
}

fn print(again: &Session, found: &[Difference], out: &mut dyn Write) -> std::io::Result<()> {
    let imported = again.edits.iter().filter(|edit| edit.asked.is_imported());
    for edit in imported.clone() {
        writeln!(
            out,
            "edit {} ({}) was imported: taken as it is stored, not made again",
            edit.id,
            shown(&edit.asked.origin)
        )?;
    }
    let edits = again.edits.len() - imported.count();
    let traces = again.traces.len();
    writeln!(
        out,
        "made again: {edits} edits, {traces} traces; {} figures differ",
        found.len()
    )?;
    let mut table = Table::new(&[Align::Left, Align::Left, Align::Left]);
    for Difference { field, saved, now } in found {
        table.row([field.clone(), format!("was {saved}"), format!("is {now}")]);
    }
    table.write(out)
}

/// Replaying runs these jobs, in this order; nothing of it is left to chance.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Spec;
    use crate::measure::ProbeRow;
    use crate::session::MadeOn;

    #[test]
    fn figures_are_compared_by_name() {
        let mut saved = Session::new(Model::default(), MadeOn::default());
        saved.probes = vec![ProbeRow {
            p_after: 0.5,
            ..ProbeRow::default()
        }];
        let mut now = saved.clone();
        assert_eq!(compare(&saved, &now, 1e-3).unwrap(), []);
        now.probes[0].p_after = 0.6;
        assert_eq!(
            compare(&saved, &now, 1e-3).unwrap()[0].field,
            "probe 0.p_after"
        );
        let specs = from_session::look_again(&saved);
        assert!(
            matches!(&specs[..], [Spec::Stack { .. }, Spec::Probe { probes }] if probes.len() == 1)
        );
    }
}
