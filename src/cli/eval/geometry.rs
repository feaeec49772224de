//! `pentimento eval geometry`: an edit's key beside its neighbours' keys.

use super::probes;
use crate::cli::client::Client;
use crate::cli::error::CliError;
use crate::cli::table::{Align, Table, share};
use crate::cli::{Context, files, open};
use crate::engine::{Outcome, Spec};
use crate::measure::geometry::{
    Centroids, GeometryReport, GeometrySpec, KeyRow, Place, Predictor, Role, jsonl, svg,
};
use crate::measure::{Probe, ProbeRow};
use crate::session::text::shown;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// An edit's key beside its neighbours': which must move, and which did?
///
/// The key is what enters the MLP's last matrix at the edited layer, at the last
/// token of a prompt's own subject. Each is compared with the edit's, by their cosine
/// with C⁻¹ and without it, and by the gate u·k / u·k*, the share of the edit's change
/// that the key answers with. |Δp| is between the stack without this edit and with it.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The session whose edit is looked at
    #[arg(value_name = "SESSION")]
    session: PathBuf,
    /// The edit, by its number in the session [default: the last that is on]
    #[arg(long, value_name = "N")]
    edit: Option<u64>,
    /// The layer whose keys are compared [default: the edit's, of several the last]
    #[arg(short, long, value_name = "N")]
    layer: Option<usize>,
    /// Probes: JSONL or CSV of prompt and expected, or CounterFact's file; may be repeated
    #[arg(long, value_name = "FILE")]
    probes: Vec<PathBuf>,
    /// Propose so many: by relation, by object, near in key space [default: 100 without --probes]
    #[arg(long, value_name = "N")]
    propose: Option<usize>,
    /// The layer behind which subjects' residuals are grouped [default: the edit's]
    #[arg(long, value_name = "N")]
    at: Option<usize>,
    /// Rows of the table
    #[arg(long, value_name = "N", default_value_t = 30)]
    limit: usize,
    /// Draw the scatter as .svg, or write every row as .jsonl
    #[arg(long, value_name = "FILE", value_parser = known_form)]
    out: Option<PathBuf>,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
}

/// Proposed where no file is named.
const PROPOSED: usize = 100;

fn known_form(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    match is_picture(&path)
        || path
            .extension()
            .is_some_and(|e| e.eq_ignore_ascii_case("jsonl"))
    {
        true => Ok(path),
        false => Err("its name says what is written: end it in .svg or .jsonl".into()),
    }
}

fn is_picture(path: &Path) -> bool {
    path.extension()
        .is_some_and(|end| end.eq_ignore_ascii_case("svg"))
}

pub fn run(args: &Args, context: &Context, out: &mut dyn Write) -> Result<(), CliError> {
    let files: Vec<Vec<Probe>> = (args.probes.iter())
        .map(|path| files::probes(path))
        .collect::<Result<_, _>>()?;
    let client = Client::start(context)?;
    let (_, session, _) = open::restore(&client, &context.open, Some(&args.session))?;
    let on = |id: u64| {
        session
            .edits
            .iter()
            .any(|e| e.id == id && e.on && e.alpha != 0.0)
    };
    let mut made = session.made();
    let edit = match args.edit {
        Some(id) => made.find(|edit| edit.id == id),
        None => made.rfind(|edit| on(edit.id)),
    };
    let Some(edit) = edit else {
        let words = "the session holds no such edit that was made from a fact: there is no key";
        return Err(CliError::Failed(words.into()));
    };
    let mut all: Vec<Probe> = files.into_iter().flatten().collect();
    let count = args
        .propose
        .unwrap_or(if all.is_empty() { PROPOSED } else { 0 });
    if count > 0 {
        let spec = probes::propose(edit, &edit.asked, count);
        let Outcome::Proposed(proposed) = client.run(spec)? else {
            return Err(CliError::EngineEnded);
        };
        all.extend(proposed);
    }
    all.extend(session.probes.iter().map(ProbeRow::probe));
    probes::each_once(&mut all);
    let spec = GeometrySpec {
        edit: Some(edit.id),
        layer: args.layer,
        probes: all,
        old: edit.result.old_answer(),
        at: args.at,
        collect: true,
    };
    let Outcome::Compared(report) = client.run(Spec::Geometry(spec))? else {
        return Err(CliError::EngineEnded);
    };
    if let Some(path) = &args.out {
        let text = match is_picture(path) {
            true => svg(&report),
            false => jsonl(&report)?,
        };
        files::keep(path, &text)?;
    }
    if args.json {
        serde_json::to_writer(&mut *out, &report)?;
        return Ok(writeln!(out)?);
    }
    print(&report, args.limit, out)?;
    if let Some(path) = &args.out {
        writeln!(out, "\nwritten to {}", shown(&path.display().to_string()))?;
    }
    Ok(())
}

fn print(report: &GeometryReport, limit: usize, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "{} → {} at layer {}: {} keys beside {}",
        shown(&report.prompt.replacen("{}", &report.subject, 1)),
        shown(&report.target),
        report.layer,
        report.rows.len(),
        match report.facts {
            1 => "its own".to_owned(),
            n => format!("the nearest of its {n}"),
        }
    )?;
    let mut rows: Vec<&KeyRow> = report.rows.iter().collect();
    let by = |row: &KeyRow| {
        Predictor::CosineC
            .of(&row.key)
            .unwrap_or(row.key.cosine.abs())
    };
    rows.sort_by(|a, b| b.counted.cmp(&a.counted).then(by(b).total_cmp(&by(a))));
    keys(&rows[..limit.min(rows.len())]).write(out)?;
    if limit < rows.len() {
        writeln!(
            out,
            "  … and {} more: --limit, --json or --out has them",
            rows.len() - limit
        )?;
    }
    writeln!(out)?;
    predictions(report).write(out)?;
    if let Some(centroids) = &report.centroids {
        writeln!(out)?;
        self::centroids(centroids, &report.subject).write(out)?;
    }
    writeln!(out)?;
    for sentence in &report.sentences {
        writeln!(out, "{}", shown(sentence))?;
    }
    Ok(())
}

/// With its sign, to three places.
fn signed(value: f64) -> String {
    format!("{value:+.3}")
}

fn keys(rows: &[&KeyRow]) -> Table {
    use Align::{Left, Right};
    let mut table = Table::new(&[Left, Left, Right, Right, Right, Right, Right, Right, Left]);
    table.row([
        "prompt",
        "key at",
        "cos C⁻¹",
        "cos",
        "gate",
        "most",
        "p before",
        "after",
        "",
    ]);
    for row in rows {
        let key = &row.key;
        let at = row.subject.as_deref().unwrap_or("the last token");
        let said = match (row.counted, row.moved) {
            (true, true) => "moved",
            (true, false) => "",
            (false, true) => "moved, not counted",
            (false, false) => "not counted",
        };
        table.row([
            row.prompt.as_str(),
            at,
            &key.cosine_c.map_or("–".into(), signed),
            &signed(key.cosine),
            &signed(key.gate),
            &signed(key.gate_most),
            &share(row.p_before),
            &share(row.p_after),
            said,
        ]);
    }
    table
}

fn predictions(report: &GeometryReport) -> Table {
    use Align::{Left, Right};
    let mut table = Table::new(&[Left, Right, Left, Right, Left, Right]);
    table.row(["predicted by", "ρ with |Δp|", "", "area, moved", "", "hits"]);
    for one in &report.predictions {
        let interval = |from: f64, to: f64| format!("{from:.2} to {to:.2}");
        table.row([
            one.by.words(),
            &one.rank.map_or("–".into(), |r| format!("{:.2}", r.rho)),
            &one.rank.map_or(String::new(), |r| interval(r.from, r.to)),
            &one.area.map_or("–".into(), |a| format!("{:.2}", a.area)),
            &one.area.map_or(String::new(), |a| interval(a.from, a.to)),
            &format!("{} of {}", one.hits, report.moved),
        ]);
    }
    table
}

fn centroids(found: &Centroids, subject: &str) -> Table {
    use Align::{Left, Right};
    let mut table = Table::new(&[Left, Left, Right, Right, Right]);
    table.row(["subjects with", "", "how many", "centroid moved", "spread"]);
    for group in &found.groups {
        table.row([
            group.object.as_str(),
            match group.role {
                Role::Old => "old answer",
                Role::New => "new answer",
                Role::Other => "",
            },
            &group.subjects.to_string(),
            &format!("{:.3}", group.moved),
            &format!("{:.2}", group.spread),
        ]);
    }
    let place = |name: &str, place: &Place| {
        [
            subject.trim().to_owned(),
            name.to_owned(),
            format!("{:.2}", place.along),
            format!("{:.2}", place.to_old),
            format!("{:.2}", place.to_new),
        ]
    };
    table.row(["", "", "old 0 – new 1", "to old", "to new"]);
    table.row(place("before", &found.before));
    table.row(place("after", &found.after));
    table
}
