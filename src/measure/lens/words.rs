//! What the lens comes to, in one plain sentence.

use super::data::{Depth, LensReport, Seen};

/// Who leads where at the last position, after the edits. "Leads" is no more than
/// that the one token is likelier than the other; the largest p says how much
/// that is worth.
pub(super) fn sentence(report: &LensReport) -> String {
    let (before, after) = (&report.before, &report.after);
    let (was, is) = (places(&before.old_leads), places(&after.old_leads));
    let last = [&after.p_old, &after.p_new].map(|grid| grid.last());
    if last.into_iter().flatten().flatten().any(|p| !p.is_finite()) {
        return "with these edits the model gives no numbers any more".into();
    }
    let most = most(after);
    if report.first_edited.is_none() {
        return match (after.old_leads.is_empty(), after.old_wins()) {
            (true, _) => "no edit is on, and the old answer leads nowhere".into(),
            (_, true) => {
                format!("no edit is on: the old answer leads in {is}, and so at the output")
            }
            _ => format!("no edit is on: the old answer leads in {is}, but not at the output"),
        };
    }
    if after.old_wins() {
        return format!("the old answer leads in {is}, and so at the output too ({most})");
    }
    let next = overtaking(after);
    let next = match next.is_empty() {
        true => "; at the output neither leads".into(),
        false => format!("; {next}"),
    };
    match (after.old_leads.is_empty(), before.old_leads.is_empty()) {
        (true, true) => "the old answer never led, before the edit either".into(),
        (true, false) => format!("the old answer leads nowhere any more; before, it led in {was}"),
        _ => {
            let all = after.old_leads.iter();
            let still = match all.clone().all(|at| before.old_leads.contains(at)) {
                true => "still leads",
                false => "leads",
            };
            format!("the old answer {still} in {is} ({most}){next}")
        }
    }
}

/// "the new one leads from layer 6 on"; empty where it does not at the output.
fn overtaking(seen: &Seen) -> String {
    let columns = seen.columns();
    match seen.overtakes {
        None => String::new(),
        Some(Depth(0)) => "the new one leads everywhere".into(),
        Some(at) if at.0 + 1 == columns => format!("the new one leads in {at} alone, the output"),
        Some(at) => format!("the new one leads from {at} on"),
    }
}

/// The largest p of the old answer where it leads.
fn most(seen: &Seen) -> String {
    let last = seen.p_old.last().map_or(&[][..], Vec::as_slice);
    let led = seen.old_leads.iter().filter_map(|at| last.get(at.0));
    match led.copied().fold(0.0, f64::max) {
        p if p < 0.005 => "with p below 0.01".into(),
        p => format!("with p up to {p:.2}"),
    }
}

/// "the embedding and layers 0–2, 5 and 7".
fn places(depths: &[Depth]) -> String {
    let layers: Vec<usize> = depths.iter().filter_map(|at| at.layer()).collect();
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for layer in layers {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == layer => *last = layer,
            _ => runs.push((layer, layer)),
        }
    }
    let one = matches!(runs.as_slice(), [(first, last)] if first == last);
    let name = |&(first, last): &(usize, usize)| match last - first {
        0 | 1 => (first..=last).map(|layer| layer.to_string()).collect(),
        _ => vec![format!("{first}–{last}")],
    };
    let mut names: Vec<String> = runs.iter().flat_map(name).collect();
    let last = names.pop();
    let embedding = depths.first().is_some_and(|at| at.layer().is_none());
    let layers = match (last, names.is_empty()) {
        (None, _) => None,
        (Some(last), true) => Some(last),
        (Some(last), false) => Some(format!("{} and {last}", names.join(", "))),
    };
    let layers = layers.map(|names| format!("{} {names}", if one { "layer" } else { "layers" }));
    match (embedding, layers) {
        (true, Some(layers)) => format!("the embedding and {layers}"),
        (true, None) => "the embedding".into(),
        (false, Some(layers)) => layers,
        (false, None) => "no layer".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_told_in_runs() {
        let told = |depths: &[usize]| places(&depths.iter().map(|d| Depth(*d)).collect::<Vec<_>>());
        assert_eq!(told(&[]), "no layer");
        assert_eq!(told(&[0]), "the embedding");
        assert_eq!(told(&[3]), "layer 2");
        assert_eq!(told(&[3, 4, 5, 6]), "layers 2–5");
        assert_eq!(told(&[0, 1, 2, 6]), "the embedding and layers 0, 1 and 5");
        assert_eq!(told(&[1, 2, 3, 6, 8]), "layers 0–2, 5 and 7");
    }

    fn report(before: [&[f64]; 2], after: [&[f64]; 2], edited: bool) -> LensReport {
        let seen = |[old, new]: [&[f64]; 2]| Seen::new(vec![old.into()], vec![new.into()], vec![]);
        LensReport {
            first_edited: edited.then_some(1),
            before: seen(before),
            after: seen(after),
            ..LensReport::default()
        }
    }

    #[test]
    fn every_ending_has_its_own_sentence() {
        let (led, not): ([&[f64]; 2], [&[f64]; 2]) = (
            [&[0.0, 0.1, 0.5, 0.9], &[0.1, 0.0, 0.0, 0.0]],
            [&[0.0; 4], &[0.1, 0.1, 0.1, 0.9]],
        );
        let over: [&[f64]; 2] = [&[0.0, 0.1, 0.31, 0.0], &[0.1, 0.0, 0.2, 0.9]];
        let told = |before, after, edited| sentence(&report(before, after, edited));
        assert_eq!(
            told(led, over, true),
            "the old answer still leads in layers 0 and 1 (with p up to 0.31); the new one leads \
             in layer 2 alone, the output"
        );
        assert_eq!(
            told(led, led, true),
            "the old answer leads in layers 0–2, and so at the output too (with p up to 0.90)"
        );
        assert_eq!(
            told(led, not, true),
            "the old answer leads nowhere any more; before, it led in layers 0–2"
        );
        assert_eq!(
            told(not, not, true),
            "the old answer never led, before the edit either"
        );
        assert_eq!(
            told(not, not, false),
            "no edit is on, and the old answer leads nowhere"
        );
        assert_eq!(
            told(led, led, false),
            "no edit is on: the old answer leads in layers 0–2, and so at the output"
        );
        let early: [&[f64]; 2] = [&[0.0, 1e-4, 0.0, 0.0], &[0.1, 0.0, 0.2, 0.9]];
        assert_eq!(
            told(not, early, true),
            "the old answer leads in layer 0 (with p below 0.01); the new one leads from layer 1 on"
        );
        let tied: [&[f64]; 2] = [&[0.0, 0.3, 0.0, 0.2], &[0.1, 0.0, 0.2, 0.2]];
        assert!(told(led, tied, true).ends_with("at the output neither leads"));
        let broken: [&[f64]; 2] = [&[0.0, 0.3, f64::NAN, f64::NAN]; 2];
        assert!(told(led, broken, true).ends_with("no numbers any more"));
    }
}
