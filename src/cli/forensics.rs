//! `pentimento model diff`: what was changed in a model's weights.

use super::client::Client;
use super::error::CliError;
use super::progress::Progress;
use super::table::{Align, Table, share};
use super::trace::free;
use super::{Context, files, import, open};
use crate::edit::stack;
use crate::engine::LoadSpec;
use crate::facts::World;
use crate::hub::Settings;
use crate::measure::forensics::{
    self, Change, Comparison, Files, ForensicsError, Spectrum, Token, change_of, keys, said,
};
use crate::model::ModelError;
use crate::model::device::Place;
use crate::model::probe::Cancel;
use crate::model::source::Source;
use crate::session::import::reversal::reversal;
use crate::session::text::shown;
use serde_json::json;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::atomic::Ordering;

/// Parameters times subjects: what looking for keys may cost where nobody said
/// among which.
const BUDGET: u64 = 1 << 41;
/// Facts that both are asked of one subject.
const ASKED: usize = 12;
/// Names that are told of a list.
const NAMED: usize = 6;

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
        print(found, out)?;
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
    if let Some(path) = &args.save {
        free(Some(path), None)?;
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
            Err(CliError::File { path, source }) => return Err(CliError::File { path, source }),
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
    let place = Place::open(&open.device, &open.dtype, parameters).map_err(|e| failed(&e))?;
    let loaded = source.load_at(&place).map_err(|e| failed(&e))?;
    let mut brake = Cancel(&context.interrupt);
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

fn print(found: &Comparison, out: &mut dyn Write) -> io::Result<()> {
    for (letter, name) in [("BASE", &found.base), ("OTHER", &found.other)] {
        writeln!(out, "{letter} is {}", shown(name))?;
    }
    let differ = found.changes.len();
    let same = found.same;
    writeln!(
        out,
        "of {} tensors that both have, {same} are the same byte for byte and {differ} differ",
        found.both
    )?;
    for (what, names) in [
        ("only BASE has", &found.only_base),
        ("only OTHER has", &found.only_other),
        ("the same numbers in another precision", &found.recast),
    ] {
        if !names.is_empty() {
            writeln!(out, "{what}: {}", shown(&listed(names)))?;
        }
    }
    for tensor in &found.reshaped {
        let (name, a, b) = (shown(&tensor.name), &tensor.base, &tensor.other);
        writeln!(out, "{name} has shape {a:?} in BASE and {b:?} in OTHER")?;
    }
    for change in &found.changes {
        one(change, out)?;
    }
    if !found.said.is_empty() {
        writeln!(
            out,
            "\nwhat they say of the subjects that the changes answer to"
        )?;
        let mut table = Table::new(&[Align::Left, Align::Left, Align::Left]);
        table.row(["", "BASE", "with the changes"]);
        for said in &found.said {
            let before = format!("{} {}", said.before.trim(), share(said.p_before));
            let after = format!("{} {}", said.after.trim(), share(said.p_after));
            table.row([&said.prompt, &before, &after]);
        }
        table.write(out)?;
    }
    let mut lens = found.changes.iter().filter_map(|c| c.directions.as_ref());
    if let Some(directions) = lens.next() {
        let sign = match directions.sign_known {
            true => "Its sign is that in which the strongest key meets it.",
            false => "Its sign is a guess: no key was looked for.",
        };
        writeln!(
            out,
            "\nPromoted and demoted: logits of a residual that lies along the change's output\n\
             direction alone, through the final norm and the head without their biases: what\n\
             later layers make of it is not in them. {sign}"
        )?;
    }
    if found.changes.iter().any(|change| change.keys.is_some()) {
        writeln!(
            out,
            "Answers to: the length of what the change's first direction adds to the MLP's output\n\
             at the last token of a subject that stands alone."
        )?;
    }
    Ok(())
}

fn one(change: &Change, out: &mut dyn Write) -> io::Result<()> {
    let place = match (change.down_of, change.bias_of) {
        (Some(layer), _) => format!(", the MLP output of layer {layer}"),
        (_, Some(layer)) => format!(", the bias of the MLP output of layer {layer}"),
        _ => String::new(),
    };
    let [old, new] = &change.dtypes;
    let kind = match old == new {
        true => old.clone(),
        false => format!("{old} and {new}"),
    };
    writeln!(
        out,
        "\n{} {:?} {kind}{place}",
        shown(&change.name),
        change.shape
    )?;
    let mut table = Table::new(&[Align::Left, Align::Left]);
    if let Some(norm) = change.norm {
        let share = change.relative_norm.map_or(String::new(), |share| {
            format!(", {} of ‖W‖", fine_percent(share))
        });
        table.row(["‖ΔW‖".into(), format!("{norm:.4}{share}")]);
    }
    if let Some(spectrum) = &change.spectrum {
        table.row(["rank".into(), rank(spectrum)]);
    }
    if let Some(directions) = &change.directions {
        let tokens = |tokens: &[Token]| {
            let each = tokens.iter();
            let each = each.map(|t| format!("{} {:+.1}", t.text.trim(), t.logit));
            each.collect::<Vec<_>>().join(", ")
        };
        table.row(["promotes".into(), tokens(&directions.promotes)]);
        table.row(["demotes".into(), tokens(&directions.demotes)]);
    }
    if let Some(keys) = &change.keys {
        let each = keys.strongest.iter();
        let each = each.map(|r| format!("{} {:+.2}", r.subject, r.response));
        let each = each.collect::<Vec<_>>().join(", ");
        let rest = format!(
            "half of {} subjects below {:.2}",
            keys.subjects, keys.median
        );
        table.row(["answers to".into(), format!("{each}; {rest}")]);
    }
    if let Some(why) = &change.unmeasured {
        table.row(["not measured".into(), why.clone()]);
    }
    table.write(out)
}

/// "1 (>99.99 % of its energy; σ₁ 3.21, rounding makes up to 2.1e-7)".
fn rank(spectrum: &Spectrum) -> String {
    let Spectrum {
        rank,
        or_more,
        energy,
        noise,
        ..
    } = spectrum;
    let first = spectrum.singular_values.first().copied().unwrap_or(0.0);
    let sizes = format!("σ₁ {first:.3e}, rounding alone makes up to {noise:.1e}");
    match (rank, or_more) {
        (0, _) => format!("0: no more than rounding ({sizes})"),
        (n, true) => {
            let energy = fine_percent(*energy);
            format!("more than {n} (the first {n} hold {energy} of its energy; {sizes})")
        }
        (n, false) => format!("{n} ({} of its energy; {sizes})", fine_percent(*energy)),
    }
}

/// "99.99 %", never rounded up to all of it.
fn fine_percent(share: f64) -> String {
    match 100.0 * share {
        p if p < 100.0 && p > 99.99 => ">99.99 %".into(),
        p if p > 0.0 && p < 0.01 => "<0.01 %".into(),
        p => format!("{p:.2} %"),
    }
}

fn listed(names: &[String]) -> String {
    let some = names.iter().take(NAMED).cloned().collect::<Vec<_>>();
    match names.len().saturating_sub(NAMED) {
        0 => some.join(", "),
        more => format!("{} and {more} more", some.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_never_claim_all_of_it() {
        let said = [0.5, 0.999_87, 0.999_99, 1.0, 1e-6, 0.0].map(fine_percent);
        let want = [
            "50.00 %", "99.99 %", ">99.99 %", "100.00 %", "<0.01 %", "0.00 %",
        ];
        assert_eq!(said, want);
    }

    #[test]
    fn a_rank_says_what_it_rests_on() {
        let mut spectrum = Spectrum {
            rank: 1,
            energy: 0.999_999,
            noise: 2e-7,
            singular_values: vec![3.25],
            or_more: false,
        };
        let sizes = "σ₁ 3.250e0, rounding alone makes up to 2.0e-7";
        assert_eq!(
            rank(&spectrum),
            format!("1 (>99.99 % of its energy; {sizes})")
        );
        spectrum.or_more = true;
        assert!(rank(&spectrum).starts_with("more than 1 (the first 1 hold"));
        spectrum.rank = 0;
        assert_eq!(
            rank(&spectrum),
            format!("0: no more than rounding ({sizes})")
        );
    }
}
