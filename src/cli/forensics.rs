//! `pentimento model diff`: what was changed in a model's weights.

mod words;

use super::client::Client;
use super::error::CliError;
use super::progress::Progress;
use super::{Context, files, import, open};
use crate::edit::stack;
use crate::engine::LoadSpec;
use crate::facts::World;
use crate::hub::Settings;
use crate::measure::forensics::{
    self, Change, Comparison, Files, ForensicsError, change_of, keys, said,
};
use crate::model::Brake;
use crate::model::ModelError;
use crate::model::device::{Place, Size};
use crate::model::source::Source;
use crate::session::import::reversal::reversal;
use crate::session::save::named;
use serde_json::json;
use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

/// Parameters times subjects: what looking for keys may cost where nobody said
/// among which.
const BUDGET: u64 = 1 << 41;
/// Facts that both are asked of one subject.
const ASKED: usize = 12;

/// Say what was changed in a model's weights, and what the change says
///
/// All tensors of the two are compared. Of each matrix that differs: how large the
/// change is, and its rank; of an MLP's output matrix also which tokens its first
/// direction promotes, and which subjects' keys it answers to.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Ends with status 0 where they are the same, 1 where they differ, 2 where one \
                  cannot be read; with --reverse, 0 where the session was saved."
)]
pub struct Args {
    /// The model as it was: what --model takes
    base: String,
    /// The model that may have been changed
    other: String,
    /// Look for keys among these subjects, one a line [default: those that Atlas knows]
    #[arg(long, value_name = "FILE")]
    subjects: Option<PathBuf>,
    /// Do not open BASE to look for keys; the sign of a direction is then a guess
    #[arg(long, conflicts_with = "subjects")]
    no_keys: bool,
    /// Take the changes to MLP outputs back, as an edit in a session on OTHER
    #[arg(long, requires = "save")]
    reverse: bool,
    /// Save that session
    #[arg(long, value_name = "SESSION", requires = "reverse")]
    save: Option<PathBuf>,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args, context: &Context, out: &mut dyn Write) -> Result<(), CliError> {
    let compared = compare(args, context).map_err(CliError::trouble)?;
    let Compared {
        found, warnings, ..
    } = &compared;
    let saved = match &args.save {
        Some(path) => Some(reverse(&compared, path, context).map_err(CliError::trouble)?),
        None => None,
    };
    if args.json {
        let mut line = serde_json::to_value(found)?;
        line["same"] = json!(found.is_same());
        line["warnings"] = json!(warnings);
        line["reversal"] = saved.as_ref().map_or(json!(null), import::Kept::json);
        writeln!(out, "{line}")?;
    } else {
        words::print(found, out)?;
        super::trace::warnings(warnings, out)?;
        if let Some(kept) = &saved {
            writeln!(out)?;
            kept.print(out)?;
        }
    }
    match found.is_same() || saved.is_some() {
        true => Ok(()),
        false => Err(CliError::Unlike),
    }
}

/// Two models and what differs.
struct Compared {
    base: Files,
    other: Files,
    source: Source,
    found: Comparison,
    warnings: Vec<String>,
}

fn compare(args: &Args, context: &Context) -> Result<Compared, CliError> {
    let failed = |e: ForensicsError| match e {
        ForensicsError::Model(ModelError::Cancelled) => CliError::Cancelled,
        ForensicsError::Edit(e) if e.is_cancelled() => CliError::Cancelled,
        e => CliError::Failed(e.to_string()),
    };
    if let Some(path) = args.save.as_deref().filter(|path| named(path).exists()) {
        let words = format!("{} exists; choose another name", path.display());
        return Err(CliError::Failed(words));
    }
    let settings = Settings::from_env();
    let here = |name: &str| {
        let source = Source::parse(name);
        let here = source.on_disk(&settings).map_err(ForensicsError::from)?;
        let files = Files::open(&here, name)?;
        Ok((source, files))
    };
    let (old, base) = here(&args.base).map_err(failed)?;
    let (source, other) = here(&args.other).map_err(failed)?;
    let mut progress = Progress::to_stderr(context.quiet);
    let mut each = |done: usize, total: usize| {
        progress.tell(format!("comparing tensor {done}/{total}"));
        !context.interrupt.load(Ordering::Relaxed)
    };
    let found = forensics::compare(&base, &other, &mut each);
    progress.clear();
    let mut found = found.map_err(failed)?;
    let mut warnings = Vec::new();
    if !args.no_keys && found.changes.iter().any(|change| change.first.is_some()) {
        progress.tell("reading keys".into());
        let looked = look(args, context, &old, [&base, &other], &mut found);
        progress.clear();
        match looked {
            Err(CliError::Cancelled) => return Err(CliError::Cancelled),
            Err(CliError::File(error)) => return Err(error.into()),
            Err(why) => warnings.push(format!("no keys were looked for: {why}")),
            Ok(()) => {}
        }
    }
    forensics::speak(&mut found.changes, &source).map_err(failed)?;
    Ok(Compared {
        base,
        other,
        source,
        found,
        warnings,
    })
}

/// Opens the model before the change, looks whose keys the changes answer to, and
/// asks for what is known of those subjects without the changes and with them.
fn look(
    args: &Args,
    context: &Context,
    source: &Source,
    [base, other]: [&Files; 2],
    found: &mut Comparison,
) -> Result<(), CliError> {
    let failed = |e: &dyn std::fmt::Display| CliError::Failed(e.to_string());
    let own = args.subjects.as_deref().map(files::lines).transpose()?;
    let world = World::atlas().map_err(|e| failed(&e))?;
    let parameters = source.shape().map_err(|e| failed(&e))?.parameters;
    let subjects: Vec<&str> = match &own {
        Some(lines) => lines.iter().map(String::as_str).collect(),
        None => {
            let most = (BUDGET / parameters.max(1)).max(1) as usize;
            let all = world.subjects();
            let step = all.len().div_ceil(most);
            all.step_by(step.max(1)).collect()
        }
    };
    let open = &context.open;
    let size = Size {
        parameters,
        may_be_packed: source.may_be_packed(),
    };
    let place =
        Place::open(&open.device, &open.dtype, size, open.memory).map_err(|e| failed(&e))?;
    let loaded = source.load_at(&place).map_err(|e| failed(&e))?;
    let mut brake = Brake {
        stop: &context.interrupt,
        limit: open.memory,
    };
    let (decoder, tokens) = (&loaded.decoder, &loaded.tokens);
    let stopped = |e: ForensicsError| match e {
        ForensicsError::Edit(e) if e.is_cancelled() => CliError::Cancelled,
        e => failed(&e),
    };
    keys::fill(&mut found.changes, decoder, tokens, &subjects, &mut brake).map_err(stopped)?;
    let deltas = found.layers().into_iter();
    let deltas = deltas.map(|layer| change_of(base, other, &found.changes, layer));
    let deltas = deltas.collect::<Result<Vec<_>, _>>().map_err(stopped)?;
    let on = deltas.iter().map(|delta| (delta, 1.0));
    let edited = stack::apply(decoder, on).map_err(|e| failed(&e))?;
    let prompts = prompts(&world, &found.changes);
    let said = said::otherwise(decoder, &edited, tokens, &prompts, &mut brake);
    found.said = said.map_err(stopped)?;
    Ok(())
}

/// What can be asked of the subjects that changes answer to.
fn prompts(world: &World, changes: &[Change]) -> Vec<String> {
    let strongest = changes.iter().flat_map(|change| &change.keys);
    let strongest = strongest.flat_map(|keys| &keys.strongest);
    let mut subjects: Vec<&str> = Vec::new();
    for response in strongest {
        if !subjects.contains(&response.subject.as_str()) {
            subjects.push(&response.subject);
        }
    }
    let facts = subjects
        .into_iter()
        .flat_map(|s| world.about(s).take(ASKED));
    let worded = facts.filter_map(|fact| {
        let asked = world.asked(fact);
        let wording = asked.train.first()?;
        Some(wording.replacen("{}", &fact.subject, 1))
    });
    let mut prompts: Vec<String> = worded.collect();
    prompts.dedup();
    prompts
}

/// Opens OTHER with −ΔW on it, and saves that.
fn reverse(
    compared: &Compared,
    path: &std::path::Path,
    context: &Context,
) -> Result<import::Kept, CliError> {
    let Compared {
        base,
        other,
        source,
        found,
        ..
    } = compared;
    let brought = reversal(base, other, found).map_err(|e| CliError::Failed(e.to_string()))?;
    let client = Client::start(context)?;
    let spec = LoadSpec {
        source: source.clone(),
        ..context.open.spec(None)?
    };
    let (session, factors) = open::anew(&open::load(&client, spec)?);
    import::keep(&client, session, factors, brought, source, path)
}
