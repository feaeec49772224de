//! `pentimento eval views`: thirteen views of one edit, and its radar.

use crate::cli::client::Client;
use crate::cli::edit::{layers, not_empty, with_braces};
use crate::cli::error::CliError;
use crate::cli::table::{Align, Table, share};
use crate::cli::{Context, files, hyper, open};
use crate::config::Config;
use crate::edit::{EditSpec, LayerChoice, Method, Request};
use crate::engine::{EditId, Outcome, Spec};
use crate::measure::Watch;
use crate::measure::views::{
    self, Evidence, Plan, Prompt, Row, Verdict, View, ViewScore, ViewsReport, Wish,
};
use crate::session::Session;
use crate::session::text::shown;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Thirteen views of one edit: did it generalise, what did it break, does it last?
///
/// Of an edit of a session, or of one that is made for this and let go. Each view
/// is a score from 0 to 1 with a threshold ([views] in config.toml sets others);
/// --explain says how each is made. What the model did not answer before the edit
/// tells nothing and is left out.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The prompt with {} for the subject [default: an edit of --on]
    #[arg(short, long, value_parser = with_braces, required_unless_present_any = ["on", "explain"],
          requires_all = ["subject", "target"])]
    prompt: Option<String>,
    /// What the fact is about
    #[arg(short, long, value_parser = not_empty, requires = "prompt")]
    subject: Option<String>,
    /// What the model shall say from now on
    #[arg(short, long, value_parser = not_empty, requires = "prompt")]
    target: Option<String>,
    /// The old answer [default: the edit's, else the unedited model's own]
    #[arg(long = "true", value_name = "A", value_parser = not_empty, requires = "prompt")]
    true_answer: Option<String>,
    /// r-rome, rome, memit, emmet, alpha-edit, ft, ft-l, or direct
    #[arg(long, default_value = Method::default().name(), value_parser = hyper::method(),
          hide_possible_values = true, requires = "prompt")]
    method: Method,
    /// The layer to rewrite, or the layers 5-9
    #[arg(short, long, value_name = "N", value_parser = layers, requires = "prompt")]
    layer: Option<LayerChoice>,
    /// With this session's edits
    #[arg(long, value_name = "SESSION")]
    on: Option<PathBuf>,
    /// The edit to look at, by its number in the session [default: the last]
    #[arg(long, value_name = "N", requires = "on", conflicts_with = "prompt")]
    edit: Option<EditId>,
    /// Which of its facts, where it has several
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    fact: u32,
    /// Your prompts, JSONL of {view, prompt}; a view that has some has no others
    #[arg(long, value_name = "FILE")]
    prompts: Option<PathBuf>,
    /// Prompts a view, at most
    #[arg(long, value_name = "N", default_value_t = Plan::default().prompts)]
    most: usize,
    /// Tokens of a longer text
    #[arg(long, value_name = "N", default_value_t = Plan::default().tokens)]
    tokens: usize,
    /// Further edits that are made on top, and let go; 0 leaves three views untold
    #[arg(long, value_name = "N", default_value_t = Plan::default().later)]
    later: usize,
    /// Draws templates, texts and further facts
    #[arg(long, default_value_t = 1)]
    seed: u32,
    /// Show the prompts behind a view, or behind `all`
    #[arg(long, value_name = "VIEW", value_parser = view())]
    show: Option<Shown>,
    /// Draw the radar, as SVG
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
    /// Say what each view asks and how its score is made
    #[arg(long, exclusive = true)]
    explain: bool,
}

/// The views whose prompts are shown.
#[derive(Clone, Copy, Debug)]
enum Shown {
    All,
    One(View),
}

fn view() -> impl TypedValueParser<Value = Shown> {
    let names = View::ALL.map(View::name).into_iter().chain(["all"]);
    PossibleValuesParser::new(names).map(|name| match View::named(&name) {
        Some(view) => Shown::One(view),
        None => Shown::All,
    })
}

pub fn run(args: &Args, context: &Context, out: &mut dyn Write) -> Result<(), CliError> {
    if args.explain {
        return Ok(explain(out)?);
    }
    let thresholds = Config::of_user()?.views;
    let client = Client::start(context)?;
    let (_, session, _) = open::restore(&client, &context.open, args.on.as_deref())?;
    let (id, edit) = match (&args.prompt, &args.subject, &args.target) {
        (Some(prompt), Some(subject), Some(target)) => {
            let request = Request {
                prompt: prompt.clone(),
                subject: subject.clone(),
                target: target.clone(),
            };
            made(args, request, &session, &client)?
        }
        _ => of_session(args, &session)?,
    };
    let fact = args.fact as usize - 1;
    let own = match &args.prompts {
        Some(path) => own(path, &edit, fact)?,
        None => Vec::new(),
    };
    let plan = Plan {
        fact,
        prompts: args.most,
        tokens: args.tokens,
        later: args.later,
        seed: args.seed,
        thresholds,
        own,
        ..Plan::default()
    };
    let edit = Box::new(edit);
    let Outcome::Viewed(report) = client.run(Spec::Views { id, edit, plan })? else {
        return Err(CliError::EngineEnded);
    };
    if let Some(path) = &args.out {
        files::keep(path, &views::svg(&report))?;
    }
    if args.json {
        serde_json::to_writer(&mut *out, &report)?;
        return Ok(writeln!(out)?);
    }
    print(&report, args.show, out)?;
    if let Some(path) = &args.out {
        writeln!(out, "\ndrawn to {}", shown(&path.display().to_string()))?;
    }
    Ok(())
}

/// Makes the edit that is only looked at.
fn made(
    args: &Args,
    request: Request,
    session: &Session,
    client: &Client,
) -> Result<(EditId, EditSpec), CliError> {
    let edit = EditSpec {
        request,
        method: args.method,
        layer: args.layer.unwrap_or_default(),
        true_answer: args.true_answer.clone(),
        seed: args.seed,
        ..EditSpec::default()
    };
    let id = 1 + session.edits.iter().map(|edit| edit.id).max().unwrap_or(0);
    let spec = Spec::Edit {
        id,
        edit: Box::new(edit.clone()),
        watch: Watch::default(),
    };
    match client.run(spec)? {
        Outcome::Edited { report, .. } => {
            let true_answer = Some(report.true_answer);
            Ok((
                id,
                EditSpec {
                    true_answer,
                    ..edit
                },
            ))
        }
        _ => Err(CliError::EngineEnded),
    }
}

/// The edit of the session that was asked for.
fn of_session(args: &Args, session: &Session) -> Result<(EditId, EditSpec), CliError> {
    let edit = match args.edit {
        Some(id) => session.edits.iter().find(|edit| edit.id == id),
        None => session.made().next_back(),
    };
    let Some(edit) = edit else {
        let words = match args.edit {
            Some(id) => format!("the session holds no edit {id}"),
            None => "the session holds no edit that was made from a fact".into(),
        };
        return Err(CliError::Failed(words));
    };
    let old = edit.result.old_answer();
    let asked = EditSpec {
        true_answer: old.or(edit.asked.true_answer.clone()),
        ..edit.asked.clone()
    };
    Ok((edit.id, asked))
}

/// The user's prompts; every line that is none is named.
fn own(path: &Path, edit: &EditSpec, fact: usize) -> Result<Vec<Prompt>, CliError> {
    let text = files::read(path)?;
    let target = edit.requests().nth(fact).map(|r| r.target.as_str());
    let old = edit.true_answer.as_deref().unwrap_or_default();
    views::read(&text, target.unwrap_or_default(), old).map_err(|broken| {
        let told = broken.iter().take(8);
        let lines = told.map(|(line, why)| format!("line {line}: {why}"));
        let words = lines.collect::<Vec<_>>().join("; ");
        CliError::Failed(format!("{}: {}", path.display(), shown(&words)))
    })
}

fn explain(out: &mut dyn Write) -> io::Result<()> {
    for view in View::ALL {
        let (name, question) = (view.name(), view.question());
        writeln!(out, "{name}: {question}")?;
        let limit = view.threshold();
        writeln!(out, "  {} Passes from {limit:.2} on.", view.definition())?;
    }
    Ok(())
}

fn print(report: &ViewsReport, show: Option<Shown>, out: &mut dyn Write) -> io::Result<()> {
    let asked = report.prompt.replacen("{}", &report.subject, 1);
    let (old, new) = (report.old.trim(), report.new.trim());
    let (method, asked) = (&report.method, shown(&asked));
    writeln!(out, "{asked}: {} → {} ({method})\n", shown(old), shown(new))?;
    use Align::{Left, Right};
    let mut table = Table::new(&[Left, Right, Right, Left, Left]);
    table.row(["view", "score", "passes from", "", ""]);
    for scored in &report.views {
        let verdict = match scored.verdict {
            Verdict::Pass => "pass",
            Verdict::Fail => "FAIL",
            Verdict::Untold => "untold",
        };
        table.row([
            scored.view.name().to_owned(),
            scored
                .score
                .map_or("–".into(), |score| format!("{score:.2}")),
            format!("{:.2}", scored.threshold),
            verdict.to_owned(),
            scored.why.clone(),
        ]);
    }
    table.write(out)?;
    writeln!(out, "\n{}", shown(&report.sentence))?;
    for scored in &report.views {
        match show {
            Some(Shown::All) => prompts(scored, out)?,
            Some(Shown::One(view)) if view == scored.view => prompts(scored, out)?,
            _ => {}
        }
    }
    Ok(())
}

/// What a score rests on.
fn prompts(scored: &ViewScore, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\n{}: {}", scored.view.name(), scored.view.question())?;
    use Align::{Left, Right};
    let mut table = Table::new(&[Left, Left, Left, Right, Right]);
    for evidence in &scored.evidence {
        let sign = match evidence.holds() {
            Some(true) => "✓",
            Some(false) => "✗",
            None => "",
        };
        match evidence {
            Evidence::Asked(row) => asked(sign, row, &mut table),
            Evidence::Written {
                prompt,
                before,
                after,
                ..
            } => {
                table.row([sign, prompt, "before:", "", ""]);
                table.row(["", &format!("  {before}"), "", "", ""]);
                table.row(["", "", "after:", "", ""]);
                table.row(["", &format!("  {after}"), "", "", ""]);
            }
            Evidence::Beside {
                prompt,
                expected,
                before,
                edited,
                tuned,
            } => table.row([
                sign.to_owned(),
                prompt.clone(),
                expected.trim().to_owned(),
                format!("{} → {}", share(*before), share(*edited)),
                format!("tuned {}", share(*tuned)),
            ]),
            Evidence::Made {
                prompt,
                target,
                p_made,
                p_end,
                ..
            } => table.row([
                sign.to_owned(),
                prompt.clone(),
                target.trim().to_owned(),
                format!("{} → {}", share(*p_made), share(*p_end)),
                String::new(),
            ]),
        }
    }
    table.write(out)
}

fn asked(sign: &str, row: &Row, table: &mut Table) {
    let (before, after) = (&row.before, &row.after);
    let moved = |before: f64, after: f64| format!("{} → {}", share(before), share(after));
    let rival = match &row.wish {
        Wish::Say { old, .. } => {
            format!("{} {}", old.trim(), moved(before.rival, after.rival))
        }
        Wish::Reverse { instead, .. } => {
            format!(
                "after “{}” {}",
                instead.trim(),
                moved(before.rival, after.rival)
            )
        }
        Wish::Keep { .. } => String::new(),
    };
    table.row([
        sign.to_owned(),
        row.prompt.clone(),
        row.wish.wanted().trim().to_owned(),
        moved(before.p, after.p),
        rival,
    ]);
}
