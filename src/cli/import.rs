//! `pentimento session import`: an adapter that was made elsewhere, as an edit.

use super::client::Client;
use super::error::CliError;
use super::trace::free;
use super::{Context, open, report};
use crate::edit::Delta;
use crate::engine::{Spec, from_session};
use crate::model::source::Source;
use crate::session::import::peft::{self, Onto};
use crate::session::import::{self, Brought};
use crate::session::save::named;
use crate::session::{self, Factors, SavedEdit, Session};
use serde_json::json;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

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
    let save = free(Some(&args.save), args.on.as_deref())?;
    let save = save.unwrap_or_else(|| args.save.clone());
    let client = Client::start(context)?;
    let (_, session, factors) = open::restore(&client, &context.open, args.on.as_deref())?;
    let source = context.open.spec(Some(&session.model))?.source;
    let config = source.config();
    let config = config.map_err(|e| CliError::Failed(e.to_string()))?;
    let onto = Onto {
        config: &config,
        model: &session.model.id,
        only_mlp: args.only_mlp,
    };
    let brought = peft::read(&args.adapter, &onto);
    let brought = brought.map_err(|e| CliError::Failed(e.to_string()))?;
    let kept = keep(&client, session, factors, brought, &source, &save)?;
    if args.json {
        return Ok(writeln!(out, "{}", kept.json())?);
    }
    Ok(kept.print(out)?)
}

/// An imported edit in a session that was saved.
pub(super) struct Kept {
    edit: SavedEdit,
    /// Of each layer's change; `None` where it is dense.
    ranks: Vec<Option<usize>>,
    path: PathBuf,
}

/// Puts what was brought on top of a session whose model is open, and saves that.
pub(super) fn keep(
    client: &Client,
    mut session: Session,
    mut factors: Factors,
    brought: Brought,
    source: &Source,
    path: &Path,
) -> Result<Kept, CliError> {
    let id = 1 + session.edits.iter().map(|edit| edit.id).max().unwrap_or(0);
    let edit = import::edit(id, &brought, source, &session.model.id);
    let edit = edit.map_err(|e| CliError::Failed(e.to_string()))?;
    // The engine takes it before it is saved: what it refuses is no edit.
    client.run(Spec::Adopt {
        id,
        asked: Vec::new(),
        deltas: brought.deltas.clone(),
    })?;
    session.edits.push(edit.clone());
    let edits = session.edits.iter().map(from_session::stacked).collect();
    client.run(Spec::Stack { edits })?;
    let rank = |delta: &Delta| (!delta.is_dense()).then_some(delta.rank);
    let ranks = brought.deltas.iter().map(rank).collect();
    factors.insert(id, brought.deltas);
    session.saved = session::time::now();
    let path = named(path);
    session::save(&session, &factors, &path)?;
    Ok(Kept { edit, ranks, path })
}

impl Kept {
    pub(super) fn json(&self) -> serde_json::Value {
        let report = &self.edit.result;
        json!({
            "session": self.path, "edit": self.edit.id, "origin": self.edit.asked.origin,
            "layers": report.layers, "ranks": self.ranks,
            "relative_update_norm": report.relative_update_norm, "warnings": report.warnings,
        })
    }

    pub(super) fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        report::edit(&self.edit.asked, &self.edit.result, out)?;
        let rank = |rank: &Option<usize>| rank.map_or("dense".into(), |rank| rank.to_string());
        let ranks: Vec<String> = self.ranks.iter().map(rank).collect();
        writeln!(
            out,
            "rank {}; saved to {}",
            ranks.join(", "),
            self.path.display()
        )
    }
}
