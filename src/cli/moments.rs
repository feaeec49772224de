//! `pentimento model moments`: second moments before they are needed.

use super::client::Client;
use super::error::CliError;
use super::table::{Align, Table};
use super::{Context, open};
use crate::edit::{Hyper, MomentSource};
use crate::engine::{Outcome, Spec};
use serde_json::json;
use std::io::Write;
use std::path::PathBuf;

/// Collect the second moments of keys that edits need
///
/// All layers in one pass over the text; what is cached is not collected again.
/// Ctrl-C keeps what was counted: the same command goes on from there.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Layers: 5, 5-9, or 3,5-9
    #[arg(long, value_name = "LAYERS", value_parser = layers)]
    layers: Layers,
    /// Text to read; paragraphs stand between blank lines [default: the program's own]
    #[arg(long, value_name = "FILE")]
    text: Option<PathBuf>,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layers(pub Vec<usize>);

/// More layers than any model has are a slip of the finger.
const MOST: usize = 1 << 10;

/// Layers, from 5, 5-9, or 3,5-9.
pub fn layers(text: &str) -> Result<Layers, String> {
    let mut layers = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let number = |text: &str| text.trim().parse::<usize>().ok();
        match (number(first), number(last)) {
            (Some(first), Some(last)) if first <= last && last < MOST => {
                layers.extend(first..=last)
            }
            _ => return Err("write layers as 5, 5-9 or 3,5-9".into()),
        }
    }
    layers.sort_unstable();
    layers.dedup();
    Ok(Layers(layers))
}

pub fn run(args: Args, context: &Context, out: &mut dyn Write) -> Result<(), CliError> {
    let client = Client::start(context)?;
    let info = open::load(&client, context.open.spec(None)?)?;
    let spec = Spec::Moments {
        layers: args.layers.0,
        source: args.text.map_or(MomentSource::Auto, MomentSource::Text),
        lambda: Hyper::default().ridge,
    };
    let (rows, not_kept) = match client.run(spec) {
        Ok(Outcome::Moments { layers, not_kept }) => (layers, not_kept),
        Ok(_) => return Err(CliError::EngineEnded),
        Err(CliError::Cancelled) => return Err(CliError::Stopped),
        Err(error) => return Err(error),
    };
    if args.json {
        let layers: Vec<_> = rows
            .iter()
            .map(|(layer, health)| json!({"layer": layer, "second_moment": health}))
            .collect();
        writeln!(out, "{}", json!({"model": info.name, "layers": layers}))?;
        return kept(not_kept);
    }
    let mut table = Table::new(&[Align::Right; 5]);
    table.row(["layer", "tokens", "per dimension", "condition", "drift"]);
    for (layer, health) in &rows {
        let drift = health
            .drift
            .map_or("?".into(), |d| format!("{:.2} %", 100.0 * d));
        table.row([
            layer.to_string(),
            health.tokens.to_string(),
            format!("{:.1}", health.tokens_per_dim),
            format!("{:.0e}", health.condition),
            drift,
        ]);
    }
    table.write(out)?;
    kept(not_kept)
}

/// To keep them is what was asked for.
fn kept(not_kept: Option<String>) -> Result<(), CliError> {
    not_kept.map_or(Ok(()), |words| Err(CliError::Failed(words)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_layers_are_read() {
        assert_eq!(layers("5").unwrap().0, [5]);
        assert_eq!(layers("7-9,3,8").unwrap().0, [3, 7, 8, 9]);
        for text in ["", "9-5", "a", "1-", "-1", "0-99999"] {
            assert!(layers(text).is_err(), "{text:?}");
        }
    }
}
