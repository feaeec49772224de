//! `pentimento model list` and `pentimento model fetch`.

use super::Context;
use super::error::CliError;
use super::progress::Progress;
use super::table::{Align, Table, size};
use crate::engine::{EventKind, Pace, Stage};
use crate::hub::{self, ModelId, Origin, Settings};
use crate::model::inventory::{self, Facts, Item};
use serde_json::json;
use std::io::{self, Write};

/// Everything that `--model` opens without a network.
pub fn list(settings: &Settings, json: bool, out: &mut dyn Write) -> io::Result<()> {
    let mut items = inventory::names(settings);
    items.iter_mut().for_each(Item::read);
    if json {
        let lines: Vec<_> = items.iter().map(in_json).collect();
        return writeln!(out, "{}", json!(lines));
    }
    use Align::{Left, Right};
    let mut table = Table::new(&[Left, Left, Right, Left, Right]);
    table.row(["model", "family", "parameters", "quantisation", "size"]);
    let mut origin = None;
    for item in &items {
        if item.origin != origin {
            origin = item.origin;
            table.row([""]);
            table.row([origin.map_or("", Origin::title)]);
        }
        match &item.facts {
            Facts::Known {
                family,
                parameters,
                quantisation,
            } => {
                let parameters = format!("{:.1} M", *parameters as f64 / 1e6);
                let bytes = size(item.bytes);
                table.row([&item.name, family, &parameters, quantisation, &bytes]);
            }
            Facts::Refused(reason) => table.row([&item.name, &format!("({reason})")]),
            Facts::Unread => table.row([&item.name]),
        }
        for words in &item.left_out {
            table.row([format!("    without {words}")]);
        }
    }
    table.write(out)?;
    if items.len() == 1 {
        writeln!(
            out,
            "\n`pentimento model fetch gpt2-medium` brings one from the hub"
        )?;
    }
    Ok(())
}

fn in_json(item: &Item) -> serde_json::Value {
    let mut line = json!({
        "model": item.name,
        "source": item.origin,
        "bytes": item.bytes,
        "path": item.path,
        "left_out": item.left_out,
    });
    match &item.facts {
        Facts::Known {
            family,
            parameters,
            quantisation,
        } => {
            line["family"] = json!(family);
            line["parameters"] = json!(parameters);
            line["quantisation"] = json!(quantisation);
        }
        Facts::Refused(reason) => line["error"] = json!(reason),
        Facts::Unread => {}
    }
    line
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
    let place = snapshot.gguf.as_ref().unwrap_or(&snapshot.folder);
    writeln!(out, "{}", place.display())?;
    Ok(())
}
