//! What a method's cases come to: means with their intervals.

use super::answers::{Judged, Scores};
use super::texts::{References, entropy};
use super::totals::{Interval, harmonic, interval, mean};
use super::verdicts::Verdicts;
use crate::edit::Method;
use serde::Serialize;

/// What one method comes to over the cases. Scores ×100, as the papers have them.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Line {
    pub method: String,
    /// Cases with a verdict, and edits that could not be made.
    pub cases: usize,
    pub failed: usize,
    pub s: Figure,
    pub es: Figure,
    pub em: Figure,
    pub ps: Figure,
    pub pm: Figure,
    pub ns: Figure,
    pub nm: Figure,
    pub ns_plus: Figure,
    pub exact: Figure,
    pub free: Figure,
    /// Bits, ×100; `None` without free texts.
    pub ge: Option<Figure>,
    /// Over the cases whose new object has a reference text; `None`: none has.
    pub rs: Option<Figure>,
    pub rs_cases: usize,
    pub mean_relative_update_norm: Option<f64>,
    pub seconds_an_edit: Option<f64>,
}

/// A mean and the half-width of its 95 % interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Figure {
    pub mean: f64,
    pub ci: f64,
}

impl From<Interval> for Figure {
    fn from(found: Interval) -> Figure {
        Figure {
            mean: 100.0 * found.mean,
            ci: 100.0 * found.half,
        }
    }
}

impl Line {
    /// Over cases, each its number and its new object; of an object that is not known
    /// nothing is said in RS.
    pub fn of(
        method: Option<Method>,
        cases: &[(u64, &str)],
        verdicts: &Verdicts,
        references: &References,
    ) -> Line {
        let verdict = |case: &(u64, &str)| verdicts.of(method, case.0);
        let failed = cases.iter().filter_map(verdict);
        let failed = failed.filter(|one| one.failed.is_some()).count();
        let judged: Vec<(&str, &Judged)> = (cases.iter())
            .filter_map(|case| Some((case.1, verdict(case)?.judged.as_ref()?)))
            .collect();
        let scores: Vec<Scores> = judged.iter().map(|(_, j)| j.answers.scores()).collect();
        let of = |field: fn(&Scores) -> f64| {
            let values: Vec<f64> = scores.iter().map(field).collect();
            Figure::from(interval(&values))
        };
        let written = judged.iter().filter(|(_, j)| !j.texts.is_empty());
        let ge: Vec<f64> = written
            .clone()
            .map(|(_, j)| j.texts.iter().map(|t| entropy(t)).sum::<f64>() / j.texts.len() as f64)
            .collect();
        let rs: Vec<f64> = written
            .filter_map(|(object, j)| references.similarity(object, &j.texts))
            .collect();
        let free: Vec<f64> = judged.iter().map(|(_, j)| f64::from(j.free)).collect();
        let known = |values: Vec<f64>| (!values.is_empty()).then(|| interval(&values).into());
        let norms = judged.iter().filter_map(|(_, j)| j.relative_update_norm);
        let seconds = judged.iter().filter(|_| method.is_some());
        Line {
            method: method.map_or("unedited", Method::name).into(),
            cases: judged.len(),
            failed,
            s: harmonic(&scores).into(),
            es: of(|s| s.es),
            em: of(|s| s.em),
            ps: of(|s| s.ps),
            pm: of(|s| s.pm),
            ns: of(|s| s.ns),
            nm: of(|s| s.nm),
            ns_plus: of(|s| s.ns_plus),
            exact: of(|s| s.exact),
            free: Figure::from(interval(&free)),
            ge: known(ge),
            rs_cases: rs.len(),
            rs: known(rs),
            mean_relative_update_norm: mean(norms),
            seconds_an_edit: mean(seconds.map(|(_, j)| j.seconds)),
        }
    }
}
