//! What must hold of a session, whether it is about to be written or was
//! just read: numbers that are numbers, in the range where they mean
//! something, and file names that stay in the folder.

use super::error::Refusal;
use super::schema::{FORMAT, SavedEdit, SavedTrace, Session};
use crate::edit::LayerChoice;
use crate::edit::stack::ALPHA;
use crate::trace::Kind;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::{Component, Path};
use toml::{Table, Value};

// Far above any real value; they keep a damaged file from asking for a
// computation, or an allocation, without end.
const LAYERS: RangeInclusive<usize> = 1..=10_000;
const WIDTHS: RangeInclusive<usize> = 1..=1 << 20;
/// Edits of one run beneath another.
const RUN: u64 = 100_000;
const COUNTS: RangeInclusive<usize> = 0..=1_000_000;
const SCALES: RangeInclusive<f64> = -1e6..=1e6;

/// Every float of `table` is finite; names the first that is not.
pub fn finite(table: &Table) -> Result<(), Refusal> {
    fn walk(value: &Value, path: &str) -> Result<(), Refusal> {
        match value {
            Value::Float(number) if !number.is_finite() => Err(Refusal::NotFinite {
                field: path.into(),
                value: number.to_string(),
            }),
            Value::Array(items) => items
                .iter()
                .enumerate()
                .try_for_each(|(i, v)| walk(v, &format!("{path}[{i}]"))),
            Value::Table(table) => table
                .iter()
                .try_for_each(|(k, v)| walk(v, &format!("{path}.{}", k.escape_debug()))),
            _ => Ok(()),
        }
    }
    table
        .iter()
        .try_for_each(|(k, v)| walk(v, &k.escape_debug().to_string()))
}

/// The whole session, apart from [`finite`].
pub fn session(session: &Session) -> Result<(), Refusal> {
    require(session.format == FORMAT, "format", session.format, FORMAT)?;
    if let Some(file) = &session.factors {
        bare_file_name(file)?;
    }
    let model = &session.model;
    hash("model.sha256", &model.sha256)?;
    within("model.layers", model.layers, &LAYERS)?;
    within("model.d", model.d, &WIDTHS)?;
    within("model.d_mlp", model.d_mlp, &WIDTHS)?;
    for (i, saved) in session.edits.iter().enumerate() {
        let name = format!("edit[{i}]");
        let unique = session.edits[..i].iter().all(|other| other.id != saved.id);
        require(
            unique,
            format!("{name}.id"),
            saved.id,
            "used by one edit alone",
        )?;
        require(
            session.factors.is_some() || saved.factors.is_empty(),
            format!("{name}.factors"),
            "given",
            "left out where the session names no factor file",
        )?;
        edit(&name, saved, session)?;
    }
    for (i, saved) in session.traces.iter().enumerate() {
        trace(&format!("trace[{i}]"), saved, model.layers)?;
    }
    Ok(())
}

fn edit(name: &str, saved: &SavedEdit, session: &Session) -> Result<(), Refusal> {
    let layers = 0..=session.model.layers - 1;
    within(format!("{name}.alpha"), saved.alpha, &ALPHA)?;
    for beneath in &saved.made_on {
        let run = beneath.last().saturating_sub(beneath.id);
        let named = format!("{name}.made_on.to");
        within(named, beneath.last(), &(beneath.id..=u64::MAX))?;
        within(format!("{name}.made_on"), run, &(0..=RUN))?;
        within(format!("{name}.made_on.alpha"), beneath.alpha, &ALPHA)?;
    }
    let asked = &saved.asked;
    let name_of = |field: &str| format!("{name}.asked.{field}");
    for (i, request) in asked.requests().enumerate() {
        let which = match i {
            0 => "request".into(),
            _ => format!("more[{}]", i - 1),
        };
        with_braces(name_of(&format!("{which}.prompt")), &request.prompt)?;
        for (field, text) in [("subject", &request.subject), ("target", &request.target)] {
            let named = name_of(&format!("{which}.{field}"));
            require(!text.is_empty(), named, "empty", "some words")?;
        }
    }
    let (imported, bare) = (asked.is_imported(), asked.origin.is_empty());
    require(
        imported != bare,
        name_of("origin"),
        format!("{:?}", asked.origin),
        "given for an imported edit, and for no other",
    )?;
    require(
        !imported || (asked.request.is_empty() && asked.more.is_empty()),
        name_of("request"),
        "given",
        "left out of an imported edit",
    )?;
    require(
        !imported || !saved.factors.is_empty(),
        format!("{name}.factors"),
        "left out",
        "given for an imported edit, which the text cannot make again",
    )?;
    match asked.layer {
        LayerChoice::Auto => {}
        LayerChoice::At(layer) => within(name_of("layer"), layer, &layers)?,
        LayerChoice::Span(first, last) => {
            within(name_of("layer"), last, &layers)?;
            within(name_of("layer"), first, &(0..=last))?;
        }
    }
    if let Some(hyper) = &asked.hyper {
        within(name_of("hyper.steps"), hyper.steps, &COUNTS)?;
        let factors = [
            hyper.lr,
            hyper.kl_factor,
            hyper.weight_decay,
            hyper.clamp,
            hyper.ridge,
            hyper.lambda,
            hyper.threshold,
            hyper.epsilon,
        ];
        let names = [
            "lr",
            "kl_factor",
            "weight_decay",
            "clamp",
            "ridge",
            "lambda",
            "threshold",
            "epsilon",
        ];
        for (field, value) in names.into_iter().zip(factors) {
            within(
                name_of(&format!("hyper.{field}")),
                value,
                &(0.0..=*SCALES.end()),
            )?;
        }
    }
    for template in asked.templates.iter().flatten() {
        with_braces(name_of("templates"), template)?;
    }
    within(format!("{name}.watch.tokens"), saved.watch.tokens, &COUNTS)?;
    within(
        format!("{name}.watch.propose"),
        saved.watch.propose,
        &COUNTS,
    )?;
    within(format!("{name}.result.layer"), saved.result.layer, &layers)?;
    for factor in &saved.factors {
        within(format!("{name}.factors.layer"), factor.layer, &layers)?;
        // 0 is the rank of a dense change.
        within(
            format!("{name}.factors.rank"),
            factor.rank,
            &(0..=*WIDTHS.end()),
        )?;
        hash(format!("{name}.factors.sha256"), &factor.sha256)?;
    }
    Ok(())
}

fn trace(name: &str, saved: &SavedTrace, layers: usize) -> Result<(), Refusal> {
    let result = &saved.result;
    within(
        format!("{name}.asked.samples"),
        saved.asked.samples,
        &COUNTS,
    )?;
    within(
        format!("{name}.asked.noise"),
        saved.asked.noise,
        &(0.0..=*SCALES.end()),
    )?;
    let tokens = result.tokens.len();
    let [begin, end] = result.subject_range;
    require(
        begin < end && end <= tokens,
        format!("{name}.result.subject_range"),
        format!("[{begin}, {end}]"),
        format!("[begin, end) within {tokens} tokens"),
    )?;
    for kind in Kind::ALL {
        let Some(grid) = result.grids.get(kind) else {
            continue;
        };
        let field = format!("{name}.result.grids.{}", kind.name());
        require(
            grid.len() == tokens,
            &field,
            grid.len(),
            format!("{tokens} rows, one a token"),
        )?;
        let columns = grid
            .iter()
            .map(Vec::len)
            .find(|&n| n != layers)
            .unwrap_or(layers);
        require(
            columns == layers,
            &field,
            columns,
            format!("{layers} columns, one a layer"),
        )?;
    }
    Ok(())
}

/// A name with no folder in it, not even this one's.
pub fn bare_file_name(name: &str) -> Result<(), Refusal> {
    let mut parts = Path::new(name).components();
    let one = matches!(
        (parts.next(), parts.next()),
        (Some(Component::Normal(_)), None)
    );
    // Backslashes are folders on other systems, where the session may be read.
    if one && !name.contains(['/', '\\', '\0']) {
        return Ok(());
    }
    Err(Refusal::OutsideFolder { name: name.into() })
}

fn with_braces(field: impl Display, text: &str) -> Result<(), Refusal> {
    require(
        text.contains("{}"),
        field,
        format!("{text:?}"),
        "a text with {} for the subject",
    )
}

fn hash(field: impl Display, text: &str) -> Result<(), Refusal> {
    let hex = text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
    require(hex, field, format!("{text:?}"), "64 hexadecimal digits")
}

fn within<T: PartialOrd + Display + Copy>(
    field: impl Display,
    value: T,
    allowed: &RangeInclusive<T>,
) -> Result<(), Refusal> {
    let range = format!("from {} to {}", allowed.start(), allowed.end());
    require(allowed.contains(&value), field, value, range)
}

fn require(
    holds: bool,
    field: impl Display,
    value: impl Display,
    allowed: impl Display,
) -> Result<(), Refusal> {
    if holds {
        return Ok(());
    }
    Err(Refusal::OutOfRange {
        field: field.to_string(),
        value: value.to_string(),
        allowed: allowed.to_string(),
    })
}
