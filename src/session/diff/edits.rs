//! The edits of two sessions: which are in one alone, which stand otherwise.

use super::seen;
use super::{Finding, Part, two};
use crate::edit::{EditSpec, Hyper, LayerChoice, MomentSource};
use crate::session::compare::differences;
use crate::session::schema::SavedEdit;
use std::collections::BTreeSet;

/// What makes two edits one: the facts they are about, whatever is made of them,
/// or where they came from.
fn is_of_one_fact(a: &EditSpec, b: &EditSpec) -> bool {
    let fact = |spec: &EditSpec| -> Vec<(String, String)> {
        let facts = spec.requests();
        facts
            .map(|r| (r.text(), r.subject.trim().to_owned()))
            .collect()
    };
    (a.is_imported(), &a.origin, fact(a)) == (b.is_imported(), &b.origin, fact(b))
}

fn target(spec: &EditSpec) -> String {
    let targets: Vec<&str> = spec.requests().map(|r| r.target.trim()).collect();
    targets.join(", ")
}

pub fn diff(
    a: &[SavedEdit],
    b: &[SavedEdit],
    tolerance: f64,
) -> Result<Vec<Finding>, toml::ser::Error> {
    let pairs = pairs(a, b);
    let mut found = Vec::new();
    let alone = |edit: &SavedEdit, which: &str| {
        let mut words = format!("only {which} has this edit: {}", edit.asked.title());
        if !edit.asked.is_imported() {
            words.push_str(&format!(" → {}", target(&edit.asked)));
        }
        Finding::new(Part::Edits, "", words)
    };
    let (of_a, of_b): (BTreeSet<usize>, BTreeSet<usize>) = pairs.iter().copied().unzip();
    for (edits, paired, which) in [(a, of_a, "A"), (b, of_b, "B")] {
        let unpaired = edits
            .iter()
            .enumerate()
            .filter(|(i, _)| !paired.contains(i));
        found.extend(unpaired.map(|(_, edit)| alone(edit, which)));
    }
    if !pairs.is_sorted_by_key(|&(_, j)| j) {
        let list = |edits: Vec<&SavedEdit>| {
            let names = edits.iter().map(|edit| format!("“{}”", edit.asked.title()));
            names.collect::<Vec<_>>().join(", then ")
        };
        let in_a = list(pairs.iter().map(|&(i, _)| &a[i]).collect());
        let mut of_b: Vec<usize> = pairs.iter().map(|&(_, j)| j).collect();
        of_b.sort_unstable();
        let in_b = list(of_b.into_iter().map(|j| &b[j]).collect());
        let words = format!("the order is {in_a} in A and {in_b} in B");
        found.push(Finding::new(Part::Order, "", words));
    }
    for &(i, j) in &pairs {
        found.extend(one(&a[i], &b[j], tolerance)?);
    }
    Ok(found)
}

/// The edits that both have, as places in `a` and `b`, in the order of `a`:
/// those asked alike find each other before those of one fact do, and those of
/// one id before others.
fn pairs(a: &[SavedEdit], b: &[SavedEdit]) -> Vec<(usize, usize)> {
    let mut partner: Vec<Option<usize>> = vec![None; a.len()];
    let mut taken = vec![false; b.len()];
    // Whether the id must be the same, and whether all that was asked must.
    for (id, asked) in [(true, true), (false, true), (true, false), (false, false)] {
        let fits = |a: &SavedEdit, b: &SavedEdit| {
            let alike = match asked {
                true => a.asked == b.asked,
                false => is_of_one_fact(&a.asked, &b.asked),
            };
            alike && (!id || a.id == b.id)
        };
        for (edit, partner) in a.iter().zip(&mut partner) {
            if partner.is_none() {
                *partner = (0..b.len()).find(|&j| !taken[j] && fits(edit, &b[j]));
                partner.iter().for_each(|&j| taken[j] = true);
            }
        }
    }
    let pairs = partner.into_iter().enumerate();
    pairs.filter_map(|(i, j)| Some((i, j?))).collect()
}

/// What is otherwise in one edit that both have.
fn one(a: &SavedEdit, b: &SavedEdit, tolerance: f64) -> Result<Vec<Finding>, toml::ser::Error> {
    let title = a.asked.title();
    let mut found = Vec::new();
    let mut say = |what: &str, a: String, b: String| {
        found.extend(two(Part::Edit, &title, what, &a, &b));
    };
    let (asked, of_b) = (&a.asked, &b.asked);
    say("the target", target(asked), target(of_b));
    say(
        "the method",
        asked.method.name().into(),
        of_b.method.name().into(),
    );
    say("the layer", layer(asked.layer), layer(of_b.layer));
    say("α", a.alpha.to_string(), b.alpha.to_string());
    let state = |on: bool| if on { "on" } else { "off" };
    say("it", state(a.on).into(), state(b.on).into());
    say("the seed", asked.seed.to_string(), of_b.seed.to_string());
    say("the old answer", old(asked), old(of_b));
    say("the second moment", moment(asked), moment(of_b));
    for (name, a, b) in hyper(&asked.hyper, &of_b.hyper) {
        say(name, a, b);
    }
    if asked.templates != of_b.templates {
        let count = |spec: &EditSpec| match &spec.templates {
            Some(templates) => templates.len().to_string(),
            None => "open".into(),
        };
        let words = format!(
            "the context templates are not the same: {} in A and {} in B",
            count(asked),
            count(of_b)
        );
        found.push(Finding::new(Part::Edit, &title, words));
    }
    if a.made_on.len() != b.made_on.len() {
        let on = |edit: &SavedEdit| match edit.made_on.len() {
            0 => "the model as it came".into(),
            1 => "1 other edit".into(),
            n => format!("{n} other edits"),
        };
        let words = format!("it was made on {} in A and on {} in B", on(a), on(b));
        found.push(Finding::new(Part::Edit, &title, words));
    }
    if a.watch != b.watch {
        found.push(Finding::new(
            Part::Edit,
            &title,
            "what is watched is not the same",
        ));
    }
    found.extend(factors(a, b, &title));
    // Of two edits that were asked otherwise only the figures that people read.
    let all = differences("", &a.result, &b.result, tolerance)?;
    found.extend(seen::figures(&title, all, asked == of_b));
    let (a, b) = (&a.result, &b.result);
    found.extend(seen::probes(&title, &a.probes, &b.probes, tolerance));
    found.extend(seen::generations(&title, &a.generations, &b.generations));
    Ok(found)
}

/// Whether the stored changes are the same numbers.
fn factors(a: &SavedEdit, b: &SavedEdit, title: &str) -> Option<Finding> {
    let words = match (a.factors.as_slice(), b.factors.as_slice()) {
        (a, b) if a == b => return None,
        (_, []) => "only A has the change itself; in B it is made again from the text".into(),
        ([], _) => "only B has the change itself; in A it is made again from the text".into(),
        (a, b) => {
            let layers = |of: &[crate::session::schema::FactorRef]| -> Vec<String> {
                of.iter()
                    .map(|f| format!("layer {} rank {}", f.layer, f.rank))
                    .collect()
            };
            let (a, b) = (layers(a).join(", "), layers(b).join(", "));
            match a == b {
                true => format!("the change itself is of other numbers ({a})"),
                false => format!("the change itself is {a} in A and {b} in B"),
            }
        }
    };
    Some(Finding::new(Part::Edit, title, words))
}

fn layer(choice: LayerChoice) -> String {
    match choice {
        LayerChoice::Auto => "open".into(),
        LayerChoice::At(layer) => layer.to_string(),
        LayerChoice::Span(first, last) => format!("{first}–{last}"),
    }
}

fn old(spec: &EditSpec) -> String {
    match spec.true_answer.as_deref().map(str::trim) {
        Some(answer) if !answer.is_empty() => answer.into(),
        _ => "the model's own".into(),
    }
}

fn moment(spec: &EditSpec) -> String {
    match &spec.moments {
        MomentSource::Auto => "the built-in one".into(),
        MomentSource::File(path) => format!("that of {}", path.display()),
        MomentSource::Text(path) => format!("that over {}", path.display()),
    }
}

/// Each hyper-parameter in which they differ, by the name of its flag.
fn hyper(a: &Option<Hyper>, b: &Option<Hyper>) -> Vec<(&'static str, String, String)> {
    let (Some(a), Some(b)) = (a, b) else {
        let said = |h: &Option<Hyper>| if h.is_some() { "given" } else { "open" };
        return vec![(
            "the choice of hyper-parameters",
            said(a).into(),
            said(b).into(),
        )];
    };
    let both = |name, of: &dyn Fn(&Hyper) -> String| (name, of(a), of(b));
    vec![
        both("steps", &|h| h.steps.to_string()),
        both("lr", &|h| h.lr.to_string()),
        both("kl-factor", &|h| h.kl_factor.to_string()),
        both("weight-decay", &|h| h.weight_decay.to_string()),
        both("clamp", &|h| h.clamp.to_string()),
        both("ridge", &|h| h.ridge.to_string()),
        both("lambda", &|h| h.lambda.to_string()),
        both("threshold", &|h| h.threshold.to_string()),
        both("relative-threshold", &|h| h.relative_threshold.to_string()),
        both("epsilon", &|h| h.epsilon.to_string()),
    ]
}
