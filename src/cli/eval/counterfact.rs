//! `pentimento eval counterfact`: the scores of Meng et al. (2022, §3.4) over a
//! file of cases, of the unedited model and after edits by each method.

use super::known;
use super::told::Told;
use super::verdicts::{self, Verdicts};
use crate::cli::client::Client;
use crate::cli::error::CliError;
use crate::cli::{Context, hyper, open, requests};
use crate::edit::{EditSpec, Method};
use crate::engine::{ModelInfo, Outcome, Spec};
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

/// Cases of the unedited model in one job.
const TOGETHER: usize = 4;

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
        let mut told = Told::new("unedited", records.len(), self.quiet);
        for (done, group) in records.chunks(TOGETHER).enumerate() {
            let done = done * TOGETHER;
            let new: Vec<Record> = (group.iter())
                .filter(|record| self.verdicts.of(None, record.case_id).is_none())
                .cloned()
                .collect();
            if new.is_empty() {
                continue;
            }
            told.begins(done);
            for judged in self.judge(new, None)? {
                self.keep(None, judged)?;
            }
            told.done(done + group.len());
        }
        Ok(())
    }

    fn edited(&mut self, method: Method, records: &[Record]) -> Result<(), CliError> {
        let edit = EditSpec {
            method,
            hyper: self.args.hyper.over(&self.info.hyper(method))?,
            seed: self.args.seed,
            ..EditSpec::default()
        };
        let mut told = Told::new(method.name(), records.len(), self.quiet);
        let mut done = 0;
        for group in records.chunks(self.args.at_once.max(1)) {
            done += group.len();
            let known = |record: &Record| self.verdicts.of(Some(method), record.case_id).is_some();
            // What one change rewrites is judged together or not at all.
            if group.iter().all(known) {
                continue;
            }
            told.begins(done - group.len());
            match self.judge(group.to_vec(), Some(&edit)) {
                Ok(all) => {
                    for judged in all {
                        self.keep(Some(method), judged)?;
                    }
                }
                Err(CliError::Failed(reason)) => {
                    for record in group {
                        self.verdicts.add(Verdict {
                            method: Some(method),
                            case_id: record.case_id,
                            failed: Some(reason.clone()),
                            judged: None,
                        })?;
                    }
                }
                Err(error) => return Err(error),
            }
            told.done(done);
        }
        Ok(())
    }

    fn judge(
        &self,
        records: Vec<Record>,
        edit: Option<&EditSpec>,
    ) -> Result<Vec<Judged>, CliError> {
        if records.is_empty() {
            return Ok(Vec::new());
        }
        let spec = Spec::Judge {
            records,
            edit: edit.cloned().map(Box::new),
            texts: self.args.texts,
        };
        match self.client.run(spec)? {
            Outcome::Judged(all) => Ok(all),
            _ => Err(CliError::EngineEnded),
        }
    }

    fn keep(&mut self, method: Option<Method>, judged: Judged) -> Result<(), CliError> {
        self.verdicts.add(Verdict {
            method,
            case_id: judged.case_id,
            failed: None,
            judged: Some(judged),
        })
    }
}
