//! `pentimento model`: what a model is, and making one.

use super::client::Client;
use super::error::CliError;
use super::table::{Align, Table, size};
use super::train::{self, ExamineArgs, TrainArgs};
use super::{Context, calibrate, forensics, models, moments, open};
use crate::config::Config;
use crate::engine::ModelInfo;
use crate::hub::Settings;
use std::io::{self, Write};

#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Print what the model is: shape, device, hash of its weights
    Info {
        /// Print one line of JSON
        #[arg(long)]
        json: bool,
    },
    /// List the models on this machine
    List {
        /// Print one line of JSON
        #[arg(long)]
        json: bool,
    },
    /// Fetch a model of the Hugging Face hub, or bring it up to date
    ///
    /// What an interrupted fetch brought is kept; the same command goes on from
    /// there. Honours HF_HOME, HF_HUB_CACHE, HF_ENDPOINT, HF_TOKEN and HF_HUB_OFFLINE.
    Fetch {
        // No doc comment: its brackets would be a link.
        #[arg(
            value_name = "MODEL",
            help = "ORGANISATION/NAME[:QUANTISATION][@REVISION], or a short name like gpt2-medium"
        )]
        id: String,
    },
    Diff(forensics::Args),
    Moments(moments::Args),
    Calibrate(calibrate::Args),
    Train(TrainArgs),
    Examine(ExamineArgs),
}

pub fn run(command: Command, context: &Context, out: &mut dyn Write) -> Result<(), CliError> {
    match command {
        Command::Info { json } => {
            let client = Client::start(context)?;
            let info = open::load(&client, context.open.spec(None)?)?;
            if json {
                serde_json::to_writer(&mut *out, &info)?;
                return Ok(writeln!(out)?);
            }
            Ok(print(&info, out)?)
        }
        Command::List { json } => {
            let mut settings = Settings::from_env();
            settings.places.folders = Config::of_user()?.models.folders;
            Ok(models::list(&settings, json, out)?)
        }
        Command::Fetch { id } => models::fetch(&Settings::from_env(), &id, context, out),
        Command::Diff(args) => forensics::run(&args, context, out),
        Command::Moments(args) => moments::run(args, context, out),
        Command::Calibrate(args) => calibrate::run(&args, context, out),
        Command::Train(args) => train::train(&args, &context.open).map_err(failed),
        Command::Examine(args) => train::examine(&args, &context.open, out).map_err(failed),
    }
}

/// A closed pipe stays one; everything else is told with its causes.
fn failed(report: color_eyre::Report) -> CliError {
    match report.downcast::<io::Error>() {
        Ok(error) => CliError::Output(error),
        Err(report) => CliError::Failed(format!("{report:#}")),
    }
}

/// What the weights take in each precision.
fn memory(parameters: usize) -> String {
    let at = |name: &str, bytes: usize| format!("{} {name}", size((parameters * bytes) as u64));
    format!("{}, {} or f16", at("f32", 4), at("bf16", 2))
}

fn moments(layers: &[usize]) -> String {
    match layers {
        [] => "none cached".into(),
        _ => {
            let layers: Vec<String> = layers.iter().map(usize::to_string).collect();
            format!("cached for layer {}", layers.join(", "))
        }
    }
}

fn print(info: &ModelInfo, out: &mut dyn Write) -> io::Result<()> {
    let mut table = Table::new(&[Align::Left, Align::Left]);
    let shape = format!(
        "{} layers, {} heads, {} wide, MLP {}",
        info.layers, info.heads, info.d, info.d_mlp
    );
    for (name, value) in [
        ("model", info.name.clone()),
        ("family", info.family.clone()),
        ("shape", shape),
        (
            "parameters",
            format!("{:.1} million", info.parameters as f64 / 1e6),
        ),
        ("vocabulary", info.vocab.to_string()),
        ("context", format!("{} tokens", info.context)),
        ("device", format!("{} {}", info.device, info.dtype)),
        ("memory", memory(info.parameters)),
        ("second moments", moments(&info.moments)),
        ("sha256", info.sha256.clone()),
    ] {
        table.row([name.to_string(), value]);
    }
    table.write(out)?;
    if !info.examples.is_empty() {
        writeln!(out, "\nfacts to begin with")?;
        let mut table = Table::new(&[Align::Left, Align::Left, Align::Left]);
        for [prompt, subject, _, target] in &info.examples {
            table.row([prompt.as_str(), subject, &format!("→ {target}")]);
        }
        table.write(out)?;
    }
    Ok(())
}
