//! `pentimento eval curve`: success, paraphrases, neighbours and plain text after
//! 1, 10, 100, 1,000 edits by each method. Rows go to a file as they are known,
//! so that a curve that was broken off goes on where it stopped.

use super::known;
use super::rows::{BROKEN, Head, Row, Rows, Schedule};
use super::steps::{Step, Steps};
use crate::cli::client::Client;
use crate::cli::error::CliError;
use crate::cli::{Context, hyper, open};
use crate::edit::{EditSpec, Method};
use crate::engine::{ModelInfo, Outcome, Spec, Stacked};
use crate::measure::Watch;
use crate::measure::counterfact::{Record, Totals};
use crate::session::text::shown;
use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

#[derive(Debug, clap::Args)]
#[command(allow_negative_numbers = true)]
pub struct Args {
    /// The methods, with commas between
    #[arg(
        long, value_delimiter = ',', value_parser = hyper::method(), hide_possible_values = true,
        default_value = "rome,r-rome,memit,emmet,alpha-edit,ft,ft-l", value_name = "LIST"
    )]
    methods: Vec<Method>,
    /// Numbers of edits
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "1,10,100,1000",
        value_name = "LIST"
    )]
    counts: Vec<usize>,
    /// Besides all at once, rewrite in batches of N
    #[arg(long, value_name = "N")]
    batch: Option<usize>,
    /// Facts to rewrite, in CounterFact's form [default: the built-in ones]
    #[arg(long, value_name = "FILE")]
    cases: Option<PathBuf>,
    /// Tokens of plain text for the perplexity
    #[arg(long, value_name = "N", default_value_t = 4000)]
    text: usize,
    /// Draws cases and templates
    #[arg(long, default_value_t = 1)]
    seed: u32,
    /// Where curve.jsonl, curve.svg and curve.md go; what is there goes on
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    #[command(flatten)]
    hyper: hyper::HyperArgs,
}

/// Few edits are tried more than once, on other facts: this many edits in all.
const AT_LEAST: usize = 20;

pub fn run(args: &Args, context: &Context, out: &mut dyn Write) -> Result<(), CliError> {
    let mut counts = args.counts.clone();
    counts.sort_unstable();
    counts.dedup();
    counts.retain(|&count| count > 0);
    let Some(&most) = counts.last() else {
        return Err(CliError::Failed("--counts names no number above 0".into()));
    };
    let client = Client::start(&context.of_many_jobs())?;
    let (info, _, _) = open::restore(&client, &context.open, None)?;
    let records = known::cases(
        &client,
        args.cases.as_deref(),
        most.max(AT_LEAST),
        args.seed.into(),
    )?;
    let mut head = Head::new(&info, args.seed, args.text, records.len());
    head.set = args.hyper.words();
    let mut rows = Rows::open(&args.out, head)?;
    let curve = Curve {
        client: &client,
        info: &info,
        args,
        records: &records,
    };
    if !rows.has_base() {
        rows.base(&curve.score(&records)?)?;
    }
    let runs = plan(&args.methods, &counts, args.batch);
    for (n, run) in (1..).zip(&runs) {
        if !context.quiet {
            eprintln!("run {n} of {}: {}", runs.len(), run.words());
        }
        curve.follow(run, &mut rows)?;
    }
    rows.table(out)?;
    let pictures = rows.pictures()?;
    Ok(writeln!(out, "{}", pictures)?)
}

/// One sequence of edits from the unedited model, scored at some lengths.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Run {
    method: Method,
    schedule: Schedule,
    set: usize,
    counts: Vec<usize>,
}

impl Run {
    /// Of the file that keeps its steps.
    fn name(&self) -> String {
        let schedule = self.schedule.words().replace(' ', "-");
        let most = self.counts.last().copied().unwrap_or(0);
        let method = self.method.name();
        format!("{method}-{schedule}-{most}-set-{}", self.set + 1)
    }

    fn words(&self) -> String {
        let (method, schedule) = (self.method.name(), self.schedule.words());
        let counts: Vec<String> = self.counts.iter().map(usize::to_string).collect();
        format!(
            "{method} {schedule}, {} edits, set {}",
            counts.join(", "),
            self.set + 1
        )
    }
}

/// The cheapest first.
fn plan(methods: &[Method], counts: &[usize], batch: Option<usize>) -> Vec<Run> {
    let mut runs = Vec::new();
    for &method in methods {
        let schedules = match (method.takes_many(), batch) {
            (false, _) => vec![Schedule::OneByOne],
            (true, None) => vec![Schedule::AtOnce],
            (true, Some(n)) => vec![Schedule::AtOnce, Schedule::Batches(n.max(1))],
        };
        for schedule in schedules {
            let fits = |&&count: &&usize| match schedule {
                Schedule::Batches(n) => count > n && count % n == 0,
                _ => true,
            };
            let counts: Vec<usize> = counts.iter().filter(fits).copied().collect();
            for set in 0..AT_LEAST {
                let of_set: Vec<usize> = (counts.iter().copied())
                    .filter(|count| set == 0 || (set + 1) * count <= AT_LEAST)
                    .collect();
                let apart = match schedule {
                    Schedule::AtOnce => of_set.iter().map(|&count| vec![count]).collect(),
                    _ if of_set.is_empty() => Vec::new(),
                    _ => vec![of_set],
                };
                runs.extend(apart.into_iter().map(|counts| Run {
                    method,
                    schedule,
                    set,
                    counts,
                }));
            }
        }
    }
    runs.sort_by_key(|run| run.counts.last().copied());
    runs
}

struct Curve<'a> {
    client: &'a Client,
    info: &'a ModelInfo,
    args: &'a Args,
    records: &'a [Record],
}

impl Curve<'_> {
    fn follow(&self, run: &Run, rows: &mut Rows) -> Result<(), CliError> {
        let known = |&count: &usize| rows.has(run.method, run.schedule, count, run.set);
        if run.counts.iter().all(known) || rows.broke(run.method, run.schedule, run.set) {
            return Ok(());
        }
        let most = run.counts.last().copied().unwrap_or(0);
        // Other sets take other facts.
        let from = (run.set * most).min(self.records.len() - most);
        let records = &self.records[from..from + most];
        let size = match run.schedule {
            Schedule::OneByOne => 1,
            Schedule::Batches(size) => size,
            Schedule::AtOnce => most,
        };
        let mut steps = Steps::open(&self.args.out, &run.name())?;
        let known = std::mem::take(&mut steps.known);
        if !known.is_empty() {
            eprintln!("going on after {} edits", (known.len() * size).min(most));
        }
        self.bring_back(&known, records, size)?;
        let begun = known.len();
        let made = known.iter().find(|step| !step.deltas.is_empty());
        let mut templates = made.map(|step| step.templates.clone());
        let mut seconds: f64 = known.iter().map(|step| step.seconds).sum();
        let lost = known.iter().zip(records.chunks(size));
        let lost = lost.filter(|(step, _)| step.deltas.is_empty());
        let mut failed: usize = lost.map(|(_, group)| group.len()).sum();
        for (n, group) in records.chunks(size).enumerate().skip(begun) {
            let started = Instant::now();
            let mut step = match self.edit(run.method, n as u64 + 1, group, templates.clone()) {
                Ok(made) => made,
                Err(CliError::Failed(reason)) => {
                    failed += group.len();
                    eprintln!("skipped after {} edits: {}", n * size, shown(&reason));
                    Step::default()
                }
                Err(error) => return Err(error),
            };
            step.seconds = started.elapsed().as_secs_f64();
            seconds += step.seconds;
            if templates.is_none() && !step.deltas.is_empty() {
                templates = Some(step.templates.clone());
            }
            let done = n * size + group.len();
            let known = rows.has(run.method, run.schedule, done, run.set);
            if !known && run.counts.contains(&done) {
                let totals = self.score(&records[..done])?;
                let row = Row::new(run.method, run.schedule, run.set, &totals, seconds, failed);
                let broken = row.score() < BROKEN;
                rows.add(row)?;
                if broken {
                    break;
                }
            }
            steps.add(&step)?;
        }
        steps.done()
    }

    /// Hands the engine the edits that were made before the run was broken off.
    fn bring_back(&self, known: &[Step], records: &[Record], size: usize) -> Result<(), CliError> {
        let mut edits = Vec::new();
        for (id, (step, group)) in (1..).zip(known.iter().zip(records.chunks(size))) {
            if step.deltas.is_empty() {
                continue;
            }
            self.client.run(Spec::Adopt {
                id,
                asked: group.iter().map(Record::request).collect(),
                deltas: step.deltas.clone(),
            })?;
            edits.push(Stacked {
                id,
                alpha: 1.0,
                on: true,
            });
        }
        self.client.run(Spec::Stack { edits })?;
        Ok(())
    }

    /// One change that rewrites all of `group`.
    fn edit(
        &self,
        method: Method,
        id: u64,
        group: &[Record],
        templates: Option<Vec<String>>,
    ) -> Result<Step, CliError> {
        let rewrite = &group[0].requested_rewrite;
        let edit = EditSpec {
            request: group[0].request(),
            more: group[1..].iter().map(Record::request).collect(),
            method,
            hyper: self.args.hyper.over(&self.info.hyper(method))?,
            templates,
            true_answer: Some(rewrite.target_true.text.clone()),
            seed: self.args.seed,
            ..EditSpec::default()
        };
        let spec = Spec::Edit {
            id,
            edit: Box::new(edit),
            watch: Watch::default(),
        };
        match self.client.run(spec)? {
            Outcome::Edited { report, deltas, .. } => Ok(Step {
                seconds: 0.0,
                templates: report.templates,
                deltas,
            }),
            _ => Err(CliError::EngineEnded),
        }
    }

    fn score(&self, records: &[Record]) -> Result<Totals, CliError> {
        let spec = Spec::Score {
            records: records.to_vec(),
            text: self.args.text,
        };
        match self.client.run(spec)? {
            Outcome::Scored(totals) => Ok(totals),
            _ => Err(CliError::EngineEnded),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_edits_are_tried_on_several_sets_and_the_cheap_runs_come_first() {
        let runs = plan(&[Method::Memit, Method::Rome], &[1, 10, 1000], Some(100));
        let of = |method, schedule| {
            let own = runs
                .iter()
                .filter(|r| r.method == method && r.schedule == schedule);
            own.map(|r| (r.set, r.counts.clone())).collect::<Vec<_>>()
        };
        let rome = of(Method::Rome, Schedule::OneByOne);
        assert_eq!(rome.len(), 20);
        assert!(
            rome.contains(&(0, vec![1, 10, 1000])),
            "one sequence for all lengths"
        );
        assert!(rome.contains(&(1, vec![1, 10])) && rome.contains(&(19, vec![1])));
        let memit = of(Method::Memit, Schedule::AtOnce);
        assert_eq!(memit.len(), 20 + 2 + 1);
        assert_eq!(of(Method::Memit, Schedule::Batches(100)), [(0, vec![1000])]);
        assert!(runs.is_sorted_by_key(|run| run.counts.last().copied()));
    }
}
