//! `pentimento eval counterfact`: the scores of Meng et al. (2022, §3.4) over a
//! file of cases, of the unedited model and after edits by each method.

use super::known;
use super::told::Told;
use super::verdicts::{self, Verdicts};
use crate::cli::client::Client;
use crate::cli::error::CliError;
use crate::cli::{Context, hyper, open, requests};
use crate::edit::{EditSpec, Method};
use crate::engine::{EventKind, ModelInfo, Outcome, Spec};
use crate::facts::World;
use crate::measure::cases;
use crate::measure::counterfact::{Judged, Line, Record, References, Verdict};
use crate::session::text::shown;
use serde_json::json;
use std::io::Write;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
#[command(allow_negative_numbers = true)]
pub struct Args {
    /// Cases in CounterFact's form
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Only the first N cases
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Only cases whose true object the unedited model gives more than P
    #[arg(long, value_name = "P", default_value_t = 0.0)]
    known: f64,
    /// The methods, with commas between
    #[arg(
        long, value_delimiter = ',', value_parser = hyper::method(), hide_possible_values = true,
        default_value = "r-rome", value_name = "LIST"
    )]
    methods: Vec<Method>,
    /// Cases that one change rewrites
    #[arg(long, value_name = "N", default_value_t = 1)]
    at_once: usize,
    /// Tokens of a free text (GE, RS); 0 writes none
    #[arg(long, value_name = "N", default_value_t = 100)]
    texts: usize,
    /// Reference texts for RS, JSON of {object: text} [default: from the built-in facts]
    #[arg(long, value_name = "FILE")]
    references: Option<PathBuf>,
    /// Draws templates and texts
    #[arg(long, default_value_t = 1)]
    seed: u32,
    /// Where cases.jsonl, counterfact.md and counterfact.svg go; what is there goes on
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    hyper: hyper::HyperArgs,
}

pub fn run(args: &Args, context: &Context, out: &mut dyn Write) -> Result<(), CliError> {
    hyper::together(&args.methods, args.at_once)?;
    let records = requests::records(&args.file)?;
    // A file of the user's is read before anything runs, the built-in facts only
    // where there will be texts to compare with them.
    let references = match &args.references {
        Some(file) => verdicts::references(file)?,
        None if args.texts == 0 => References::default(),
        None => {
            let world = World::atlas().map_err(|e| CliError::Failed(e.to_string()))?;
            cases::references(&world)
        }
    };
    let client = Client::start(&context.of_many_jobs())?;
    let (info, _, _) = open::restore(&client, &context.open, None)?;
    let mut head = verdicts::head(&info, args.at_once, args.seed, args.texts);
    head.set = args.hyper.words();
    let mut run = Run {
        client: &client,
        info: &info,
        args,
        quiet: context.quiet,
        verdicts: Verdicts::open(args.out.as_deref(), &head)?,
    };
    let asked = records.len();
    let wanted = args.limit.unwrap_or(usize::MAX);
    let records = match args.known > 0.0 {
        true => known::known(&client, records, wanted, args.known)?,
        false => records.into_iter().take(wanted).collect(),
    };
    if records.is_empty() {
        return Err(CliError::Failed(format!(
            "none of {asked} cases has a true object that the model gives more than {}",
            args.known
        )));
    }
    run.unedited(&records)?;
    for &method in &args.methods {
        run.edited(method, &records)?;
    }
    let methods = [None]
        .into_iter()
        .chain(args.methods.iter().map(|m| Some(*m)));
    let cases: Vec<(u64, &str)> = (records.iter())
        .map(|record| {
            (
                record.case_id,
                record.requested_rewrite.target_new.text.as_str(),
            )
        })
        .collect();
    let found: Vec<Line> = methods
        .map(|method| Line::of(method, &cases, &run.verdicts.all, &references))
        .collect();
    let drawn = args.out.as_deref();
    let drawn = drawn.map(|folder| verdicts::pictures(folder, &info.name, &found));
    let drawn = drawn.transpose()?;
    if args.json {
        let line =
            json!({"model": info.name, "asked": asked, "cases": records.len(), "scores": found});
        return Ok(writeln!(out, "{line}")?);
    }
    if args.known > 0.0 {
        writeln!(
            out,
            "{} of {asked} cases: those whose true object the model gives more than {}\n",
            records.len(),
            args.known
        )?;
    }
    verdicts::table(&found, out)?;
    if args.texts > 0 {
        let from = match &args.references {
            Some(file) => file.display().to_string(),
            None => "the built-in facts".into(),
        };
        let have = found.iter().map(|line| line.rs_cases).max().unwrap_or(0);
        let (of, from) = (records.len(), shown(&from));
        writeln!(
            out,
            "\nRS: over the {have} of {of} cases whose new object has a reference text, from {from}"
        )?;
    }
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
    verdicts: Verdicts,
}

impl Run<'_> {
    /// What the unedited model says of each case.
    fn unedited(&mut self, records: &[Record]) -> Result<(), CliError> {
        self.each(None, None, records)
    }

    fn edited(&mut self, method: Method, records: &[Record]) -> Result<(), CliError> {
        let edit = EditSpec {
            method,
            hyper: self.args.hyper.over(&self.info.hyper(method))?,
            seed: self.args.seed,
            ..EditSpec::default()
        };
        match self.args.at_once {
            0 | 1 => self.each(Some(method), Some(&edit), records),
            many => self.together(method, &edit, records, many),
        }
    }

    /// Each case by itself, those that are not known yet.
    fn each(
        &mut self,
        method: Option<Method>,
        edit: Option<&EditSpec>,
        records: &[Record],
    ) -> Result<(), CliError> {
        let is_new = |record: &&Record| self.verdicts.of(method, record.case_id).is_none();
        let new: Vec<Record> = records.iter().filter(is_new).cloned().collect();
        if new.is_empty() {
            return Ok(());
        }
        let name = method.map_or("unedited", Method::name);
        let mut told = Told::new(name, records.len(), self.quiet);
        let mut done = records.len() - new.len();
        told.begins(done);
        let spec = Spec::JudgeEach {
            records: new,
            edit: edit.cloned().map(Box::new),
            texts: self.args.texts,
        };
        let verdicts = &mut self.verdicts;
        self.client.run_seeing(spec, |event| {
            if let EventKind::Judged { case_id, result } = event {
                // What cannot be asked of the model as it is, is a fault of the file.
                if let (None, Err(why)) = (method, result) {
                    return Err(CliError::Failed(format!("case {case_id}: {why}")));
                }
                done += 1;
                verdicts.add(verdict(method, *case_id, result.clone()))?;
                told.done(done);
            }
            Ok(())
        })?;
        Ok(())
    }

    /// So many cases in one change; what one change rewrites is judged together or
    /// not at all.
    fn together(
        &mut self,
        method: Method,
        edit: &EditSpec,
        records: &[Record],
        many: usize,
    ) -> Result<(), CliError> {
        let mut told = Told::new(method.name(), records.len(), self.quiet);
        let mut done = 0;
        for group in records.chunks(many) {
            done += group.len();
            let known = |record: &Record| self.verdicts.of(Some(method), record.case_id).is_some();
            if group.iter().all(known) {
                continue;
            }
            told.begins(done - group.len());
            let spec = Spec::Judge {
                records: group.to_vec(),
                edit: Some(Box::new(edit.clone())),
                texts: self.args.texts,
            };
            match self.client.run(spec) {
                Ok(Outcome::Judged(all)) => {
                    for judged in all {
                        let (id, judged) = (judged.case_id, Ok(Box::new(judged)));
                        self.verdicts.add(verdict(Some(method), id, judged))?;
                    }
                }
                Ok(_) => return Err(CliError::EngineEnded),
                Err(CliError::Failed(reason)) => {
                    for record in group {
                        let failed = verdict(Some(method), record.case_id, Err(reason.clone()));
                        self.verdicts.add(failed)?;
                    }
                }
                Err(error) => return Err(error),
            }
            told.done(done);
        }
        Ok(())
    }
}

fn verdict(method: Option<Method>, case_id: u64, result: Result<Box<Judged>, String>) -> Verdict {
    let (judged, failed) = match result {
        Ok(judged) => (Some(*judged), None),
        Err(why) => (None, Some(why)),
    };
    Verdict {
        method,
        case_id,
        failed,
        judged,
    }
}
