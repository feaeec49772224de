//! `pentimento edit`: rewrite a fact, and see what moved.

use super::client::Client;
use super::error::CliError;
use super::trace::{edits_on, free, number};
use super::{Context, files, open, report, requests};
use crate::edit::{EditSpec, Hyper, LayerChoice, Method, MomentSource, Request};
use crate::engine::{Outcome, Spec, from_session};
use crate::measure::Watch;
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
    /// Drop each edit after which the target has less than half of p
    #[arg(long, requires = "requests")]
    validate: bool,
    /// r-rome, rome, memit, emmet, alpha-edit, ft, ft-l, or direct
    #[arg(
        long, default_value = Method::default().name(), value_parser = method(),
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
    /// What keeps an update of many facts small (memit, emmet, alpha-edit)
    #[arg(long, value_name = "X", value_parser = number)]
    lambda: Option<f64>,
    /// alpha-edit writes along eigenvectors of C with eigenvalues below this
    #[arg(long, value_name = "X", value_parser = number)]
    threshold: Option<f64>,
    /// --threshold is in multiples of C's mean diagonal
    #[arg(long)]
    relative_threshold: bool,
    /// ft-l keeps every weight within this of where it was
    #[arg(long, value_name = "X", value_parser = number)]
    epsilon: Option<f64>,
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
            self.lambda,
            self.threshold,
            self.epsilon,
        ];
        if self.steps.is_none() && !self.relative_threshold && given.iter().all(Option::is_none) {
            return None;
        }
        Some(Hyper {
            steps: self.steps.unwrap_or(model.steps),
            lr: self.lr.unwrap_or(model.lr),
            kl_factor: self.kl_factor.unwrap_or(model.kl_factor),
            weight_decay: self.weight_decay.unwrap_or(model.weight_decay),
            clamp: self.clamp.unwrap_or(model.clamp),
            ridge: self.ridge.unwrap_or(model.ridge),
            lambda: self.lambda.unwrap_or(model.lambda),
            threshold: self.threshold.unwrap_or(model.threshold),
            relative_threshold: self.relative_threshold || model.relative_threshold,
            epsilon: self.epsilon.unwrap_or(model.epsilon),
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

/// "5" or "5-9".
fn layers(text: &str) -> Result<LayerChoice, String> {
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
    let requests = match &args.requests {
        Some(file) => requests::read(file)?,
        None => vec![Request {
            prompt: args.prompt.unwrap_or_default(),
            subject: args.subject.unwrap_or_default(),
            target: args.target.unwrap_or_default(),
        }],
    };
    let requests = &requests[..args.limit.unwrap_or(usize::MAX).min(requests.len())];
    let client = Client::start(context)?;
    let (info, mut session, mut factors) =
        open::restore(&client, &context.open, args.on.as_deref())?;
    let model = EditSpec {
        method: args.method,
        layer: args.layer.unwrap_or_default(),
        hyper: args.hyper.over(&info.hyper(args.method)),
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
    let mut first = 1 + session.edits.iter().map(|edit| edit.id).max().unwrap_or(0);
    for group in requests.chunks(size.max(1)) {
        let asked = EditSpec {
            request: group[0].clone(),
            more: group[1..].to_vec(),
            ..model.clone()
        };
        let id = first;
        let spec = Spec::Edit {
            id,
            edit: Box::new(asked.clone()),
            watch: watch.clone(),
        };
        let (report, deltas) = match client.run(spec) {
            Ok(Outcome::Edited { report, deltas, .. }) => (report, deltas),
            Ok(_) => return Err(CliError::EngineEnded),
            Err(CliError::Failed(reason)) if many => {
                failures.push((asked.request.text(), reason));
                continue;
            }
            Err(error) => return Err(error),
        };
        if args.validate && report.p_target.after < 0.5 {
            let edits = session.edits.iter().map(from_session::stacked).collect();
            client.run(Spec::Stack { edits })?;
            let after = report.p_target.after;
            let reason = format!("it did not take: p(target) is {after:.2} after it");
            failures.push((asked.request.text(), reason));
            continue;
        }
        first += 1;
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
    if failures.len() == requests.len() {
        return Err(CliError::Failed("no edit was made".into()));
    }
    if let (Some(path), false) = (save, args.json) {
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
