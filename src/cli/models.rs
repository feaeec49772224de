//! `pentimento model list` and `pentimento model fetch`.

use super::Context;
use super::error::CliError;
use super::progress::Progress;
use super::table::{Align, Table, size};
use crate::engine::{EventKind, Pace, Stage};
use crate::hub::{self, ModelId, Settings, cache};
use crate::model::source::{Shape, Source};
use serde_json::json;
use std::io::{self, Write};
use std::path::Path;

/// Everything that `--model` opens without a network.
pub fn list(settings: &Settings, json: bool, out: &mut dyn Write) -> io::Result<()> {
    let mut table = Table::new(&[Align::Left, Align::Left, Align::Right, Align::Right]);
    table.row(["model", "family", "parameters", "size"]);
    let atlas = Source::Atlas.shape();
    let found = cache::all(settings);
    let shapes = found.iter().map(|(id, folder)| {
        let shape = Source::Folder(folder.clone())
            .shape()
            .map_err(|e| e.to_string());
        (id.repo.as_str(), shape, Some(folder.as_path()))
    });
    let atlas = ("atlas", atlas.map_err(|e| e.to_string()), None::<&Path>);
    let mut lines = Vec::new();
    for (name, shape, folder) in std::iter::once(atlas).chain(shapes) {
        match &shape {
            Ok(Shape {
                family,
                parameters,
                bytes,
            }) => {
                let parameters_text = format!("{:.1} M", *parameters as f64 / 1e6);
                table.row([name, family, &parameters_text, &size(*bytes)]);
                lines.push(
                    json!({"model": name, "family": family, "parameters": parameters,
                    "bytes": bytes, "folder": folder}),
                );
            }
            Err(reason) => {
                table.row([name, &format!("({reason})"), "", ""]);
                lines.push(json!({"model": name, "error": reason, "folder": folder}));
            }
        }
    }
    if json {
        return writeln!(out, "{}", json!(lines));
    }
    table.write(out)?;
    if found.is_empty() {
        writeln!(
            out,
            "\n`pentimento model fetch gpt2-medium` brings one from the hub"
        )?;
    }
    Ok(())
}

/// Fetches with progress to stderr, and prints the folder.
pub fn fetch(
    settings: &Settings,
    id: &str,
    context: &Context,
    out: &mut dyn Write,
) -> Result<(), CliError> {
    let failed = |error: hub::HubError| match error {
        hub::HubError::Cancelled => CliError::Stopped,
        error => CliError::Failed(error.to_string()),
    };
    let id = ModelId::parse(id).map_err(failed)?;
    let mut line = Progress::to_stderr(context.quiet);
    let mut pace = None;
    let mut report = |p: &hub::Progress| {
        let pace = pace.get_or_insert_with(|| Pace::after(p.done));
        line.event(&EventKind::Progress {
            stage: Stage::Fetch,
            done: p.done,
            total: p.total,
            eta_s: pace.eta_s(p.done, p.total),
        });
    };
    let snapshot = hub::fetch(settings, &id, &mut report, &context.interrupt).map_err(failed);
    line.clear();
    let snapshot = snapshot?;
    writeln!(out, "{id} at {}", &snapshot.commit[..12])?;
    writeln!(out, "{}", snapshot.folder.display())?;
    Ok(())
}
