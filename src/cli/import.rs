//! `pentimento session import`: an adapter that was made elsewhere, as an edit.

use super::client::Client;
use super::error::CliError;
use super::trace::free;
use super::{Context, open, report};
use crate::engine::{Spec, from_session};
use crate::session;
use crate::session::import::peft::{self, Onto};
use crate::session::import::{self, ImportError};
use serde_json::json;
use std::io::Write;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "The adapter is a LoRA of the MLPs' output matrices in PEFT's layout, for the \
                  model that --model names. In the workbench it is switched and scaled like any \
                  edit; it cannot be made again from the session's text."
)]
pub struct Args {
    /// The folder with adapter_config.json and adapter_model.safetensors
    adapter: PathBuf,
    /// Leave out what the adapter changes beside the MLPs' output matrices
    #[arg(long)]
    only_mlp: bool,
    /// Put it on top of this session's edits
    #[arg(long, value_name = "SESSION")]
    on: Option<PathBuf>,
    /// Save the session with it
    #[arg(long, value_name = "SESSION")]
    save: PathBuf,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args, context: &Context, out: &mut dyn Write) -> Result<(), CliError> {
    let failed = |e: ImportError| CliError::Failed(e.to_string());
    let save = free(Some(&args.save), args.on.as_deref())?;
    let save = save.unwrap_or_else(|| args.save.clone());
    let client = Client::start(context)?;
    let (_, mut session, mut factors) = open::restore(&client, &context.open, args.on.as_deref())?;
    let source = context.open.spec(Some(&session.model))?.source;
    let config = source
        .config()
        .map_err(|e| CliError::Failed(e.to_string()))?;
    let onto = Onto {
        config: &config,
        model: &session.model.id,
        only_mlp: args.only_mlp,
    };
    let brought = peft::read(&args.adapter, &onto).map_err(failed)?;
    let id = 1 + session.edits.iter().map(|edit| edit.id).max().unwrap_or(0);
    let edit = import::edit(id, &brought, &source, &session.model.id).map_err(failed)?;
    // The engine takes it before it is saved: what it refuses is no edit.
    client.run(Spec::Adopt {
        id,
        asked: Vec::new(),
        deltas: brought.deltas.clone(),
    })?;
    session.edits.push(edit.clone());
    let edits = session.edits.iter().map(from_session::stacked).collect();
    client.run(Spec::Stack { edits })?;
    factors.insert(id, brought.deltas);
    session.saved = session::time::now();
    session::save(&session, &factors, &save)?;
    let ranks: Vec<usize> = factors[&id].iter().map(|delta| delta.rank).collect();
    let (origin, report) = (&edit.asked.origin, &edit.result);
    if args.json {
        let line = json!({
            "session": save, "edit": id, "origin": origin, "layers": report.layers,
            "ranks": ranks, "relative_update_norm": report.relative_update_norm,
            "warnings": report.warnings,
        });
        return Ok(writeln!(out, "{line}")?);
    }
    report::edit(&edit.asked, report, out)?;
    let ranks: Vec<String> = ranks.iter().map(usize::to_string).collect();
    writeln!(
        out,
        "rank {}; saved to {}",
        ranks.join(", "),
        save.display()
    )?;
    Ok(())
}
