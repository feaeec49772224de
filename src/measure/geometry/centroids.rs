//! Groups of subjects by what they share, and where the edited one lies among them.
//!
//! Behind the edited layer another subject's residual moves by r (u·k) exactly, its
//! own gate's share of what the edited subject's moves; further up also by what it
//! attends to.

use super::data::{Centroids, Group, Member, Place, Role};
use super::scene::Scene;
use super::subject::Placed;
use crate::edit::context::{Row, dot, mean, norm, read_at_subject};
use crate::edit::error::Result;
use crate::measure::Probe;
use crate::measure::neighbours::edited_fact;
use crate::model::Decoder;
use crate::model::probe::{Point, Probe as Hook};
use std::collections::BTreeMap;

/// Subjects of a group at most, and groups beside the old answer's and the new one's.
const SUBJECTS: usize = 64;
const OTHERS: usize = 4;
/// One subject is no group.
const FEWEST: usize = 2;
/// Subjects that one pass reads.
const ROWS: usize = 64;

/// The subjects of one answer, each with where its residual is read.
type Subjects = BTreeMap<String, Row>;

/// `None` where the old answer or the new one has not two subjects beside the edited.
pub fn of<P: Hook>(
    scene: &Scene,
    probes: &[Probe],
    placed: &[Placed],
    layer: usize,
    hook: &mut P,
) -> Result<Option<Centroids>> {
    let Some(request) = scene.asked.first() else {
        return Ok(None);
    };
    let target = request.target.trim();
    let fact = edited_fact(scene.world, request, scene.old);
    let old = fact.map_or(scene.old.trim(), |fact| fact.object.as_str());
    let mut groups: BTreeMap<String, Subjects> = BTreeMap::new();
    let rewritten = |name: &str| scene.asked.iter().any(|r| r.subject.trim() == name);
    match fact {
        Some(fact) => {
            let same = scene.world.facts().iter();
            for other in same.filter(|f| f.relation == fact.relation && !rewritten(&f.subject)) {
                let group = groups.entry(other.object.clone()).or_default();
                if group.len() < SUBJECTS {
                    let row = Row::new(scene.tokens, "{}", &request.prompt, &other.subject)?;
                    group.insert(other.subject.clone(), row);
                }
            }
        }
        None => {
            for (probe, placed) in probes.iter().zip(placed) {
                let Some(name) = placed.subject.as_deref().filter(|name| !rewritten(name)) else {
                    continue;
                };
                let group = groups.entry(probe.expected.trim().to_owned()).or_default();
                if group.len() < SUBJECTS {
                    group.insert(name.to_owned(), placed.row.clone());
                }
            }
        }
    }
    groups.retain(|_, subjects| subjects.len() >= FEWEST);
    let (Some(olds), Some(news)) = (groups.remove(old), groups.remove(target)) else {
        return Ok(None);
    };
    let mut others: Vec<(String, Subjects)> = groups.into_iter().collect();
    others.sort_by_key(|(_, subjects)| std::cmp::Reverse(subjects.len()));
    others.truncate(OTHERS);
    let all = [
        (old.to_owned(), Role::Old, olds),
        (target.to_owned(), Role::New, news),
    ];
    let others = (others.into_iter()).map(|(object, subjects)| (object, Role::Other, subjects));
    let all: Vec<(String, Role, Subjects)> = all.into_iter().chain(others).collect();

    let own = Row::new(scene.tokens, "{}", &request.prompt, &request.subject)?;
    let mut rows = vec![own];
    rows.extend(
        all.iter()
            .flat_map(|(.., subjects)| subjects.values().cloned()),
    );
    let before = residuals(scene.without, &rows, layer, hook)?;
    let after = residuals(scene.with, &rows, layer, hook)?;

    let mut groups = Vec::with_capacity(all.len());
    let (mut from, mut centres) = (1, Vec::with_capacity(all.len()));
    for (object, role, subjects) in &all {
        let (was, is) = (
            &before[from..from + subjects.len()],
            &after[from..from + subjects.len()],
        );
        let (centre, now) = (mean(was), mean(is));
        let squares = was.iter().map(|x| norm(&minus(x, &centre)).powi(2));
        groups.push(Group {
            object: object.clone(),
            role: *role,
            subjects: subjects.len(),
            moved: norm(&minus(&now, &centre)),
            spread: (squares.sum::<f64>() / subjects.len() as f64).sqrt(),
        });
        centres.push((centre, now));
        from += subjects.len();
    }
    let ((old_was, old_is), (new_was, new_is)) = (&centres[0], &centres[1]);
    let place = |x: &[f64]| place(x, old_was, new_was);
    let named = (all.iter().take(2))
        .flat_map(|(object, role, subjects)| subjects.keys().map(move |s| (s, object, role)));
    let members = (named.zip(before[1..].iter().zip(&after[1..])))
        .map(|((subject, object, role), (was, is))| Member {
            subject: subject.clone(),
            object: object.clone(),
            role: *role,
            before: place(was),
            after: place(is),
        })
        .collect();
    Ok(Some(Centroids {
        layer,
        relation: fact.map(|fact| fact.relation.clone()),
        apart_before: norm(&minus(old_was, new_was)),
        apart_after: norm(&minus(old_is, new_is)),
        before: place(&before[0]),
        after: place(&after[0]),
        groups,
        members,
    }))
}

/// The residual that leaves `layer` at each row's subject-last token.
fn residuals<P: Hook>(
    decoder: &Decoder,
    rows: &[Row],
    layer: usize,
    hook: &mut P,
) -> Result<Vec<Vec<f64>>> {
    let mut all = Vec::with_capacity(rows.len());
    for rows in rows.chunks(ROWS) {
        let mut read = read_at_subject(decoder, rows, layer, &[Point::ResidPost], hook)?;
        all.append(&mut read[0]);
    }
    Ok(all)
}

/// Where `x` lies on the line from `old` (0) to `new` (1).
fn place(x: &[f64], old: &[f64], new: &[f64]) -> Place {
    let (line, own) = (minus(new, old), minus(x, old));
    let length = dot(&line, &line);
    let along = if length > 0.0 {
        dot(&own, &line) / length
    } else {
        0.0
    };
    let on_line: Vec<f64> = line.iter().map(|v| along * v).collect();
    Place {
        along,
        off: norm(&minus(&own, &on_line)),
        to_old: norm(&own),
        to_new: norm(&minus(x, new)),
    }
}

fn minus(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_told_by_the_line_between_the_centroids() {
        let (old, new) = ([1.0, 1.0], [5.0, 1.0]);
        let at = place(&[2.0, 4.0], &old, &new);
        assert_eq!((at.along, at.off), (0.25, 3.0));
        assert!((at.to_old - 10f64.sqrt()).abs() < 1e-12);
        assert!((at.to_new - 18f64.sqrt()).abs() < 1e-12);
        assert_eq!(place(&new, &old, &new).along, 1.0);
        assert_eq!(
            place(&old, &old, &old).along,
            0.0,
            "no line, no place on it"
        );
    }
}
