//! Which model, and where it runs.

use super::client::Client;
use super::error::CliError;
use crate::engine::{LoadSpec, ModelInfo, Outcome, Source, Spec, from_session};
use crate::hub::{ModelId, StoreId};
use crate::model::brake::resident;
use crate::session::{self, Factors, Model, Session};
use clap::Args;
use std::path::Path;

#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Everywhere")]
pub struct Open {
    /// `atlas`, a folder, a GGUF file, a model of the hub, or what `model list` names [default: the session's, else atlas]
    #[arg(short, long, global = true, value_name = "MODEL")]
    pub model: Option<String>,
    /// auto, cpu, cuda or cuda:N
    #[arg(long, global = true, value_name = "DEVICE", default_value = "auto", value_parser = device)]
    pub device: String,
    /// auto, f32, bf16 or f16; packed: a GGUF's own quantisation, for large models
    #[arg(
        long, global = true, value_name = "DTYPE", default_value = "auto",
        value_parser = ["auto", "f32", "bf16", "f16", "packed"], hide_possible_values = true
    )]
    pub dtype: String,
    /// Memory that may be held, as 8GB or 700MB: what takes more ends with an error
    #[arg(long, global = true, value_name = "SIZE", value_parser = memory)]
    pub memory: Option<u64>,
}

/// Bytes, from a number and its unit.
fn memory(text: &str) -> Result<u64, String> {
    if resident().is_none() {
        return Err("this system does not tell what a process holds; leave it out".into());
    }
    let wrong = || "write a size as 8GB or 700MB".to_owned();
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.');
    let (number, unit) = text.split_at(digits.unwrap_or(text.len()));
    let unit = match unit.trim().to_ascii_uppercase().as_str() {
        "GB" | "G" => 1e9,
        "MB" | "M" => 1e6,
        _ => return Err(wrong()),
    };
    let bytes = number.parse::<f64>().map_err(|_| wrong())? * unit;
    match (1e6..1e18).contains(&bytes) {
        true => Ok(bytes as u64),
        false => Err(wrong()),
    }
}

fn device(text: &str) -> Result<String, String> {
    let known = ["auto", "cpu", "cuda"].contains(&text);
    let numbered = text
        .strip_prefix("cuda:")
        .is_some_and(|n| n.parse::<usize>().is_ok());
    if known || numbered {
        return Ok(text.into());
    }
    Err("name one of auto, cpu, cuda, cuda:N".into())
}

impl Open {
    /// The job that opens the model named on the command line, else the one a
    /// session belongs to, else Atlas.
    pub fn spec(&self, session: Option<&Model>) -> Result<LoadSpec, CliError> {
        let source = match (&self.model, session) {
            (Some(model), _) => Source::parse(model),
            (None, None) => Source::Atlas,
            (None, Some(model)) if model.id == "atlas" => Source::Atlas,
            (None, Some(model)) if Path::new(&model.id).is_dir() => Source::parse(&model.id),
            (None, Some(model)) if StoreId::parse(&model.id).is_some() => Source::parse(&model.id),
            (None, Some(model)) => match ModelId::parse(&model.id) {
                // The commit that the session was made on, not what the branch is now.
                Ok(id) => Source::Hub(ModelId {
                    revision: model.revision.clone().or(id.revision),
                    ..id
                }),
                Err(_) => {
                    return Err(CliError::WhichModel {
                        id: model.id.clone(),
                    });
                }
            },
        };
        Ok(LoadSpec {
            source,
            device: self.device.clone(),
            dtype: self.dtype.clone(),
            memory: self.memory,
        })
    }
}

/// Opens a model.
pub fn load(client: &Client, spec: LoadSpec) -> Result<ModelInfo, CliError> {
    match client.run(Spec::Load(spec))? {
        Outcome::Loaded(info) => Ok(*info),
        _ => Err(CliError::EngineEnded),
    }
}

/// A new session on the model that is open.
pub fn anew(info: &ModelInfo) -> (Session, Factors) {
    let made_on = session::MadeOn::here(&info.device, &info.dtype);
    (Session::new(Model::from(info), made_on), Factors::new())
}

/// Opens a model and, with `on`, brings it to where that session was left.
/// Without `on`: a new session.
pub fn restore(
    client: &Client,
    open: &Open,
    on: Option<&Path>,
) -> Result<(ModelInfo, Session, Factors), CliError> {
    let Some(path) = on else {
        let info = load(client, open.spec(None)?)?;
        let (session, factors) = anew(&info);
        return Ok((info, session, factors));
    };
    let info = load(client, open.spec(Some(&session::read(path)?.model))?)?;
    let (session, mut factors) = session::load(path, &Model::from(&info))?;
    grounded(&session, &factors)?;
    for spec in from_session::restore(&session, &factors) {
        // What had no factors is made again, and has them now.
        if let Outcome::Edited { id, deltas, .. } = client.run(spec)? {
            factors.insert(id, deltas);
        }
    }
    Ok((info, session, factors))
}

/// Refuses a session with an edit that is to be made again and cannot be.
pub fn grounded(session: &Session, factors: &Factors) -> Result<(), CliError> {
    match from_session::groundless(session, factors) {
        None => Ok(()),
        Some((edit, ground)) => Err(CliError::Groundless { edit, ground }),
    }
}
