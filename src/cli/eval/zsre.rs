//! `pentimento eval zsre`: the scores of ROME's Table 1 over a file of questions, of
//! the unedited model and after edits by each method.

use super::lines::{self, Lines};
use super::told::Told;
use crate::cli::client::Client;
use crate::cli::error::CliError;
use crate::cli::table::Table;
use crate::cli::{Context, files, hyper, open};
use crate::edit::{EditSpec, Method};
use crate::engine::{ModelInfo, Outcome, Spec};
use crate::measure::zsre::lines::HEADINGS;
use crate::measure::zsre::{Line, Marked, Question, Written, parse};
use crate::picture::dots::{Series, in_groups};
use crate::session::text::shown;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

/// zsRE's scores, unedited and edited.
///
/// Of each prompt the share of the answer's tokens that are the model's first choice,
/// those before them given: the question itself (efficacy), in other words
/// (paraphrase), and an unrelated one against its own answer (specificity), which is
/// also compared with what the unedited model chose (unchanged).
#[derive(Debug, clap::Args)]
#[command(allow_negative_numbers = true)]
pub struct Args {
    /// Questions in the form of zsre_mend_eval.json
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Only the first N questions
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// What an edit writes: answer (as ROME and MEMIT do) or alt (as MEND does)
    #[arg(long, value_name = "WHICH", default_value = "answer", value_parser = written)]
    target: Written,
    /// The methods, with commas between
    #[arg(
        long, value_delimiter = ',', value_parser = hyper::method(), hide_possible_values = true,
        default_value = "r-rome", value_name = "LIST"
    )]
    methods: Vec<Method>,
    /// Questions that one change rewrites
    #[arg(long, value_name = "N", default_value_t = 1)]
    at_once: usize,
    /// Draws templates
    #[arg(long, default_value_t = 1)]
    seed: u32,
    /// Where zsre.jsonl, zsre.md and zsre.svg go; what is there goes on
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    hyper: hyper::HyperArgs,
}

fn written(text: &str) -> Result<Written, String> {
    match text {
        "answer" => Ok(Written::Answer),
        "alt" => Ok(Written::Alt),
        _ => Err("name one of answer, alt".into()),
    }
}

/// What all lines of a file share; its first line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Head {
    model: String,
    sha256: String,
    target: Written,
    at_once: usize,
    seed: u32,
    /// Hyper-parameters that the user set, for all methods.
    set: Vec<String>,
}

/// One question under one method.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Verdict {
    /// `None`: the unedited model.
    method: Option<Method>,
    case_id: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failed: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    marked: Option<Marked>,
}

/// Questions of the unedited model in one job.
const TOGETHER: usize = 16;

pub fn run(args: &Args, context: &Context, out: &mut dyn Write) -> Result<(), CliError> {
    hyper::together(&args.methods, args.at_once)?;
    let text = files::read(&args.file)?;
    let mut questions = parse(&text, args.target).map_err(|reason| {
        CliError::Failed(format!("{}: {}", args.file.display(), shown(&reason)))
    })?;
    questions.truncate(args.limit.unwrap_or(usize::MAX));
    if questions.is_empty() {
        return Err(CliError::Failed("--limit 0 leaves no question".into()));
    }
    let client = Client::start(&context.of_many_jobs())?;
    let (info, _, _) = open::restore(&client, &context.open, None)?;
    let head = Head {
        model: info.name.clone(),
        sha256: info.sha256.clone(),
        target: args.target,
        at_once: args.at_once,
        seed: args.seed,
        set: args.hyper.words(),
    };
    let what = "model, target, seed, number at once or other hyper-parameters";
    let (lines, known) = Lines::within(args.out.as_deref(), "zsre.jsonl", &head, what)?;
    let by_case = |one: Verdict| ((one.method, one.case_id), one);
    let mut run = Run {
        client: &client,
        info: &info,
        args,
        quiet: context.quiet,
        lines,
        all: known.into_iter().map(by_case).collect(),
    };
    run.ask(None, &questions)?;
    for &method in &args.methods {
        run.ask(Some(method), &questions)?;
    }
    let methods = [None]
        .into_iter()
        .chain(args.methods.iter().copied().map(Some));
    let found: Vec<Line> = methods.map(|method| run.line(method, &questions)).collect();
    let drawn = args.out.as_deref();
    let drawn = drawn.map(|folder| pictures(folder, &info.name, &found));
    let drawn = drawn.transpose()?;
    if args.json {
        let line = json!({
            "model": info.name, "cases": questions.len(), "target": args.target, "scores": found
        });
        return Ok(writeln!(out, "{line}")?);
    }
    let mut table = Table::of_figures(&HEADINGS);
    found.iter().for_each(|line| table.row(line.cells()));
    table.write(out)?;
    if let Some(words) = drawn {
        writeln!(out, "{words}")?;
    }
    Ok(())
}

struct Run<'a> {
    client: &'a Client,
    info: &'a ModelInfo,
    args: &'a Args,
    quiet: bool,
    lines: Option<Lines>,
    all: BTreeMap<(Option<Method>, u64), Verdict>,
}

impl Run<'_> {
    /// All questions of one method, but for those that are answered already.
    fn ask(&mut self, method: Option<Method>, questions: &[Question]) -> Result<(), CliError> {
        let edit = match method {
            Some(method) => Some(Box::new(EditSpec {
                method,
                hyper: self.args.hyper.over(&self.info.hyper(method))?,
                seed: self.args.seed,
                ..EditSpec::default()
            })),
            None => None,
        };
        let name = method.map_or("unedited", Method::name);
        let mut told = Told::new(name, questions.len(), self.quiet);
        let size = match method {
            Some(_) => self.args.at_once.max(1),
            None => TOGETHER,
        };
        let mut done = 0;
        for group in questions.chunks(size) {
            done += group.len();
            let known = |q: &Question| self.all.contains_key(&(method, q.case_id));
            // What one change rewrites is asked together or not at all.
            if group.iter().all(known) {
                continue;
            }
            told.begins(done - group.len());
            // The unedited model is asked of each by itself.
            let asked = group.iter().filter(|q| method.is_some() || !known(q));
            let spec = Spec::Zsre {
                questions: asked.cloned().collect(),
                edit: edit.clone(),
            };
            let verdicts: Vec<Verdict> = match self.client.run(spec) {
                Ok(Outcome::Marked(marked)) => {
                    let verdict = |marked: Marked| Verdict {
                        method,
                        case_id: marked.case_id,
                        failed: None,
                        marked: Some(marked),
                    };
                    marked.into_iter().map(verdict).collect()
                }
                Ok(_) => return Err(CliError::EngineEnded),
                // An edit that cannot be made is a result; questions that cannot be
                // asked are an error.
                Err(CliError::Failed(reason)) if method.is_some() => {
                    let verdict = |q: &Question| Verdict {
                        method,
                        case_id: q.case_id,
                        failed: Some(reason.clone()),
                        marked: None,
                    };
                    group.iter().map(verdict).collect()
                }
                Err(error) => return Err(error),
            };
            for verdict in verdicts {
                self.keep(verdict)?;
            }
            told.done(done);
        }
        Ok(())
    }

    fn keep(&mut self, verdict: Verdict) -> Result<(), CliError> {
        if let Some(lines) = &mut self.lines {
            lines.add(&verdict)?;
        }
        self.all.insert((verdict.method, verdict.case_id), verdict);
        Ok(())
    }

    fn line(&self, method: Option<Method>, questions: &[Question]) -> Line {
        let of = |method, q: &Question| self.all.get(&(method, q.case_id));
        let marked = |method, q| of(method, q).and_then(|verdict| verdict.marked.as_ref());
        let pairs = questions
            .iter()
            .filter_map(|q| Some((marked(None, q)?, marked(method, q)?)));
        let failed = questions.iter().filter_map(|q| of(method, q));
        let failed = failed.filter(|verdict| verdict.failed.is_some()).count();
        Line::of(method, &pairs.collect::<Vec<_>>(), failed)
    }
}

/// Writes zsre.md and zsre.svg; in words, where they are.
fn pictures(folder: &Path, model: &str, found: &[Line]) -> Result<String, CliError> {
    let text = lines::markdown(&HEADINGS, found.iter().map(Line::cells));
    let groups = ["efficacy", "paraphrase", "specificity", "unchanged"];
    let series = found.iter().map(|line| Series {
        name: line.method.clone(),
        points: [
            line.efficacy,
            line.paraphrase,
            line.specificity,
            line.unchanged,
        ]
        .map(|f| (f.mean, f.ci))
        .to_vec(),
    });
    let cases = found.iter().map(|line| line.cases).max().unwrap_or(0);
    let title = format!("zsRE, {model}, {cases} questions, 95 % intervals");
    let svg = in_groups(&title, &groups, &series.collect::<Vec<_>>());
    lines::written(folder, [("zsre.md", text), ("zsre.svg", svg)])
}
