//! What was changed, for people.

use crate::cli::table::{Align, Table, share};
use crate::measure::forensics::{Change, Comparison, Spectrum, Token};
use crate::session::text::shown;
use std::io::{self, Write};

/// Names that are told of a list.
const NAMED: usize = 6;

pub fn print(found: &Comparison, out: &mut dyn Write) -> io::Result<()> {
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
