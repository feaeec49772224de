//! `pentimento edit`: rewrite a fact, and see what moved.

use super::client::Client;
use super::error::CliError;
use super::trace::{edits_on, free, number};
use super::{Context, files, open, report};
use crate::edit::{EditSpec, Hyper, LayerChoice, Method, MomentSource, Request};
use crate::engine::{Outcome, Spec};
use crate::measure::Watch;
use crate::session::{self, SavedEdit};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use std::io::Write;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
#[command(allow_negative_numbers = true)]
pub struct Args {
    /// The prompt with {} for the subject: "{} is in the city of"
    #[arg(short, long, value_parser = with_braces)]
    prompt: String,
    /// What the fact is about
    #[arg(short, long, value_parser = not_empty)]
    subject: String,
    /// What the model shall say from now on
    #[arg(short, long, value_parser = not_empty)]
    target: String,
    /// r-rome, rome, or direct
    #[arg(
        long, default_value = Method::default().name(), value_parser = method(),
        hide_possible_values = true
    )]
    method: Method,
    /// The layer to rewrite [default: the model's known one, else what a trace suggests]
    #[arg(short, long, value_name = "N")]
    layer: Option<usize>,
    /// Context templates, a JSON list of strings with {} [default: sampled from the model]
    #[arg(long, value_name = "FILE")]
    templates: Option<PathBuf>,
    /// Second moment of the keys: safetensors with one tensor `second_moment`
    #[arg(long, value_name = "FILE", conflicts_with = "text")]
    second_moment: Option<PathBuf>,
    /// Text to collect the second moment over [default: the built-in sample]
    #[arg(long, value_name = "FILE")]
    text: Option<PathBuf>,
    /// Probes to watch, JSONL of {prompt, expected}
    #[arg(long, value_name = "FILE")]
    probes: Option<PathBuf>,
    /// Neighbours to propose and watch
    #[arg(long, value_name = "N", default_value_t = 10)]
    propose: usize,
    /// The old answer [default: the unedited model's own]
    #[arg(long = "true", value_name = "A")]
    true_answer: Option<String>,
    /// Continue the prompt by N tokens before and after
    #[arg(short, long, value_name = "N", default_value_t = 0)]
    generate: usize,
    /// Draws templates and continuations
    #[arg(long, default_value_t = 1)]
    seed: u32,
    /// Edit on top of this session's edits
    #[arg(long, value_name = "SESSION")]
    on: Option<PathBuf>,
    /// Save the session with this edit in it
    #[arg(long, value_name = "SESSION")]
    save: Option<PathBuf>,
    /// What was found, in your words, for the saved session
    #[arg(long, value_name = "TEXT", requires = "save")]
    notes: Option<String>,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    hyper: HyperArgs,
}

/// The hyper-parameters of v*; what is left out is the model's default.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Hyper-parameters [default: the model's]")]
struct HyperArgs {
    /// Evaluations of the loss
    #[arg(long, value_name = "N")]
    steps: Option<usize>,
    /// Adam's learning rate
    #[arg(long, value_name = "X", value_parser = number)]
    lr: Option<f64>,
    /// Weight of the KL term at "{subject} is a"
    #[arg(long, value_name = "X", value_parser = number)]
    kl_factor: Option<f64>,
    /// Weight of ‖δ‖/‖t₀‖²
    #[arg(long, value_name = "X", value_parser = number)]
    weight_decay: Option<f64>,
    /// Keeps ‖δ‖ within this many ‖t₀‖
    #[arg(long, value_name = "X", value_parser = number)]
    clamp: Option<f64>,
    /// Ridge on the second moment, in multiples of its mean diagonal
    #[arg(long, value_name = "X", value_parser = number)]
    ridge: Option<f64>,
}

impl HyperArgs {
    /// The model's own with what was named put in; `None`: nothing was named.
    fn over(&self, model: &Hyper) -> Option<Hyper> {
        let given = [
            self.lr,
            self.kl_factor,
            self.weight_decay,
            self.clamp,
            self.ridge,
        ];
        if self.steps.is_none() && given.iter().all(Option::is_none) {
            return None;
        }
        Some(Hyper {
            steps: self.steps.unwrap_or(model.steps),
            lr: self.lr.unwrap_or(model.lr),
            kl_factor: self.kl_factor.unwrap_or(model.kl_factor),
            weight_decay: self.weight_decay.unwrap_or(model.weight_decay),
            clamp: self.clamp.unwrap_or(model.clamp),
            ridge: self.ridge.unwrap_or(model.ridge),
        })
    }
}

fn method() -> impl TypedValueParser<Value = Method> {
    PossibleValuesParser::new(Method::ALL.map(Method::name)).map(|name| {
        Method::ALL
            .into_iter()
            .find(|m| m.name() == name)
            .unwrap_or_default()
    })
}

fn with_braces(text: &str) -> Result<String, String> {
    match text.matches("{}").count() {
        1 => Ok(text.into()),
        0 => Err("put {} where the subject goes".into()),
        _ => Err("one {} alone, where the subject goes".into()),
    }
}

fn not_empty(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        Err("it is empty".into())
    } else {
        Ok(text.into())
    }
}

pub fn run(args: Args, context: &Context, out: &mut dyn Write) -> Result<(), CliError> {
    let save = free(args.save.as_deref(), args.on.as_deref())?;
    let templates = args
        .templates
        .as_deref()
        .map(files::templates)
        .transpose()?;
    let probes = args
        .probes
        .as_deref()
        .map(files::probes)
        .transpose()?
        .unwrap_or_default();
    let client = Client::start(context)?;
    let (info, mut session, mut factors) =
        open::restore(&client, &context.open, args.on.as_deref())?;
    let asked = EditSpec {
        request: Request {
            prompt: args.prompt,
            subject: args.subject,
            target: args.target,
        },
        method: args.method,
        layer: args.layer.map_or(LayerChoice::Auto, LayerChoice::At),
        hyper: args.hyper.over(&info.hyper),
        templates,
        moments: match (args.second_moment, args.text) {
            (Some(file), _) => MomentSource::File(file),
            (None, Some(file)) => MomentSource::Text(file),
            (None, None) => MomentSource::Auto,
        },
        true_answer: args.true_answer,
        seed: args.seed,
    };
    let watch = Watch {
        probes,
        propose: args.propose,
        generate: Vec::new(),
        tokens: args.generate,
        seed: args.seed,
    };
    let id = 1 + session.edits.iter().map(|edit| edit.id).max().unwrap_or(0);
    let spec = Spec::Edit {
        id,
        edit: asked.clone(),
        watch: watch.clone(),
    };
    let Outcome::Edited { report, deltas, .. } = client.run(spec)? else {
        return Err(CliError::EngineEnded);
    };
    if let Some(path) = &save {
        let made_on = edits_on(&session);
        session
            .edits
            .push(SavedEdit::new(id, made_on, &asked, &watch, &report));
        session.notes = args.notes.unwrap_or(session.notes);
        session.saved = session::time::now();
        factors.insert(id, deltas);
        session::save(&session, &factors, path)?;
    }
    if args.json {
        serde_json::to_writer(&mut *out, &report)?;
        return Ok(writeln!(out)?);
    }
    report::edit(&asked.request, &report, out)?;
    if let Some(path) = save {
        writeln!(out, "saved to {}", path.display())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_named_departs_from_the_models_own() {
        let model = Hyper {
            weight_decay: 0.05,
            ..Hyper::default()
        };
        assert_eq!(HyperArgs::default().over(&model), None);
        let args = HyperArgs {
            lr: Some(0.1),
            ..HyperArgs::default()
        };
        assert_eq!(args.over(&model), Some(Hyper { lr: 0.1, ..model }));
    }

    #[test]
    fn arguments_are_checked_before_anything_runs() {
        assert!(with_braces("{} is in").is_ok());
        assert!(with_braces("It is in").is_err());
        assert!(with_braces("{} and {}").is_err());
        assert!(not_empty(" ").is_err());
        for bad in ["nan", "inf", "-1", "x", ""] {
            assert!(number(bad).is_err(), "{bad}");
        }
        assert_eq!(number("1e-3"), Ok(1e-3));
    }
}
