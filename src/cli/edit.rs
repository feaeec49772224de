//! `pentimento edit`: rewrite a fact, and see what moved.

use super::client::Client;
use super::error::CliError;
use super::requests::Asked;
use super::trace::{edits_on, free};
use super::{Context, files, hyper, open, report, requests, validation};
use crate::config::Config;
use crate::edit::{EditSpec, LayerChoice, Method, MomentSource, Request};
use crate::engine::{Outcome, Spec};
use crate::measure::Watch;
use crate::measure::validate::{Case, Plan, Validation};
use crate::session::text::shown;
use crate::session::{self, SavedEdit};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use std::io::Write;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
#[command(allow_negative_numbers = true)]
pub struct Args {
    /// The prompt with {} for the subject: "{} is in the city of"
    #[arg(short, long, value_parser = with_braces, required_unless_present = "requests")]
    prompt: Option<String>,
    /// What the fact is about
    #[arg(short, long, value_parser = not_empty, required_unless_present = "requests")]
    subject: Option<String>,
    /// What the model shall say from now on
    #[arg(short, long, value_parser = not_empty, required_unless_present = "requests")]
    target: Option<String>,
    /// Many facts: CSV or JSONL of prompt, subject, target, or CounterFact's file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["prompt", "subject", "target", "true_answer"])]
    requests: Option<PathBuf>,
    /// Take the first N of the requests
    #[arg(long, value_name = "N", requires = "requests")]
    limit: Option<usize>,
    /// An edit for each request, one on top of the other [default for r-rome, rome, direct]
    #[arg(long, requires = "requests")]
    one_by_one: bool,
    /// Keep an edit only if it passes three checks, at one of up to three layers; thresholds in
    /// config.toml
    #[arg(long)]
    validate: bool,
    /// What is mended: wrong-fact, stereotype, over-refusal, under-refusal
    #[arg(long, requires = "validate", default_value = Case::default().name(), value_parser = case(),
          hide_possible_values = true)]
    case: Case,
    /// Paraphrases to check with, a JSON list of strings with {} [default: what is known of the
    /// relation, then contexts of the case]
    #[arg(long, value_name = "FILE", requires = "validate")]
    paraphrases: Option<PathBuf>,
    /// r-rome, rome, memit, emmet, alpha-edit, ft, ft-l, or direct
    #[arg(
        long, default_value = Method::default().name(), value_parser = hyper::method(),
        hide_possible_values = true
    )]
    method: Method,
    /// The layer to rewrite, or the layers 5-9 [default: the model's known ones, else what a trace suggests]
    #[arg(short, long, value_name = "N", value_parser = layers)]
    layer: Option<LayerChoice>,
    /// Context templates, a JSON list of strings with {} [default: sampled from the model]
    #[arg(long, value_name = "FILE")]
    templates: Option<PathBuf>,
    /// Second moment of the keys: safetensors with one tensor `second_moment`
    #[arg(long, value_name = "FILE", conflicts_with = "text")]
    second_moment: Option<PathBuf>,
    /// Text to collect the second moment over [default: the built-in sample]
    #[arg(long, value_name = "FILE")]
    text: Option<PathBuf>,
    /// Probes to watch: JSONL or CSV of prompt and expected, or CounterFact's file
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
    hyper: hyper::HyperArgs,
}

pub(super) fn with_braces(text: &str) -> Result<String, String> {
    match text.matches("{}").count() {
        1 => Ok(text.into()),
        0 => Err("put {} where the subject goes".into()),
        _ => Err("one {} alone, where the subject goes".into()),
    }
}

pub(super) fn not_empty(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        Err("it is empty".into())
    } else {
        Ok(text.into())
    }
}

fn case() -> impl TypedValueParser<Value = Case> {
    PossibleValuesParser::new(Case::ALL.map(Case::name)).map(|name| {
        let mut all = Case::ALL.into_iter();
        all.find(|case| case.name() == name).unwrap_or_default()
    })
}

/// "5" or "5-9".
pub(super) fn layers(text: &str) -> Result<LayerChoice, String> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    match (first.trim().parse(), last.trim().parse()) {
        (Ok(first), Ok(last)) if first == last => Ok(LayerChoice::At(first)),
        (Ok(first), Ok(last)) if first < last => Ok(LayerChoice::Span(first, last)),
        _ => Err("write a layer as 5, several as 5-9".into()),
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
    let plan = match args.validate {
        true => Some(Plan {
            case: args.case,
            thresholds: Config::of_user()?.validation,
            ..Plan::default()
        }),
        false => None,
    };
    let paraphrases = args.paraphrases.as_deref().map(files::templates);
    let paraphrases = paraphrases.transpose()?.unwrap_or_default();
    let requests = match &args.requests {
        Some(file) => requests::read(file)?,
        None => vec![Asked {
            request: Request {
                prompt: args.prompt.unwrap_or_default(),
                subject: args.subject.unwrap_or_default(),
                target: args.target.unwrap_or_default(),
            },
            paraphrases: Vec::new(),
        }],
    };
    let requests = &requests[..args.limit.unwrap_or(usize::MAX).min(requests.len())];
    let client = Client::start(context)?;
    let (info, mut session, mut factors) =
        open::restore(&client, &context.open, args.on.as_deref())?;
    let model = EditSpec {
        method: args.method,
        layer: args.layer.unwrap_or_default(),
        hyper: args.hyper.over(&info.hyper(args.method))?,
        templates,
        moments: match (args.second_moment, args.text) {
            (Some(file), _) => MomentSource::File(file),
            (None, Some(file)) => MomentSource::Text(file),
            (None, None) => MomentSource::Auto,
        },
        true_answer: args.true_answer,
        seed: args.seed,
        ..EditSpec::default()
    };
    let watch = Watch {
        probes,
        propose: args.propose,
        generate: Vec::new(),
        tokens: args.generate,
        seed: args.seed,
    };
    let at_once = args.method.takes_many() && !args.one_by_one;
    let size = if at_once { requests.len() } else { 1 };
    let many = requests.len() > size;
    let mut failures = Vec::new();
    let (mut made, mut cancelled) = (0, false);
    let mut first = 1 + session.edits.iter().map(|edit| edit.id).max().unwrap_or(0);
    for group in requests.chunks(size.max(1)) {
        let asked = EditSpec {
            request: group[0].request.clone(),
            more: group[1..].iter().map(|a| a.request.clone()).collect(),
            ..model.clone()
        };
        let id = first;
        let (edit, watched) = (Box::new(asked.clone()), watch.clone());
        let spec = match plan.clone() {
            Some(plan) => Spec::Validate {
                id,
                edit,
                watch: watched,
                plan: Plan {
                    // The user's own of every fact come before those of one.
                    paraphrases: (group.iter())
                        .map(|fact| [&paraphrases[..], &fact.paraphrases].concat())
                        .collect(),
                    ..plan
                },
            },
            None => Spec::Edit {
                id,
                edit,
                watch: watched,
            },
        };
        let (report, deltas) = match client.run(spec) {
            Ok(Outcome::Edited { report, deltas, .. }) => (report, deltas),
            Ok(Outcome::Rejected(found)) if many => {
                failures.push((asked.request.text(), found.rejections()));
                continue;
            }
            Ok(Outcome::Rejected(found)) => return rejected(&found, args.json, out),
            Ok(_) => return Err(CliError::EngineEnded),
            // What was made so far is kept.
            Err(CliError::Cancelled) if made > 0 => {
                cancelled = true;
                break;
            }
            Err(CliError::Failed(reason)) if many => {
                failures.push((asked.request.text(), reason));
                continue;
            }
            Err(error) => return Err(error),
        };
        first += 1;
        made += group.len();
        if args.json {
            writeln!(out, "{}", report::json(&report)?)?;
        } else if many {
            report::line(&asked.request, &report, out)?;
        } else {
            report::edit(&asked, &report, out)?;
        }
        let made_on = edits_on(&session);
        let saved = SavedEdit::new(id, made_on, &asked, &watch, &report);
        session.edits.push(saved);
        factors.insert(id, deltas);
    }
    if let Some(path) = &save {
        session.notes = args.notes.unwrap_or(session.notes);
        session.saved = session::time::now();
        session::save(&session, &factors, path)?;
    }
    for (text, reason) in &failures {
        eprintln!("skipped: {}: {}", shown(text), shown(reason));
    }
    if cancelled {
        let of = requests.len();
        return Err(CliError::Partly { made, of, save });
    }
    if failures.len() == requests.len() {
        return Err(CliError::Failed("no edit was made".into()));
    }
    if let (Some(path), false) = (save, args.json) {
        writeln!(out, "saved to {}", path.display())?;
    }
    Ok(())
}

/// One edit that was not made: what was tried, and the error that ends it.
fn rejected(found: &Validation, json: bool, out: &mut dyn Write) -> Result<(), CliError> {
    match json {
        true => writeln!(out, "{}", serde_json::json!({ "validation": found }))?,
        false => validation::write(found, out)?,
    }
    out.flush()?;
    let why = found.rejections();
    let words = format!("no layer passed the checks, and nothing was kept: {why}");
    Err(CliError::Failed(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_checked_before_anything_runs() {
        assert!(with_braces("{} is in").is_ok());
        assert!(with_braces("It is in").is_err());
        assert!(with_braces("{} and {}").is_err());
        assert!(not_empty(" ").is_err());
    }
}
